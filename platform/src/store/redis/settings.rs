//! Where Redis is, and how it is to be used.

use std::fmt;
use std::path::{Path, PathBuf};

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates};

use crate::error::{Error, Result};
use crate::tls;

/// How long a connection may take to be made, in milliseconds.
const CONNECT_MS: u64 = 5_000;
/// How long an answer may take, in milliseconds. The library's own half a second is less than one slow fsync.
const RESPONSE_MS: u64 = 5_000;
/// After how long an append can no longer be rolled back where the server syncs once a second, in milliseconds:
/// a sync may be late by another second.
const STORE_ROLLBACK_MS: u64 = 2_000;
/// Connections at most: more calls at once wait for one.
const CONNECTIONS_MAX: usize = 8;
/// How old a connection becomes, in milliseconds: whatever goes wrong with one unseen is over after that.
const CONNECTION_AGE_MS: u64 = 300_000;

/// How Redis is used. Its address may hold a password, so it is never shown whole.
#[derive(Clone)]
pub struct Settings {
    /// `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` for TLS.
    pub url: String,
    /// What every key begins with, so that several deployments can share a server.
    pub prefix: String,
    /// Whether a server that may lose what it acknowledged is refused.
    pub strict: bool,
    /// A file with certificates of authorities to be trusted beside the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    /// After how long an append can no longer be rolled back, in milliseconds; not waited for where every append
    /// is synced before it is acknowledged.
    pub store_rollback_ms: u64,
    /// How long a connection may take to be made, in milliseconds.
    pub connect_ms: u64,
    /// How long an answer may take, in milliseconds.
    pub response_ms: u64,
    /// Connections at most.
    pub connections_max: usize,
    /// How old a connection becomes, in milliseconds.
    pub connection_age_ms: u64,
}

impl Settings {
    /// The usual ones, for the Redis at this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "candor".to_owned(),
            strict: true,
            ca_file: None,
            store_rollback_ms: STORE_ROLLBACK_MS,
            connect_ms: CONNECT_MS,
            response_ms: RESPONSE_MS,
            connections_max: CONNECTIONS_MAX,
            connection_age_ms: CONNECTION_AGE_MS,
        }
    }

    /// Checked, and as the library wants them.
    pub(super) fn address(&self) -> Result<Address> {
        let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        if self.prefix.is_empty() || !self.prefix.chars().all(plain) {
            let reason = "it must be letters, digits, `.`, `_` and `-`".to_owned();
            return Err(Error::Unfit { what: format!("the prefix `{}` of the keys in Redis", self.prefix), reason });
        }
        // What the library says of a wrong address is about its form and never quotes it.
        let wrong = |reason: String| Error::Unfit { what: "the address of Redis".to_owned(), reason };
        let form = "it must be `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` for TLS";
        if !["redis://", "rediss://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            return Err(wrong(form.to_owned()));
        }
        let parsed = self.url.as_str().into_connection_info();
        let mut information = parsed.map_err(|error| wrong(format!("{}: {form}", said(&error))))?;
        let what = match information.addr() {
            ConnectionAddr::Tcp(host, port) => format!("Redis at {host}:{port}"),
            ConnectionAddr::TcpTls { insecure: true, .. } => {
                return Err(wrong("`#insecure` would let anybody pose as the server; name a CA file".to_owned()));
            }
            ConnectionAddr::TcpTls { host, port, .. } => {
                let what = format!("Redis at {host}:{port}");
                information = trusting(information.clone(), self.ca_file.as_deref())?;
                what
            }
            // The library's list is open.
            _ => return Err(wrong(form.to_owned())),
        };
        Ok(Address { what, information })
    }
}

/// Where Redis is: as it may be shown, and as the library wants it.
pub(super) struct Address {
    pub(super) what: String,
    pub(super) information: ConnectionInfo,
}

/// The same address, with the certificates that are trusted.
fn trusting(information: ConnectionInfo, ca_file: Option<&Path>) -> Result<ConnectionInfo> {
    tls::prepare();
    let root_cert = tls::roots(ca_file)?;
    let client = redis::Client::build_with_tls(information, TlsCertificates { client_tls: None, root_cert });
    client
        .map(|client| client.get_connection_info().clone())
        .map_err(|error| Error::Unfit { what: "the certificates for Redis".to_owned(), reason: said(&error) })
}

/// What is wrong, in the library's words.
fn said(error: &redis::RedisError) -> String {
    error.detail().map_or_else(|| error.to_string(), str::to_owned)
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("prefix", &self.prefix)
            .field("strict", &self.strict)
            .finish_non_exhaustive()
    }
}
