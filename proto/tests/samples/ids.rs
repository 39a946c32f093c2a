//! Ids, digests and times that never change.

use candor_proto::id::{AttemptId, DirectiveId, JobId, MessageId, OwnerId, QuestionId};
use candor_proto::{Millis, Sha256};
use uuid::Uuid;

/// 2026-01-02T03:04:05.678Z.
pub(crate) const START: Millis = 1_767_323_045_678;

fn uuid(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 + number)
}

pub(crate) fn job() -> JobId {
    JobId::from_uuid(uuid(1))
}

pub(crate) fn attempt(number: u64) -> AttemptId {
    AttemptId::from_uuid(uuid(0x100 + number))
}

pub(crate) fn owner() -> OwnerId {
    OwnerId::from_uuid(uuid(0x200))
}

pub(crate) fn question() -> QuestionId {
    QuestionId::from_uuid(uuid(0x300))
}

pub(crate) fn directive() -> DirectiveId {
    DirectiveId::from_uuid(uuid(0x400))
}

pub(crate) fn token() -> MessageId {
    MessageId::from_uuid(uuid(0x500))
}

pub(crate) fn digest(of: &str) -> Sha256 {
    Sha256::of(of.as_bytes())
}
