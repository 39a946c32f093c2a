//! What travels beside a message, as AMQP has it, and back.
//!
//! AMQP counts time in seconds; the milliseconds travel in the header `x-candor-ms`, and whoever sends none is
//! understood to the second. Nothing that a stranger can send is an error here: what cannot be read is not there.

use candor_proto::codec::{Encoding, decode, encode};
use candor_proto::{Message, MessageId, Millis};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, MAX_SHORT_STRING_LENGTH, ShortString};
use uuid::Uuid;

use crate::broker::Properties;

/// The time of sending in milliseconds.
const MS: &str = "x-candor-ms";
/// The W3C trace context.
const TRACEPARENT: &str = "traceparent";
/// How often a quorum queue has delivered a message before; not there the first time.
const DELIVERY_COUNT: &str = "x-delivery-count";
/// Survives a restart of the server.
const PERSISTENT: u8 = 2;
/// The type of what comes without one where only requests come.
const REQUEST: &str = "job.request.v1";

/// A message as bytes.
pub(super) struct Packet {
    pub(super) body: Vec<u8>,
    pub(super) properties: BasicProperties,
    /// One of the sender's, or else of ours: a message that comes back is known by it.
    pub(super) message_id: ShortString,
}

/// Writes a message; one that is too large is an error.
pub(super) fn packet(message: &Message, properties: &Properties) -> Result<Packet, candor_proto::Error> {
    let encoding = Encoding::of(properties.content_type.as_deref(), &[]);
    let body = encode(message, encoding)?;
    let fresh = || MessageId::from_uuid(Uuid::new_v4()).to_string();
    let message_id = short(properties.message_id.as_deref().unwrap_or(&fresh()));
    let mut headers = FieldTable::default();
    let mut wire = BasicProperties::default()
        .with_type(short(message.kind()))
        .with_content_type(short(encoding.content_type()))
        .with_delivery_mode(PERSISTENT)
        .with_message_id(message_id.clone());
    if let Some(id) = &properties.correlation_id {
        wire = wire.with_correlation_id(short(id));
    }
    if let Some(queue) = &properties.reply_to {
        wire = wire.with_reply_to(short(queue));
    }
    if let Some(ms) = properties.timestamp {
        wire = wire.with_timestamp(ms / 1_000);
        if let Ok(ms) = i64::try_from(ms) {
            headers.insert(short(MS), AMQPValue::LongLongInt(ms));
        }
    }
    if let Some(context) = &properties.traceparent {
        headers.insert(short(TRACEPARENT), AMQPValue::LongString(LongString::from(context.as_bytes())));
    }
    Ok(Packet { body, properties: wire.with_headers(headers), message_id })
}

/// What came, read.
pub(super) struct Arrived {
    pub(super) message: Result<Message, candor_proto::Error>,
    pub(super) properties: Properties,
    pub(super) redelivered: u32,
}

/// Reads a delivery; `requests` says that what has no type is a request for a job.
pub(super) fn arrived(delivery: &lapin::message::Delivery, requests: bool) -> Arrived {
    let wire = &delivery.properties;
    let given = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string);
    let content_type = given(wire.content_type());
    let encoding = Encoding::of(content_type.as_deref(), &delivery.data);
    let kind = given(wire.kind()).filter(|kind| !kind.is_empty());
    let kind = kind.as_deref().unwrap_or(if requests { REQUEST } else { "" });
    let properties = Properties {
        message_id: given(wire.message_id()),
        correlation_id: given(wire.correlation_id()),
        reply_to: given(wire.reply_to()),
        // How the body was read: an answer goes back in the same form.
        content_type: Some(encoding.content_type().to_owned()),
        timestamp: timestamp(wire),
        traceparent: text(header(wire, TRACEPARENT)),
    };
    let redelivered = number(header(wire, DELIVERY_COUNT)).and_then(|count| u32::try_from(count).ok());
    Arrived {
        message: decode(kind, encoding, &delivery.data),
        properties,
        // Classic queues do not count, they only say that there was a delivery before; and without that being said the
        // header is a stranger's.
        redelivered: if delivery.redelivered { redelivered.unwrap_or(1) } else { 0 },
    }
}

