//! What the codec takes and refuses: later fields, other versions, other types, too much, and noise.

#![expect(clippy::expect_used, reason = "a test ends by panicking")]

#[path = "samples/events.rs"]
mod events;
#[path = "samples/ids.rs"]
mod ids;
#[path = "samples/messages.rs"]
mod messages;
#[path = "samples/plan.rs"]
mod plan;

use candor_proto::codec::{self, Encoding, KINDS};
use candor_proto::event::Recorded;
use candor_proto::limits::{MESSAGE_BYTES_MAX, NESTING_MAX, VALUE_NESTING_MAX};
use candor_proto::message::{Document, JobRequest, Message};
use candor_proto::value::nests_within;
use candor_proto::{Confidence, Error, Score};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const ENCODINGS: [Encoding; 2] = [Encoding::Json, Encoding::MessagePack];

fn bytes(value: &Value, encoding: Encoding) -> Vec<u8> {
    codec::write(value, encoding, "value").expect("a value can be written")
}

/// The value with one more field in every object that is not free form.
fn with_a_later_field(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.insert("a_later_field".into(), json!({"of": ["a later", "version"]}));
    }
    value
}

#[test]
fn a_field_of_a_later_version_is_ignored() {
    for (name, message) in messages::all() {
        if matches!(message, Message::Answer(_)) {
            continue;
        }
        for encoding in ENCODINGS {
            let written = codec::encode(&message, encoding).expect("a sample can be encoded");
            let value: Value = codec::read(&written, encoding, &name).expect("a message is a value");
            let later = bytes(&with_a_later_field(value), encoding);
            assert_eq!(codec::decode(message.kind(), encoding, &later).expect("it can be decoded"), message, "{name}");
        }
    }
}

#[test]
fn a_field_of_a_later_version_is_ignored_inside_an_event_too() {
    for (name, recorded) in events::all() {
        let mut value = serde_json::to_value(&recorded).expect("an event is a value");
        if let Some(event) = value["event"].as_object_mut() {
            event.values_mut().for_each(|body| *body = with_a_later_field(body.take()));
        }
        for encoding in ENCODINGS {
            let later = bytes(&with_a_later_field(value.clone()), encoding);
            let read: Recorded = codec::read(&later, encoding, name).expect("it can be read");
            assert_eq!(read, recorded, "{name}");
        }
    }
}

#[test]
fn the_answer_keeps_fields_that_this_build_does_not_know() {
    let later = br#"{"job": "job_01900000-0000-7000-8000-000000000001", "a_later_field": 1}"#;
    let Message::Answer(reply) = codec::decode("job.answer.v1", Encoding::Json, later).expect("it can be decoded")
    else {
        panic!("it is an answer");
    };
    assert_eq!(reply.job, ids::job());
    assert_eq!(reply.answer["a_later_field"], 1);
    assert!(matches!(codec::decode("job.answer.v1", Encoding::Json, b"{}"), Err(Error::Id { .. })));
}

#[test]
fn an_unknown_major_version_says_which_one_is_read() {
    for known in KINDS {
        let stem = known.strip_suffix(".v1").expect("every type is at its first version");
        let found = format!("{stem}.v2");
        let error = codec::decode(&found, Encoding::Json, b"{}").expect_err("it is unknown");
        assert_eq!(error, Error::MessageVersion { found, known });
    }
}

#[test]
fn an_unknown_type_is_no_unknown_version() {
    for found in ["", ".v1", "job.request", "job.request.v", "job.request.vx", "job.request.v1.v1", "task.dance.v1"] {
        let error = codec::decode(found, Encoding::Json, b"{}").expect_err("it is unknown");
        assert_eq!(error, Error::MessageType { found: found.to_owned() });
    }
    let endless = "ü".repeat(10_000);
    let Err(Error::MessageType { found }) = codec::decode(&endless, Encoding::Json, b"{}") else {
        panic!("it is unknown");
    };
    assert_eq!(found, "ü".repeat(80));
}

#[test]
fn a_message_above_the_limit_is_refused_both_ways() {
    let request = |length| {
        Message::JobRequest(Box::new(JobRequest { request: Some("x".repeat(length)), ..JobRequest::default() }))
    };
    let around = br#"{"request":""}"#.len();
    let largest = codec::encode(&request(MESSAGE_BYTES_MAX - around), Encoding::Json).expect("it just fits");
    assert_eq!(largest.len(), MESSAGE_BYTES_MAX);
    codec::decode("job.request.v1", Encoding::Json, &largest).expect("it just fits");
    let refused = Error::TooLarge { bytes: MESSAGE_BYTES_MAX + 1 };
    assert_eq!(codec::encode(&request(MESSAGE_BYTES_MAX - around + 1), Encoding::Json), Err(refused.clone()));
    for encoding in ENCODINGS {
        let noise = vec![b' '; MESSAGE_BYTES_MAX + 1];
        assert_eq!(codec::decode("job.request.v1", encoding, &noise), Err(refused.clone()));
    }
}

