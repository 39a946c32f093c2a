//! Private RabbitMQ, Redis and S3 for tests: on free ports of the loopback address, in folders of their own, gone with the test.

mod group;
mod rabbitmq;
mod redis;
mod s3;

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use s3::S3;

/// Says that nothing may be left out: `tests/run` sets it.
const EVERYTHING: &str = "CANDOR_TEST_EVERYTHING";
/// Names a Python with the packages that tests need.
const PYTHON: &str = "CANDOR_TEST_PYTHON";
/// How often a server is looked for before a test gives up; a tenth of a second apart.
const LOOKS_MAX: u32 = 900;

/// Whether these programs are installed. Where they are not, it is said what was left out.
///
/// # Panics
///
/// Where they are not and nothing may be left out.
pub fn installed(what: &str, programs: &[&str]) -> bool {
    let missing: Vec<&&str> = programs.iter().filter(|program| !std::path::Path::new(program).exists()).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(std::env::var_os(EVERYTHING).is_none(), "{what} is needed and {missing:?} are missing");
    eprintln!("left out: {what} is not installed; `tests/run` installs it");
    false
}

/// The Python with the packages that tests need: `tests/run` makes it and says where it is. Where there is none, it is
/// said what was left out.
///
/// # Panics
///
/// Where there is none and nothing may be left out.
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os(PYTHON).map(PathBuf::from);
    if python.is_none() {
        assert!(std::env::var_os(EVERYTHING).is_none(), "{PYTHON} must name a Python with the packages of `tests/run`");
        eprintln!("left out: {PYTHON} names no Python with the packages of the tests; `tests/run` makes one");
    }
    python
}

/// Ports that are given to servers. The system gives none of them to whoever only connects: such a connection could
/// take the place of a server that is down for a moment, even one that looks for that very server.
const PORTS: std::ops::Range<u16> = 15_000..32_000;

/// A port of the loopback address that nobody else of this process was given, and that is free at this moment.
///
/// # Panics
///
/// When there is none.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<u16>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Tests that run at once begin at different places.
    let begin = PORTS.start + u16::try_from(std::process::id() * 97 % u32::from(PORTS.end - PORTS.start)).unwrap_or(0);
    for _ in PORTS {
        let port = given.map_or(begin, |last| if last + 1 < PORTS.end { last + 1 } else { PORTS.start });
        *given = Some(port);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port of {PORTS:?} is free");
}

/// Waits until nobody listens any more: whoever was killed may hold its port for a moment longer.
#[track_caller]
fn left(port: u16) {
    until(&format!("port {port} to be free"), || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok());
}

/// Waits until somebody listens.
#[track_caller]
fn listening(port: u16, what: &str) {
    until(&format!("{what} on port {port}"), || {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into();
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
    });
}

/// Looks again and again until it is so.
///
/// # Panics
///
/// When it is not for a minute and a half.
#[track_caller]
pub fn until(what: &str, mut look: impl FnMut() -> bool) {
    for _ in 0..LOOKS_MAX {
        if look() {
            return;
        }
        crate::process::pause();
    }
    panic!("{what}: not within a minute and a half");
}
