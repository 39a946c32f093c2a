//! Secrets reach the program that names them, and nothing that is written or printed.

use candor_tests::{both, command, ended, files, home, run, run_directory, shown, write};

const SECRET: &str = "s3cr3t-Zq7-Zq7-Zq7";

/// Uses a secret in the environment of a script, of a failing script and of a Python function.
const WORK: &str = r#"name: work
tasks:
  - id: uses
    run: test "$TOKEN" = "s3cr3t-$PART" && printf right
    env: { TOKEN: "${{ secrets.token }}", PART: Zq7-Zq7-Zq7 }
  - id: tells
    run: echo "$TOKEN"; echo "$TOKEN" >&2; printf '%s' "$TOKEN" | rev; exit 3
    env: { TOKEN: "${{ secrets.token }}" }
"#;

/// The files of a run directory and texts that hold the secret.
fn leaks(directory: &std::path::Path, printed: &[u8]) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
    let mut found: Vec<String> = files(directory)
        .into_iter()
        .filter(|path| holds(&std::fs::read(path).expect("it is there")))
        .map(|path| path.display().to_string())
        .collect();
    if holds(printed) {
        found.push("what was printed".to_owned());
    }
    found
}

#[test]
fn a_secret_is_used_and_never_written_or_shown() {
    let home = home();
    write(home.path(), "work.yaml", WORK);
    let output = command(home.path(), &["run", "work.yaml", "--json"])
        .env("CANDOR_SECRET_token", SECRET)
        .env("CANDOR_LOG", "trace")
        .output()
        .expect("the binary can be started");
    ended(&output, 1);
    let directory = run_directory(&home.path().join("runs"));
    let summary = candor_tests::document(&directory, "summary.json");
    assert_eq!(summary["tasks"]["uses"]["outputs"]["stdout"], "right", "{}", both(&output));
    assert_eq!(summary["tasks"]["tells"]["state"], "failed");
    let printed = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert_eq!(leaks(&directory, &printed), Vec::<String>::new());
    let plan = run(home.path(), &["plan", "work.yaml"]);
    ended(&plan, 0);
    assert!(both(&plan).contains("token"), "the plan names the secret: {}", both(&plan));
}

#[test]
fn a_secret_comes_from_a_folder_too_and_survives_no_interruption() {
    let home = home();
    write(home.path(), "work.yaml", WORK.split("  - id: tells").next().expect("text"));
    write(home.path(), "secrets/token", format!("{SECRET}\n"));
    let output = run(home.path(), &["run", "work.yaml", "--secrets-dir", "secrets", "--json"]);
    ended(&output, 0);
    let directory = run_directory(&home.path().join("runs"));
    assert_eq!(candor_tests::document(&directory, "summary.json")["tasks"]["uses"]["outputs"]["stdout"], "right");
    assert_eq!(leaks(&directory, &output.stdout), Vec::<String>::new());
}

#[test]
fn nothing_of_a_secret_stands_in_what_a_resumption_reads() {
    let home = home();
    let held = "name: held\ntasks:\n  - id: hold\n    run: test -n \"$TOKEN\" && sleep 60\n    env: { TOKEN: \"${{ secrets.token }}\" }\n";
    write(home.path(), "held.yaml", held);
    let mut command = command(home.path(), &["run", "held.yaml"]);
    let mut started = candor_tests::process::Started::of(command.env("CANDOR_SECRET_token", SECRET));
    started.until("hold: running");
    started.signal("KILL");
    started.ended();
    let directory = run_directory(&home.path().join("runs"));
    assert_eq!(leaks(&directory, b""), Vec::<String>::new());
    let word = home.path().file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(candor_tests::process::survivors(&word), Vec::<String>::new());
}

#[test]
fn a_missing_secret_fails_the_task_that_needs_it() {
    let home = home();
    write(home.path(), "work.yaml", WORK.split("  - id: tells").next().expect("text"));
    let output = run(home.path(), &["run", "work.yaml", "--json"]);
    ended(&output, 1);
    let summary = candor_tests::document(&run_directory(&home.path().join("runs")), "summary.json");
    let error = &summary["tasks"]["uses"]["error"];
    assert_eq!(error["code"], "secret_missing", "{error}");
    assert!(shown(std::path::Path::new(error["message"].as_str().expect("a text"))).contains("token"), "{error}");
}
