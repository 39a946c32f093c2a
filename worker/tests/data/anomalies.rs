//! `csv.anomalies`.

use candor_worker::action::csv::{CsvAnomalies, CsvRead};
use serde_json::{Value, json};

use crate::stage::Stage;

async fn table(stage: &Stage, text: &str) -> Value {
    let path = stage.file("data.csv", text).await;
    let fields = text.lines().next().unwrap().split(',').map(|name| json!({"name": name, "type": "number"}));
    let schema = json!({"fields": fields.collect::<Vec<_>>()});
    stage.done(CsvRead, json!({"path": path, "schema": schema})).await["rows"].clone()
}

fn column(name: &str, values: &[f64]) -> String {
    format!("{name}\n{}", values.iter().map(|value| format!("{value:?}\n")).collect::<String>())
}

#[tokio::test]
async fn planted_outliers_are_found_and_none_is_invented() {
    let stage = Stage::new();
    let mut values: Vec<f64> = (0..5000).map(|number| 50.0 + f64::from(number * 7919 % 1000) / 100.0).collect();
    for (place, value) in [(17, 5000.0), (1234, -900.5), (4999, 71.0)] {
        values[place] = value;
    }
    let rows = table(&stage, &column("x", &values)).await;
    let with = json!({"rows": rows, "columns": ["x"], "method": "robust_z", "threshold": 4.0});
    let outputs = stage.done(CsvAnomalies, with).await;
    assert_eq!((&outputs["count"], &outputs["rows"]["count"]), (&json!(3), &json!(3)));
    let found: Vec<_> = stage.rows(&outputs["rows"]).iter().map(|row| row[0].as_f64().unwrap()).collect();
    assert_eq!(found, [5000.0, -900.5, 71.0]);
}

#[tokio::test]
async fn the_score_is_the_modified_z_score() {
    let stage = Stage::new();
    // Median 3, absolute deviations 2 1 0 1 97, their median 1.
    let rows = table(&stage, &column("x", &[1.0, 2.0, 3.0, 4.0, 100.0])).await;
    let outputs = stage.done(CsvAnomalies, json!({"rows": rows})).await;
    let found = stage.rows(&outputs["rows"]);
    assert_eq!(json!(found[0][..4]), json!([100.0, "x", 100.0, 0.6745 * 97.0]));
    assert_eq!(found[0][4], "65.43 robust z-score by the median absolute deviation, above 3, threshold 3.5");
}

#[tokio::test]
async fn when_most_values_are_equal_the_mean_deviation_takes_over() {
    let stage = Stage::new();
    let rows = table(&stage, &column("x", &[5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 25.0])).await;
    let outputs = stage.done(CsvAnomalies, json!({"rows": rows})).await;
    let found = stage.rows(&outputs["rows"]);
    assert_eq!((found.len(), &found[0][3]), (1, &json!(20.0 / (2.0 * 1.253_314))));
    for (method, values) in [("robust_z", vec![7.0; 9]), ("iqr", vec![7.0; 9]), ("iqr", vec![])] {
        let rows = table(&stage, &column("x", &values)).await;
        assert_eq!(stage.done(CsvAnomalies, json!({"rows": rows, "method": method})).await["count"], 0);
    }
}

#[tokio::test]
async fn fences_lie_one_and_a_half_ranges_beyond_the_quartiles() {
    let stage = Stage::new();
    // Quartiles 2 and 4 (type 7): fences at -1 and 7.
    for (last, count) in [(7.0, 0), (7.01, 1)] {
        let rows = table(&stage, &column("x", &[1.0, 2.0, 3.0, 4.0, last])).await;
        let outputs = stage.done(CsvAnomalies, json!({"rows": rows, "method": "iqr"})).await;
        assert_eq!(outputs["count"], count);
    }
}

#[tokio::test]
async fn names_that_are_taken_get_a_new_one_and_a_row_may_be_there_twice() {
    let stage = Stage::new();
    let rows = table(&stage, "value,score\n1,1\n2,2\n3,3\n,2\n2,\n900,900\n").await;
    let outputs = stage.done(CsvAnomalies, json!({"rows": rows})).await;
    let names: Vec<_> =
        outputs["rows"]["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["value", "score", "column", "anomaly_value", "anomaly_score", "reason"]);
    let found = stage.rows(&outputs["rows"]);
    assert_eq!(found.iter().map(|row| row[2].as_str().unwrap()).collect::<Vec<_>>(), ["value", "score"]);
}

#[tokio::test]
async fn what_this_build_lacks_or_no_number_is_says_so() {
    let stage = Stage::new();
    let rows = table(&stage, "x\n1\n").await;
    for (with, code, said) in [
        (json!({"method": "isolation_forest"}), "unsupported", "not in this build"),
        (json!({"method": "magic"}), "with", "no method `magic`"),
        (json!({"threshold": 0}), "with", "above 0"),
        (json!({"columns": ["y"]}), "columns", "no column `y`"),
    ] {
        let mut with = with;
        with["rows"] = rows.clone();
        let error = stage.fails(CsvAnomalies, with).await;
        assert_eq!(error.code, code);
        assert!(error.message.contains(said), "{}", error.message);
    }
    let path = stage.file("data.csv", "x\nabc\n").await;
    let text = stage.done(CsvRead, json!({"path": path})).await["rows"].clone();
    let error = stage.fails(CsvAnomalies, json!({"rows": text, "columns": ["x"]})).await;
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        ("not_a_number", "column `x` has `abc`, which is no number")
    );
}
