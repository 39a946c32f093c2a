//! The embedded stores keep every promise of a store.

#![expect(clippy::expect_used, reason = "the stage of a test may panic")]

use std::sync::Arc;

use async_trait::async_trait;
use candor_platform::conformance::store::{StoreFactory, StoreStage, every_promise};
use candor_platform::runtime::sync::Mutex;
use candor_platform::store::Store;
use candor_platform::store::embedded::EmbeddedStore;
use candor_platform::store::memory::MemoryStore;

struct InMemory;

#[async_trait]
impl StoreFactory for InMemory {
    async fn fresh(&self) -> Arc<dyn StoreStage> {
        Arc::new(MemoryStage(MemoryStore::new()))
    }
}

struct MemoryStage(MemoryStore);

#[async_trait]
impl StoreStage for MemoryStage {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }

    async fn restart(&self) {}
}

struct InFile;

#[async_trait]
impl StoreFactory for InFile {
    async fn fresh(&self) -> Arc<dyn StoreStage> {
        let folder = tempfile::tempdir().expect("a folder");
        Arc::new(FileStage { folder, open: Mutex::new(None) })
    }
}

struct FileStage {
    folder: tempfile::TempDir,
    open: Mutex<Option<Arc<EmbeddedStore>>>,
}

#[async_trait]
impl StoreStage for FileStage {
    async fn store(&self) -> Arc<dyn Store> {
        let mut open = self.open.lock().await;
        match open.as_ref() {
            Some(store) => store.clone(),
            None => {
                let path = self.folder.path().join("state");
                let store = Arc::new(EmbeddedStore::open_waiting(path, 10_000).await.expect("the store opens"));
                open.insert(store).clone()
            }
        }
    }

    async fn restart(&self) {
        *self.open.lock().await = None;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_a_file_keeps_every_promise() {
    every_promise(&InFile).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_memory_keeps_every_promise() {
    every_promise(&InMemory).await;
}
