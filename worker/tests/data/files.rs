//! `file.*` on file values, files of the workflow and files of the machine.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use candor_proto::{ErrorClass, FileValue, Outcome, Sha256};
use candor_worker::action::Action;
use candor_worker::action::file::{FileCopy, FileDelete, FileList, FileMove, FileRead, FileStat, FileWrite};
use serde_json::{Value, json};

use crate::stage::Stage;

/// A stage that may only use its folder `open`.
fn fenced() -> Stage {
    let mut stage = Stage::new();
    fs::create_dir(stage.path("open")).unwrap();
    fs::create_dir(stage.path("shut")).unwrap();
    stage.context.allow_paths = Some(Arc::new(vec![stage.path("open")]));
    stage
}

fn text(stage: &Stage, name: &str) -> String {
    stage.path(name).to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_copy_with_a_relative_name_is_stored_with_the_job() {
    let mut stage = Stage::new();
    stage.plan_file("in/a.csv", "a\n1\n").await;
    let digest = Sha256::of(b"a\n1\n").to_string();
    for from in [json!("in/a.csv"), stage.file("x", "a\n1\n").await, stage.machine_file("m.csv", "a\n1\n")] {
        for verify in [Value::Null, json!("sha256"), json!(digest), json!(format!("sha256:{digest}"))] {
            let outputs = stage.done(FileCopy, json!({"from": from, "to": "raw/b.csv", "verify": verify})).await;
            assert_eq!(
                outputs["file"],
                json!({"name": "raw/b.csv", "sha256": digest, "bytes": 4, "media_type": "text/csv"})
            );
            assert_eq!((&outputs["sha256"], &outputs["bytes"]), (&json!(digest), &json!(4)));
            assert_eq!(stage.text(&outputs["file"]), "a\n1\n");
        }
        let error = stage.fails(FileCopy, json!({"from": from, "to": "b", "verify": "0".repeat(64)})).await;
        assert_eq!(error.code, "checksum");
        let error = stage.fails(FileCopy, json!({"from": from, "to": "b", "verify": "md5"})).await;
        assert_eq!(error.code, "with");
    }
}

#[tokio::test]
async fn a_copy_to_the_machine_replaces_the_file_at_once_and_keeps_its_mode() {
    let stage = Stage::new();
    let from = stage.machine_file("from.txt", "new");
    fs::set_permissions(stage.path("from.txt"), fs::Permissions::from_mode(0o750)).unwrap();
    let to = stage.path("to.txt");
    let outputs = stage.done(FileCopy, json!({"from": from, "to": to, "verify": "sha256"})).await;
    assert_eq!(fs::read_to_string(&to).unwrap(), "new");
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o7777, 0o750);
    assert_eq!((&outputs["file"]["name"], stage.text(&outputs["file"])), (&json!("to.txt"), "new".to_owned()));
    fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
    stage.done(FileCopy, json!({"from": stage.file("x", "newer").await, "to": to})).await;
    assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_to_string(&to).unwrap(), "newer");
}

#[tokio::test]
async fn a_failed_copy_leaves_what_was_there_and_nothing_else() {
    let stage = Stage::new();
    fs::create_dir(stage.path("folder")).unwrap();
    fs::write(stage.path("folder/to"), "old").unwrap();
    let from = stage.machine_file("from", "new");
    let with = json!({"from": from, "to": text(&stage, "folder/to"), "verify": "1".repeat(64)});
    assert_eq!(stage.fails(FileCopy, with).await.code, "checksum");
    assert_eq!(fs::read_to_string(stage.path("folder/to")).unwrap(), "old");
    assert_eq!(fs::read_dir(stage.path("folder")).unwrap().count(), 1);
    // What an attempt that died left behind is removed by its repetition, and nothing else is.
    fs::write(stage.path("folder/.candor-0000-other"), "somebody's").unwrap();
    let stop = stage.context.stop.clone();
    stop.set();
    let outcome = FileCopy.run(&stage.context, json!({"from": from, "to": text(&stage, "folder/to")})).await;
    assert_eq!(outcome, Outcome::Cancelled);
    assert_eq!(fs::read_to_string(stage.path("folder/to")).unwrap(), "old");
    assert_eq!(fs::read_dir(stage.path("folder")).unwrap().count(), 2);
}

