//! `csv.metrics`, against numbers that Python's `statistics` computed.

use candor_worker::action::csv::{CsvAnomalies, CsvMetrics, CsvRead};
use serde_json::{Value, json};

use crate::stage::Stage;

async fn numbers(stage: &Stage, values: &[f64]) -> Value {
    let text: String = values.iter().map(|value| format!("{value:?}\n")).collect();
    let path = stage.file("data.csv", format!("x\n{text}")).await;
    let schema = json!({"fields": [{"name": "x", "type": "number"}]});
    stage.done(CsvRead, json!({"path": path, "schema": schema})).await["rows"].clone()
}

async fn measured(values: &[f64]) -> Value {
    let stage = Stage::new();
    let rows = numbers(&stage, values).await;
    stage.done(CsvMetrics, json!({"rows": rows})).await["columns"]["x"].clone()
}

fn close(found: &Value, wanted: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - wanted).abs() <= 1e-12 * wanted.abs(), "{found:?} is not {wanted:?}");
}

#[tokio::test]
async fn mean_and_deviation_are_those_of_python() {
    // fmean, stdev and quantiles(method="inclusive") of Python 3.
    let measured = measured(&[2.5, -1.0, 4.0, 4.0, 10.5, 7.25, 0.125]).await;
    assert_eq!(measured["mean"], json!(3.9107142857142856));
    close(&measured["stddev"], 3.979_579_572_194_602);
    assert_eq!(measured["quantiles"]["p25"], json!(1.3125));
    assert_eq!(measured["quantiles"]["p50"], json!(4.0));
    assert_eq!(measured["quantiles"]["p75"], json!(5.625));
    assert_eq!((&measured["min"], &measured["max"], &measured["sum"]), (&json!(-1.0), &json!(10.5), &json!(27.375)));
    assert_eq!((&measured["count"], &measured["nulls"]), (&json!(7), &json!(0)));
}

#[tokio::test]
async fn numbers_that_naive_sums_get_wrong_are_right() {
    assert_eq!(measured(&[0.1; 10]).await["mean"], json!(0.1));
    assert_eq!(measured(&[0.1; 10]).await["stddev"], json!(0.0));
    let shifted = measured(&[1e15 + 1.0, 1e15 + 2.0, 1e15 + 3.0, 1e15 + 6.0]).await;
    close(&shifted["stddev"], 2.160_246_899_469_287);
    let huge = measured(&[1e308, 1e308, -1e308, 5e307]).await;
    close(&huge["mean"], 3.75e307);
    close(&huge["stddev"], 9.464_847_243_000_456e307);
    let tiny = measured(&[1e-310, 3e-310]).await;
    assert!((tiny["mean"].as_f64().unwrap() - 2e-310).abs() < 1e-320);
    assert_eq!(measured(&[1e308, 1e308]).await["sum"], Value::Null);
    assert_eq!(measured(&[7.0]).await["stddev"], Value::Null);
    assert_eq!(measured(&[]).await["mean"], Value::Null);
}

#[tokio::test]
async fn ten_thousand_numbers_agree_with_the_python_that_is_installed() {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let values: Vec<f64> = (0..10_000).map(|_| 50.0 + 5.0 * (0..12).map(|_| next()).sum::<f64>() * next()).collect();
    let stage = Stage::new();
    let file = stage.machine_file("numbers.txt", values.iter().map(|value| format!("{value:?}\n")).collect::<String>());
    let script = "import statistics as s, sys\nx = [float(l) for l in open(sys.argv[1])]\n\
                  print(repr(s.fmean(x)), repr(s.stdev(x)), *map(repr, s.quantiles(x, n=20, method='inclusive')))";
    let python = std::process::Command::new("python3").args(["-c", script, file.as_str().unwrap()]).output();
    let Some(output) = python.ok().filter(|output| output.status.success()) else {
        return eprintln!("python3 is not here: not compared");
    };
    let wanted: Vec<f64> =
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(|text| text.parse().unwrap()).collect();
    let rows = numbers(&stage, &values).await;
    let found = stage.done(CsvMetrics, json!({"rows": rows})).await["columns"]["x"].clone();
    assert_eq!(found["mean"], json!(wanted[0]));
    close(&found["stddev"], wanted[1]);
    for (name, index) in [("p05", 0), ("p25", 4), ("p50", 9), ("p75", 14), ("p95", 18)] {
        close(&found["quantiles"][name], wanted[2 + index]);
    }
}

