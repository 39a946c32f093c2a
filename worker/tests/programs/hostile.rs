//! Programs that mean harm, or do not know better. Each has its outcome, and the stage looks for what it left.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use candor_platform::runtime;
use candor_proto::limits::VALUE_NESTING_MAX;
use candor_proto::{AttemptId, ErrorClass, Outcome};
use candor_worker::classify::Halted;
use candor_worker::executor::Brake;
use futures_util::future::{join, join_all};
use serde_json::json;
use uuid::Uuid;

use crate::stage::{Case, case, done, expect_code, failed};

pub(crate) fn cases() -> Vec<Case> {
    [processes(), streams(), signals(), files(), outputs(), limits(), stops()].into_iter().flatten().collect()
}

fn processes() -> Vec<Case> {
    vec![
        case("a daemon in a session of its own ends with its attempt", |stage| async move {
            done(stage.shell("setsid sleep 61 & setsid -f sleep 62; exit 0").await);
        }),
        case("a doubly forked daemon ends with its attempt", |stage| async move {
            done(stage.shell("(setsid sh -c '(trap \"\" TERM HUP; cd /; sleep 63) &' &)").await);
        }),
        case("background jobs end with the script that forgot them", |stage| async move {
            done(stage.shell("for i in 1 2 3 4 5; do sleep 64 & done").await);
        }),
        case("a grandchild in another session ends at the time-out", |stage| async move {
            expect_code(stage.shell_within(400, "setsid sleep 65 & sleep 65").await, "timeout");
        }),
        case("a fork bomb ends under its limit", |stage| async move {
            let mut assignment = stage
                .assignment("shell", json!({"shell": "bash", "run": "bomb() { bomb | bomb & }; bomb; wait; sleep 30"}));
            assignment.timeout_ms = 1_500;
            match stage.execute(&assignment).await {
                Outcome::Fail { error } => assert!(["exit", "timeout"].contains(&error.code.as_str()), "{error:?}"),
                other => panic!("{other:?}"),
            }
        }),
        case("a bomb that restarts itself in new sessions ends", |stage| async move {
            let script =
                "cat > b.sh <<'X'\ntrap '' TERM HUP INT\nwhile :; do setsid sh ./b.sh & sleep 0.05; done\nX\nsh ./b.sh";
            let error = crate::stage::failed(stage.shell_within(1_000, script).await);
            assert!(["exit", "timeout"].contains(&error.code.as_str()), "{error:?}");
        }),
        case("zombies that nobody waits for are cleared", |stage| async move {
            done(stage.shell("i=0; while [ $i -lt 20 ]; do (sh -c 'exit 0' &); i=$((i+1)); done; sleep 0.1").await);
        }),
        case("a process that becomes a subreaper itself hides nothing", |stage| async move {
            let script = "python3 -c '\nimport ctypes, os, time\nctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(66)\n    os._exit(0)\n'";
            done(stage.shell(script).await);
        }),
        case("a script cannot end its supervisor, or is swept when it does", |stage| async move {
            let outcome = stage.shell("sleep 67 & kill -9 $PPID; sleep 0.3; echo alive").await;
            if stage.executor.processes.supervisor.separates_users() {
                // `kill` is refused, and the shell stops there.
                expect_code(outcome, "exit");
            } else {
                assert_eq!(expect_code(outcome, "supervisor_lost").class, ErrorClass::System);
            }
        }),
        case("a script cannot signal its worker when it has a user of its own", |stage| async move {
            if stage.executor.processes.supervisor.separates_users() {
                let script = format!(
                    "kill -TERM {} 2>/dev/null && echo sent; test ! -r /proc/{}/environ",
                    std::process::id(),
                    std::process::id()
                );
                assert_eq!(done(stage.shell(&format!("set +e; {script}")).await)["stdout"], "");
            }
        }),
        case("kill of everybody hits only the attempt", |stage| async move {
            if stage.executor.processes.supervisor.separates_users() {
                let outcome = stage.shell("sleep 68 & kill -9 -1; sleep 1; echo still here").await;
                assert_eq!(done(outcome)["stdout"], "still here\n");
            }
        }),
        case("a program that raises its own privileges stays where it is", |stage| async move {
            let script = "set +e; su -c id root </dev/null; mount -t tmpfs x out; unshare -m true; test \"$(id -u)\" != 0 || test \"$USER\" = x; grep NoNewPrivs /proc/self/status";
            let outcome = stage.shell(&format!("USER=; {script}")).await;
            assert!(done(outcome)["stdout"].as_str().unwrap().contains("NoNewPrivs:\t1"));
        }),
        case("a new user namespace hides no process", |stage| async move {
            done(stage.shell("set +e; unshare -Urpf --mount-proc sh -c 'setsid sleep 69 & sleep 0.1' 2>/dev/null; unshare -Up sleep 70 & sleep 0.1; true").await);
        }),
    ]
}