#[test]
fn bytes_after_the_body_are_refused() {
    for (name, message) in messages::all() {
        for encoding in ENCODINGS {
            let mut written = codec::encode(&message, encoding).expect("a sample can be encoded");
            written.push(0x01);
            let refused = codec::decode(message.kind(), encoding, &written);
            assert!(matches!(refused, Err(Error::Body { .. })), "{name}: {refused:?}");
        }
    }
}

#[test]
fn a_truncated_body_is_refused() {
    for (name, message) in messages::all() {
        for encoding in ENCODINGS {
            let written = codec::encode(&message, encoding).expect("a sample can be encoded");
            for end in 0..written.len() {
                let refused = codec::decode(message.kind(), encoding, &written[..end]);
                assert!(matches!(refused, Err(Error::Body { .. })), "{name}, {end} bytes: {refused:?}");
            }
        }
    }
}

#[test]
fn what_a_decoder_quotes_is_cut() {
    let body = format!(r#"{{"job": "{}"}}"#, "x".repeat(500_000));
    let Err(Error::Body { reason, .. }) = codec::decode("plan.recorded.v1", Encoding::Json, body.as_bytes()) else {
        panic!("it is no id");
    };
    assert!(reason.chars().count() <= 300, "{} characters", reason.chars().count());
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

#[test]
fn both_encodings_nest_equally_deep() {
    for encoding in ENCODINGS {
        let deepest = nested(NESTING_MAX - 1);
        let read: Value = codec::read(&bytes(&deepest, encoding), encoding, "value").expect("it just fits");
        assert_eq!(read, deepest);
        let too_deep = bytes(&nested(NESTING_MAX), encoding);
        assert!(codec::read::<Value>(&too_deep, encoding, "value").is_err(), "{encoding:?}");
    }
}

#[test]
fn a_value_of_the_greatest_depth_from_outside_fits_into_every_message_and_event() {
    let inputs = Map::from_iter([("deep".to_owned(), nested(VALUE_NESTING_MAX))]);
    assert!(nests_within(&nested(VALUE_NESTING_MAX), VALUE_NESTING_MAX));
    assert!(!nests_within(&nested(VALUE_NESTING_MAX + 1), VALUE_NESTING_MAX));
    assert!(!nests_within(&json!({"a": [1]}), 1));
    let event = events::succeeded(candor_proto::Node::task(0), 1, Value::Object(inputs.clone()));
    let recorded = Recorded { seq: 1, at: 1, event };
    let request = JobRequest { inputs, workflow: Some(Document::Text(String::new())), ..JobRequest::default() };
    let message = Message::JobRequest(Box::new(request));
    for encoding in ENCODINGS {
        let written = codec::write(&recorded, encoding, "event").expect("it can be written");
        assert_eq!(codec::read::<Recorded>(&written, encoding, "event").expect("it can be read"), recorded);
        let written = codec::encode(&message, encoding).expect("it can be encoded");
        assert_eq!(codec::decode(message.kind(), encoding, &written).expect("it can be decoded"), message);
    }
}

#[test]
fn the_content_type_decides_and_without_one_the_first_byte() {
    let cases: [(Option<&str>, &[u8], Encoding); 9] = [
        (Some("application/json"), b"\x80", Encoding::Json),
        (Some("application/json; charset=utf-8"), b"\x80", Encoding::Json),
        (Some("Application/JSON"), b"\x80", Encoding::Json),
        (Some("application/msgpack"), b"{}", Encoding::MessagePack),
        (Some("text/plain"), b"{}", Encoding::Json),
        (None, b"{}", Encoding::Json),
        (None, b"\n\t {}", Encoding::Json),
        (None, b"\x80", Encoding::MessagePack),
        (None, b"", Encoding::MessagePack),
    ];
    for (content_type, body, encoding) in cases {
        assert_eq!(Encoding::of(content_type, body), encoding, "{content_type:?} {body:?}");
    }
    for encoding in ENCODINGS {
        assert_eq!(Encoding::of(Some(encoding.content_type()), b""), encoding);
    }
}

#[test]
fn a_workflow_is_text_or_an_object_and_nothing_else() {
    for (value, document) in [
        (json!("name: hello"), Document::Text("name: hello".into())),
        (json!({"name": "hello"}), Document::Object(Map::from_iter([("name".to_owned(), json!("hello"))]))),
    ] {
        for encoding in ENCODINGS {
            let read: Document = codec::read(&bytes(&value, encoding), encoding, "document").expect("it is one");
            assert_eq!(read, document);
            assert_eq!(codec::write(&read, encoding, "document").expect("it can be written"), bytes(&value, encoding));
        }
    }
    for value in [json!(null), json!(7), json!(true), json!(["name"])] {
        for encoding in ENCODINGS {
            let refused = codec::read::<Document>(&bytes(&value, encoding), encoding, "document");
            assert!(refused.is_err_and(|error| error.to_string().contains("`workflow` must be")), "{value}");
        }
    }
}

#[test]
fn no_encoding_lets_a_wrong_confidence_in() {
    let wrong = [-0.1, 1.1, f64::INFINITY, f64::NEG_INFINITY];
    for score in wrong {
        let packed = codec::write(&score, Encoding::MessagePack, "score").expect("a number can be written");
        let refused = codec::read::<Score>(&packed, Encoding::MessagePack, "score");
        assert!(refused.is_err_and(|error| error.to_string().contains("no confidence")), "{score}");
    }
    for not_a_number in [f64::NAN, -f64::NAN] {
        let packed = codec::write(&not_a_number, Encoding::MessagePack, "score").expect("a number can be written");
        let refused = codec::read::<Score>(&packed, Encoding::MessagePack, "score");
        assert!(refused.is_err_and(|error| error.to_string().contains("NaN")));
    }
    let single = [&[0xca][..], &f32::NAN.to_be_bytes()].concat();
    assert!(codec::read::<Score>(&single, Encoding::MessagePack, "score").is_err());
    for text in ["NaN", "null", "1.0000001", "-1e-300", "1e999", "\"1\""] {
        assert!(codec::read::<Score>(text.as_bytes(), Encoding::Json, "score").is_err(), "{text}");
    }
    for wrong in [
        json!({"low": 0.5, "score": 0.4, "high": 0.6, "class": "checked"}),
        json!({"low": 0.5, "score": 0.7, "high": 0.6, "class": "checked"}),
        json!({"low": 0.5, "score": null, "high": 0.6, "class": "checked"}),
        json!({"low": 0.5, "score": 0.5, "high": 0.6, "class": "guessed"}),
    ] {
        for encoding in ENCODINGS {
            assert!(codec::read::<Confidence>(&bytes(&wrong, encoding), encoding, "confidence").is_err(), "{wrong}");
        }
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop_oneof![Just("job".to_owned()), Just("node".to_owned()), "[a-z_]{0,8}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Decodes as everything that travels or is kept; what comes out must be as good as any other value.
fn try_everything(body: &[u8]) {
    for encoding in ENCODINGS {
        for kind in KINDS {
            if let Ok(message) = codec::decode(kind, encoding, body) {
                codec::encode(&message, Encoding::MessagePack).expect("what was decoded can be encoded");
            }
        }
        if let Ok(recorded) = codec::read::<Recorded>(body, encoding, "event") {
            let mut job = candor_proto::Job::new(ids::job());
            job.evolve(&recorded);
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        try_everything(&body);
    }

    #[test]
    fn wrong_types_never_panic(value in value()) {
        for encoding in ENCODINGS {
            try_everything(&bytes(&value, encoding));
        }
    }

    #[test]
    fn a_message_with_some_bytes_changed_never_panics(
        which in any::<prop::sample::Index>(),
        json in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let samples = messages::all();
        let (_, message) = &samples[which.index(samples.len())];
        let encoding = if json { Encoding::Json } else { Encoding::MessagePack };
        let mut body = codec::encode(message, encoding).expect("a sample can be encoded");
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        if let Ok(read) = codec::decode(message.kind(), encoding, &body) {
            codec::encode(&read, encoding).expect("what was decoded can be encoded");
        }
    }

    #[test]
    fn a_value_is_the_same_through_both_encodings(value in value()) {
        for encoding in ENCODINGS {
            let read: Value = codec::read(&bytes(&value, encoding), encoding, "value").expect("it can be read");
            prop_assert_eq!(&read, &value);
        }
    }
}
