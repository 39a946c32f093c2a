//! Memory does not grow with the file: the peak of this process before and after work on a file many times as large.
//!
//! A test of its own, because the peak is that of the whole process.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

#[path = "data/stage.rs"]
#[expect(dead_code, reason = "the stage is that of the other tests, and not all of it is needed here")]
mod stage;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};

use candor_worker::action::csv::{CsvRead, CsvValidate};
use candor_worker::action::file::FileCopy;
use candor_worker::action::output::OutputWrite;
use serde_json::{Value, json};
use stage::Stage;

/// Rows of the file.
const ROWS: usize = 20_000;

/// How much the peak may grow, in KiB: a third of the file, where all of it would take more than its size.
const GROWTH_KIB_MAX: u64 = 20 * 1024;

/// The largest resident set so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn generate(path: &std::path::Path) -> u64 {
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(b"number,kind,text\r\n").unwrap();
    let mut line = String::new();
    for number in 0..ROWS {
        line.clear();
        let bad = if number % 1000 == 999 { "x" } else { "" };
        let kind = number % 7;
        write!(
            line,
            "{number}.5{bad},k{kind},\"{}, \"\"quoted\"\"\nsecond line {number}\"\r\n",
            "some text ".repeat(290)
        )
        .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    file.into_inner().unwrap().metadata().unwrap().len()
}

#[tokio::test]
async fn memory_does_not_grow_with_the_file() {
    let stage = Stage::new();
    let path = stage.path("large.csv");
    let bytes = generate(&path);
    assert!(bytes > 55_000_000, "{bytes}");
    // One small round first, so that what every process needs once is there already.
    let schema = json!({"fields": [{"name": "number", "type": "number"}, {"name": "kind"}, {"name": "text"}]});
    let small = stage.file("small.csv", "number,kind,text\n1,k,x\n").await;
    round(&stage, small, &schema).await;
    let before = peak();
    let outputs = round(&stage, path.to_str().unwrap().into(), &schema).await;
    let grown = peak() - before;
    assert_eq!(outputs, json!([ROWS, ROWS / 1000, 7, ROWS - ROWS / 1000]));
    assert!(grown < GROWTH_KIB_MAX, "the peak grew by {grown} KiB for a file of {} KiB", bytes / 1024);
}

async fn round(stage: &Stage, path: Value, schema: &Value) -> Value {
    let copy = stage.done(FileCopy, json!({"from": path, "to": "raw.csv"})).await;
    let with = json!({"path": copy["file"], "schema": schema, "on_bad_row": "collect", "distinct": {"kinds": "kind"}});
    let read = stage.done(CsvRead, with).await;
    let rules = json!([{"id": "positive", "assert": "row.number > 0.0"}]);
    let valid = stage.done(CsvValidate, json!({"rows": read["rows"], "rules": rules})).await;
    let with = json!({"rows": valid["rows"], "formats": ["csv"]});
    let written = stage.done(OutputWrite, with).await;
    json!([read["rows_in"], read["rows_rejected"], read["kinds"].as_array().unwrap().len(), written["rows"]])
}
