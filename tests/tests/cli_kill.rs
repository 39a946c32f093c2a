//! A large job is killed at random moments and resumed: the answer of an undisturbed run, nothing twice, nothing left.

use std::collections::BTreeMap;
use std::path::Path;

use candor_tests::process::{Started, survivors};
use candor_tests::{document, ended, home, printed, run, run_directories, run_directory, shown, write};
use serde_json::{Value, json};

/// Tasks of the job.
const TASKS: u64 = 2_000;
/// One task of so many runs a program.
const PROGRAM_EACH: u64 = 50;
/// Moments at which it is killed.
const KILLS: u64 = 20;
/// Jobs among which the moments are divided: some fall into the first run, some into resumptions.
const JOBS: u64 = 4;
/// Lines that an undisturbed run says, about: two for each task.
const LINES: u64 = 2 * TASKS;

/// Numbers that look random and are the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// The job, and what each of its tasks must come to.
fn job(dice: &mut Dice) -> (Value, BTreeMap<String, u64>) {
    let (mut tasks, mut values) = (Vec::new(), Vec::<u64>::new());
    for number in 0..TASKS {
        let needs: std::collections::BTreeSet<u64> =
            (0..dice.below(3).min(number)).map(|_| number - 1 - dice.below(number.min(40))).collect();
        let read = |need: &u64| match need % PROGRAM_EACH {
            7 => format!("int(tasks.t{need}.outputs.stdout)"),
            _ => format!("tasks.t{need}.outputs.value"),
        };
        let place = |need: &u64| values[usize::try_from(*need).expect("small")];
        let sum = needs.iter().map(read).chain([number.to_string()]).collect::<Vec<_>>().join(" + ");
        let value = (needs.iter().map(place).sum::<u64>() + number) % 1_000;
        let needs: Vec<String> = needs.iter().map(|need| format!("t{need}")).collect();
        let sum = format!("${{{{ ({sum}) % 1000 }}}}");
        let mut task = json!({"id": format!("t{number}"), "needs": needs});
        if number % PROGRAM_EACH == 7 {
            task["run"] = json!(format!("printf %s {sum}"));
        } else {
            task["uses"] = json!("noop");
            task["with"] = json!({"value": sum});
            task["outputs"] = json!({"value": "integer"});
        }
        tasks.push(task);
        values.push(value);
    }
    let values = values.iter().enumerate().map(|(number, value)| (format!("t{number}"), *value)).collect();
    (json!({"name": "many", "tasks": tasks}), values)
}

/// Asserts that the log records one end for each task, and that its summary has what each must come to.
fn assert_once(directory: &Path, values: &BTreeMap<String, u64>) {
    let log = std::fs::read_to_string(directory.join("events.jsonl")).expect("it is there");
    let mut ends: BTreeMap<String, u32> = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains("succeeded")) {
        let line: Value = serde_json::from_str(line).expect("an event");
        if line["event"]["kind"] == "succeeded" || line["event"].get("succeeded").is_some() {
            *ends.entry(line["task"].as_str().expect("a task").to_owned()).or_default() += 1;
        }
    }
    let wanted: BTreeMap<String, u32> = values.keys().map(|task| (task.clone(), 1)).collect();
    assert_eq!(ends.len(), wanted.len());
    assert_eq!(ends, wanted, "a task's end was recorded twice, or not at all");
    let summary = document(directory, "summary.json");
    for (task, value) in values {
        let outputs = &summary["tasks"][task]["outputs"];
        let found = outputs["value"].as_u64().or_else(|| outputs["stdout"].as_str().and_then(|text| text.parse().ok()));
        assert_eq!(found, Some(*value), "{task}");
    }
}

#[test]
fn a_job_that_is_killed_at_random_moments_comes_to_the_answer_of_an_undisturbed_run() {
    let seed = std::env::var_os("CANDOR_TEST_SEED").and_then(|seed| seed.to_str().and_then(|seed| seed.parse().ok()));
    let seed: u64 = seed.unwrap_or(20_260_131);
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let (home, (job, values)) = (home(), job(&mut dice));
    let word = home.path().file_name().expect("a name").to_string_lossy().into_owned();
    write(home.path(), "many.json", job.to_string());
    let calm = run(home.path(), &["run", "many.json", "--json", "--runs-dir", "calm"]);
    ended(&calm, 0);
    let digest = printed(&calm)["digest"].clone();
    assert_once(&run_directory(&home.path().join("calm")), &values);
    for number in 0..JOBS {
        let runs = home.path().join(format!("runs{number}"));
        let mut killed = 0;
        for _ in 0..KILLS / JOBS {
            let found = run_directories(&runs);
            let mut started = match found.first() {
                Some(directory) => Started::new(home.path(), &["run", "--resume", shown(directory)]),
                None => Started::new(home.path(), &["run", "many.json", "--runs-dir", shown(&runs)]),
            };
            // A moment is a number of lines: a machine's speed plays no part in it.
            let lines = dice.below(LINES / (KILLS / JOBS));
            let said = (0..lines).take_while(|_| started.line().is_some()).count();
            started.signal("KILL");
            let ended = started.ended();
            println!("job {number}: killed after {said} lines");
            assert!(ended.status.code().is_none() || ended.status.code() == Some(0), "{}", ended.stderr);
            killed += u64::from(ended.status.code().is_none());
            assert_eq!(survivors(&word), Vec::<String>::new());
        }
        assert!(killed > 0, "nothing was killed");
        let found = run_directories(&runs);
        let output = match found.first() {
            Some(directory) => run(home.path(), &["run", "--resume", shown(directory), "--json"]),
            None => run(home.path(), &["run", "many.json", "--runs-dir", shown(&runs), "--json"]),
        };
        ended(&output, 0);
        assert_eq!(printed(&output)["digest"], digest, "job {number}");
        let directory = run_directory(&runs);
        assert_once(&directory, &values);
        ended(&run(home.path(), &["verify", shown(&directory)]), 0);
        assert_eq!(survivors(&word), Vec::<String>::new());
    }
}