fn streams() -> Vec<Case> {
    vec![
        case("an endless stream is cut and its program ended", |stage| async move {
            let error = expect_code(stage.shell("yes").await, "output_limit");
            assert!(error.message.contains("stdout"), "{error:?}");
            assert!(error.detail.unwrap().contains("standard output was cut here"));
        }),
        case("an endless stream on standard error is cut and its program ended", |stage| async move {
            let error = expect_code(stage.shell("yes noise >&2").await, "output_limit");
            assert!(error.message.contains("stderr"), "{error:?}");
            assert!(error.detail.unwrap().ends_with("[standard error was cut here]\n"));
        }),
        case("a flood from a program that ignores SIGTERM ends too", |stage| async move {
            expect_code(
                stage.shell("trap '' TERM PIPE; while :; do head -c 100000 /dev/zero; done").await,
                "output_limit",
            );
        }),
        case("closed streams harm nobody", |stage| async move {
            let outputs = done(stage.shell("exec >&- 2>&- <&-; sleep 0.1; exit 0").await);
            assert_eq!((&outputs["stdout"], &outputs["stderr"]), (&json!(""), &json!("")));
        }),
        case("a pipe that a background process holds does not keep the attempt", |stage| async move {
            let outputs = done(stage.shell("setsid sleep 71 & echo mine").await);
            assert_eq!(outputs["stdout"], "mine\n");
        }),
        case("bytes that are no text become a file value", |stage| async move {
            let outputs = done(stage.shell("printf '\\377\\376ab'").await);
            assert_eq!(outputs["stdout"]["media_type"], "application/octet-stream");
            assert_eq!(stage.body(&outputs["stdout"]).await, b"\xff\xfeab");
        }),
        case("a character cut by the inline limit is no text problem", |stage| async move {
            let outputs =
                done(stage.shell("i=0; while [ $i -lt 3300 ]; do printf 'äöüäöüäöüä'; i=$((i+1)); done").await);
            assert_eq!(outputs["stdout"]["bytes"], 66_000);
        }),
        case("NUL bytes and control characters come through", |stage| async move {
            assert_eq!(done(stage.shell("printf 'a\\000b\\033[31m'").await)["stdout"], "a\u{0}b\u{1b}[31m");
        }),
        case("a script that never reads its input does not hang", |stage| async move {
            let with = json!({"run": "exec sleep 0.1", "stdin": "x".repeat(200_000)});
            done(stage.execute(&stage.assignment("shell", with)).await);
        }),
        case("a script that closes its input does not hang", |stage| async move {
            let with = json!({"run": "exec <&-; echo closed", "stdin": "x".repeat(200_000)});
            assert_eq!(done(stage.execute(&stage.assignment("shell", with)).await)["stdout"], "closed\n");
        }),
        case("a script cannot hold a pipe through another process of its user", |stage| async move {
            done(stage.shell("mkfifo f; (cat f >/dev/null &) ; (sleep 72 > f &); exit 0").await);
        }),
        case("a broken pipe inside the script is the script's own", |stage| async move {
            let outputs = done(stage.shell("yes | head -1").await);
            assert_eq!((&outputs["stdout"], &outputs["stderr"]), (&json!("y\n"), &json!("")));
        }),
    ]
}

