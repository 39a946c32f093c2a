//! Where a server is and who we are to it, from one URL. Shown or logged, it has no credentials.
//!
//! Knows the parts that `amqp://`, `amqps://`, `redis://` and `rediss://` share. Deliberately does not know what a
//! path or a query means to a server.

use std::fmt;

use crate::error::{Error, Result};

/// A server's URL, taken apart and decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    scheme: String,
    user: Option<String>,
    password: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
    query: Vec<(String, String)>,
}

impl ServerUrl {
    /// Takes a URL apart; `what` names it in errors, which never quote it. One of these schemes it must have.
    pub fn parse(what: &str, text: &str, schemes: &[&str]) -> Result<Self> {
        let wrong = |reason: &str| Error::Setting { what: what.to_owned(), reason: reason.to_owned() };
        let form = format!("must look like `{}://USER:PASSWORD@HOST:PORT/NAME`", schemes.first().unwrap_or(&"scheme"));
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(|| wrong(&form))?;
        let scheme = scheme.to_ascii_lowercase();
        if !schemes.contains(&scheme.as_str()) {
            return Err(wrong(&format!("must begin with {}", choice(schemes))));
        }
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, place) =
            authority.rsplit_once('@').map_or((None, authority), |(credentials, place)| (Some(credentials), place));
        let (host, port) = host_and_port(place).ok_or_else(|| wrong("has no HOST:PORT that can be read"))?;
        let decoded = |text: &str| {
            let reason = "has a `%` that is not followed by two hexadecimal digits, or bytes that are no UTF-8";
            decode(text).ok_or_else(|| wrong(reason))
        };
        let (user, password) = match credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
            None => (None, None),
            Some((user, password)) => {
                let given = |text: String| Some(text).filter(|text| !text.is_empty());
                (given(decoded(user)?), given(decoded(password)?))
            }
        };
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = pairs.map(|(name, value)| Ok((decoded(name)?, decoded(value)?))).collect::<Result<_>>()?;
        Ok(Self { scheme, user, password, host: decoded(host)?, port, path: decoded(path)?, query })
    }

    /// Its scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The user, where one is given.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password, where one is given. For the server only.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The host's name or address, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where one is given.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// What comes after the first `/` behind the host, decoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// `HOST:PORT`, for people.
    pub fn place(&self, default_port: u16) -> String {
        let port = self.port.unwrap_or(default_port);
        if self.host.contains(':') { format!("[{}]:{port}", self.host) } else { format!("{}:{port}", self.host) }
    }
}

/// Without user, password and parameters: any of them may be a secret.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if self.host.contains(':') { write!(f, "[{}]", self.host) } else { f.write_str(&self.host) }?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.path)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({self})")
    }
}

fn choice(schemes: &[&str]) -> String {
    let quoted: Vec<String> = schemes.iter().map(|scheme| format!("`{scheme}://`")).collect();
    quoted.join(" or ")
}

fn host_and_port(place: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']')?;
            (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
    };
    (!host.is_empty()).then_some((host, port))
}

/// The text with `%41` as `A`.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [&str; 2] = ["amqp", "amqps"];

    fn parsed(text: &str) -> Result<ServerUrl> {
        ServerUrl::parse("--amqp-url", text, &SCHEMES)
    }

    #[test]
    fn every_part_is_found_and_decoded() {
        let url = parsed("amqps://m%C3%BCller:p%40ss%2Fword:x@[::1]:5671/%2f?heartbeat=5&x=%20#y").expect("a URL");
        assert_eq!((url.scheme(), url.user(), url.password()), ("amqps", Some("müller"), Some("p@ss/word:x")));
        assert_eq!((url.host(), url.port(), url.path()), ("::1", Some(5671), "/"));
        assert_eq!((url.parameter("heartbeat"), url.parameter("x"), url.parameter("y")), (Some("5"), Some(" "), None));
        assert_eq!(url.place(1), "[::1]:5671");
        let bare = parsed("AMQP://rabbit").expect("a URL");
        assert_eq!((bare.user(), bare.password(), bare.port(), bare.path()), (None, None, None, ""));
        assert_eq!(bare.place(5672), "rabbit:5672");
        assert_eq!(parsed("amqp://:secret@h").expect("a URL").password(), Some("secret"));
        assert_eq!(parsed("amqp://u:a@b@h").expect("the last one counts").password(), Some("a@b"));
    }

    #[test]
    fn what_is_shown_has_no_credentials() {
        let url = parsed("amqp://alice:swordfish@host:1/v?token=swordfish").expect("a URL");
        for shown in [url.to_string(), format!("{url:?}"), format!("{url:#?}"), url.place(2)] {
            assert!(!shown.contains("swordfish") && !shown.contains("alice"), "{shown}");
        }
        assert_eq!(url.to_string(), "amqp://host:1/v");
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_being_quoted() {
        let wrong = [
            "swordfish",
            "redis://u:swordfish@h",
            "amqp://u:swordfish@",
            "amqp://u:swordfish@h:x",
            "amqp://u:swordfish@h:0",
            "amqp://u:swordfish@h:99999",
            "amqp://u:swordfish%@h",
            "amqp://u:swordfish%ff@h",
            "amqp://u:swordfish@[::1",
            "amqp://u:swordfish@[::1]x",
            "",
        ];
        for text in wrong {
            let error = parsed(text).expect_err(text);
            assert!(matches!(error, Error::Setting { .. }), "{error:?}");
            assert!(!format!("{error} {error:?}").contains("swordfish"), "{error}");
            assert!(error.to_string().starts_with("--amqp-url: "), "{error}");
        }
    }
}
