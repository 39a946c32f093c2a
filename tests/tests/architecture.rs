//! The shape that ARCHITECTURE.md promises, checked: who may know whom, what stays pure, how large a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use candor_tests::tree::{self, File};
use serde_json::Value;

/// Lines of a source file; tests are excepted.
const FILE_LINES_MAX: usize = 400;
/// Lines of a function, so that it fits a screen; tests are excepted.
const FUNCTION_LINES_MAX: usize = 70;

/// Every package, its folder, and the packages of ours that it may depend on.
const CRATES: [(&str, &str, &[&str]); 8] = [
    ("candor-proto", "proto", &[]),
    ("candor-workflow", "workflow", &["candor-proto"]),
    ("candor-platform", "platform", &["candor-proto"]),
    ("candor-planner", "planner", &["candor-proto", "candor-workflow", "candor-platform"]),
    ("candor-worker", "worker", &["candor-proto", "candor-workflow", "candor-platform"]),
    ("candor-assembler", "assembler", &["candor-proto", "candor-workflow", "candor-platform"]),
    (
        "candor",
        "cli",
        &["candor-proto", "candor-workflow", "candor-platform", "candor-planner", "candor-worker", "candor-assembler"],
    ),
    (
        "candor-tests",
        "tests",
        &[
            "candor-proto",
            "candor-workflow",
            "candor-platform",
            "candor-planner",
            "candor-worker",
            "candor-assembler",
            "candor",
        ],
    ),
];

/// Crates that compute and do nothing else.
const PURE: [&str; 2] = ["candor-proto", "candor-workflow"];
/// What a pure crate must not have below it: runtimes, sockets, brokers, stores.
const IMPURE: [&str; 10] =
    ["tokio", "mio", "socket2", "async-io", "smol", "hyper", "lapin", "redis", "deadpool-redis", "redb"];

/// Files outside `platform` that name the runtime, and why.
/// They use its pipes and sockets only; spawning, sleeping, selecting and blocking work go through `platform::runtime`.
const ASYNC_PIPES: [(&str, &str); 2] = [
    ("worker/src/supervisor/capture.rs", "reads what a program prints, from a pipe"),
    ("worker/src/supervisor/launch.rs", "talks to the supervisor process over a socket and a pipe"),
];

/// Modules of the assembler that decide, evaluate and derive.
const CORE: [&str; 9] = ["answer", "checks", "decide", "evaluate", "memo", "notice", "partition", "sharing", "summary"];
/// Words that give away a clock, a wait, a log line or a look at the machine.
const OUTSIDE_WORLD: [&str; 18] = [
    "async",
    ".await",
    "tokio",
    "runtime::",
    "Clock",
    "SystemTime",
    "Instant::",
    "tracing",
    "log::",
    "println!",
    "eprintln!",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "std::thread",
    "random",
    "Uuid::",
];

#[test]
fn the_workspace_has_exactly_these_crates() {
    let metadata = metadata();
    let found: BTreeSet<String> = members(&metadata).into_keys().collect();
    let expected: BTreeSet<String> = CRATES.iter().map(|(name, _, _)| (*name).to_owned()).collect();
    assert_eq!(found, expected);
    for (name, package) in members(&metadata) {
        let (_, folder, _) = CRATES.iter().find(|(known, _, _)| *known == name).expect("it is one of ours");
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        assert!(manifest.ends_with(&format!("/{folder}/Cargo.toml")), "{name} lies in {manifest}");
    }
}

#[test]
fn dependencies_between_crates_run_downward_only() {
    let metadata = metadata();
    for (name, package) in members(&metadata) {
        let (_, _, allowed) = CRATES.iter().find(|(known, _, _)| *known == name).expect("it is one of ours");
        for dependency in package["dependencies"].as_array().expect("a package lists its dependencies") {
            let below = dependency["name"].as_str().unwrap_or_default();
            let ours = CRATES.iter().any(|(known, _, _)| *known == below);
            // A crate may name itself to switch its own test features on.
            if ours && below != name {
                assert!(allowed.contains(&below), "{name} must not depend on {below}");
            }
        }
    }
}

