//! Every bound of the AMQP client, with its reason.

/// How long one try to connect may take, in milliseconds: look-up, TCP, TLS and login. A server that is up answers
/// in a fraction of this; one that was stopped takes the connection and never answers.
pub(super) const CONNECT_MS: u64 = 5_000;
/// First and longest pause before the next try to connect, in milliseconds: short enough that everything flows again
/// well within 5 seconds of a server's return.
pub(super) const BACKOFF_MS: (u64, u64) = (100, 2_000);
/// A connection that lived for so long went well: the pause after it is the first again, in milliseconds.
pub(super) const WELL_MS: u64 = 5_000;
/// How long a call waits for a connection that is being made, in milliseconds: as long as a try to connect, so that
/// a short break is not noticed above, and a command that should fail does so within seconds.
pub(super) const LINK_WAIT_MS: u64 = 5_000;
/// How long the server may take to answer a declaration, a registration or a cancel, in milliseconds: making a quorum
/// queue elects a leader, and dozens are made at the first start.
pub(super) const CALL_MS: u64 = 15_000;
/// How long nothing may be confirmed before the rest of a batch counts as unanswered, in milliseconds: longer than an
/// election of a queue's leader, shorter than a lease.
pub(super) const CONFIRM_MS: u64 = 10_000;
/// How long a settlement may take to be written, in milliseconds: it waits for nothing but the socket.
pub(super) const SETTLE_MS: u64 = 5_000;
/// How long a connection may take to close in good order, in milliseconds: then it is cut.
pub(super) const CLOSE_MS: u64 = 2_000;
/// How long a connection under suspicion may take to open a channel, in milliseconds: then it is cut.
pub(super) const PROBE_MS: u64 = 5_000;
/// How often a connection is looked at besides listening to its events, in milliseconds.
pub(super) const LOOK_MS: u64 = 1_000;
/// Seconds between two heartbeats unless the URL says otherwise: a dead peer is noticed after twice that.
pub(super) const HEARTBEAT_S: u16 = 10;
/// Bytes of a frame unless the URL says otherwise. The client library keeps 64 frames of memory for each connection,
/// so the server's default of 128 KiB would cost 16 MiB. Every server takes 8 KiB and more.
pub(super) const FRAME_BYTES: u32 = 32 * 1024;
/// Batches on their way at once. Each has a channel of its own, so this many channels are kept open at most.
pub(super) const LANES_MAX: usize = 32;
/// Messages of one batch on their way at once: enough that the server never waits for us, few enough that a connection
/// that dies leaves little unknown.
pub(super) const WINDOW_MESSAGES: usize = 512;
/// Bytes of bodies on their way at once, over all batches, in KiB: what publishing may cost in memory.
pub(super) const WINDOW_KIB: u32 = 16 * 1024;
