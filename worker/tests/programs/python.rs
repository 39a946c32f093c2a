//! What `python` promises, and what it says to those who break its rules.

use candor_proto::message::Assignment;
use candor_proto::value::TABLE_MEDIA_TYPE;
use candor_proto::{Column, ErrorClass, Outcome, TableValue, TaskError, ValueType};
use serde_json::{Map, Value, json};

use crate::stage::{Case, Stage, case, done, expect_code};

async fn function(stage: &Stage, source: &str, args: Value, outputs: &[(&str, ValueType)]) -> (Assignment, Outcome) {
    let mut assignment = stage.assignment("python", json!({"function": "code:go", "args": args}));
    stage.with_file(&mut assignment, "code.py", source.as_bytes()).await;
    assignment.outputs = outputs.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
    let outcome = stage.execute(&assignment).await;
    (assignment, outcome)
}

async fn given(stage: &Stage, source: &str, args: Value) -> Map<String, Value> {
    done(function(stage, source, args, &[]).await.1)
}

async fn refused(stage: &Stage, source: &str, code: &str) -> TaskError {
    expect_code(function(stage, source, json!({}), &[("rows", ValueType::Table)]).await.1, code)
}

async fn table(stage: &Stage, name: &str, columns: &[(&str, &str)], lines: &str) -> Value {
    let file = stage.store(name, lines.as_bytes()).await;
    TableValue {
        name: name.to_owned(),
        sha256: file.sha256,
        bytes: file.bytes,
        media_type: TABLE_MEDIA_TYPE.to_owned(),
        count: lines.lines().count() as u64,
        columns: columns.iter().map(|(name, kind)| Column { name: (*name).into(), kind: (*kind).into() }).collect(),
    }
    .to_value()
}

pub(crate) fn cases() -> Vec<Case> {
    [calls(), tables(), mistakes()].into_iter().flatten().collect()
}

fn calls() -> Vec<Case> {
    vec![
        case("python gives what the function returns, and what it printed", |stage| async move {
            let source = "def go(a, b=2):\n    print('hello')\n    return {'sum': a + b, 'list': [1, None, 'é'], 'f': 1.5, 'big': 2**63}";
            let outputs = given(&stage, source, json!({"a": 40})).await;
            assert_eq!(outputs["sum"], 42);
            assert_eq!(outputs["list"], json!([1, null, "é"]));
            assert_eq!((&outputs["f"], &outputs["big"]), (&json!(1.5), &json!(9_223_372_036_854_775_808_u64)));
            assert_eq!((&outputs["stdout"], &outputs["files"]), (&json!("hello\n"), &json!([])));
        }),
        case("python may return nothing, dates and paths", |stage| async move {
            assert_eq!(given(&stage, "def go(): pass", json!({})).await.len(), 2);
            let source = "import datetime, pathlib\ndef go(): return {'d': datetime.date(2024, 2, 29), 'p': pathlib.Path('a/b')}";
            let outputs = given(&stage, source, json!({})).await;
            assert_eq!((&outputs["d"], &outputs["p"]), (&json!("2024-02-29"), &json!("a/b")));
        }),
        case("python finds modules in packages and awaits coroutines", |stage| async move {
            let mut assignment = stage.assignment("python", json!({"function": "pack.inner:go", "args": {}}));
            stage.with_file(&mut assignment, "pack/__init__.py", b"").await;
            stage
                .with_file(
                    &mut assignment,
                    "pack/inner.py",
                    b"import asyncio\nasync def go():\n    await asyncio.sleep(0)\n    return {'x': 1}",
                )
                .await;
            assert_eq!(done(stage.execute(&assignment).await)["x"], 1);
        }),
        case("python gets files as paths and gives files by path", |stage| async move {
            let file = stage.store("some/where/data.txt", b"content").await;
            let source = "import os\ndef go(path, others):\n    with open(os.environ['CANDOR_OUT'] + '/copy.txt', 'w') as f: f.write(open(path).read())\n    return {'read': open(others[0]['p']).read(), 'copy': 'out/copy.txt', 'path': path}";
            let args = json!({"path": file.to_value(), "others": [{"p": file.to_value()}]});
            let (_, outcome) = function(&stage, source, args, &[("copy", ValueType::File)]).await;
            let outputs = done(outcome);
            assert_eq!((&outputs["read"], &outputs["path"]), (&json!("content"), &json!("in/2/data.txt")));
            assert_eq!(outputs["copy"]["name"], "copy.txt");
            assert_eq!(stage.body(&outputs["copy"]).await, b"content");
        }),
        case("a python script has its arguments and writes its outputs", |stage| async move {
            let source = "import json, os\nprint(args['n'])\njson.dump({'double': args['n'] * 2}, open(os.environ['CANDOR_OUTPUT'], 'w'))";
            let mut assignment = stage.assignment("python", json!({"script": "tools/run.py", "args": {"n": 21}}));
            stage.with_file(&mut assignment, "tools/run.py", source.as_bytes()).await;
            let outputs = done(stage.execute(&assignment).await);
            assert_eq!((&outputs["stdout"], &outputs["double"]), (&json!("21\n"), &json!(42)));
        }),
        case("parts of python that are not in this build are refused by name", |stage| async move {
            for field in ["repo", "ref", "venv"] {
                let with = json!({"function": "a:b", field: "x"});
                let error = expect_code(stage.execute(&stage.assignment("python", with)).await, "unsupported");
                assert!(error.message.contains(field) && error.class == ErrorClass::Validation, "{error:?}");
            }
            expect_code(stage.execute(&stage.assignment("python", json!({}))).await, "with");
        }),
    ]
}