#[test]
fn pure_crates_have_no_runtime_no_socket_and_no_store_below_them() {
    let metadata = metadata();
    for name in PURE {
        let below = everything_below(&metadata, name);
        assert!(below.len() > 5, "the tree of {name} was not read: {below:?}");
        for impure in IMPURE {
            assert!(!below.contains(impure), "{name} has {impure} below it");
        }
    }
}

#[test]
fn only_platform_and_the_supervisor_of_the_worker_name_the_runtime() {
    for file in sources().filter(|file| !file.path.starts_with("platform/")) {
        let excused = ASYNC_PIPES.iter().any(|(path, _)| *path == file.path);
        let code = code(&file.text);
        assert!(excused || !code.contains("tokio"), "{} names tokio: go through platform::runtime", file.path);
        for door in ["tokio::spawn", "tokio::time", "tokio::task", "tokio::select", "tokio::sync", "tokio::runtime"] {
            assert!(!code.contains(door), "{} uses {door}: go through platform::runtime", file.path);
        }
    }
    for (path, reason) in ASYNC_PIPES {
        assert!(tree::text(path).contains("tokio::"), "{path} no longer names tokio ({reason}): take it off the list");
    }
}

#[test]
fn inside_platform_only_the_runtime_module_names_the_runtime() {
    for file in sources().filter(|file| file.path.starts_with("platform/src/")) {
        let door = file.path == "platform/src/runtime.rs";
        assert!(door || !code(&file.text).contains("tokio"), "{} names tokio: use crate::runtime", file.path);
    }
}

#[test]
fn the_core_of_the_assembler_waits_for_nothing_and_looks_at_nothing() {
    let mut seen = 0;
    for file in sources().filter(|file| is_core(&file.path)) {
        seen += 1;
        assert_has_none_of(&file, &OUTSIDE_WORLD);
    }
    assert!(seen > CORE.len(), "the core was not found");
}

#[test]
fn pure_crates_wait_for_nothing_and_look_at_nothing() {
    let pure = |path: &str| path.starts_with("proto/src/") || path.starts_with("workflow/src/");
    for file in sources().filter(|file| pure(&file.path)) {
        assert_has_none_of(&file, &["async fn", ".await", "SystemTime", "Instant::", "tracing", "std::fs", "std::net"]);
    }
}

#[test]
fn no_source_file_is_too_long() {
    let long: Vec<String> = sources()
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "split these by subject: {long:#?}");
}

#[test]
fn every_function_fits_a_screen() {
    let long: Vec<String> = sources().flat_map(|file| long_functions(&file)).collect();
    assert!(long.is_empty(), "take these apart: {long:#?}");
}

#[test]
fn every_source_file_says_what_it_owns() {
    for file in sources() {
        assert!(file.text.starts_with("//! "), "{} begins with no module documentation", file.path);
    }
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    for file in tree::files(".rs") {
        let name = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
        for drawer in ["util", "utils", "common", "helper", "helpers", "manager", "misc", "mod"] {
            assert_ne!(name, drawer, "{}: name it by its subject", file.path);
        }
    }
}

#[test]
fn nothing_is_marked_as_unfinished() {
    // Put together here, so that this file does not hold them itself.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["HA", "CK"], ["to", "do!"], ["unimple", "mented!"]];
    for ending in [".rs", ".md", ".toml", ".py", ".yaml", "/run"] {
        for file in tree::files(ending.trim_start_matches('/')) {
            for mark in marks.map(|parts| parts.concat()) {
                let words = file.text.split(|character: char| !character.is_alphanumeric() && character != '!');
                assert!(words.into_iter().all(|word| word != mark), "{} has the mark {mark}", file.path);
            }
        }
    }
}

fn assert_has_none_of(file: &File, words: &[&str]) {
    let code = code(&file.text);
    for word in words {
        let found = code.lines().position(|line| names(line, word));
        assert!(found.is_none(), "{}:{} has `{word}`", file.path, found.unwrap_or_default() + 1);
    }
}

