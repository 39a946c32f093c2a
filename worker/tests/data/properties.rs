//! What holds for any table and any bytes.

use std::io::Write;

use candor_proto::TableValue;
use candor_worker::action::csv::CsvRead;
use candor_worker::action::output::OutputWrite;
use candor_worker::table::{Writer, column};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::stage::Stage;

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn cell() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a,\"\r\n;|']{0,6}".prop_map(Value::from),
    ]
}

fn table() -> impl Strategy<Value = Vec<Vec<Value>>> {
    (1..5_usize).prop_flat_map(|width| prop::collection::vec(prop::collection::vec(cell(), width), 0..20))
}

/// Text of the shape of CSV, and now and then bytes that are none.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => "[ab1,\"\n\r;]{0,8}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..4),
        1 => prop::sample::select(vec!["\u{feff}", "\"\"", "\r\n", "é", "\0"]).prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

async fn stored(stage: &Stage, rows: &[Vec<Value>], kind: &str) -> TableValue {
    let width = rows.first().map_or(2, Vec::len);
    let columns = (0..width).map(|index| column(&format!("c{index}"), kind)).collect();
    let mut writer = Writer::create(&stage.context.directory, columns).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap().store(stage.context.artifacts.as_ref(), "t.jsonl").await.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_table_that_is_written_reads_back_equal(rows in table()) {
        wait(async {
            let stage = Stage::new();
            let table = stored(&stage, &rows, "any").await;
            assert_eq!(stage.rows(&table.to_value()), rows);
        });
    }

    #[test]
    fn any_table_is_the_same_after_json_lines(rows in table()) {
        wait(async {
            let stage = Stage::new();
            let table = stored(&stage, &rows, "any").await;
            let outputs = stage.done(OutputWrite, json!({"rows": table.to_value(), "formats": ["jsonl", "json"]})).await;
            let read = |map: Map<String, Value>| map.into_values().collect::<Vec<_>>();
            let lines = stage.text(&outputs["files"][1]);
            let found: Vec<_> = lines.lines().map(|line| read(serde_json::from_str(line).unwrap())).collect();
            assert_eq!(found, rows);
            let list: Vec<Map<String, Value>> = serde_json::from_str(&stage.text(&outputs["files"][0])).unwrap();
            assert_eq!(list.into_iter().map(read).collect::<Vec<_>>(), rows);
        });
    }

    #[test]
    fn texts_are_the_same_after_csv_but_for_the_guard(texts in prop::collection::vec("[a-c,\"\r\n;|' é]{1,6}", 1..30)) {
        wait(async {
            let stage = Stage::new();
            let rows: Vec<_> = texts.iter().map(|text| vec![Value::from(text.as_str()), Value::Null]).collect();
            let table = stored(&stage, &rows, "string").await;
            let outputs = stage.done(OutputWrite, json!({"rows": table.to_value()})).await;
            let read = stage.done(CsvRead, json!({"path": outputs["files"][0]})).await;
            let guarded = |text: &String| if text.starts_with('\r') { format!("'{text}") } else { text.clone() };
            let wanted: Vec<_> = texts.iter().map(|text| vec![Value::from(guarded(text)), Value::Null]).collect();
            assert_eq!(stage.rows(&read["rows"]), wanted);
        });
    }

    #[test]
    fn no_bytes_lose_a_row_or_stop_the_reader(bytes in bytes(), delimiter in prop::sample::select(vec![",", ";"])) {
        wait(async {
            let stage = Stage::new();
            let path = stage.file("data.csv", &bytes).await;
            let with = json!({"path": path, "header": ["a", "b"], "delimiter": delimiter, "on_bad_row": "collect"});
            let outputs = stage.done(CsvRead, with).await;
            let count = |name: &str| outputs[name].as_u64().unwrap();
            assert_eq!(count("rows_in"), count("rows_ok") + count("rows_rejected"));
            assert_eq!(count("rows_ok"), stage.rows(&outputs["rows"]).len() as u64);
            assert_eq!(count("rows_rejected"), stage.rows(&outputs["rejected"]).len() as u64);
            // Every line with something on it is in a record, and every record begins on such a line.
            let lines: std::collections::BTreeSet<_> =
                stage.rows(&outputs["rejected"]).iter().map(|row| row[0].as_u64().unwrap()).collect();
            assert_eq!(lines.len() as u64, count("rows_rejected"));
        });
    }

    #[test]
    fn well_formed_csv_reads_as_another_reader_reads_it(
        rows in prop::collection::vec(prop::collection::vec("[a-c,\"\r\n;' é]{1,6}", 3), 0..15)
    ) {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(["x", "y", "z"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        writer.flush().unwrap();
        let bytes = writer.into_inner().unwrap();
        wait(async {
            let stage = Stage::new();
            let path = stage.file("data.csv", &bytes).await;
            let read = stage.done(CsvRead, json!({"path": path})).await;
            assert_eq!(json!(stage.rows(&read["rows"])), json!(rows));
        });
    }
}

#[test]
fn a_table_whose_body_is_damaged_is_not_read() {
    let stage = Stage::new();
    let table = wait(stored(&stage, &[vec![json!(1), json!("x")]], "any"));
    let place = stage.path("artifacts").join(table.sha256.to_string());
    for (body, said) in
        [("[1,\"y\"]\n", "was changed"), ("[1]\n", "1 values for 2 columns"), ("[1,\n", "row 1"), ("", "was changed")]
    {
        std::fs::File::create(&place).unwrap().write_all(body.as_bytes()).unwrap();
        let mut rows = candor_worker::table::Reader::open(&place, &table).unwrap();
        let error = rows.find_map(std::result::Result::err).unwrap();
        assert!(error.message.contains(said), "{body}: {}", error.message);
        assert!(rows.next().is_none());
    }
}
