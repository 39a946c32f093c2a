//! The canonical form, against the samples of RFC 8785, and digests of it.

#![expect(clippy::expect_used, reason = "a test ends by panicking")]

use candor_proto::canonical::canonical_text;
use candor_proto::{Error, Sha256};
use proptest::prelude::*;
use serde_json::{Value, json};

fn canonical(text: &str) -> String {
    canonical_text(&serde_json::from_str(text).expect("a sample is JSON"))
}

#[test]
fn numbers_are_written_as_rfc_8785_appendix_b_has_them() {
    let table: [(u64, &str); 24] = [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];
    for (bits, text) in table {
        assert_eq!(canonical_text(&json!(f64::from_bits(bits))), text, "{bits:016x}");
    }
}

#[test]
fn the_sample_of_rfc_8785_section_3_2_has_the_form_given_there() {
    let sample = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let form = concat!(
        r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
        r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#,
    );
    assert_eq!(canonical(sample), form);
}

#[test]
fn keys_are_in_the_order_of_their_utf_16_code_units() {
    let sample = r#"{
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let read: Value = serde_json::from_str(&canonical(sample)).expect("a canonical form is JSON");
    assert_eq!(read, serde_json::from_str::<Value>(sample).expect("the sample is JSON"));
    let form = canonical(sample);
    let places: Vec<usize> = [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]
    .into_iter()
    .map(|word| form.find(word).expect("every value is there"))
    .collect();
    assert!(places.is_sorted(), "{form}");
}

#[test]
fn control_characters_have_their_short_or_their_four_digit_form() {
    assert_eq!(
        canonical_text(&json!("\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}\u{2028}é")),
        "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}\u{2028}é\""
    );
}

#[test]
fn integers_are_written_in_full() {
    for (integer, text) in [
        (json!(9_007_199_254_740_993_u64), "9007199254740993"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(i64::MIN), "-9223372036854775808"),
        (json!(-0), "0"),
        (json!(-0.0), "0"),
        (json!(1.0), "1"),
    ] {
        assert_eq!(canonical_text(&integer), text);
    }
    assert_ne!(Sha256::of_value(&json!(u64::MAX)), Sha256::of_value(&json!(u64::MAX - 1)));
}

#[test]
fn digests_are_pinned() {
    assert_eq!(Sha256::of(b"").to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(Sha256::of(b"abc").to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(Sha256::of_value(&json!({"b": 1, "a": 2})), Sha256::of(br#"{"a":2,"b":1}"#));
}

#[test]
fn what_is_no_digest_is_refused() {
    let good = Sha256::of(b"abc").to_string();
    let bad = ["".to_owned(), good[..63].to_owned(), format!("{good}0"), good.to_uppercase(), good.replace('b', "g")];
    for text in bad {
        assert_eq!(text.parse::<Sha256>(), Err(Error::Sha256 { found: text.clone() }));
        assert!(serde_json::from_value::<Sha256>(json!(text)).is_err());
    }
    let endless = "ä".repeat(1000);
    assert_eq!(endless.parse::<Sha256>(), Err(Error::Sha256 { found: "ä".repeat(80) }));
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["\\PC{0,8}", any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// The value as text with white space and its keys the other way round.
fn spread(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<_> =
                fields.iter().rev().map(|(key, item)| format!(" {} :\n{}", json!(key), spread(item))).collect();
            format!("{{{}}}", fields.join(" ,"))
        }
        Value::Array(items) => format!("[ {} ]", items.iter().map(spread).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

proptest! {
    #[test]
    fn the_form_of_the_form_is_the_form(value in value()) {
        let form = canonical_text(&value);
        prop_assert_eq!(&canonical(&form), &form);
    }

    #[test]
    fn order_of_keys_and_white_space_do_not_matter(value in value()) {
        prop_assert_eq!(canonical(&spread(&value)), canonical_text(&value));
    }

    #[test]
    fn doubles_come_back_bit_for_bit(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
        let read: f64 = serde_json::from_str(&canonical_text(&json!(number))).expect("a number is JSON");
        prop_assert!(read == number, "{} became {}", number, read);
    }

    #[test]
    fn integers_come_back_as_they_were(signed in any::<i64>(), unsigned in any::<u64>()) {
        prop_assert_eq!(canonical_text(&json!(signed)), signed.to_string());
        prop_assert_eq!(canonical_text(&json!(unsigned)), unsigned.to_string());
    }

    #[test]
    fn a_digest_is_read_as_it_was_printed(bytes in any::<[u8; 32]>()) {
        let digest = Sha256::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse::<Sha256>(), Ok(digest));
        prop_assert_eq!(digest.bytes(), &bytes);
        let value = serde_json::to_value(digest).expect("a digest is a value");
        prop_assert_eq!(serde_json::from_value::<Sha256>(value).ok(), Some(digest));
    }
}