fn tables() -> Vec<Case> {
    vec![
        case("a table comes as dicts, as often as it is gone through", |stage| async move {
            let rows = table(
                &stage,
                "rows",
                &[("id", "integer"), ("day", "date"), ("v", "number")],
                "[1,\"2024-01-01\",1.5]\n[2,null,-2]\n",
            )
            .await;
            let twice = "def go(rows):\n    return {'all': [list(rows), list(rows)], 'first': next(iter(rows))['id'], 'kinds': [c['type'] for c in rows.columns]}";
            let outputs = given(&stage, twice, json!({"rows": rows.clone()})).await;
            assert_eq!(
                outputs["all"][0],
                json!([{"id": 1, "day": "2024-01-01", "v": 1.5}, {"id": 2, "day": null, "v": -2}])
            );
            assert_eq!((&outputs["all"][0], &outputs["first"]), (&outputs["all"][1], &json!(1)));
            assert_eq!(outputs["kinds"], json!(["integer", "date", "number"]));
            let source = "def go(rows):\n    return {'n': len(rows), 'ids': [r['id'] for r in rows], 'again': sum(r['v'] for r in rows), 'day': [r['day'] for r in rows], 'names': [c['name'] for c in rows.columns]}";
            let outputs = given(&stage, source, json!({"rows": rows})).await;
            assert_eq!((&outputs["n"], &outputs["ids"], &outputs["again"]), (&json!(2), &json!([1, 2]), &json!(-0.5)));
            assert_eq!(
                (&outputs["day"], &outputs["names"]),
                (&json!(["2024-01-01", null]), &json!(["id", "day", "v"]))
            );
        }),
        case("returned rows become a table with the types of their values", |stage| async move {
            let source = "def go():\n    return {'rows': [{'a': 1, 'b': 'x', 'c': True, 'd': 1, 'e': None}, {'a': 2, 'b': 'ü', 'd': 2.5, 'c': None, 'e': None}], 'n': 1}";
            let (_, outcome) = function(&stage, source, json!({}), &[("rows", ValueType::Table)]).await;
            let outputs = done(outcome);
            let rows = TableValue::from_value(&outputs["rows"]).unwrap();
            let kinds: Vec<_> =
                rows.columns.iter().map(|column| (column.name.as_str(), column.kind.as_str())).collect();
            assert_eq!(kinds, [("a", "integer"), ("b", "string"), ("c", "boolean"), ("d", "number"), ("e", "any")]);
            assert_eq!((rows.count, rows.name.as_str()), (2, "rows"));
            assert_eq!(
                stage.body(&outputs["rows"]).await,
                "[1,\"x\",true,1,null]\n[2,\"ü\",null,2.5,null]\n".as_bytes()
            );
        }),
        case("a generator, a list and a passed table are tables", |stage| async move {
            let outputs = given(&stage, "def go():\n    for i in range(30000): yield {'i': i}", json!({})).await;
            assert_eq!(outputs["rows"]["count"], 30_000);
            assert_eq!(given(&stage, "def go(): return [{'i': 1}]", json!({})).await["rows"]["count"], 1);
            let (_, outcome) =
                function(&stage, "def go(): return {'rows': ()}", json!({}), &[("rows", ValueType::Table)]).await;
            assert_eq!(done(outcome)["rows"]["columns"], json!([]));
            let rows = table(&stage, "mine", &[("id", "integer")], "[1]\n").await;
            assert_eq!(
                given(&stage, "def go(rows): return {'same': rows}", json!({"rows": rows.clone()})).await["same"],
                rows
            );
        }),
        case("a list that is not declared a table stays a list", |stage| async move {
            assert_eq!(
                given(&stage, "def go(): return {'list': [{'a': 1}]}", json!({})).await["list"],
                json!([{"a": 1}])
            );
        }),
        case("a table in the working directory that was tampered with is no table", |stage| async move {
            let source = "import atexit, os\ndef go():\n    atexit.register(lambda: os._exit(os.system('echo nonsense >> .candor/table-0.jsonl')))\n    return {'rows': [{'a': 1}]}";
            assert!(refused(&stage, source, "result").await.message.contains("line 2"));
        }),
    ]
}

