//! Artifacts of several machines: in an S3-compatible store, and whether all services see the same ones.

#[cfg(feature = "s3")]
mod bucket;
mod sharing;

/// Without the feature there is nothing to be tested, and it is said.
#[cfg(not(feature = "s3"))]
#[test]
fn a_bucket_keeps_every_promise() {
    assert!(std::env::var_os("CANDOR_TEST_EVERYTHING").is_none(), "the feature `s3` is needed: `tests/run` has it on");
    eprintln!("left out: the feature `s3` is off; `tests/run` switches it on");
}
