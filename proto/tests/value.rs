//! Ids, days, durations, files and tables.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use candor_proto::id::{AttemptId, DirectiveId, JobId, MessageId, OwnerId, QuestionId};
use candor_proto::time::{date, rfc3339};
use candor_proto::value::{TABLE_MEDIA_TYPE, is_date, is_duration, json_bytes};
use candor_proto::{Column, Error, FileValue, Sha256, TableValue, ValueType};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

fn round_trip<T>(id: T, prefix: &str, uuid: Uuid)
where
    T: Copy + Debug + Display + FromStr<Err = Error> + PartialEq + Serialize + DeserializeOwned,
{
    let text = format!("{prefix}_{uuid}");
    assert_eq!(id.to_string(), text);
    assert_eq!(format!("{id:?}"), text);
    assert_eq!(text.parse::<T>(), Ok(id));
    assert_eq!(uuid.to_string().parse::<T>(), Ok(id), "the prefix may be missing");
    assert_eq!(serde_json::to_value(id).ok(), Some(json!(text)));
    assert_eq!(serde_json::from_value::<T>(json!(text)).ok(), Some(id));
    let foreign = format!("xyz_{uuid}");
    assert!(matches!(foreign.parse::<T>(), Err(Error::Id { found, .. }) if found == foreign));
}

proptest! {
    #[test]
    fn ids_say_what_they_are_and_are_read_as_they_were_written(bytes in any::<[u8; 16]>()) {
        let uuid = Uuid::from_bytes(bytes);
        round_trip(JobId::from_uuid(uuid), "job", uuid);
        round_trip(AttemptId::from_uuid(uuid), "try", uuid);
        round_trip(OwnerId::from_uuid(uuid), "own", uuid);
        round_trip(QuestionId::from_uuid(uuid), "ask", uuid);
        round_trip(DirectiveId::from_uuid(uuid), "dir", uuid);
        round_trip(MessageId::from_uuid(uuid), "msg", uuid);
        let job = JobId::from_uuid(uuid);
        prop_assert!(job.to_string().ends_with(&job.short()) && job.short().len() == 6);
    }

    #[test]
    fn the_partition_is_the_last_eight_bytes_modulo_their_number(bytes in any::<[u8; 16]>(), partitions in 1..10_000_u32) {
        let mut last = [0; 8];
        last.copy_from_slice(&bytes[8..]);
        let partition = JobId::from_uuid(Uuid::from_bytes(bytes)).partition(partitions);
        prop_assert_eq!(u64::from(partition), u64::from_be_bytes(last) % u64::from(partitions));
    }

    #[test]
    fn tenant_and_key_are_never_mistaken_for_each_other(one in ".{0,6}", other in ".{0,6}", key in ".{0,6}") {
        let same = one == other;
        prop_assert_eq!(JobId::from_key(&one, &key) == JobId::from_key(&other, &key), same);
        prop_assert_eq!(JobId::from_key(&key, &one) == JobId::from_key(&key, &other), same);
        let shifted = JobId::from_key(&format!("{one}\n{key}"), &other);
        let longer_key = format!("{key}\n{other}");
        prop_assert!(shifted != JobId::from_key(&one, &longer_key));
    }

    #[test]
    fn every_day_of_the_calendar_is_a_date_and_no_other(year in 0..=9999_u32, month in 0..=13_u32, day in 0..=32_u32) {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let length = month.checked_sub(1).and_then(|month| lengths.get(month as usize)).copied().unwrap_or(0);
        prop_assert_eq!(is_date(&format!("{year:04}-{month:02}-{day:02}")), (1..=length).contains(&day));
    }

    #[test]
    fn any_text_may_be_asked_whether_it_is_a_date_or_a_duration(text in any::<String>(), short in "[0-9é.s+-]{0,12}") {
        for text in [text, short] {
            if is_date(&text) {
                prop_assert!(text.is_ascii() && text.len() == 10);
            }
            if is_duration(&text) {
                let seconds = text.trim_end_matches('s').parse::<f64>();
                prop_assert!(seconds.is_ok_and(|seconds| seconds >= 0.0));
            }
        }
    }

    #[test]
    fn whole_seconds_and_fractions_are_durations(whole in any::<u64>(), fraction in "[0-9]{1,9}") {
        let (plain, exact) = (format!("{whole}s"), format!("{whole}.{fraction}s"));
        prop_assert!(is_duration(&plain) && is_duration(&exact));
    }
}