fn signals() -> Vec<Case> {
    vec![
        case("a signal to itself is a signal", |stage| async move {
            let error = expect_code(stage.shell("kill -SEGV $$").await, "signal");
            assert_eq!(error.message, "was ended by SIGSEGV");
        }),
        case("a signal to its whole group is a signal", |stage| async move {
            assert_eq!(
                expect_code(stage.shell("sleep 73 & kill -9 0").await, "signal").message,
                "was ended by SIGKILL"
            );
        }),
        case("a script that stops itself is ended at its time-out", |stage| async move {
            expect_code(stage.shell_within(600, "kill -STOP $$; echo never").await, "timeout");
        }),
        case("a script that stops its whole group is ended at its time-out", |stage| async move {
            expect_code(stage.shell_within(600, "sleep 74 & kill -STOP 0").await, "timeout");
        }),
        case("a script that ignores every signal is ended at its time-out", |stage| async move {
            expect_code(
                stage.shell_within(400, "trap '' TERM INT HUP QUIT USR1 CONT; while :; do sleep 75; done").await,
                "timeout",
            );
        }),
        case("a script may clean up when it is asked to end", |stage| async move {
            let error = expect_code(
                stage.shell_within(2_000, "trap 'echo bye >&2; exit 0' TERM; sleep 76 & wait").await,
                "timeout",
            );
            assert_eq!(error.detail.as_deref(), Some("bye\n"));
        }),
        case("a handler that answers SIGTERM with more children changes nothing", |stage| async move {
            expect_code(
                stage
                    .shell_within(400, "trap 'setsid sleep 77 & setsid sleep 77 &' TERM; while :; do sleep 1; done")
                    .await,
                "timeout",
            );
        }),
        case("an exit code of 255 and one of 128 plus a signal are exit codes", |stage| async move {
            assert_eq!(expect_code(stage.shell("exit 255").await, "exit").message, "exited with 255");
            assert_eq!(expect_code(stage.shell("exit 137").await, "exit").message, "exited with 137");
        }),
        case("a real-time signal has a number instead of a name", |stage| async move {
            assert_eq!(expect_code(stage.shell("kill -40 $$").await, "signal").message, "was ended by signal 40");
        }),
    ]
}

fn files() -> Vec<Case> {
    vec![
        case("a script that deletes its directory is done all the same", |stage| async move {
            let outputs = done(stage.shell("set +e; rm -rf \"$HOME\"/* \"$HOME\"/.candor 2>/dev/null; cd /; rmdir \"$HOME\" 2>/dev/null; echo gone").await);
            assert_eq!((&outputs["stdout"], &outputs["files"]), (&json!("gone\n"), &json!([])));
        }),
        case("links, pipes and sockets below out are no files", |stage| async move {
            let script = "cd out; ln -s /etc/passwd a; ln -s .. b; ln -s nowhere c; mkfifo d; mkdir e; ln -s / e/f; python3 -c 'import socket; socket.socket(1).bind(\"g\")'; mknod h c 1 3 2>/dev/null || true; echo real > i";
            let outputs = done(stage.shell(script).await);
            let files = outputs["files"].as_array().unwrap();
            assert_eq!(files.len(), 1, "{files:?}");
            assert_eq!(files[0]["name"], "i");
        }),
        case("out as a link to elsewhere gives nothing away", |stage| async move {
            expect_code(stage.shell("rmdir out; ln -s /etc out").await, "output_strange");
        }),
        case("a link instead of the output object gives nothing away", |stage| async move {
            expect_code(stage.shell("ln -s /etc/hostname $CANDOR_OUTPUT").await, "output_strange");
            expect_code(stage.shell("rm -rf .candor; ln -s /etc .candor; ln -s x out/y").await, "output_strange");
        }),
        case("a pipe or a folder instead of the output object does not hang", |stage| async move {
            expect_code(stage.shell("mkfifo $CANDOR_OUTPUT").await, "output_strange");
            expect_code(stage.shell("mkdir $CANDOR_OUTPUT").await, "output_strange");
        }),
        case("a hard link to somebody else's file gives nothing away", |stage| async move {
            done(stage.shell("ln /etc/shadow out/x 2>/dev/null || ln /etc/gshadow out/y 2>/dev/null || true").await);
        }),
        case("ten thousand files are too many and are removed", |stage| async move {
            let error = expect_code(stage.shell("cd out; seq 10000 | xargs touch").await, "output_too_many");
            assert!(error.message.contains("4000"), "{error:?}");
        }),
        case("folders without any permission are looked into and removed", |stage| async move {
            let outputs = done(stage.shell("mkdir -p out/a/b locked/x; echo 1 > out/a/b/f; chmod 000 out/a/b/f out/a/b out/a locked/x locked").await);
            assert_eq!(outputs["files"][0]["name"], "a/b/f");
        }),
        case("a tree deeper than any path is refused and removed", |stage| async move {
            let script = "cd out; python3 -c '\nimport os\nfor i in range(1200):\n    os.mkdir(\"d\" * 60)\n    os.chdir(\"d\" * 60)\n'";
            expect_code(stage.shell(script).await, "output_strange");
        }),
        case("a file name that is no text is said to be none", |stage| async move {
            expect_code(stage.shell("touch out/$(printf '\\377')").await, "output_name");
        }),
        case("names with newlines and quotes are names", |stage| async move {
            let outputs = done(stage.shell("touch \"out/a\nb\" 'out/\"; rm -rf' 'out/-n'").await);
            let names: Vec<_> =
                outputs["files"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["\"; rm -rf", "-n", "a\nb"]);
        }),
        case("laid-down files cannot be changed for others", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "set +e; echo evil > data.txt; chmod u+w data.txt; echo evil >> data.txt; cat data.txt; rm -f data.txt; echo own > data.txt"}));
            stage.with_file(&mut assignment, "data.txt", b"good\n").await;
            let outputs = done(stage.execute(&assignment).await);
            let own_user = stage.executor.processes.supervisor.separates_users();
            assert!(!own_user || outputs["stdout"] == "good\n", "{outputs:?}");
            let mut again = stage.assignment("shell", json!({"run": "cat data.txt"}));
            stage.with_file(&mut again, "data.txt", b"good\n").await;
            assert_eq!(done(stage.execute(&again).await)["stdout"], "good\n");
        }),
        case("a neighbour's working directory cannot be read", |stage| async move {
            let script = format!("ls {} 2>/dev/null && echo listed; true", stage.executor.workspace.folder().display());
            let outputs = done(stage.shell(&script).await);
            assert!(!stage.executor.processes.supervisor.separates_users() || outputs["stdout"] == "", "{outputs:?}");
        }),
    ]
}

