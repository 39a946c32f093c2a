//! A relay between client and server that fails as networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Passes bytes on until it is told otherwise.
pub(crate) struct Relay {
    port: u16,
    mood: Arc<Mood>,
}

struct Mood {
    /// Bytes that may still pass before every connection is cut; then it passes all again.
    left: AtomicI64,
    /// Bytes are taken and vanish.
    black: AtomicBool,
}

impl Relay {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mood = Arc::new(Mood { left: AtomicI64::new(i64::MAX), black: AtomicBool::new(false) });
        let shared = Arc::clone(&mood);
        candor_platform::runtime::thread("relay", move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                    let mood = Arc::clone(&shared);
                    candor_platform::runtime::thread("relay", move || pass(from, to, &mood)).expect("a thread");
                }
            }
        })
        .expect("a thread");
        Self { port, mood }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts the connection that passes the last of so many bytes, in the middle of whatever it is.
    pub(crate) fn cut_after(&self, bytes: i64) {
        self.mood.left.store(bytes, Ordering::SeqCst);
    }

    /// Whether that has happened.
    pub(crate) fn has_cut(&self) -> bool {
        self.mood.left.load(Ordering::SeqCst) > i64::MAX / 2
    }

    /// Takes everything and passes nothing on, or passes it on again. What was swallowed stays so.
    pub(crate) fn swallow(&self, black: bool) {
        self.mood.black.store(black, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mood: &Mood) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if mood.black.load(Ordering::SeqCst) {
            continue;
        }
        let length = i64::try_from(count).expect("a small number");
        let left = mood.left.fetch_sub(length, Ordering::SeqCst);
        let passing = usize::try_from(left.clamp(0, length)).expect("it is not negative");
        if to.write_all(&buffer[..passing]).is_err() {
            break;
        }
        if passing < count {
            mood.left.store(i64::MAX, Ordering::SeqCst);
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
