//! `rediss://`, with authorities of our own.

use std::path::{Path, PathBuf};
use std::process::Command;

use candor_platform::Error;
use candor_platform::link::Link;
use candor_platform::store::Store;
use candor_platform::store::redis::{RedisStore, Settings};

use crate::stage::{Server, on_threads, owner, ready, soon};

const OPENSSL: &str = "/usr/bin/openssl";

fn openssl(folder: &Path, arguments: &[&str]) {
    let made = Command::new(OPENSSL).args(arguments).current_dir(folder).output().expect("openssl can be started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// An authority, and a certificate of it for the loopback address; below this name.
fn authority(folder: &Path, name: &str) -> PathBuf {
    let file = |ending: &str| format!("{name}{ending}");
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"];
    let of_ca = [&file("-ca.key"), "-out", &file("-ca.pem"), "-days", "2", "-subj", "/CN=authority"];
    openssl(folder, &[["req", "-x509"].as_slice(), &key, &of_ca].concat());
    let request = [&file(".key"), "-out", &file(".csr"), "-subj", "/CN=127.0.0.1"];
    openssl(folder, &[["req"].as_slice(), &key, &request].concat());
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
    let signing = ["x509", "-req", "-in", &file(".csr"), "-CA", &file("-ca.pem"), "-CAkey", &file("-ca.key")];
    let to = ["-CAcreateserial", "-out", &file(".pem"), "-days", "2", "-extfile", "names"];
    openssl(folder, &[signing.as_slice(), &to].concat());
    folder.join(file("-ca.pem"))
}

#[test]
fn an_encrypted_server_is_used_when_its_authority_is_trusted_and_not_otherwise() {
    if !candor_tests::server::installed("openssl", &[OPENSSL]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (authority(folder.path(), "ours"), authority(folder.path(), "theirs"));
    let (certificate, key) = (folder.path().join("ours.pem"), folder.path().join("ours.key"));
    let Some(server) = Server::start() else { return };
    let port = candor_tests::server::free_port().to_string();
    let shown = |path: &Path| candor_tests::shown(path).to_owned();
    let (certificate, key, ca) = (shown(&certificate), shown(&key), shown(&ours));
    let encrypted = ["config", "set", "tls-cert-file", &certificate, "tls-key-file", &key, "tls-ca-cert-file", &ca];
    assert_eq!(server.say(&[encrypted.as_slice(), &["tls-auth-clients", "no", "tls-port", &port]].concat()), "OK");
    let at = |ca_file: Option<PathBuf>| Settings { ca_file, ..Settings::new(format!("rediss://127.0.0.1:{port}")) };
    on_threads(async {
        let store = ready(at(Some(ours))).await;
        store.claim(0, owner(1)).await.expect("it serves");
        for wrong in [Some(theirs), None] {
            let store = RedisStore::connect(at(wrong)).await.expect("settings that can work");
            match soon("a refusal", store.claim(0, owner(1))).await {
                Err(Error::Unreachable { reason, .. }) => assert!(reason.contains("certificate"), "{reason}"),
                other => panic!("{other:?}"),
            }
            assert!(matches!(&*store.link().borrow(), Link::Down { .. }));
        }
        for wrong in [folder.path().join("missing"), folder.path().join("names")] {
            let refused = RedisStore::connect(at(Some(wrong.clone()))).await.expect_err("that is no authority");
            assert!(refused.to_string().contains(&wrong.display().to_string()), "{refused}");
        }
    });
}