fn outputs() -> Vec<Case> {
    vec![
        case("a huge output object is too large", |stage| async move {
            let error = expect_code(
                stage
                    .shell(
                        "(printf '{\"a\": \"'; head -c 68000000 /dev/zero | tr '\\0' x; printf '\"}') > $CANDOR_OUTPUT",
                    )
                    .await,
                "output_too_large",
            );
            assert!(error.message.contains("$CANDOR_OUTPUT"), "{error:?}");
        }),
        case("a deep output object is refused", |stage| async move {
            expect_code(
                stage
                    .shell("python3 -c 'print(\"{\\\"a\\\":\" + \"[\" * 101 + \"]\" * 101 + \"}\")' > $CANDOR_OUTPUT")
                    .await,
                "output_json",
            );
            expect_code(stage.shell("python3 -c 'print(\"[\" * 300000)' > $CANDOR_OUTPUT").await, "output_json");
        }),
        case("outputs nested deeper than a value may be are refused for every action", |stage| async move {
            let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
            let within = stage.execute(&stage.assignment("noop", json!({"a": nested(VALUE_NESTING_MAX)}))).await;
            assert_eq!(done(within)["a"], nested(VALUE_NESTING_MAX));
            let beyond = stage.assignment("noop", json!({"fine": 1, "deep": nested(VALUE_NESTING_MAX + 1)}));
            let error = expect_code(stage.execute(&beyond).await, "output_too_deep");
            assert!(error.message.contains("`deep`") && error.advice.is_some(), "{error:?}");
        }),
        case("outputs too large for a job say which is the largest and what to do", |stage| async move {
            let with = json!({"small": 1, "large": "x".repeat(64 * 1024 * 1024)});
            let error = expect_code(stage.execute(&stage.assignment("noop", with)).await, "output_too_large");
            assert!(error.message.contains("67108864") && error.message.contains("`large`"), "{error:?}");
            assert!(error.advice.unwrap().contains("files below $CANDOR_OUT"));
        }),
        case("NUL characters in what a program gets are refused by name", |stage| async move {
            for (uses, with, message) in [
                ("shell", json!({"run": "echo a\0b"}), "the script has a NUL"),
                ("shell", json!({"run": "true", "args": ["a", "b\0"]}), "`args[1]` has a NUL"),
                ("exec", json!({"program": "tr\0ue"}), "the program's name has a NUL"),
                ("exec", json!({"program": "true", "args": ["\0"]}), "`args[0]` has a NUL"),
                ("python", json!({"script": "a\0.py"}), "has a NUL"),
            ] {
                let error = failed(stage.execute(&stage.assignment(uses, with)).await);
                assert_eq!(error.class, ErrorClass::Validation, "{error:?}");
                assert!(error.message.contains(message), "{error:?}");
            }
            let mut assignment = stage.assignment("shell", json!({"run": "true"}));
            assignment.env.insert("A".to_owned(), "x\0y".to_owned());
            let error = expect_code(stage.execute(&assignment).await, "env");
            assert!(error.message.contains("`A` has a NUL"), "{error:?}");
            let mut assignment = stage.assignment("shell", json!({"run": "true"}));
            assignment.idempotency_key = "x\0y".to_owned();
            let error = expect_code(stage.execute(&assignment).await, "env");
            assert!(error.message.contains("CANDOR_IDEMPOTENCY_KEY"), "{error:?}");
            let mut assignment = stage.assignment("shell", json!({"run": "true"}));
            assignment.env.insert("A=B".to_owned(), "x".to_owned());
            expect_code(stage.execute(&assignment).await, "env");
        }),
        case("a broken output object says where it breaks", |stage| async move {
            let error =
                expect_code(stage.shell("printf '{\"a\": 1,\\n \"b\": }' > $CANDOR_OUTPUT").await, "output_json");
            assert!(error.message.contains("line 2, column 7"), "{error:?}");
            for text in ["[1]", "3", "null", "{\"a\": NaN}", "{\"a\": 1} {\"b\": 2}"] {
                expect_code(stage.shell(&format!("printf '%s' '{text}' > $CANDOR_OUTPUT")).await, "output_json");
            }
        }),
        case("an output under a fixed name is refused", |stage| async move {
            expect_code(stage.shell("echo '{\"stdout\": \"forged\"}' > $CANDOR_OUTPUT").await, "output_reserved");
        }),
        case("output object bytes that are no text are refused", |stage| async move {
            expect_code(stage.shell("printf '{\"a\": \"\\377\"}' > $CANDOR_OUTPUT").await, "output_json");
        }),
    ]
}

