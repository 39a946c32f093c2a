//! Settings come from four layers, and everything that is wrong with them is said at once.

#![expect(clippy::expect_used, reason = "helpers of a test may panic")]

use std::fs;
use std::path::PathBuf;

use candor_platform::config::{Environment, Kind, Layers, Problems, Setting};

const POOL: Setting = Setting::new("pool", Kind::List, "default", "the pools to serve");
const CONCURRENCY: Setting = Setting::new("concurrency", Kind::Number { min: 1, max: 256 }, "4", "tasks at once");
const GRACE: Setting = Setting::new("grace", Kind::Duration, "30s", "how long to finish");
const CACHE: Setting = Setting::new("cache-size", Kind::Size, "16MiB", "memory for pages");
const KEY: Setting = Setting::optional("api-key", Kind::Secret, "the key of the provider");
const DATA: Setting = Setting::optional("data-dir", Kind::Path, "where the state lies");
const STRICT: Setting = Setting::new("strict", Kind::Flag, "false", "whether to refuse weak stores");
const URL: Setting = Setting::required("amqp-url", Kind::Text, "the broker's address");
const ALL: &[Setting] = &[POOL, CONCURRENCY, GRACE, CACHE, KEY, DATA, STRICT, URL];

#[derive(Debug, PartialEq)]
struct Config {
    pools: Vec<String>,
    concurrency: u16,
    grace_ms: u64,
    cache_bytes: u64,
    key: Option<String>,
    data: Option<PathBuf>,
    strict: bool,
    url: String,
}

fn config(layers: &Layers) -> Result<Config, Problems> {
    let mut reader = layers.read(&[ALL]);
    let (pools, concurrency, grace_ms) = (reader.list(&POOL), reader.number(&CONCURRENCY), reader.millis(&GRACE));
    let (cache_bytes, strict, url) = (reader.bytes(&CACHE), reader.flag(&STRICT), reader.text(&URL));
    let (key, data) = (reader.text(&KEY), reader.path(&DATA));
    reader.finish(|| {
        Some(Config {
            pools: pools?,
            concurrency: concurrency?,
            grace_ms: grace_ms?,
            cache_bytes: cache_bytes?,
            key,
            data,
            strict: strict?,
            url: url?,
        })
    })
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("candor.toml");
    fs::write(&path, text).expect("a file");
    (folder, path)
}

#[test]
fn later_layers_win() {
    let (_folder, path) = written("concurrency = 2\ngrace = \"1s\"\npool = [\"a\", \"b\"]\ncache_size = \"1KiB\"\n");
    let environment = Environment::of([
        ("CANDOR_GRACE", "2s"),
        ("CANDOR_AMQP_URL", "amqp://there"),
        ("CANDOR_STRICT", ""),
        ("PATH", "/bin"),
    ]);
    let layers = Layers::new(environment).file(path).flag("concurrency", "3").flag("strict", "true");
    let expected = Config {
        pools: vec!["a".into(), "b".into()],
        concurrency: 3,
        grace_ms: 2_000,
        cache_bytes: 1024,
        key: None,
        data: None,
        strict: true,
        url: "amqp://there".into(),
    };
    assert_eq!(config(&layers), Ok(expected));
}

#[test]
fn defaults_are_enough_but_for_what_is_required() {
    let problems = config(&Layers::default()).expect_err("the address is missing");
    let lines = ["default: `amqp-url` is missing: the broker's address (set --amqp-url or CANDOR_AMQP_URL)"];
    assert_eq!(problems.to_string(), lines.join("\n"));
    let layers = Layers::default().flag("amqp-url", "amqp://here");
    assert_eq!(config(&layers).map(|config| config.concurrency), Ok(4));
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let (_folder, path) = written("concurrency = \"four\"\n\ngrase = \"1s\"\ncache-size = 12\n[worker]\nx = 1\n");
    let environment = Environment::of([("CANDOR_GRACE", "soon"), ("CANDOR_AMQP_URI", "amqp://x")]);
    let layers = Layers::new(environment).file(&path).flag("strict", "yes").flag("quiet", "true");
    let problems = config(&layers).expect_err("much is wrong").to_string();
    let path = path.display();
    let lines = [
        format!("{path}:5: `worker` is a table; settings are plain keys"),
        format!("{path}:3: there is no setting `grase` (did you mean `grace`?)"),
        "--quiet: there is no setting `quiet`".to_owned(),
        "CANDOR_AMQP_URI: there is no such variable (did you mean `CANDOR_AMQP_URL`?)".to_owned(),
        format!("{path}:1: `concurrency` must be a whole number from 1 to 256, not `four`"),
        "CANDOR_GRACE: `grace` must be a time with its unit, such as `500ms`, `15s`, `2m`, `1h` or `1d`, not `soon`"
            .to_owned(),
        format!(
            "{path}:4: `cache-size` must be a size with its unit, such as `512B`, `64KiB`, `16MiB` or `1GiB`, not `12`"
        ),
        "--strict: `strict` must be `true` or `false`, not `yes`".to_owned(),
        "default: `amqp-url` is missing: the broker's address (set --amqp-url or CANDOR_AMQP_URL)".to_owned(),
    ];
    let found: Vec<&str> = problems.lines().collect();
    assert_eq!(found.len(), lines.len(), "{problems}");
    for line in lines {
        assert!(found.contains(&line.as_str()), "{line}\nis missing in\n{problems}");
    }
}

#[test]
fn a_file_that_is_no_toml_is_a_problem_with_its_line() {
    let (_folder, path) = written("pool = [\"a\"]\nconcurrency = = 3\n");
    let layers = Layers::default().file(&path).flag("amqp-url", "x");
    let problems = config(&layers).expect_err("it is no TOML").to_string();
    assert!(problems.starts_with(&format!("{}:2: ", path.display())), "{problems}");
}

#[test]
fn a_file_that_is_missing_is_a_problem() {
    let layers = Layers::default().file("/nowhere/candor.toml").flag("amqp-url", "x");
    let problems = config(&layers).expect_err("it is missing").to_string();
    assert!(problems.starts_with("/nowhere/candor.toml: cannot be read: "), "{problems}");
}

#[test]
fn a_secret_is_never_shown() {
    let layers = Layers::default().flag("amqp-url", "x").flag("api-key", "hush-hush").flag("api-key", "hush-hush");
    let problems = config(&layers).expect_err("it is given twice").to_string();
    assert_eq!(problems, "--api-key: `api-key` cannot be used");
}

#[test]
fn variables_that_others_set_for_us_are_no_problem() {
    let environment = Environment::of([
        ("CANDOR_AMQP_URL", "amqp://x"),
        ("CANDOR_SERVICE_HOST", "10.0.0.1"),
        ("CANDOR_SERVICE_PORT", "80"),
        ("CANDOR_PORT", "tcp://10.0.0.1:80"),
        ("CANDOR_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("CANDOR_LOG", "debug"),
        ("CANDOR_SOMETHING_ELSE_ALTOGETHER", "x"),
    ]);
    assert!(config(&Layers::new(environment)).is_ok());
}

#[test]
fn a_service_can_object_itself() {
    let layers = Layers::default().flag("concurrency", "9");
    let mut reader = layers.read(&[ALL]);
    reader.object(&CONCURRENCY, "is more than this machine has");
    let problems = reader.finish(|| Some(())).expect_err("the service objects");
    assert_eq!(problems.to_string(), "--concurrency: `concurrency` is more than this machine has");
}
