//! Services find out that their artifacts are not those of the others.

use std::path::Path;
use std::sync::Arc;

use candor_platform::artifacts::folder::Folder;
use candor_platform::artifacts::{Artifacts, Opening, open, sharing};
use candor_platform::config::Environment;
use candor_platform::store::Store;
use candor_platform::store::memory::MemoryStore;
use candor_platform::{Error, runtime};

fn on_threads<F: Future>(test: F) -> F::Output {
    runtime::start().expect("threads").block_on(test)
}

async fn folder(path: &Path) -> Arc<dyn Artifacts> {
    let none = Environment::of::<&str, &str>([]);
    open(candor_tests::shown(path), &Opening { cache: path.join("unused"), environment: none }).await.expect("a folder")
}

#[test]
fn services_with_the_same_folder_agree_and_find_each_other() {
    let home = tempfile::tempdir().expect("a folder");
    on_threads(async {
        let (one, two) = (folder(home.path()).await, folder(home.path()).await);
        let store = MemoryStore::new();
        assert_eq!(sharing::found(&*two).await, Ok(None));
        let id = sharing::agree(&*one, "/one", &store).await.expect("the first makes the id up");
        assert_eq!(sharing::agree(&*two, "/two", &store).await, Ok(id));
        assert_eq!(sharing::agree(&*one, "/one", &store).await, Ok(id), "a restart changes nothing");
        assert_eq!(sharing::wait(&*two, "/two").await, Ok(id));
        assert_eq!(sharing::sees(&*two, "worker-1").await, Ok(false));
        for _ in 0..2 {
            sharing::leave(&*one, "worker-1").await.expect("a probe");
        }
        assert_eq!(sharing::sees(&*two, "worker-1").await, Ok(true));
    });
}

#[test]
fn of_many_first_services_all_agree() {
    let home = tempfile::tempdir().expect("a folder");
    on_threads(async {
        let store = MemoryStore::new();
        let mut running = Vec::new();
        for _ in 0..8 {
            let (artifacts, store) = (folder(home.path()).await, store.clone());
            running.push(runtime::spawn(async move { sharing::agree(&*artifacts, "/shared", &store).await }));
        }
        let mut agreed = Vec::new();
        for service in running {
            agreed.push(service.join().await.expect("it ends").expect("an id"));
        }
        agreed.dedup();
        assert_eq!(agreed.len(), 1, "{agreed:?}");
    });
}

#[test]
fn a_service_whose_folder_is_its_own_is_told_so_and_what_to_do() {
    let (home, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    on_threads(async {
        let store = MemoryStore::new();
        let id = sharing::agree(&*folder(home.path()).await, "/shared", &store).await.expect("an id");
        let own = folder(other.path()).await;
        match sharing::agree(&*own, "/own", &store).await {
            Err(error @ Error::Unfit { .. }) => {
                let said = error.to_string();
                for word in ["/own", &id.to_string(), "mount or name the same place for every service"] {
                    assert!(said.contains(word), "{said}");
                }
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(sharing::found(&*own).await, Ok(None), "nothing was left there that a worker could take for an id");
        // A folder of another deployment.
        let theirs = sharing::agree(&*own, "/own", &MemoryStore::new()).await.expect("an id of its own");
        let mixed = sharing::agree(&*own, "/own", &store).await.expect_err("they do not belong together");
        assert!(mixed.to_string().contains(&theirs.to_string()) && mixed.to_string().contains(&id.to_string()));
    });
}

#[test]
fn whoever_died_over_the_first_start_is_the_first_again() {
    let home = tempfile::tempdir().expect("a folder");
    on_threads(async {
        let artifacts = folder(home.path()).await;
        // It wrote the id here, and died before it told the store.
        let id = sharing::agree(&*artifacts, "/shared", &MemoryStore::new()).await.expect("an id");
        let store = MemoryStore::new();
        assert_eq!(sharing::agree(&*artifacts, "/shared", &store).await, Ok(id));
        assert_eq!(store.deployment(None).await, Ok(Some(id)));
    });
}

#[test]
fn a_worker_waits_until_an_assembler_was_there() {
    let home = tempfile::tempdir().expect("a folder");
    on_threads(async {
        let artifacts = folder(home.path()).await;
        let waiting = {
            let artifacts = artifacts.clone();
            runtime::spawn(async move { sharing::wait(&*artifacts, "/shared").await })
        };
        let id = sharing::agree(&*artifacts, "/shared", &MemoryStore::new()).await.expect("an id");
        let waited = runtime::timeout(60_000, waiting.join()).await.expect("it comes soon");
        assert_eq!(waited, Some(Ok(id)));
    });
}

#[test]
fn a_damaged_id_says_so() {
    let home = tempfile::tempdir().expect("a folder");
    on_threads(async {
        let artifacts = Folder::open(home.path()).await.expect("a folder");
        let stored = artifacts.put(b"no id at all".to_vec()).await.expect("stored");
        artifacts.point("candor.deployment", None, stored.sha256).await.expect("pointed");
        let refused = sharing::agree(&artifacts, "/shared", &MemoryStore::new()).await;
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
    });
}
