//! Whatever is done in whatever order, the store in a file and the simple one in memory say the same.

#![expect(clippy::expect_used, reason = "helpers of a test may panic")]

mod model;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::store::Store;
use candor_platform::store::embedded::EmbeddedStore;
use proptest::prelude::*;

use model::{Real, run, step};

struct File(PathBuf);

#[async_trait]
impl Real for File {
    async fn open(&self) -> Arc<dyn Store> {
        // The one that was just dropped lets the file go a moment later.
        Arc::new(EmbeddedStore::open_waiting(&self.0, 10_000).await.expect("it opens"))
    }

    async fn close(&self) {}
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_store_in_a_file_says_what_the_simple_one_says(steps in prop::collection::vec(step(), 1..25)) {
        let folder = tempfile::tempdir().expect("a folder");
        run(&File(folder.path().join("state")), steps);
    }
}
