//! Messages as bytes: MessagePack with named fields, or JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::limits::{MESSAGE_BYTES_MAX, NESTING_MAX};
use crate::message::Message;

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `application/msgpack`, named fields.
    MessagePack,
    /// `application/json`.
    Json,
}

impl Encoding {
    /// The AMQP `content_type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::MessagePack => "application/msgpack",
            Self::Json => "application/json",
        }
    }

    /// What a body is: by its content type, whatever its parameters and case, else JSON when it begins
    /// with `{`, else MessagePack. White space before the `{` is no MessagePack of any message.
    pub fn of(content_type: Option<&str>, body: &[u8]) -> Self {
        let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        if media_type.eq_ignore_ascii_case(Self::Json.content_type()) {
            Self::Json
        } else if media_type.eq_ignore_ascii_case(Self::MessagePack.content_type()) {
            Self::MessagePack
        } else if body.trim_ascii_start().first() == Some(&b'{') {
            Self::Json
        } else {
            Self::MessagePack
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::MessagePack => "MessagePack",
            Self::Json => "JSON",
        }
    }
}

/// The bytes of a message's body; its type travels beside it as [`Message::kind`].
pub fn encode(message: &Message, encoding: Encoding) -> Result<Vec<u8>, Error> {
    let kind = message.kind();
    let bytes = match message {
        Message::JobRequest(body) => write(body, encoding, kind),
        Message::PlanReady(body) => write(body, encoding, kind),
        Message::PlanRefused(body) => write(body, encoding, kind),
        Message::Planned(body) => write(body, encoding, kind),
        Message::Assignment(body) => write(body, encoding, kind),
        Message::Report(body) => write(body, encoding, kind),
        Message::Claim(body) => write(body, encoding, kind),
        Message::Grant(body) => write(body, encoding, kind),
        Message::Revocation(body) => write(body, encoding, kind),
        Message::Holding(body) => write(body, encoding, kind),
        Message::Knock(body) => write(body, encoding, kind),
        Message::Announcement(body) => write(body, encoding, kind),
        Message::Case(body) => write(body, encoding, kind),
        Message::Finding(body) => write(body, encoding, kind),
        Message::Directive(body) => write(body, encoding, kind),
        Message::DirectiveReply(body) => write(body, encoding, kind),
        Message::Notice(body) => write(body, encoding, kind),
        // To a stranger the answer is `answer.json` itself, not a wrapper of ours.
        Message::Answer(body) => write(&body.answer, encoding, kind),
        Message::Refusal(body) => write(body, encoding, kind),
    }?;
    if bytes.len() > MESSAGE_BYTES_MAX { Err(Error::TooLarge { bytes: bytes.len() }) } else { Ok(bytes) }
}

/// The message that a body of this `type` is. Unknown fields are ignored; an unknown major version is an error.
pub fn decode(kind: &str, encoding: Encoding, body: &[u8]) -> Result<Message, Error> {
    if body.len() > MESSAGE_BYTES_MAX {
        return Err(Error::TooLarge { bytes: body.len() });
    }
    Ok(match kind {
        "job.request.v1" => Message::JobRequest(Box::new(read(body, encoding, kind)?)),
        "plan.ready.v1" => Message::PlanReady(Box::new(read(body, encoding, kind)?)),
        "plan.refused.v1" => Message::PlanRefused(Box::new(read(body, encoding, kind)?)),
        "plan.recorded.v1" => Message::Planned(read(body, encoding, kind)?),
        "task.assignment.v1" => Message::Assignment(Box::new(read(body, encoding, kind)?)),
        "task.report.v1" => Message::Report(Box::new(read(body, encoding, kind)?)),
        "task.claim.v1" => Message::Claim(read(body, encoding, kind)?),
        "task.grant.v1" => Message::Grant(read(body, encoding, kind)?),
        "task.revocation.v1" => Message::Revocation(read(body, encoding, kind)?),
        "worker.holding.v1" => Message::Holding(read(body, encoding, kind)?),
        "partition.knock.v1" => Message::Knock(read(body, encoding, kind)?),
        "assembler.announcement.v1" => Message::Announcement(read(body, encoding, kind)?),
        "escalation.case.v1" => Message::Case(Box::new(read(body, encoding, kind)?)),
        "escalation.finding.v1" => Message::Finding(Box::new(read(body, encoding, kind)?)),
        "job.directive.v1" => Message::Directive(Box::new(read(body, encoding, kind)?)),
        "job.directive.reply.v1" => Message::DirectiveReply(read(body, encoding, kind)?),
        "job.notice.v1" => Message::Notice(Box::new(read(body, encoding, kind)?)),
        "job.answer.v1" => {
            let answer: serde_json::Value = read(body, encoding, kind)?;
            let job = answer.get("job").and_then(serde_json::Value::as_str).unwrap_or_default().parse()?;
            Message::Answer(Box::new(crate::message::AnswerReply { job, answer }))
        }
        "job.refusal.v1" => Message::Refusal(Box::new(read(body, encoding, kind)?)),
        other => return Err(unknown(other)),
    })
}