fn mistakes() -> Vec<Case> {
    vec![
        case("an exception has its traceback and nothing of ours in it", |stage| async move {
            let error = refused(
                &stage,
                "def inner():\n    raise ValueError('bad \\udcff')\ndef go():\n    inner()",
                "exception",
            )
            .await;
            assert_eq!(error.message, "ValueError: bad ?");
            let detail = error.detail.unwrap();
            assert!(
                detail.contains("line 4, in go") && detail.contains("raise ValueError") && !detail.contains("<string>"),
                "{detail}"
            );
        }),
        case("values that JSON lacks are named with their place", |stage| async move {
            for (source, message) in [
                ("def go(): return {'a': [1, {'b': float('nan')}]}", "a[1].b is nan"),
                ("def go(): return {'a': float('inf')}", "a is inf"),
                ("def go(): return {'a': 2**64}", "a is an integer of more than 64 bits"),
                ("def go(): return {'a': {1, 2}}", "a is a set"),
                ("def go(): return {'a': object()}", "a is a object"),
                ("def go(): return {'a': b'x'}", "a is a bytes"),
                ("def go(): return {'a': {1: 2}}", "a has the key 1"),
                ("def go(): return {'a': '\\udcff'}", "no valid text"),
                ("def go():\n    a = []\n    a.append(a)\n    return {'a': a}", "a is nested too deep"),
                ("def go(): return 5", "returned a int"),
                ("def go(): return {'rows': [{'a': 1}, {'b': 2}]}", "rows[1] has the key 'b'"),
                ("def go(): return {'rows': [{'a': float('nan')}]}", "rows[0].a is nan"),
                ("def go(): return {'rows': [1]}", "rows[0] is a int"),
            ] {
                let error = refused(&stage, source, "result").await;
                assert!(error.message.contains(message), "{source}: {error:?}");
            }
        }),
        case("what a function may return by mistake has a clear error", |stage| async move {
            for (source, code, message) in [
                (
                    "def go():\n    yield {'a': 1}\n    raise RuntimeError('half-way')",
                    "exception",
                    "RuntimeError: half-way",
                ),
                ("from decimal import Decimal\ndef go(): return {'a': Decimal('1.5')}", "result", "a is a Decimal"),
                ("import datetime\ndef go(): return {'a': datetime.time(1)}", "result", "a is a time"),
                ("def go(): return {'rows': {1, 2}}", "result", "rows[0] is a int"),
                ("def go(): return {'rows': [{'a': b'x'}]}", "result", "rows[0].a is a bytes"),
                ("def go(): return {'rows': [{1: 2}]}", "result", "rows[0] has the key 1"),
                ("def go(): return {1: 2}", "result", "the result has the key 1"),
                ("def go(): return {'a': (x for x in [1])}", "result", "a is a generator"),
                (
                    "def go():\n    try: return {'a': 1}\n    finally: raise KeyboardInterrupt('now')",
                    "exception",
                    "now",
                ),
                ("def go(): return go()", "exception", "RecursionError"),
            ] {
                let error = refused(&stage, source, code).await;
                assert!(error.message.contains(message), "{source}: {error:?}");
            }
            let source = "import datetime\ndef go():\n    d = datetime.datetime(2024, 2, 29, 1, 2, 3)\n    return [{'d': d, 'e': d.date()}]";
            let outputs = given(&stage, source, json!({})).await;
            assert_eq!(stage.body(&outputs["rows"]).await, b"[\"2024-02-29T01:02:03\",\"2024-02-29\"]\n");
            let kinds: Vec<_> = TableValue::from_value(&outputs["rows"]).unwrap().columns;
            assert_eq!([kinds[0].kind.as_str(), kinds[1].kind.as_str()], ["datetime", "date"]);
        }),
        case("a function that prints a lot still gives its result", |stage| async move {
            let source = "def go():\n    for i in range(20000): print('x' * 30)\n    return {'n': 1}";
            let outputs = given(&stage, source, json!({})).await;
            assert_eq!((&outputs["n"], &outputs["stdout"]["bytes"]), (&json!(1), &json!(620_000)));
            let source = "def go():\n    while True: print('x' * 1000)";
            let error = refused(&stage, source, "output_limit").await;
            assert!(error.advice.unwrap().contains("limits.output"));
        }),
        case("a huge result is too large, a huge table is not", |stage| async move {
            refused(&stage, "def go(): return {'a': 'x' * 68_000_000}", "output_too_large").await;
            let outputs = given(&stage, "def go(): return [{'a': 'x' * 2_000_000}]", json!({})).await;
            assert_eq!(outputs["rows"]["bytes"], 2_000_005);
        }),
        case("a function that is not there and arguments that do not fit are wrong input", |stage| async move {
            for (source, code) in
                [("def other(): pass", "function"), ("go = 5", "function"), ("def go(x): pass", "args")]
            {
                assert_eq!(refused(&stage, source, code).await.class, ErrorClass::Validation);
            }
            let error = expect_code(
                stage.execute(&stage.assignment("python", json!({"function": "nowhere:go"}))).await,
                "function",
            );
            assert!(error.message.contains("`nowhere`"), "{error:?}");
            assert!(
                refused(&stage, "import not_installed_here", "exception").await.message.contains("not_installed_here")
            );
            refused(&stage, "def go(:", "exception").await;
        }),
        case("a function may end the program itself", |stage| async move {
            done(function(&stage, "import sys\ndef go(): sys.exit(0)", json!({}), &[]).await.1);
            assert_eq!(refused(&stage, "import sys\ndef go(): sys.exit(4)", "exit").await.message, "exited with 4");
            refused(&stage, "import os\ndef go(): os._exit(97)", "exit").await;
            refused(&stage, "import os, signal\ndef go(): os.kill(os.getpid(), signal.SIGSEGV)", "signal").await;
        }),
        case("python out of memory says so", |stage| async move {
            refused(&stage, "def go(): return {'a': len(bytearray(1 << 31))}", "memory").await;
        }),
        case("a declared output that is missing or of another type is an error", |stage| async move {
            refused(&stage, "def go(): return {}", "output_missing").await;
            refused(&stage, "def go(): return {'rows': 'text'}", "output_type").await;
        }),
        case("an output under the name of a fixed one is refused", |stage| async move {
            expect_code(
                function(&stage, "def go(): return {'stdout': 'forged'}", json!({}), &[]).await.1,
                "output_reserved",
            );
        }),
        case("threads and children of a function end with it", |stage| async move {
            let source = "import subprocess, threading, time\ndef go():\n    subprocess.Popen(['setsid', 'sleep', '82'])\n    threading.Thread(target=time.sleep, args=(0.2,)).start()\n    return {'x': 1}";
            assert_eq!(given(&stage, source, json!({})).await["x"], 1);
        }),
    ]
}
