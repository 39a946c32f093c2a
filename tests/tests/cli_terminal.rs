//! The display on a terminal: bars while a job runs, the table at its end, at any width, and colours as asked.

use std::process::Command;

use candor_tests::{candor, command, ended, home, run, shown, text, write};

/// Runs a command on a pseudo-terminal of this width and gives back what it showed, after its exit code.
const ON_A_TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
columns, arguments = int(sys.argv[1]), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execv(arguments[0], arguments)
shown = b""
while True:
    try:
        read = os.read(terminal, 65536)
    except OSError:
        break
    if not read:
        break
    shown += read
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.stdout.buffer.write(str(code).encode() + b"\n" + shown)
"#;

const WORK: &str = r#"name: work
tasks:
  - { id: a_task_with_quite_a_long_name_that_no_narrow_one_has_room_for, run: "sleep 0.5; printf 1" }
  - { id: many, for_each: "${{ lists.range(300) }}", uses: noop }
  - { id: fails, run: "printf '\\033[2Jgone' >&2; exit 3" }
  - { id: slow, for_each: [1, 2, 3, 4, 5, 6], run: "sleep 0.3" }
"#;

fn on_a_terminal(
    folder: &std::path::Path,
    columns: u16,
    variables: &[(&str, &str)],
    arguments: &[&str],
) -> (i32, String) {
    let output = Command::new("python3")
        .args(["-c", ON_A_TERMINAL, &columns.to_string(), shown(&candor())])
        .args(arguments)
        .current_dir(folder)
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .output()
        .expect("python3 is installed");
    let said = text(&output.stdout);
    let (code, rest) = said.split_once('\n').unwrap_or_else(|| panic!("{}", candor_tests::both(&output)));
    (code.parse().expect("a code"), rest.to_owned())
}

#[test]
fn bars_come_while_a_job_runs_and_a_table_at_its_end() {
    let home = home();
    write(home.path(), "work.yaml", WORK);
    for columns in [200, 80, 40, 20, 5, 1] {
        let (code, said) = on_a_terminal(home.path(), columns, &[], &["run", "work.yaml"]);
        assert_eq!(code, 1, "{columns} columns: {said}");
        assert!(!said.contains("panicked"), "{columns} columns: {said}");
        assert!(!said.contains("\u{1b}[2Jgone"), "{columns} columns: a program steered the terminal");
        assert!(said.contains("result  failed"), "{columns} columns: {said}");
        let table = &said[said.rfind("state  ").unwrap_or_else(|| panic!("no table: {said}"))..];
        assert!(table.contains("many (300/300)") && table.contains("slow (6/6)"), "{columns} columns: {table}");
        if columns >= 20 {
            assert!(said.contains("\u{1b}["), "{columns} columns: nothing is drawn: {said}");
        }
        if columns >= 80 {
            assert!(said.contains(" of 6 ") && said.contains('['), "{columns} columns: no bar: {said}");
            assert!(said.contains("✗ fails"), "{columns} columns: {said}");
        }
    }
}

#[test]
fn diagnostics_have_colours_only_where_they_are_wanted() {
    let home = home();
    write(home.path(), "w.yaml", "name: w\nx: 1\ntasks:\n  - { id: a, uses: noop }\n");
    let (code, said) = on_a_terminal(home.path(), 80, &[], &["validate", "w.yaml"]);
    assert_eq!(code, 2);
    assert!(said.contains("\u{1b}["), "{said:?}");
    let (code, said) = on_a_terminal(home.path(), 80, &[("NO_COLOR", "1")], &["validate", "w.yaml"]);
    assert_eq!(code, 2);
    assert!(!said.contains("\u{1b}["), "{said:?}");
}

#[test]
fn an_interrupt_from_the_keyboard_drains() {
    let home = home();
    write(
        home.path(),
        "w.yaml",
        "name: w\ntasks:\n  - { id: a, run: sleep 1 }\n  - { id: b, needs: a, run: printf 2 }\n",
    );
    let typed = ON_A_TERMINAL.replace("    shown += read\n", "    shown += read\n    if b'run directory' in shown and b'asked' not in shown:\n        os.write(terminal, b'\\x03') if not pressed else None\n        pressed = True\n")
        .replace("shown = b\"\"\n", "shown = b\"\"\npressed = False\n");
    let output = Command::new("python3")
        .args(["-c", &typed, "80", shown(&candor()), "run", "w.yaml"])
        .current_dir(home.path())
        .output()
        .expect("python3 is installed");
    let said = text(&output.stdout);
    assert!(said.starts_with("130\n"), "{said}");
    assert!(said.contains("asked to end") && said.contains("--resume"), "{said}");
}

