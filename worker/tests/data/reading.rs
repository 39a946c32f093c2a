//! `csv.read` on files as they come.

use candor_proto::{Confidence, Outcome};
use candor_worker::action::Action;
use candor_worker::action::csv::CsvRead;
use serde_json::{Map, Value, json};

use crate::stage::Stage;

async fn read(stage: &Stage, bytes: impl AsRef<[u8]>, mut with: Value) -> Map<String, Value> {
    with["path"] = stage.file("data.csv", bytes).await;
    stage.done(CsvRead, with).await
}

async fn rows(bytes: impl AsRef<[u8]>, with: Value) -> Vec<Vec<Value>> {
    let stage = Stage::new();
    let outputs = read(&stage, bytes, with).await;
    stage.rows(&outputs["rows"])
}

/// `line: rule` of every rejected row.
async fn rejected(bytes: impl AsRef<[u8]>, mut with: Value) -> Vec<String> {
    let stage = Stage::new();
    with["on_bad_row"] = "collect".into();
    let outputs = read(&stage, bytes, with).await;
    let counts = [&outputs["rows_ok"], &outputs["rows_rejected"]].map(|count| count.as_u64().unwrap());
    assert_eq!(outputs["rows_in"].as_u64().unwrap(), counts[0] + counts[1]);
    let rejected = stage.rows(&outputs["rejected"]);
    rejected.iter().map(|row| format!("{}: {}", row[0], row[2].as_str().unwrap())).collect()
}

#[tokio::test]
async fn without_a_schema_every_column_is_text_and_empty_is_nothing() {
    let stage = Stage::new();
    let outputs = read(&stage, "a,b\n1,x\n,true\n", json!({})).await;
    assert_eq!(outputs["rows"]["columns"], json!([{"name": "a", "type": "string"}, {"name": "b", "type": "string"}]));
    assert_eq!(json!(stage.rows(&outputs["rows"])), json!([["1", "x"], [null, "true"]]));
    assert_eq!(rows("a\n\"\"\nNA\n", json!({"null_values": ["NA"]})).await, [[json!("")], [Value::Null]]);
}

#[tokio::test]
async fn marks_line_ends_and_quotes_are_read_as_they_are_meant() {
    let text = "\u{feff}a,b\r\n1,\"x, \"\"y\"\"\r\nz\"\r\n\r\n2,last";
    assert_eq!(json!(rows(text, json!({})).await), json!([["1", "x, \"y\"\r\nz"], ["2", "last"]]));
    assert_eq!(json!(rows("a;b\r1;2\r", json!({"delimiter": ";"})).await), json!([["1", "2"]]));
    assert_eq!(json!(rows("a\tb\n1\t2", json!({"delimiter": "\t"})).await), json!([["1", "2"]]));
}