#[tokio::test]
async fn every_kind_of_column_has_its_measures() {
    let stage = Stage::new();
    let schema = json!({"fields": [
        {"name": "n", "type": "integer"}, {"name": "s"}, {"name": "b", "type": "boolean"}, {"name": "d", "type": "date"},
    ]});
    let text = "n,s,b,d\n3,éa,true,2024-01-02\n-4,,false,2023-05-06\n,b,true,\n9,b,,2025-01-01\n";
    let path = stage.file("data.csv", text).await;
    let rows = stage.done(CsvRead, json!({"path": path, "schema": schema})).await["rows"].clone();
    let with = json!({"rows": rows, "columns": ["n", "s", "b", "d"]});
    let columns = stage.done(CsvMetrics, with).await["columns"].clone();
    let n = &columns["n"];
    assert_eq!(
        [&n["min"], &n["max"], &n["sum"], &n["count"], &n["nulls"]],
        [&json!(-4), &json!(9), &json!(8), &json!(3), &json!(1)]
    );
    assert_eq!(columns["s"], json!({"count": 3, "nulls": 1, "distinct": 2, "min_length": 1, "max_length": 2}));
    assert_eq!(columns["b"], json!({"count": 3, "nulls": 1, "distinct": 2, "true": 2, "false": 1}));
    assert_eq!(columns["d"], json!({"count": 3, "nulls": 1, "distinct": 3, "min": "2023-05-06", "max": "2025-01-01"}));
    let all = stage.done(CsvMetrics, json!({"rows": rows})).await["columns"].clone();
    assert_eq!(all.as_object().unwrap().keys().collect::<Vec<_>>(), ["n"]);
}

#[tokio::test]
async fn large_whole_numbers_stay_what_they_are() {
    let stage = Stage::new();
    let schema = json!({"fields": [{"name": "n", "type": "integer"}]});
    let text = "n\n9007199254740993\n-9007199254740995\n9223372036854775807\n";
    let path = stage.file("data.csv", text).await;
    let rows = stage.done(CsvRead, json!({"path": path, "schema": schema})).await["rows"].clone();
    let n = stage.done(CsvMetrics, json!({"rows": rows})).await["columns"]["n"].clone();
    assert_eq!(
        [&n["min"], &n["max"], &n["sum"]],
        [&json!(-9_007_199_254_740_995_i64), &json!(i64::MAX), &json!(9_223_372_036_854_775_805_i64)]
    );
    let outputs = stage.done(CsvAnomalies, json!({"rows": rows, "threshold": 0.1})).await;
    let values: Vec<Value> = stage.rows(&outputs["rows"]).iter().map(|row| row[2].clone()).collect();
    assert!(values.contains(&json!(i64::MAX)), "{values:?}");
    let path = stage.file("none.csv", "n\n").await;
    let none = stage.done(CsvRead, json!({"path": path, "schema": schema})).await["rows"].clone();
    let n = stage.done(CsvMetrics, json!({"rows": none})).await["columns"]["n"].clone();
    assert_eq!([&n["min"], &n["sum"]], [&Value::Null, &json!(0)]);
}

#[tokio::test]
async fn columns_that_are_not_there_or_not_numbers_are_named() {
    let stage = Stage::new();
    let path = stage.file("data.csv", "a\n1\n").await;
    let rows = stage.done(CsvRead, json!({"path": path})).await["rows"].clone();
    let error = stage.fails(CsvMetrics, json!({"rows": rows})).await;
    assert_eq!(error.message, "the table has no column of numbers");
    let error = stage.fails(CsvMetrics, json!({"rows": rows, "columns": ["b"]})).await;
    assert_eq!(error.message, "`columns`: there is no column `b`");
    assert_eq!(error.advice.as_deref(), Some("the columns are a (string)"));
}