#[tokio::test]
async fn a_repetition_removes_what_an_earlier_attempt_left_behind() {
    let stage = Stage::new();
    fs::create_dir(stage.path("folder")).unwrap();
    let work = Sha256::of(format!("to\n{}", stage.context.idempotency_key).as_bytes()).to_string();
    let left = stage.path(&format!("folder/.candor-{}-dead", &work[..16]));
    fs::write(&left, "half").unwrap();
    stage.done(FileWrite, json!({"path": text(&stage, "folder/to"), "content": "whole"})).await;
    assert!(!left.exists());
    assert_eq!(fs::read_to_string(stage.path("folder/to")).unwrap(), "whole");
}

#[tokio::test]
async fn errors_of_the_disk_have_a_class_and_a_code() {
    let stage = Stage::new();
    let file = stage.machine_file("file", "x");
    fs::create_dir(stage.path("folder")).unwrap();
    let folder = text(&stage, "folder");
    for (from, to, code) in [
        (json!(text(&stage, "none")), json!("b"), "not_found"),
        (json!(folder), json!("b"), "is_folder"),
        (json!("/dev/null"), json!("b"), "not_a_file"),
        (file.clone(), json!(folder), "is_folder"),
        (file.clone(), json!(text(&stage, "none/to")), "not_found"),
        (json!(text(&stage, "file/below")), json!("b"), "not_folder"),
        (file.clone(), json!(format!("{folder}/{}", "x".repeat(300))), "name_too_long"),
        (json!("relative.txt"), json!("b"), "not_found"),
        (json!("a/../../x"), json!("b"), "path"),
        (json!(""), json!("b"), "path"),
        (json!(5), json!("b"), "path"),
    ] {
        let error = stage.fails(FileCopy, json!({"from": from, "to": to})).await;
        assert_eq!(
            (error.code.as_str(), error.class),
            (code, ErrorClass::Validation),
            "{from} {to}: {}",
            error.message
        );
    }
}

#[tokio::test]
async fn only_allowed_folders_are_read_and_written_also_through_links() {
    let stage = fenced();
    fs::write(stage.path("open/a"), "a").unwrap();
    fs::write(stage.path("shut/b"), "b").unwrap();
    symlink(stage.path("shut/b"), stage.path("open/link")).unwrap();
    symlink(stage.path("shut"), stage.path("open/folder")).unwrap();
    stage.done(FileRead, json!({"path": text(&stage, "open/a")})).await;
    for path in ["shut/b", "open/link", "open/folder/b", "shut/none"] {
        let path = text(&stage, path);
        for with in [json!({"from": path, "to": "x"}), json!({"from": path, "to": text(&stage, "open/x")})] {
            assert_eq!(stage.fails(FileCopy, with).await.code, "path_not_allowed", "{path}");
        }
        assert_eq!(stage.fails(FileRead, json!({"path": path})).await.code, "path_not_allowed");
        assert_eq!(stage.fails(FileStat, json!({"path": path})).await.code, "path_not_allowed");
    }
    for path in ["shut/x", "open/folder/x"] {
        let path = text(&stage, path);
        assert_eq!(stage.fails(FileWrite, json!({"path": path, "content": "x"})).await.code, "path_not_allowed");
        assert_eq!(stage.fails(FileDelete, json!({"path": path})).await.code, "path_not_allowed");
    }
    // A link in an allowed folder is replaced, and what it points at stays.
    stage.done(FileWrite, json!({"path": text(&stage, "open/link"), "content": "mine"})).await;
    assert_eq!(fs::read_to_string(stage.path("shut/b")).unwrap(), "b");
    assert!(fs::symlink_metadata(stage.path("open/link")).unwrap().is_file());
}

