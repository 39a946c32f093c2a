//! Seals: what a store keeps carries a digest over its place and its bytes, so that damage, or a body from another
//! place, is not taken for a log.

use candor_proto::{JobId, Sha256};

/// Bytes of a seal: enough that no damage goes unseen, few enough not to be felt.
const SEAL_BYTES: usize = 8;

/// Where a piece of a log lies: its first event's number says which.
pub(super) fn log_place(partition: u32, job: JobId, first: u64) -> Vec<u8> {
    [b"log".as_slice(), &partition.to_be_bytes(), job.uuid().as_bytes(), &first.to_be_bytes()].concat()
}

/// Where the line of a job lies.
pub(super) fn line_place(partition: u32, job: JobId) -> Vec<u8> {
    [b"line".as_slice(), &partition.to_be_bytes(), job.uuid().as_bytes()].concat()
}

/// The body with its seal before it.
pub(super) fn sealed(place: &[u8], body: &[u8]) -> Vec<u8> {
    [&seal(place, body), body].concat()
}

/// The body that was sealed at this place; `None` when it is not what was written there.
pub(super) fn opened<'a>(place: &[u8], sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (found, body) = sealed.split_at_checked(SEAL_BYTES)?;
    (*found == seal(place, body)).then_some(body)
}

fn seal(place: &[u8], body: &[u8]) -> [u8; SEAL_BYTES] {
    use sha2::Digest;
    let digest = Sha256::from_bytes(sha2::Sha256::new().chain_update(place).chain_update(body).finalize().into());
    let mut seal = [0; SEAL_BYTES];
    seal.copy_from_slice(&digest.bytes()[..SEAL_BYTES]);
    seal
}
