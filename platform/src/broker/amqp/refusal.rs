//! What the server or the network said, as our errors: what is wrong, and what to do.

use std::io;

use lapin::protocol::AMQPErrorKind;
use lapin::{ErrorKind, protocol};

use crate::error::Error;

/// Who we are to the server, for errors. Without a password.
#[derive(Clone, Debug)]
pub(super) struct Who {
    /// `RabbitMQ at HOST:PORT`.
    pub(super) server: String,
    /// The user.
    pub(super) user: String,
    /// The virtual host.
    pub(super) host: String,
    /// What the names of our queues begin with.
    pub(super) prefix: String,
}

/// The code and the words of a refusal of the protocol.
pub(super) fn reply(error: &lapin::Error) -> Option<(u16, &str)> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some((code(error), error.get_message().as_str())),
        _ => None,
    }
}

fn code(error: &protocol::AMQPError) -> u16 {
    match error.kind() {
        AMQPErrorKind::Soft(soft) => soft.get_id(),
        AMQPErrorKind::Hard(hard) => hard.get_id(),
    }
}

impl Who {
    /// Why there is no connection, or why there is none any more.
    pub(super) fn unreachable(&self, error: &lapin::Error) -> Error {
        match (reply(error), error.kind()) {
            (Some((403, _)), _) => Error::LoginRefused { server: self.server.clone(), user: self.user.clone() },
            (Some((530, words)), _) => self.no_virtual_host(words),
            (Some((_, words)), _) => self.lost(words),
            (None, ErrorKind::IOError(error)) => self.lost(&io_words(error)),
            (None, ErrorKind::MissingHeartbeatError) => self.lost("it sends no heartbeats any more"),
            (None, ErrorKind::InvalidProtocolVersion(_) | ErrorKind::ParsingError(_)) => {
                self.lost("what listens there does not speak AMQP 0-9-1; check the port in the URL")
            }
            (None, _) => self.lost(&error.to_string()),
        }
    }

    /// It cannot be reached for this reason.
    pub(super) fn lost(&self, reason: &str) -> Error {
        Error::Unreachable { server: self.server.clone(), reason: reason.to_owned() }
    }

    fn no_virtual_host(&self, words: &str) -> Error {
        let Self { server, user, host, .. } = self;
        let reason = if words.contains("not found") {
            format!("there is none of that name; make it with `rabbitmqctl add_vhost {host}`, or change the URL's end")
        } else if words.contains("refused for user") {
            format!("grant it with `{}`", self.grant())
        } else {
            // A limit on connections, or a virtual host that is just starting.
            return self.lost(words);
        };
        Error::NoVirtualHost { server: server.clone(), user: user.clone(), host: host.clone(), reason }
    }

    /// The user may not do this.
    pub(super) fn no_permission(&self, what: String) -> Error {
        Error::NoPermission { what, advice: format!("user `{}` lacks it; grant it with `{}`", self.user, self.grant()) }
    }

    fn grant(&self) -> String {
        let Self { user, host, prefix, .. } = self;
        let ours = format!("^{}\\.", prefix.replace('.', "\\."));
        // Answers go to queues of strangers, by the default exchange.
        format!("rabbitmqctl set_permissions -p {host} {user} '{ours}' '{ours}|^amq\\.default$' '{ours}'")
    }

    /// Why a call on a channel failed.
    pub(super) fn call(&self, error: &lapin::Error, about: &About<'_>) -> Error {
        let Some((code, words)) = reply(error) else { return self.unreachable(error) };
        let (what, name) = (about.what(), about.name);
        match code {
            403 => self.no_permission(what),
            404 if words.contains("no exchange") => {
                Error::NoExchange { exchange: quoted(words).unwrap_or(name).into() }
            }
            404 => Error::NoQueue { queue: name.to_owned() },
            405 => Error::Inequivalent {
                name: name.to_owned(),
                argument: "owner".to_owned(),
                found: "another connection".to_owned(),
                wanted: about.owner.to_owned(),
            },
            406 => inequivalent(name, words).unwrap_or_else(|| Error::Refused { what, reason: words.to_owned() }),
            // Hard errors end the connection: the next one may do better.
            320 | 501..=541 => self.lost(words),
            _ => Error::Refused { what, reason: words.to_owned() },
        }
    }
}

/// What a call was about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// `declare`, `consume from` …
    pub(super) verb: &'a str,
    /// `queue` or `exchange`.
    pub(super) kind: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// Who should own it.
    pub(super) owner: &'a str,
}

impl About<'_> {
    fn what(&self) -> String {
        format!("{} the {} `{}`", self.verb, self.kind, self.name)
    }
}

/// What the network said, in plain words.
pub(super) fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "the connection was reset".to_owned(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        _ => error.to_string(),
    }
}

/// `inequivalent arg 'NAME' for queue 'Q' in vhost 'V': received WANTED but current is FOUND`, where the server cuts
/// its words at 255 bytes.
fn inequivalent(name: &str, words: &str) -> Option<Error> {
    let argument = quoted(words.split_once("inequivalent arg ")?.1)?;
    let values = words.split_once("received ").map(|(_, values)| values.split_once(" but current is "));
    let (wanted, found) = match values.flatten() {
        Some((wanted, found)) => (value(wanted), value(found)),
        None => ("what was declared", "something else"),
    };
    Some(Error::Inequivalent {
        name: name.to_owned(),
        argument: argument.to_owned(),
        found: found.to_owned(),
        wanted: wanted.to_owned(),
    })
}

fn value(words: &str) -> &str {
    if words.starts_with("none") { "none" } else { quoted(words).unwrap_or(words) }
}

/// What stands between the first two quotation marks.
fn quoted(words: &str) -> Option<&str> {
    words.split('\'').nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inequivalent_argument_is_named_however_the_server_words_it() {
        let cases = [
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received the value \
                 '77' of type 'signedint' but current is the value '5' of type 'signedint'",
                ("x-delivery-limit", "5", "77"),
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue 'q' in vhost '/': received none but \
                 current is the value 'reject-publish' of type 'longstr'",
                ("x-overflow", "reject-publish", "none"),
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'e' in vhost '/': received 'fanout' but \
                 current is 'topic'",
                ("type", "topic", "fanout"),
            ),
            (
                "PRECONDITION_FAILED - inequivalent arg 'durable' for qu",
                ("durable", "something else", "what was declared"),
            ),
        ];
        for (words, (argument, found, wanted)) in cases {
            let expected = Error::Inequivalent {
                name: "n".into(),
                argument: argument.into(),
                found: found.into(),
                wanted: wanted.into(),
            };
            assert_eq!(inequivalent("n", words), Some(expected));
        }
        assert_eq!(inequivalent("n", "PRECONDITION_FAILED - invalid arg 'x-queue-type'"), None);
    }
}
