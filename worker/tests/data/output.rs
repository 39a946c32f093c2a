//! `output.write`.

use candor_worker::action::csv::CsvRead;
use candor_worker::action::output::OutputWrite;
use serde_json::{Value, json};

use crate::stage::Stage;

async fn table(stage: &Stage, text: &str, schema: Value) -> Value {
    let path = stage.file("data.csv", text).await;
    stage.done(CsvRead, json!({"path": path, "schema": schema})).await["rows"].clone()
}

fn schema() -> Value {
    json!({"fields": [{"name": "n", "type": "number"}, {"name": "s"}, {"name": "b", "type": "boolean"}]})
}

#[tokio::test]
async fn rows_are_written_in_every_format() {
    let stage = Stage::new();
    let rows = table(&stage, "n,s,b\n-1.50,=1+1,true\n,\"x|\"\"y\nz\",\n", schema()).await;
    let with = json!({"rows": rows, "path": "results/clean", "formats": ["md", "csv", "json", "jsonl", "csv"]});
    let outputs = stage.done(OutputWrite, with).await;
    assert_eq!(outputs["rows"], 2);
    let files = outputs["files"].as_array().unwrap();
    let names: Vec<_> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["results/clean.csv", "results/clean.json", "results/clean.jsonl", "results/clean.md"]);
    assert_eq!(files[0]["media_type"], "text/csv");
    let texts: Vec<_> = files.iter().map(|file| stage.text(file)).collect();
    assert_eq!(texts[0], "n,s,b\r\n-1.5,\"'=1+1\",true\r\n,\"x|\"\"y\nz\",\r\n");
    let objects = json!([{"n": -1.5, "s": "=1+1", "b": true}, {"n": null, "s": "x|\"y\nz", "b": null}]);
    assert_eq!(serde_json::from_str::<Value>(&texts[1]).unwrap(), objects);
    assert!(texts[1].starts_with("[\n{\"n\":-1.5,\"s\":\"=1+1\",\"b\":true},\n{"), "the order of the columns is kept");
    let lines: Vec<Value> = texts[2].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), objects);
    assert_eq!(texts[3], "| n | s | b |\n| ---: | --- | --- |\n| -1.5 | =1+1 | true |\n|  | x\\|\"y<br>z |  |\n");
}

#[tokio::test]
async fn a_list_of_tables_is_one_file_and_no_rows_are_a_file_too() {
    let stage = Stage::new();
    let one = table(&stage, "n,s,b\n1,x,true\n", schema()).await;
    let none = table(&stage, "n,s,b\n", schema()).await;
    let outputs = stage.done(OutputWrite, json!({"rows": [one, none, one]})).await;
    assert_eq!(stage.text(&outputs["files"][0]), "n,s,b\r\n1.0,x,true\r\n1.0,x,true\r\n");
    assert_eq!((&outputs["files"][0]["name"], &outputs["rows"]), (&json!("rows.csv"), &json!(2)));
    let outputs = stage.done(OutputWrite, json!({"rows": none, "path": "e.json", "formats": ["csv", "json"]})).await;
    let texts: Vec<_> = outputs["files"].as_array().unwrap().iter().map(|file| stage.text(file)).collect();
    assert_eq!(texts, ["n,s,b\r\n", "[]\n"]);
    assert_eq!(outputs["files"][1]["name"], "e.json");
    let outputs = stage.done(OutputWrite, json!({"rows": [], "formats": ["csv", "json"]})).await;
    assert_eq!(stage.text(&outputs["files"][0]), "");
}

#[tokio::test]
async fn a_value_is_written_as_it_is_and_a_list_of_maps_as_rows() {
    let stage = Stage::new();
    let value = json!([{"b": 1, "a": [1, 2]}, {"c": "x"}]);
    let with = json!({"value": value, "path": "v", "formats": ["json", "csv", "md", "jsonl"]});
    let outputs = stage.done(OutputWrite, with).await;
    let texts: Vec<_> = outputs["files"].as_array().unwrap().iter().map(|file| stage.text(file)).collect();
    assert_eq!(texts[0], "a,b,c\r\n\"[1,2]\",1,\r\n,,x\r\n");
    assert_eq!(serde_json::from_str::<Value>(&texts[1]).unwrap(), value);
    assert_eq!(texts[3], "| a | b | c |\n| --- | --- | --- |\n| \\[1,2\\] | 1 |  |\n|  |  | x |\n");
    assert_eq!(outputs["rows"], 2);
    let outputs = stage.done(OutputWrite, json!({"value": "# Title\n", "formats": ["md"]})).await;
    assert_eq!(stage.text(&outputs["files"][0]), "# Title\n");
    let outputs = stage.done(OutputWrite, json!({"value": {"x": 1}})).await;
    assert_eq!(stage.text(&outputs["files"][0]), "{\n  \"x\": 1\n}\n");
}

#[tokio::test]
async fn what_cannot_be_written_says_why() {
    let stage = Stage::new();
    let rows = table(&stage, "n,s,b\n", schema()).await;
    for (with, code, said) in [
        (json!({"rows": rows, "formats": ["parquet"]}), "unsupported", "`parquet` is not in this build"),
        (json!({"rows": rows, "formats": ["xml"]}), "unsupported", "not in this build"),
        (json!({"rows": rows, "compress": "zstd"}), "unsupported", "`compress`"),
        (json!({"rows": rows, "encrypt": {}}), "unsupported", "`encrypt`"),
        (json!({"rows": rows, "formats": ["docx"]}), "with", "no format `docx`"),
        (json!({"rows": rows, "formats": []}), "with", "empty"),
        (json!({"rows": rows, "value": 1}), "with", "either `rows` or `value`"),
        (json!({}), "with", "either `rows` or `value`"),
        (json!({"value": 5, "formats": ["csv"]}), "with", "no list of maps"),
        (json!({"rows": rows, "path": "../x"}), "path", "leaves its folder"),
        (json!({"rows": rows, "path": "/tmp/x"}), "with", "relative"),
    ] {
        let error = stage.fails(OutputWrite, with.clone()).await;
        assert_eq!(error.code, code, "{with}");
        assert!(error.message.contains(said), "{with}: {}", error.message);
    }
}