fn limits() -> Vec<Case> {
    vec![
        case("a memory hog ends under its limit", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "python3 -c 'x = bytearray(600_000_000)'"}));
            assignment.limits.memory_bytes = Some(200 << 20);
            let error = expect_code(stage.execute(&assignment).await, "exit");
            assert!(error.detail.unwrap().contains("MemoryError"));
        }),
        case("a limit of memory smaller than the worker itself holds", |stage| async move {
            let mut assignment = stage.assignment(
                "shell",
                json!({"run": "ulimit -v; head -c 100000000 /dev/zero | tail -c 100000000 | wc -c", "args": ["a b"]}),
            );
            assignment.limits.memory_bytes = Some(32 << 20);
            let outcome = stage.execute(&assignment).await;
            let seen = format!("{outcome:?}");
            assert!(seen.contains("32768") || seen.contains("memory exhausted"), "{seen}");
            assert!(!seen.contains("100000000\\n"), "{seen}");
        }),
        case("a loop that burns its processor time ends", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "ulimit -t 1; while :; do :; done"}));
            assignment.limits.cpu = Some(1.0);
            let outcome = stage.execute(&assignment).await;
            let Outcome::Fail { error } = outcome else { panic!("{outcome:?}") };
            assert!(["cpu_time", "signal"].contains(&error.code.as_str()), "{error:?}");
        }),
        case("a niced loop ends at its time-out", |stage| async move {
            expect_code(stage.shell_within(500, "nice -n 19 sh -c 'while :; do :; done'").await, "timeout");
        }),
        case("limits cannot be raised again", |stage| async move {
            let outcome = stage.shell("set +e; ulimit -c unlimited 2>/dev/null; ulimit -c; ulimit -u 100000 2>/dev/null; ulimit -n 2000000 2>/dev/null; ulimit -n").await;
            if stage.executor.processes.supervisor.separates_users() {
                assert_eq!(done(outcome)["stdout"], "0\n1024\n");
            }
        }),
        case("a script without open files left fails by itself", |stage| async move {
            let mut assignment = stage.assignment(
                "shell",
                json!({"run": "python3 -c '\nf = []\nwhile True: f.append(open(\"/dev/null\"))\n'"}),
            );
            assignment.limits.files = Some(32);
            assert!(
                expect_code(stage.execute(&assignment).await, "exit").detail.unwrap().contains("Too many open files")
            );
        }),
        case("a file beyond its largest size ends the program", |stage| async move {
            expect_code(stage.shell("ulimit -f 1; exec head -c 100000 /dev/zero > big").await, "file_size");
        }),
        case("one core is one core", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "nproc"}));
            assignment.limits.cpu = Some(0.5);
            assert_eq!(done(stage.execute(&assignment).await)["stdout"], "1\n");
        }),
        case("nonsense for limits is nonsense without harm", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "true"}));
            (assignment.limits.cpu, assignment.limits.memory_bytes) = (Some(f64::NAN), Some(u64::MAX));
            (assignment.limits.files, assignment.limits.output_bytes) = (Some(0), Some(0));
            done(stage.execute(&assignment).await);
        }),
        case("a program that is not there did not start", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"shell": "bash", "run": "true"}));
            assignment.env.insert("PATH".into(), "/nowhere".into());
            let error = expect_code(stage.execute(&assignment).await, "not_started");
            assert_eq!(error.class, ErrorClass::Validation);
        }),
        case("a hostile environment reaches nobody but the script", |stage| async move {
            let mut assignment = stage.assignment("shell", json!({"run": "echo fine"}));
            for (name, value) in [
                ("LD_PRELOAD", "/nowhere/evil.so"),
                ("IFS", "x"),
                ("ENV", "/etc/passwd"),
                ("BASH_ENV", "evil"),
                ("PS4", "$(id)"),
            ] {
                assignment.env.insert(name.into(), value.into());
            }
            assert_eq!(done(stage.execute(&assignment).await)["stdout"], "fine\n");
            assignment.env.insert("BAD=NAME".into(), String::new());
            expect_code(stage.execute(&assignment).await, "env");
        }),
    ]
}