#[tokio::test]
async fn encodings_are_decoded_or_refused_by_row() {
    let wide = |text: &str, big: bool| -> Vec<u8> {
        let marked = std::iter::once(0xfeff).chain(text.encode_utf16());
        marked.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    for bytes in [wide("é,b\n1,😀\n", false), wide("é,b\n1,😀\n", true)] {
        assert_eq!(json!(rows(&bytes, json!({})).await), json!([["1", "😀"]]));
        assert_eq!(json!(rows(&bytes, json!({"encoding": "utf-16"})).await), json!([["1", "😀"]]));
    }
    for name in ["latin-1", "latin1", "ISO-8859-1", "windows-1252"] {
        assert_eq!(json!(rows(b"a\nM\xfcller\n", json!({"encoding": name})).await), json!([["Müller"]]));
    }
    assert_eq!(rejected(b"a\nM\xfcller\nok\n", json!({})).await, ["2: encoding"]);
    // Half of a surrogate pair.
    let mut broken = wide("a\nx\n", false);
    broken.extend([0x00, 0xd8, b'\n', 0, b'y', 0]);
    assert_eq!(rejected(&broken, json!({})).await, ["3: encoding"]);
    let stage = Stage::new();
    let path = stage.file("x.csv", "a\n").await;
    let error = stage.fails(CsvRead, json!({"path": path, "encoding": "klingon"})).await;
    assert_eq!((error.code.as_str(), error.message.contains("klingon")), ("with", true));
}

#[tokio::test]
async fn broken_rows_are_set_aside_with_line_reason_and_text() {
    let stage = Stage::new();
    let text = "a,b\n1,2\n3\n4,5,6\n7,\"8\n9,10\n11,\"12\"x\n13,1\x004\n15,16";
    let outputs = read(&stage, text, json!({"on_bad_row": "collect"})).await;
    assert_eq!(json!(stage.rows(&outputs["rows"])), json!([["1", "2"], ["9", "10"], ["15", "16"]]));
    assert_eq!(
        json!(stage.rows(&outputs["rejected"])),
        json!([
            [3, null, "values", "1 values for 2 columns", "3"],
            [4, null, "values", "3 values for 2 columns", "4,5,6"],
            [5, null, "quote", "text follows a closing quote", "7,\"8"],
            [7, null, "quote", "text follows a closing quote", "11,\"12\"x"],
            [8, null, "nul", "it has a NUL character, which no text has", "13,1\u{0}4"],
        ])
    );
    assert_eq!(
        (&outputs["rows_in"], &outputs["rows_ok"], &outputs["rows_rejected"]),
        (&8.into(), &3.into(), &5.into())
    );
    assert_eq!(rejected("a\nx\n\"open\ny\nz", json!({})).await, ["3: quote"]);
}

#[tokio::test]
async fn a_quote_that_never_closes_costs_one_row_however_long_the_file() {
    let lines: String = (0..300_000).map(|number| format!("{number},plain text\n")).collect();
    let stage = Stage::new();
    let text = format!("a,b\n0,\"open\n{lines}");
    let outputs = read(&stage, text, json!({"on_bad_row": "collect"})).await;
    assert_eq!((&outputs["rows_ok"], &outputs["rows_rejected"]), (&300_000.into(), &1.into()));
}

#[tokio::test]
async fn the_header_says_what_the_columns_are() {
    assert_eq!(json!(rows("1,2\n3,4", json!({"header": ["x", "y"]})).await), json!([["1", "2"], ["3", "4"]]));
    let stage = Stage::new();
    let outputs = read(&stage, "1,2\n", json!({"header": false})).await;
    assert_eq!(outputs["rows"]["columns"][1]["name"], "column_2");
    for (text, with, said) in [
        ("a,a\n1,2\n", json!({}), "columns 1 and 2 have the same name `a`"),
        ("a,,c\n1,2,3\n", json!({}), "column 2 has no name"),
        ("", json!({}), "empty"),
        ("\u{feff}\r\n\r\n", json!({}), "empty"),
        ("a,\"b\n1,2\n", json!({}), "header has a quote"),
        ("1,2\n", json!({"header": ["x", "x"]}), "same name"),
        (
            "x,b\n",
            json!({"schema": {"fields": [{"name": "a"}, {"name": "b"}]}}),
            "column `x` is not in the schema; column `a` of the schema is missing",
        ),
        ("a\n", json!({"distinct": {"l": "zz"}}), "no column `zz`"),
        ("a\n", json!({"distinct": {"rows": "a"}}), "output `rows` already"),
        ("a\n", json!({"delimiter": "ab"}), "one ASCII character"),
        ("a\n", json!({"delimiter": "\""}), "one ASCII character"),
        ("a\n", json!({"delimeter": ","}), "unknown field `delimeter`"),
    ] {
        let stage = Stage::new();
        let mut with = with;
        with["path"] = stage.file("data.csv", text).await;
        let error = stage.fails(CsvRead, with).await;
        assert!(error.message.contains(said), "{text:?}: {}", error.message);
        assert_eq!(error.class, candor_proto::ErrorClass::Validation);
    }
}

#[tokio::test]
async fn a_header_alone_is_a_table_without_rows() {
    let stage = Stage::new();
    let outputs = read(&stage, "a,b", json!({"distinct": {"as": "a"}})).await;
    assert_eq!((&outputs["rows_in"], &outputs["rows"]["count"], &outputs["as"]), (&0.into(), &0.into(), &json!([])));
    let outputs = read(&stage, "", json!({"header": false, "schema": {"fields": [{"name": "a"}]}})).await;
    assert_eq!(outputs["rows"]["count"], 0);
}

#[tokio::test]
async fn a_bad_row_fails_the_task_unless_rows_are_collected() {
    let stage = Stage::new();
    let path = stage.file("data.csv", "a,b\n1\n2,3\n4\n").await;
    let error = stage.fails(CsvRead, json!({"path": path})).await;
    assert_eq!(error.code, "bad_row");
    assert_eq!(error.message, "2 of 3 rows are bad; the first: line 2: 1 values for 2 columns");
    assert_eq!(error.detail.unwrap().lines().count(), 2);
}

#[tokio::test]
async fn distinct_values_come_once_in_the_order_of_the_file() {
    let stage = Stage::new();
    let schema = json!({"fields": [{"name": "n", "type": "integer"}, {"name": "s"}]});
    let text = "n,s\n3,b\n1,a\n3,a\nbad,zz\n,b\n01,\n";
    let with = json!({"schema": schema, "on_bad_row": "collect", "distinct": {"ns": "n", "ss": "s"}});
    let outputs = read(&stage, text, with).await;
    assert_eq!(outputs["ns"], json!([3, 1, null]));
    assert_eq!(outputs["ss"], json!(["b", "a", null]));
}

#[tokio::test]
async fn columns_are_matched_by_name_and_come_in_the_order_of_the_schema() {
    let schema = json!({"fields": [{"name": "b", "type": "integer"}, {"name": "a"}]});
    assert_eq!(json!(rows("a,b\nx,1\n", json!({"schema": schema})).await), json!([[1, "x"]]));
}

#[tokio::test]
async fn of_equal_unique_values_the_later_row_is_rejected_and_a_bad_row_claims_none() {
    let schema = json!({"fields": [
        {"name": "id", "type": "integer", "constraints": {"unique": true}},
        {"name": "n", "type": "integer"},
    ]});
    let text = "id,n\n1,x\n1,1\n2,2\n01,3\n,4\n,5\n";
    assert_eq!(rejected(text, json!({"schema": schema})).await, ["2: type", "5: unique"]);
    let schema = json!({"fields": [{"name": "a"}, {"name": "b"}], "primaryKey": ["a", "b"]});
    assert_eq!(
        rejected("a,b\nx,y\nx,z\nx,y\n,y\nxy,\n", json!({"schema": schema})).await,
        ["4: unique", "5: required", "6: required"]
    );
}

#[tokio::test]
async fn the_same_bytes_give_the_same_tables() {
    let text = "a,b\n1.10,x\n-0.0,y\n1e3,z\n0.1,\n";
    let schema = json!({"fields": [{"name": "a", "type": "number"}, {"name": "b"}]});
    let with = json!({"schema": schema});
    let (first, second) = (Stage::new(), Stage::new());
    let (one, two) = (read(&first, text, with.clone()).await, read(&second, text, with).await);
    assert_eq!(one, two);
    assert_eq!(first.text(&one["rows"]), "[1.1,\"x\"]\n[-0.0,\"y\"]\n[1000.0,\"z\"]\n[0.1,null]\n");
}

#[tokio::test]
async fn rejected_rows_lower_the_confidence_by_their_share() {
    let stage = Stage::new();
    let path = stage.file("data.csv", "a,b\n1,2\n3\n4,5\n6,7\n").await;
    let outcome = CsvRead.run(&stage.context, json!({"path": path, "on_bad_row": "collect"})).await;
    let Outcome::Done { evidence, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(Confidence::from_evidence(&evidence).score().get(), 0.75);
    let sources: Vec<_> = evidence.iter().map(|piece| piece.source.as_str()).collect();
    assert_eq!(sources, ["rows_conserved", "checksum", "rows_rejected"]);
}

#[tokio::test]
async fn an_attempt_that_must_end_ends() {
    let stage = Stage::new();
    let path = stage.file("data.csv", "a\n1\n").await;
    stage.context.stop.set();
    assert_eq!(CsvRead.run(&stage.context, json!({"path": path})).await, Outcome::Cancelled);
}

#[tokio::test]
async fn a_body_that_was_changed_is_found_out() {
    let stage = Stage::new();
    let path = stage.file("data.csv", "a\n1\n").await;
    let place = stage.path("artifacts").join(path["sha256"].as_str().unwrap());
    std::fs::write(place, "a\n2\n").unwrap();
    let error = stage.fails(CsvRead, json!({"path": path})).await;
    assert_eq!(error.code, "checksum");
}

#[tokio::test]
async fn a_line_of_many_megabytes_is_one_bad_row() {
    let text = format!("a,b\n1,2\n{}\n3,4\n", "x".repeat(9_000_000));
    assert_eq!(rejected(text, json!({})).await, ["3: too_long"]);
}