proptest! {
    #[test]
    fn every_time_has_a_date_and_the_next_day_another(at in 0..253_402_300_800_000_u64) {
        let (day, text) = (date(at), rfc3339(at));
        prop_assert!(is_date(&day) && text.len() == 24 && text.ends_with('Z'), "{}", text);
        prop_assert!(text.starts_with(&day));
        let midnight = at - at % 86_400_000;
        prop_assert_eq!(date(midnight), day.clone());
        prop_assert_eq!(date(midnight + 86_399_999), day.clone());
        prop_assert!(at >= 253_402_214_400_000 || date(at + 86_400_000) > day);
        prop_assert!(at == 0 || rfc3339(at - 1) < text, "times are in the order of their texts");
    }

    #[test]
    fn any_number_of_milliseconds_may_be_written(at in any::<u64>()) {
        prop_assert!(rfc3339(at).ends_with('Z'));
    }
}

#[test]
fn a_key_always_means_the_same_job() {
    let job = JobId::from_key("north", "order-7");
    assert_eq!(job.to_string(), "job_1e0945ae-4300-84ae-8cb7-0f5d1aa31475");
    assert_eq!(job.uuid().get_version_num(), 8);
    assert_eq!(job, JobId::from_key("north", "order-7"));
    assert_ne!(job, JobId::from_key("", "order-7"));
}

#[test]
fn known_jobs_lie_in_known_partitions() {
    for (uuid, partitions, partition) in [
        ("01900000-0000-7000-8000-000000000001", 16, 1),
        ("01900000-0000-7000-8000-00000000001f", 16, 15),
        ("01900000-0000-7000-ffff-ffffffffffff", 16, 15),
        ("01900000-0000-7000-ffff-ffffffffffff", 10, 5),
        ("ffffffff-ffff-ffff-0000-000000000000", 16, 0),
        ("01900000-0000-7000-8000-000000000001", 1, 0),
        ("01900000-0000-7000-8000-000000000001", 0, 0),
    ] {
        let job = JobId::from_uuid(uuid.parse().expect("a sample is a UUID"));
        assert_eq!(job.partition(partitions), partition, "{uuid} of {partitions}");
    }
}

#[test]
fn what_is_no_id_is_refused_with_its_beginning() {
    for text in
        ["", "job_", "job_7", "JOB_01900000-0000-7000-8000-000000000001", "try_01900000-0000-7000-8000-000000000001"]
    {
        assert_eq!(text.parse::<JobId>(), Err(Error::Id { expected: "job_<uuid>", found: text.to_owned() }));
    }
    let endless = "ö".repeat(500);
    assert_eq!(endless.parse::<JobId>(), Err(Error::Id { expected: "job_<uuid>", found: "ö".repeat(80) }));
}

#[test]
fn dates_that_only_look_like_dates_are_none() {
    for text in ["2026-02-28", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
        assert!(is_date(text), "{text}");
    }
    for text in
        ["2026-02-29", "1900-02-29", "2026-2-28", "2026-02-28 ", "+026-02-28", "2026-+2-28", "2026/02/28", "20é-02-280"]
    {
        assert!(!is_date(text), "{text}");
    }
}