#[tokio::test]
async fn a_move_leaves_one_file_and_refuses_what_is_not_its_own() {
    let mut stage = Stage::new();
    stage.plan_file("a.csv", "x").await;
    let from = stage.machine_file("from", "data");
    let outputs = stage.done(FileMove, json!({"from": from, "to": text(&stage, "to"), "verify": "sha256"})).await;
    assert_eq!(
        (stage.path("from").exists(), fs::read_to_string(stage.path("to")).unwrap()),
        (false, "data".to_owned())
    );
    assert_eq!(stage.text(&outputs["file"]), "data");
    let outputs = stage.done(FileMove, json!({"from": text(&stage, "to"), "to": "kept.txt"})).await;
    assert_eq!((stage.path("to").exists(), stage.text(&outputs["file"])), (false, "data".to_owned()));
    let file = stage.file("v", "x").await;
    let again = stage.machine_file("from", "data");
    symlink(stage.path("from"), stage.path("link")).unwrap();
    for (from, to, code) in [
        (json!("a.csv"), json!("b"), "with"),
        (file, json!("b"), "with"),
        (again.clone(), again.clone(), "with"),
        (json!(text(&stage, "none")), json!("b"), "not_found"),
        (json!(text(&stage, "link")), json!("b"), "not_a_file"),
        (json!(text(&stage, "artifacts")), json!("b"), "not_a_file"),
    ] {
        assert_eq!(stage.fails(FileMove, json!({"from": from, "to": to})).await.code, code, "{from}");
    }
    let wrong = json!({"from": again, "to": text(&stage, "to"), "verify": "2".repeat(64)});
    assert_eq!(stage.fails(FileMove, wrong).await.code, "checksum");
    assert!(stage.path("from").exists() && !stage.path("to").exists());
}

#[tokio::test]
async fn short_text_is_a_value_and_everything_else_stays_a_file() {
    let stage = Stage::new();
    let outputs = stage.done(FileRead, json!({"path": stage.machine_file("a.txt", "grüße\n")})).await;
    assert_eq!((&outputs["text"], &outputs["bytes"]), (&json!("grüße\n"), &json!(8)));
    for bytes in [vec![b'x'; 64 * 1024 + 1], vec![0xff, 0xfe, 0x41]] {
        let outputs = stage.done(FileRead, json!({"path": stage.file("b.bin", &bytes).await})).await;
        assert_eq!(outputs["text"], outputs["file"]);
        assert_eq!(stage.bytes(&outputs["file"]), bytes);
    }
    let edge = stage.done(FileRead, json!({"path": stage.file("c", vec![b'x'; 64 * 1024]).await})).await;
    assert!(edge["text"].is_string());
}

#[tokio::test]
async fn what_is_written_is_the_text_or_the_value() {
    let stage = Stage::new();
    for (content, written) in [
        (json!("text"), "text"),
        (json!(5.5), "5.5"),
        (json!(null), ""),
        (json!({"b": 1, "a": []}), "{\n  \"a\": [],\n  \"b\": 1\n}\n"),
    ] {
        let outputs =
            stage.done(FileWrite, json!({"path": "notes/x.txt", "content": content, "verify": "sha256"})).await;
        assert_eq!(stage.text(&outputs["file"]), written);
        let file = FileValue::from_value(&outputs["file"]).unwrap();
        assert_eq!((file.name.as_str(), file.sha256), ("notes/x.txt", Sha256::of(written.as_bytes())));
        let path = text(&stage, "on-machine");
        stage.done(FileWrite, json!({"path": path, "content": content})).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), written);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    }
    let content = stage.file("x", "y").await;
    assert_eq!(stage.fails(FileWrite, json!({"path": "x", "content": content})).await.code, "with");
}