#[test]
fn data_that_does_not_arrive_ends_with_5_and_a_reader_that_went_away_does_not() {
    let home = home();
    write(home.path(), "w.yaml", "name: w\ntasks:\n  - { id: a, uses: noop, with: { n: 1 } }\n");
    let calls: [&[&str]; 8] = [
        &["run", "w.yaml"],
        &["run", "w.yaml", "--json"],
        &["validate", "w.yaml", "--json"],
        &["plan", "w.yaml"],
        &["actions"],
        &["schema"],
        &["completions", "bash"],
        &["--help"],
    ];
    for arguments in calls {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = command(home.path(), arguments).stdout(full).output().expect("it can be started");
        ended(&output, 5);
        assert!(text(&output.stderr).contains("standard output"), "{arguments:?}: {}", text(&output.stderr));
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = command(home.path(), arguments).stdout(writer).output().expect("it can be started");
        ended(&output, 0);
    }
}

#[test]
fn no_text_of_strangers_looks_like_a_line_of_ours() {
    let home = home();
    write(home.path(), "m.py", "def go(): raise ValueError('no\\nresult  complete\\n\\x1b[2J')\n");
    write(
        home.path(),
        "w.yaml",
        "name: w\nfiles: [m.py]\ntasks:\n  - { id: a, uses: python, with: { function: 'm:go' } }\n",
    );
    let output = run(home.path(), &["run", "w.yaml"]);
    ended(&output, 1);
    let said = candor_tests::both(&output);
    assert!(!said.lines().any(|line| line == "result  complete") && said.contains(" ⏎ "), "{said}");
    let odd = "a\nvalid\u{1b}[2J.yaml";
    write(home.path(), odd, "name: w\ntasks:\n  - { id: a, uses: noop }\n");
    let output = run(home.path(), &["validate", odd]);
    ended(&output, 0);
    assert_eq!(text(&output.stdout).lines().count(), 1, "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains('\u{1b}'));
    let broken: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(b"a\xff.yaml".to_vec());
    for word in ["validate", "run", "plan"] {
        let output = command(home.path(), &[word]).arg(&broken).output().expect("it can be started");
        ended(&output, 2);
        assert!(text(&output.stderr).contains("no UTF-8"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_finished_run_that_was_changed_gives_no_orders_and_one_of_a_newer_build_is_said_to_be_so() {
    let home = home();
    write(home.path(), "w.yaml", "name: w\ntasks:\n  - { id: a, uses: noop, with: { n: 1 } }\n");
    ended(&run(home.path(), &["run", "w.yaml"]), 0);
    let directory = candor_tests::run_directory(&home.path().join("runs"));
    let path = directory.join("answer.json");
    let kept = std::fs::read_to_string(&path).expect("it is text");
    let resume = || run(home.path(), &["run", "--resume", candor_tests::shown(&directory)]);
    let mut answer: serde_json::Value = serde_json::from_str(&kept).expect("it is JSON");
    answer["digest"] = "\u{1b}[2J\nresult  failed".into();
    answer["statements"][0]["id"] = "S1\nresult  failed".into();
    answer["gaps"] = serde_json::json!([{"task": "a\nb", "reason": "\u{1b}[2J\nx"}]);
    std::fs::write(&path, answer.to_string()).expect("it is ours");
    let output = resume();
    ended(&output, 0);
    let said = text(&output.stdout);
    assert!(!said.contains('\u{1b}') && said.lines().count() == 5, "{said}");
    std::fs::write(&path, kept.replacen("\"format\": 1", "\"format\": 7", 1)).expect("it is ours");
    let output = resume();
    ended(&output, 5);
    assert!(text(&output.stderr).contains("newer_run"), "{}", text(&output.stderr));
    std::fs::write(&path, kept.replacen("\"format\": 1", "\"format\": \"x\"", 1)).expect("it is ours");
    ended(&resume(), 5);
}

#[test]
fn what_a_failed_program_said_last_stands_wherever_people_look() {
    let home = home();
    let script = "echo first >&2; echo 'no such key: 7' >&2; exit 3";
    write(home.path(), "w.yaml", format!("name: w\ntasks:\n  - {{ id: a, run: \"{script}\" }}\n"));
    let output = run(home.path(), &["run", "w.yaml"]);
    ended(&output, 1);
    let wanted = "exited with 3: no such key: 7";
    assert!(text(&output.stderr).contains(wanted), "{}", text(&output.stderr));
    let directory = candor_tests::run_directory(&home.path().join("runs"));
    for name in ["run.log", "report.md"] {
        let told = std::fs::read_to_string(directory.join(name)).expect("it is there");
        assert!(told.contains(wanted), "{name}: {told}");
    }
}