/// The types and versions that this build reads.
pub const KINDS: [&str; 19] = [
    "job.request.v1",
    "plan.ready.v1",
    "plan.refused.v1",
    "plan.recorded.v1",
    "task.assignment.v1",
    "task.report.v1",
    "task.claim.v1",
    "task.grant.v1",
    "task.revocation.v1",
    "worker.holding.v1",
    "partition.knock.v1",
    "assembler.announcement.v1",
    "escalation.case.v1",
    "escalation.finding.v1",
    "job.directive.v1",
    "job.directive.reply.v1",
    "job.notice.v1",
    "job.answer.v1",
    "job.refusal.v1",
];

fn unknown(found: &str) -> Error {
    let stem = stem(found).filter(|stem| !stem.is_empty());
    let known = stem.and_then(|wanted| KINDS.into_iter().find(|kind| self::stem(kind) == Some(wanted)));
    let found = found.chars().take(80).collect();
    match known {
        Some(known) => Error::MessageVersion { found, known },
        None => Error::MessageType { found },
    }
}

/// A type without its `.v` and major version; nothing where it has none.
fn stem(kind: &str) -> Option<&str> {
    let (stem, version) = kind.rsplit_once(".v")?;
    (!version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit())).then_some(stem)
}

/// Any part of this language as bytes: what the store keeps, and what goldens hold.
pub fn write<T: Serialize>(body: &T, encoding: Encoding, kind: &str) -> Result<Vec<u8>, Error> {
    let failed = |reason: String| unfit(encoding, kind, &reason);
    match encoding {
        Encoding::MessagePack => rmp_serde::to_vec_named(body).map_err(|error| failed(error.to_string())),
        Encoding::Json => serde_json::to_vec(body).map_err(|error| failed(error.to_string())),
    }
}

/// The value that these bytes, and all of them, are. Nesting beyond [`NESTING_MAX`] is refused in both encodings.
pub fn read<T: DeserializeOwned>(body: &[u8], encoding: Encoding, kind: &str) -> Result<T, Error> {
    let failed = |reason: String| unfit(encoding, kind, &reason);
    match encoding {
        Encoding::MessagePack => {
            let mut rest = body;
            let mut decoder = rmp_serde::Deserializer::new(&mut rest);
            decoder.set_max_depth(NESTING_MAX);
            let value = T::deserialize(&mut decoder).map_err(|error| failed(error.to_string()))?;
            // The decoder stops where the value ends, and what comes after it would vanish unseen.
            if rest.is_empty() { Ok(value) } else { Err(failed(format!("{} bytes follow its end", rest.len()))) }
        }
        Encoding::Json => serde_json::from_slice(body).map_err(|error| failed(error.to_string())),
    }
}

/// A decoder quotes what it cannot take, whole: only the beginning of that travels on.
fn unfit(encoding: Encoding, kind: &str, reason: &str) -> Error {
    Error::Body { format: encoding.name(), kind: kind.to_owned(), reason: reason.chars().take(300).collect() }
}