fn stops() -> Vec<Case> {
    vec![
        case("a revoked attempt is cancelled", |stage| async move {
            let brake = Brake::default();
            let assignment = stage.assignment("shell", json!({"run": "setsid sleep 78 & sleep 78"}));
            let (report, ()) = join(stage.executor.execute(&assignment, &brake), async {
                while !crate::stage::runs(assignment.attempt) {
                    runtime::sleep(5).await;
                }
                brake.pull(Halted::Revoked);
            })
            .await;
            assert_eq!(report.unwrap().outcome, Outcome::Cancelled);
        }),
        case("an attempt that is revoked before it starts is cancelled", |stage| async move {
            let brake = Brake::default();
            brake.pull(Halted::Revoked);
            let assignment = stage.assignment("shell", json!({"run": "sleep 79"}));
            assert_eq!(stage.executor.execute(&assignment, &brake).await.unwrap().outcome, Outcome::Cancelled);
        }),
        case("an attempt that nobody waits for any more is ended", |stage| async move {
            let assignment = stage.assignment("shell", json!({"run": "sleep 80"}));
            let brake = Brake::default();
            assert!(runtime::timeout(300, stage.executor.execute(&assignment, &brake)).await.is_none());
            assert_eq!(brake.why(), Some(Halted::Draining));
            let folder = stage.executor.workspace.folder().join(assignment.attempt.to_string());
            while crate::stage::runs(assignment.attempt) {
                runtime::sleep(10).await;
            }
            candor_worker::workspace::remove_tree(&folder);
        }),
        case("when the worker is killed its attempts end too", |_| async move {
            let attempt = AttemptId::from_uuid(Uuid::new_v4());
            let folder = tempfile::tempdir().unwrap();
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
            let mut worker = Command::new("/proc/self/exe");
            let mut worker = worker.arg(format!("--worker={attempt}")).env("TMPDIR", folder.path()).spawn().unwrap();
            let running = |wanted: usize| async move {
                while crate::stage::processes(attempt) != wanted {
                    runtime::sleep(5).await;
                }
            };
            // The script, what it started in a session of its own, and the sleep of each.
            runtime::timeout(10_000, running(4)).await.unwrap();
            worker.kill().unwrap();
            worker.wait().unwrap();
            runtime::timeout(5_000, running(0)).await.expect("the attempt must not outlive its worker");
        }),
        case("attempts at once never share a user", |stage| async move {
            let attempts = (0..4).map(|_| stage.shell("id -u; id -G; sleep 0.3"));
            let users: Vec<_> =
                join_all(attempts).await.into_iter().map(|outcome| done(outcome)["stdout"].clone()).collect();
            let distinct: std::collections::BTreeSet<_> = users.iter().map(|user| user.as_str().unwrap()).collect();
            if stage.executor.processes.supervisor.separates_users() {
                assert_eq!(distinct.len(), 4, "{users:?}");
                for user in distinct {
                    let (id, groups) = user.trim().split_once('\n').unwrap();
                    assert_eq!(id, groups, "an attempt has no group but its own");
                }
            }
        }),
        case("a time-out of a millisecond is a time-out", |stage| async move {
            expect_code(stage.shell_within(1, "sleep 81").await, "timeout");
        }),
    ]
}
