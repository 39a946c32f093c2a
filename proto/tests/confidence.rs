//! Confidence cannot be built wrong, and follows from evidence in the one direction only: down.

use candor_proto::{Bearing, Class, Confidence, Error, Evidence, Score};
use proptest::prelude::*;
use serde_json::json;

const CLASSES: [Class; 5] = [Class::Asserted, Class::Agreed, Class::Retrieved, Class::Observed, Class::Checked];

/// Rounding of a sum of that many parts.
const ROUNDING: f64 = 1e-12;

fn class() -> impl Strategy<Value = Class> {
    prop::sample::select(&CLASSES[..])
}

fn score() -> impl Strategy<Value = Score> {
    prop_oneof![
        Just(Score::ZERO),
        Just(Score::ONE),
        (0.0..=1.0_f64).prop_filter_map("a score", |value| Score::new(value).ok()),
    ]
}

fn evidence() -> impl Strategy<Value = Evidence> {
    (class(), prop::sample::select(&[Bearing::Supports, Bearing::Limits][..]), score())
        .prop_map(|(class, bearing, score)| Evidence { class, bearing, source: "source".into(), score, detail: None })
}

fn capped(piece: &Evidence) -> f64 {
    piece.score.get().min(piece.class.cap().get())
}

fn confidence() -> impl Strategy<Value = Confidence> {
    (score(), score(), score(), class()).prop_filter_map("three scores in order", |(a, b, c, class)| {
        let mut ends = [a.get(), b.get(), c.get()];
        ends.sort_by(f64::total_cmp);
        let [low, score, high] = ends;
        serde_json::from_value(json!({"low": low, "score": score, "high": high, "class": class})).ok()
    })
}

#[test]
fn a_score_is_a_number_from_0_to_1() {
    for good in [0.0, -0.0, f64::MIN_POSITIVE, 0.5, 1.0] {
        assert_eq!(Score::new(good).map(Score::get), Ok(good));
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -f64::MIN_POSITIVE, 1.0 + f64::EPSILON] {
        assert_eq!(Score::new(bad), Err(Error::Score { found: bad.to_string() }));
    }
    assert!(Score::new(-0.0).is_ok_and(|zero| zero.get().is_sign_positive()), "zero is written in one way");
}

#[test]
fn a_share_of_nothing_is_everything() {
    assert_eq!(Score::share(0, 0), Score::ONE);
    assert_eq!(Score::share(7, 0), Score::ONE);
    assert_eq!(Score::share(0, 7), Score::ZERO);
    assert_eq!(Score::share(9, 7), Score::ONE);
    assert_eq!(Score::share(1, 4).get(), 0.25);
    assert_eq!(Score::share(u64::MAX, u64::MAX), Score::ONE);
}

#[test]
fn the_order_of_the_classes_is_the_order_of_their_caps() {
    let caps = CLASSES.map(|class| class.cap().get());
    assert_eq!(caps, [0.50, 0.80, 0.90, 0.95, 1.00]);
    assert!(CLASSES.is_sorted());
    for class in CLASSES {
        assert_eq!(serde_json::to_value(class).ok(), Some(json!(class.word())));
    }
}

#[test]
fn a_result_without_evidence_is_asserted() {
    let nothing = Confidence::from_evidence(&[]);
    assert_eq!((nothing.score().get(), nothing.class()), (0.5, Class::Asserted));
    let only_doubt = Confidence::from_evidence(&[Evidence::limit(Class::Checked, "rows", Score::ONE)]);
    assert_eq!((only_doubt.score().get(), only_doubt.class()), (0.5, Class::Asserted));
}

#[test]
fn a_rejected_share_holds_a_checked_result_down_and_leaves_it_checked() {
    let share = Score::share(97, 100);
    let sure =
        Confidence::from_evidence(&[Evidence::checked("exit_code"), Evidence::limit(Class::Checked, "rows", share)]);
    assert_eq!((sure.score(), sure.class()), (share, Class::Checked));
}

#[test]
fn the_class_is_the_weakest_doubt_whatever_comes_first() {
    let tenth = Score::share(1, 10);
    let mut evidence = [
        Evidence::checked("exit_code"),
        Evidence::limit(Class::Checked, "rows", tenth),
        Evidence::limit(Class::Asserted, "said", Score::ONE),
    ];
    let forwards = Confidence::from_evidence(&evidence);
    evidence.reverse();
    assert_eq!(Confidence::from_evidence(&evidence), forwards);
    assert_eq!((forwards.score(), forwards.class()), (tenth, Class::Asserted));
}

#[test]
fn twenty_checked_tasks_are_checked() {
    assert_eq!(Confidence::all([Confidence::CHECKED; 20]), Confidence::CHECKED);
    assert_eq!(Confidence::all([]), Confidence::CHECKED);
}