#[test]
fn durations_that_only_look_like_durations_are_none() {
    for text in ["0s", "1800s", "0.25s", "007s"] {
        assert!(is_duration(text), "{text}");
    }
    for text in ["", "s", "1800", ".5s", "5.s", "-1s", "+1s", "1e3s", "1.2.3s", "1ss", "1 s", "30m", "٣s"] {
        assert!(!is_duration(text), "{text}");
    }
}

fn file() -> FileValue {
    FileValue { name: "a/b.csv".into(), sha256: Sha256::of(b"x"), bytes: 1, media_type: "text/csv".into() }
}

fn table() -> TableValue {
    TableValue {
        name: "rows".into(),
        sha256: Sha256::of(b"x"),
        bytes: 1,
        media_type: TABLE_MEDIA_TYPE.into(),
        count: 2,
        columns: vec![Column { name: "n".into(), kind: "integer".into() }],
    }
}

#[test]
fn files_and_tables_are_known_by_exactly_their_fields() {
    assert_eq!(FileValue::from_value(&file().to_value()), Some(file()));
    assert_eq!(TableValue::from_value(&table().to_value()), Some(table()));
    assert_eq!(FileValue::from_value(&table().to_value()), Some(table().file()), "a table is a file too");
    assert_eq!(TableValue::from_value(&file().to_value()), None);
    for field in ["name", "sha256", "bytes", "media_type"] {
        let mut without = file().to_value();
        without.as_object_mut().expect("it is an object").remove(field);
        assert_eq!(FileValue::from_value(&without), None, "{field}");
    }
    let mut more = file().to_value();
    more["note"] = json!("mine");
    assert_eq!(FileValue::from_value(&more), None);
    more["more"] = json!("mine");
    assert_eq!(FileValue::from_value(&more), None, "six fields are not yet a table");
    let mut wrong = file().to_value();
    wrong["sha256"] = json!("abc");
    assert_eq!(FileValue::from_value(&wrong), None);
    for value in [json!(null), json!([]), json!({}), json!("text")] {
        assert_eq!((FileValue::from_value(&value), TableValue::from_value(&value)), (None, None));
    }
}

#[test]
fn every_type_admits_its_own_values_only() {
    let samples: [(ValueType, Value); 10] = [
        (ValueType::String, json!("text")),
        (ValueType::Integer, json!(-3)),
        (ValueType::Number, json!(0.5)),
        (ValueType::Boolean, json!(false)),
        (ValueType::Date, json!("2026-01-02")),
        (ValueType::Duration, json!("30s")),
        (ValueType::List, json!([1])),
        (ValueType::Map, json!({"a": 1})),
        (ValueType::File, file().to_value()),
        (ValueType::Table, table().to_value()),
    ];
    let wider = |wide, narrow| match wide {
        ValueType::String => matches!(narrow, ValueType::Date | ValueType::Duration),
        ValueType::Number => narrow == ValueType::Integer,
        ValueType::Map => matches!(narrow, ValueType::File | ValueType::Table),
        ValueType::File => narrow == ValueType::Table,
        ValueType::Integer
        | ValueType::Boolean
        | ValueType::Date
        | ValueType::Duration
        | ValueType::List
        | ValueType::Table => false,
    };
    for (kind, _) in &samples {
        assert_eq!(serde_json::to_value(kind).ok(), Some(json!(kind.word())));
        assert!(!kind.admits(&Value::Null));
        for (of, value) in &samples {
            assert_eq!(kind.admits(value), kind == of || wider(*kind, *of), "{kind:?} and {value}");
        }
    }
    assert_eq!(serde_json::from_value::<ValueType>(json!("path")).ok(), Some(ValueType::File));
}

#[test]
fn the_rough_length_of_a_value_is_near_its_json_form() {
    for value in [json!({"a": [1, 2, 3], "text": "x".repeat(1000)}), json!([]), json!("äöü"), table().to_value()] {
        let (rough, exact) = (json_bytes(&value), value.to_string().len());
        assert!(rough >= exact / 2 && rough <= exact * 2 + 16, "{rough} for {exact}");
    }
}