#[tokio::test]
async fn stat_tells_files_folders_and_nothing_apart() {
    let mut stage = Stage::new();
    stage.plan_file("in/a.csv", "abc").await;
    let digest = Sha256::of(b"abc").to_string();
    let machine = stage.machine_file("m", "abc");
    for path in [json!("in/a.csv"), machine, stage.file("v", "abc").await] {
        let found = stage.done(FileStat, json!({"path": path})).await;
        assert_eq!(json!(found), json!({"exists": true, "kind": "file", "bytes": 3, "sha256": digest}));
    }
    for (path, exists, kind) in [
        (json!("in"), true, json!("folder")),
        (json!(text(&stage, "artifacts")), true, json!("folder")),
        (json!("/dev/null"), true, json!("other")),
        (json!("none"), false, Value::Null),
        (json!(text(&stage, "none")), false, Value::Null),
    ] {
        let found = stage.done(FileStat, json!({"path": path})).await;
        assert_eq!(json!(found), json!({"exists": exists, "kind": kind, "bytes": null, "sha256": null}));
    }
}

#[tokio::test]
async fn delete_removes_one_file_and_no_folder() {
    let stage = Stage::new();
    let path = stage.machine_file("a", "x");
    symlink(stage.path("a"), stage.path("link")).unwrap();
    assert_eq!(stage.done(FileDelete, json!({"path": text(&stage, "link")})).await["deleted"], true);
    assert!(stage.path("a").exists());
    assert_eq!(stage.done(FileDelete, json!({"path": path})).await["deleted"], true);
    assert_eq!(stage.fails(FileDelete, json!({"path": path})).await.code, "not_found");
    assert_eq!(stage.done(FileDelete, json!({"path": path, "missing": "ignore"})).await["deleted"], false);
    assert_eq!(stage.fails(FileDelete, json!({"path": text(&stage, "artifacts")})).await.code, "is_folder");
    assert_eq!(stage.fails(FileDelete, json!({"path": "a"})).await.code, "with");
}

#[tokio::test]
async fn a_list_is_sorted_and_follows_no_link() {
    let mut stage = Stage::new();
    for name in ["b.csv", "a.csv", "sub/c.csv", "sub/deep/d.csv", "e.txt"] {
        stage.plan_file(name, "x").await;
        let path = stage.path("tree").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    symlink(stage.path("tree"), stage.path("tree/loop")).unwrap();
    let names = |outputs: &serde_json::Map<String, Value>| -> Vec<String> {
        let entries = outputs["entries"].as_array().unwrap();
        assert_eq!(outputs["count"], entries.len());
        entries.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    let tree = text(&stage, "tree");
    for path in [".", &tree] {
        let all = stage.done(FileList, json!({"path": path, "pattern": "**/*.csv"})).await;
        assert_eq!(names(&all), ["a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"]);
        let top = stage.done(FileList, json!({"path": path, "pattern": "*.csv"})).await;
        assert_eq!(names(&top), ["a.csv", "b.csv"]);
    }
    assert_eq!(names(&stage.done(FileList, json!({"path": "sub", "pattern": "**"})).await), ["c.csv", "deep/d.csv"]);
    let machine = stage.done(FileList, json!({"path": tree})).await;
    assert_eq!(names(&machine), ["a.csv", "b.csv", "e.txt", "loop", "sub"]);
    assert_eq!(machine["entries"][3], json!({"name": "loop", "kind": "link", "bytes": null}));
    let file = text(&stage, "tree/a.csv");
    for (with, code) in [
        (json!({"path": file}), "not_folder"),
        (json!({"path": text(&stage, "none")}), "not_found"),
        (json!({"path": ".", "pattern": "[a"}), "with"),
        (json!({"path": "../x"}), "path"),
    ] {
        assert_eq!(stage.fails(FileList, with).await.code, code);
    }
}