proptest! {
    #[test]
    fn a_score_is_read_as_it_was_written(value in any::<f64>()) {
        match Score::new(value) {
            Ok(score) => {
                let text = serde_json::to_string(&score).map_err(|error| TestCaseError::fail(error.to_string()))?;
                prop_assert_eq!(serde_json::from_str::<Score>(&text).ok(), Some(score));
            }
            Err(_) => prop_assert!(value.is_nan() || !(0.0..=1.0).contains(&value)),
        }
    }

    #[test]
    fn evidence_never_says_more_than_its_class_may(pieces in prop::collection::vec(evidence(), 0..6)) {
        let sure = Confidence::from_evidence(&pieces);
        prop_assert_eq!((sure.low(), sure.high()), (sure.score(), sure.score()));
        prop_assert!(sure.score() <= sure.class().cap() || pieces.is_empty());
        for piece in &pieces {
            match piece.bearing {
                Bearing::Limits => prop_assert!(sure.score().get() <= capped(piece), "{:?} over {:?}", sure, piece),
                Bearing::Supports => {}
            }
        }
        let strongest = pieces.iter().filter(|piece| piece.bearing == Bearing::Supports).map(capped).fold(0.0, f64::max);
        let supported = pieces.iter().any(|piece| piece.bearing == Bearing::Supports);
        let carried = if supported { strongest } else { 0.5 };
        prop_assert!(sure.score().get() <= carried);
    }

    #[test]
    fn the_order_of_evidence_means_nothing(
        pieces in prop::collection::vec(evidence(), 0..6).prop_flat_map(|pieces| (Just(pieces.clone()), Just(pieces).prop_shuffle())),
    ) {
        let (one, other) = pieces;
        prop_assert_eq!(Confidence::from_evidence(&one), Confidence::from_evidence(&other));
    }

    #[test]
    fn more_doubt_never_lifts_and_more_support_never_lowers(
        pieces in prop::collection::vec(evidence(), 1..6), more in evidence(),
    ) {
        let before = Confidence::from_evidence(&pieces);
        let bearing = more.bearing;
        let after = Confidence::from_evidence(&pieces.iter().cloned().chain([more]).collect::<Vec<_>>());
        let supported = pieces.iter().any(|piece| piece.bearing == Bearing::Supports);
        match bearing {
            Bearing::Limits => {
                prop_assert!(after.score() <= before.score());
                prop_assert!(after.class() <= before.class());
            }
            // The first support takes the place of the mere assertion, which it may be weaker than.
            Bearing::Supports => prop_assert!(!supported || after.score() >= before.score()),
        }
    }

    #[test]
    fn the_interval_of_several_holds_their_product_and_is_the_one_of_frechet(
        parts in prop::collection::vec(confidence(), 0..8),
    ) {
        let all = Confidence::all(parts.iter().copied());
        let product: f64 = parts.iter().map(|part| part.score().get()).product();
        let least = parts.iter().map(|part| part.high().get()).fold(1.0, f64::min);
        let doubt: f64 = parts.iter().map(|part| 1.0 - part.low().get()).sum();
        prop_assert!(all.low() <= all.score() && all.score() <= all.high());
        prop_assert!((all.score().get() - product).abs() <= ROUNDING);
        prop_assert_eq!(all.high().get(), least);
        prop_assert!((all.low().get() - (1.0 - doubt).max(0.0)).abs() <= ROUNDING);
        prop_assert_eq!(all.class(), parts.iter().map(Confidence::class).min().unwrap_or(Class::Checked));
    }

    #[test]
    fn one_more_part_never_makes_it_surer(parts in prop::collection::vec(confidence(), 0..6), more in confidence()) {
        let before = Confidence::all(parts.iter().copied());
        let after = Confidence::all(parts.iter().copied().chain([more]));
        prop_assert!(after.score().get() <= before.score().get() + ROUNDING);
        prop_assert!(after.low().get() <= before.low().get() + ROUNDING);
        prop_assert!(after.high() <= before.high());
        prop_assert!(after.class() <= before.class());
    }

    #[test]
    fn all_of_one_is_that_one(part in confidence()) {
        let all = Confidence::all([part]);
        prop_assert!((all.low().get() - part.low().get()).abs() <= ROUNDING);
        prop_assert_eq!((all.score(), all.high(), all.class()), (part.score(), part.high(), part.class()));
    }

    #[test]
    fn a_confidence_is_read_as_it_was_written(sure in confidence()) {
        let text = serde_json::to_string(&sure).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(serde_json::from_str::<Confidence>(&text).ok(), Some(sure));
    }

    #[test]
    fn ends_in_the_wrong_order_are_refused(a in score(), b in score(), c in score(), class in class()) {
        let [low, score, high] = [a.get(), b.get(), c.get()];
        let read = serde_json::from_value::<Confidence>(json!({"low": low, "score": score, "high": high, "class": class}));
        prop_assert_eq!(read.is_ok(), low <= score && score <= high);
    }
}
