//! What the library's and the server's errors mean to us.

use deadpool_redis::PoolError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::error::Error;

/// Codes with which a server says that its memory, its disk or its replicas do not let it write.
const NO_ROOM: [&str; 3] = ["OOM", "MISCONF", "NOREPLICAS"];
/// Codes with which a server says that it does not know us.
const STRANGERS: [&str; 3] = ["NOAUTH", "WRONGPASS", "DENIED"];

/// An error, and whether the connection it came over is of any use after it.
pub(super) struct Trouble {
    pub(super) error: Error,
    pub(super) broken: bool,
}

/// Tells what went wrong at one server.
pub(super) struct Reader<'a> {
    /// The server, as it may be shown.
    pub(super) what: &'a str,
    /// How long was waited for an answer, in milliseconds.
    pub(super) response_ms: u64,
}

impl Reader<'_> {
    /// Of a request that was sent: it may have been carried out.
    pub(super) fn sent(&self, error: &RedisError) -> Trouble {
        let what = self.what.to_owned();
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => broken(Error::NoAnswer { ms: self.response_ms }),
            ErrorKind::Io => broken(Error::Closed { what: format!("the connection to {what}") }),
            ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
                broken(Error::Damaged { what, reason: error.to_string() })
            }
            // The library's lists are open; what remains was said by the server.
            _ => self.said(error),
        }
    }

    /// Of a connection that could not be made or was not free: nothing was sent.
    pub(super) fn unconnected(&self, error: PoolError) -> Error {
        let unreachable = |reason: String| Error::Unreachable { server: self.what.to_owned(), reason };
        match error {
            PoolError::Backend(error) => self.unmade(&error),
            PoolError::Timeout(_) => unreachable("no connection within the time allowed".to_owned()),
            PoolError::Closed | PoolError::NoRuntimeSpecified => Error::Closed { what: self.what.to_owned() },
            PoolError::PostCreateHook(error) => unreachable(error.to_string()),
        }
    }

    /// Of a connection that could not be made.
    pub(super) fn unmade(&self, error: &RedisError) -> Error {
        let unreachable = |reason: String| Error::Unreachable { server: self.what.to_owned(), reason };
        match error.kind() {
            ErrorKind::Io if error.is_timeout() => unreachable("no answer within the time allowed".to_owned()),
            ErrorKind::Io => unreachable(plain(&error.to_string())),
            ErrorKind::AuthenticationFailed => self.stranger("it does not know this user with this password"),
            ErrorKind::Parse => unreachable(format!("what answers there is no Redis: {error}")),
            // As above.
            _ => self.said(error).error,
        }
    }

    fn said(&self, error: &RedisError) -> Trouble {
        let what = self.what.to_owned();
        let code = error.code().unwrap_or_default();
        let text = error.detail().map_or_else(|| error.to_string(), |detail| format!("{code} {detail}"));
        if NO_ROOM.contains(&code) {
            return whole(Error::NoRoom { what, reason: format!("{text}; {}", room(code)) });
        }
        if STRANGERS.contains(&code) || text.contains("WRONGPASS") || text.contains("NOAUTH") {
            return broken(self.stranger(&text));
        }
        match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm) => broken(Error::Denied {
                what,
                reason: format!("{text}; allow its user the commands and keys (`ACL SETUSER NAME ~PREFIX* +@all`)"),
            }),
            ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot) => {
                broken(Error::Unfit {
                    what,
                    reason: format!(
                        "it is one of several nodes of a cluster and holds only some of the keys ({text}); give the address of a server that holds all"
                    ),
                })
            }
            ErrorKind::Server(
                ServerErrorKind::ReadOnly
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::TryAgain,
            ) => broken(Error::Unreachable { server: what, reason: text }),
            // The library's lists are open; such words of the server mean that it cannot serve just now.
            _ if code == "BUSY" || text.contains("max number of clients") => {
                broken(Error::Unreachable { server: what, reason: text })
            }
            _ if code == "WRONGTYPE" || text.contains("WRONGTYPE") => {
                whole(Error::Damaged { what, reason: format!("{text}: somebody else writes there") })
            }
            _ => whole(Error::Io { what: format!("asking {what}"), reason: text }),
        }
    }

    fn stranger(&self, text: &str) -> Error {
        Error::Denied {
            what: self.what.to_owned(),
            reason: format!("{text}; see to the user and the password in its address"),
        }
    }
}

const fn broken(error: Error) -> Trouble {
    Trouble { error, broken: true }
}

const fn whole(error: Error) -> Trouble {
    Trouble { error, broken: false }
}

/// The system's words without its number.
fn plain(text: &str) -> String {
    let text = text.split(" (os error").next().unwrap_or(text);
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

fn room(code: &str) -> &'static str {
    match code {
        "OOM" => "give it more memory (`maxmemory`), or remove jobs that have ended",
        "MISCONF" => "see that its disk has room and can be written to",
        _ => "see to its replicas, or to `min-replicas-to-write`",
    }
}