/// The milliseconds count where they fit the seconds: a stranger may have copied our headers and set a time of its own.
fn timestamp(wire: &BasicProperties) -> Option<Millis> {
    let seconds = (*wire.timestamp())?;
    let exact = number(header(wire, MS)).and_then(|ms| u64::try_from(ms).ok());
    Some(exact.filter(|ms| ms / 1_000 == seconds).unwrap_or(seconds.saturating_mul(1_000)))
}

fn header<'a>(wire: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    wire.headers().as_ref()?.inner().get(name)
}

fn text(value: Option<&AMQPValue>) -> Option<String> {
    match value? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok().map(str::to_owned),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

fn number(value: Option<&AMQPValue>) -> Option<i64> {
    match *value? {
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => Some(number),
        _ => None,
    }
}

/// A text as AMQP takes it. What is longer than 255 bytes is cut: nothing that came by AMQP is.
pub(super) fn short(text: &str) -> ShortString {
    let end = text.floor_char_boundary(MAX_SHORT_STRING_LENGTH);
    ShortString::try_new(&text[..end]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use candor_proto::OwnerId;
    use candor_proto::message::Knock;
    use proptest::prelude::*;

    use super::*;

    fn delivered(packet: Packet) -> lapin::message::Delivery {
        let mut delivery = lapin::message::Delivery::mock(1, "".into(), "".into(), false, packet.body);
        delivery.properties = packet.properties;
        delivery
    }

    proptest! {
        #[test]
        fn what_travels_comes_back(
            texts in proptest::collection::vec(proptest::option::of("\\PC{0,100}"), 4),
            timestamp in proptest::option::of(0_u64..4_000_000_000_000_000),
            json in any::<bool>(),
        ) {
            let encoding = if json { Encoding::Json } else { Encoding::MessagePack };
            let clip = |text: &Option<String>| text.as_deref().map(|text| short(text).to_string());
            let properties = Properties {
                message_id: clip(&texts[0]),
                correlation_id: clip(&texts[1]),
                reply_to: clip(&texts[2]),
                content_type: Some(encoding.content_type().to_owned()),
                timestamp,
                traceparent: texts[3].clone(),
            };
            let message = Message::Knock(Knock { owner: OwnerId::from_uuid(Uuid::nil()), partition: 7 });
            let packet = packet(&message, &properties).expect("a small message");
            let read = arrived(&delivered(packet), false);
            prop_assert_eq!(read.message, Ok(message));
            let id = read.properties.message_id.clone();
            prop_assert!(id.is_some(), "there is always one");
            let wanted = Properties { message_id: properties.message_id.clone().or(id), ..properties };
            prop_assert_eq!(read.properties, wanted);
            prop_assert_eq!(read.redelivered, 0);
        }
    }

    #[test]
    fn what_has_no_type_is_a_request_only_where_requests_come() {
        let delivery = lapin::message::Delivery::mock(1, "".into(), "".into(), true, b" {\"request\": \"x\"}".to_vec());
        let read = arrived(&delivery, true);
        assert!(matches!(read.message, Ok(Message::JobRequest(_))), "{:?}", read.message);
        assert_eq!(read.properties.content_type.as_deref(), Some("application/json"));
        assert_eq!(read.redelivered, 1);
        let error = arrived(&delivery, false).message;
        assert!(matches!(error, Err(candor_proto::Error::MessageType { .. })), "{error:?}");
    }

    #[test]
    fn milliseconds_count_only_where_they_fit_the_seconds() {
        let with = |ms: i64| {
            let mut headers = FieldTable::default();
            headers.insert(short(MS), AMQPValue::LongLongInt(ms));
            BasicProperties::default().with_timestamp(1_790_000_000).with_headers(headers)
        };
        assert_eq!(timestamp(&with(1_790_000_000_123)), Some(1_790_000_000_123));
        assert_eq!(timestamp(&with(5)), Some(1_790_000_000_000));
        assert_eq!(timestamp(&with(-5)), Some(1_790_000_000_000));
        assert_eq!(timestamp(&BasicProperties::default()), None);
        assert_eq!(timestamp(&BasicProperties::default().with_timestamp(u64::MAX)), Some(u64::MAX));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(short(&"ü".repeat(200)).as_str(), "ü".repeat(127));
    }
}
