//! A large file with planted faults: each is found, none is invented, and what is left is measured as it was made.

use std::collections::BTreeMap;

use candor_worker::action::csv::{CsvAnomalies, CsvMetrics, CsvRead};
use serde_json::json;

use crate::stage::Stage;

/// Rows of the file.
const ROWS: u64 = 20_000;

/// A small generator of numbers that are the same on every machine (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What a fault makes of the row with this id.
type Spoil = fn(u64) -> String;

/// Faults by the rule that they break.
const FAULTS: [(&str, Spoil); 12] = [
    ("type", |id| format!("{id},A,12x,2024-01-01")),
    ("type", |id| format!("{id},A,1,01.02.2024")),
    ("required", |_| ",A,1,2024-01-01".to_owned()),
    ("enum", |id| format!("{id},Z,1,2024-01-01")),
    ("maximum", |id| format!("{id},A,20000,2024-01-01")),
    ("minimum", |id| format!("{id},A,1,1999-12-31")),
    ("unique", |_| "0,A,1,2024-01-01".to_owned()),
    ("values", |id| format!("{id},A,1")),
    ("values", |id| format!("{id},A,1,2024-01-01,more")),
    ("quote", |id| format!("{id},\"A,1,2024-01-01")),
    ("quote", |id| format!("{id},\"A\"A,1,2024-01-01")),
    ("nul", |id| format!("{id},A,\0,2024-01-01")),
];

#[tokio::test]
async fn planted_faults_are_found_each_and_none_is_invented() {
    let mut dice = Dice(88_172_645_463_325_252);
    let mut text = String::from("\u{feff}id,site,value,day\r\n");
    let mut planted = BTreeMap::new();
    let mut kept = Vec::new();
    let mut line = 2_u64;
    for id in 0..ROWS {
        let fault = dice.below(200);
        if id > 0 && fault < FAULTS.len() as u64 {
            let (rule, row) = FAULTS[usize::try_from(fault).unwrap()];
            planted.insert(line, rule);
            text.push_str(&row(id));
        } else {
            let spike = dice.below(2_000) == 0;
            let thousandths = if spike { 5_000_000 } else { 50_000 + dice.below(10_000) };
            let site = ["A", "\"B\"", "\"C\r\nC\"", "D"][usize::try_from(dice.below(4)).unwrap()];
            line += u64::from(site.contains('\n'));
            kept.push(format!("{}.{:03}", thousandths / 1000, thousandths % 1000).parse::<f64>().unwrap());
            text.push_str(&format!("{id},{site},{}.{:03},2024-01-01", thousandths / 1000, thousandths % 1000));
        }
        text.push_str("\r\n");
        line += 1;
    }
    let schema = json!({"fields": [
        {"name": "id", "type": "integer", "constraints": {"required": true, "unique": true}},
        {"name": "site", "constraints": {"enum": ["A", "B", "C\r\nC", "D"]}},
        {"name": "value", "type": "number", "constraints": {"maximum": 10000}},
        {"name": "day", "type": "date", "constraints": {"minimum": "2000-01-01"}},
    ]});
    let stage = Stage::new();
    let path = stage.file("readings.csv", text).await;
    let with = json!({"path": path, "schema": schema, "on_bad_row": "collect", "distinct": {"sites": "site"}});
    let outputs = stage.done(CsvRead, with).await;
    let rejected = stage.rows(&outputs["rejected"]);
    let found: BTreeMap<_, _> =
        rejected.iter().map(|row| (row[0].as_u64().unwrap(), row[2].as_str().unwrap())).collect();
    assert_eq!(found, planted);
    assert!(planted.len() > 1_000 && FAULTS.iter().all(|(rule, _)| planted.values().any(|found| found == rule)));
    assert_eq!((&outputs["rows_in"], &outputs["rows_ok"]), (&json!(ROWS), &json!(kept.len())));
    assert_eq!(outputs["sites"].as_array().unwrap().len(), 4);
    let values: Vec<f64> = stage.rows(&outputs["rows"]).iter().map(|row| row[2].as_f64().unwrap()).collect();
    assert_eq!(values, kept);
    let columns = stage.done(CsvMetrics, json!({"rows": outputs["rows"], "columns": ["value"]})).await;
    assert_eq!(columns["columns"]["value"]["count"], json!(kept.len()));
    let with = json!({"rows": outputs["rows"], "columns": ["value"], "threshold": 8.0});
    let spikes = kept.iter().filter(|value| **value == 5000.0).count();
    assert_eq!(stage.done(CsvAnomalies, with).await["count"], json!(spikes));
    assert!(spikes > 0);
}