/// Whether a line has a word that is not the middle of a longer one.
fn names(line: &str, word: &str) -> bool {
    let part = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(part) && word.starts_with(part);
        let after = line[at + word.len()..].chars().next().is_some_and(part) && word.ends_with(part);
        !before && !after
    })
}

/// The code of a file without its comments, line for line.
fn code(text: &str) -> String {
    let mut code = String::new();
    let tests = text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    for line in text[..tests].lines() {
        let comment = line.match_indices("//").map(|(at, _)| at).find(|at| !line[..*at].ends_with(':'));
        code.push_str(&line[..comment.unwrap_or(line.len())]);
        code.push('\n');
    }
    code
}

/// Functions over the limit, found by the indentation that the formatter gives them.
fn long_functions(file: &File) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut long = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let declares = line.trim_start().split("fn ").next().is_some_and(|before| {
            line.contains("fn ")
                && before
                    .split_whitespace()
                    .all(|word| word.starts_with("pub") || "const async unsafe in".contains(word))
        });
        // A declaration without a body ends in a semicolon before any line that closes at its depth.
        let close = format!("{indent}}}");
        let Some(end) = lines[start..].iter().position(|line| {
            *line == close
                || (line.starts_with(indent) && line.ends_with(';') && !line[indent.len()..].starts_with(' '))
        }) else {
            continue;
        };
        if declares && end + 1 > FUNCTION_LINES_MAX {
            long.push(format!("{}:{}: {} lines", file.path, start + 1, end + 1));
        }
    }
    long
}

fn is_core(path: &str) -> bool {
    let Some(inside) = path.strip_prefix("assembler/src/") else { return false };
    CORE.iter().any(|module| inside == format!("{module}.rs") || inside.starts_with(&format!("{module}/")))
}

/// The sources of all crates, without their tests: neither files of tests nor the module of tests at a file's end.
fn sources() -> impl Iterator<Item = File> {
    let written = tree::files(".rs").into_iter().filter(|file| {
        let is_test = file.path.contains("/tests/") || file.path.contains("/examples/");
        let unit_test = file.path.ends_with("tests.rs");
        file.path.contains("/src/") && !is_test && !unit_test && !file.path.starts_with("tests/")
    });
    written.map(|file| {
        let end = file.text.find("\n#[cfg(test)]\nmod tests {").unwrap_or(file.text.len());
        File { text: file.text[..end].to_owned(), path: file.path }
    })
}

/// What Cargo knows of the workspace, for this machine's platform only: nothing else was downloaded.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let version = Command::new(&cargo).arg("-vV").output().expect("cargo can be started");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo knows its host");
    let output = Command::new(&cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host])
        .current_dir(candor_tests::project())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn members(metadata: &Value) -> BTreeMap<String, Value> {
    let ids: BTreeSet<&str> = list(&metadata["workspace_members"]).iter().filter_map(Value::as_str).collect();
    let ours = list(&metadata["packages"]).iter().filter(|package| ids.contains(text(&package["id"])));
    ours.map(|package| (text(&package["name"]).to_owned(), package.clone())).collect()
}

/// The names of everything that a package needs when it runs or is built, tests excepted.
fn everything_below(metadata: &Value, name: &str) -> BTreeSet<String> {
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), node)).collect();
    let names: BTreeMap<&str, &str> =
        list(&metadata["packages"]).iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let start = names.iter().find(|(_, known)| **known == name).map(|(id, _)| *id).expect("it is in the workspace");
    let (mut open, mut seen) = (vec![start], BTreeSet::from([start]));
    while let Some(id) = open.pop() {
        for dependency in list(&nodes[id]["deps"]) {
            let kinds = list(&dependency["dep_kinds"]);
            let below = text(&dependency["pkg"]);
            if kinds.iter().any(|kind| kind["kind"] != "dev") && seen.insert(below) {
                open.push(below);
            }
        }
    }
    seen.into_iter().map(|id| names[id].to_owned()).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
