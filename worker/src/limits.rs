//! The limits of a worker, each with its unit and its reason.

/// What a program may print on each stream where its task says nothing, in bytes: more belongs into a file below `out/`.
pub const OUTPUT_BYTES: u64 = 64 * 1024 * 1024;

/// Address space of each process where its task says nothing, in bytes: room for any interpreter, too little to hurt a machine.
pub const MEMORY_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Least address space that a task may ask for, in bytes: below it not even a shell starts.
pub const MEMORY_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// Processes and threads at once where a task says nothing: a parallel build fits, a fork bomb ends.
pub const PROCESSES: u64 = 512;

/// Open files of each process where a task says nothing: what most systems give a login.
pub const FILES: u64 = 1024;

/// Least open files that a task may ask for: a shell with its three streams, a script and a pipe.
pub const FILES_MIN: u64 = 16;

/// Largest file that a program may write, in bytes: a mistake in a loop must not fill the disk.
pub const FILE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Files that an attempt may leave below `out/`: each is a file value in its report and in the log.
pub const OUT_FILES_MAX: usize = 4_000;

/// Depth of what lies below `out/`: deeper, and the paths of long names no longer fit the kernel.
pub const OUT_DEPTH_MAX: usize = 12;

/// Largest `$CANDOR_OUTPUT`, and largest object on the standard output of an action's executable, in bytes: as much as outputs may have.
pub const OUTPUT_OBJECT_BYTES_MAX: u64 = OUTPUTS_BYTES_MAX as u64;

/// All outputs of an attempt together as JSON, in bytes: what all of a job's may have together.
pub const OUTPUTS_BYTES_MAX: usize = candor_proto::limits::JOB_INLINE_BYTES_MAX;

/// Longest script that travels as an argument, in bytes; the kernel's limit for one argument is 128 KiB. A longer one is laid down.
pub const SCRIPT_ARGUMENT_BYTES_MAX: usize = 96 * 1024;

/// Largest resolved `with` that is fetched from the artifacts, in bytes: what all inline outputs of a job may have together.
pub const WITH_STORED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How long an action may take to end after it was told to, in milliseconds; then it is given up.
/// A supervisor needs a third of a second, and up to five when the kernel holds a process.
pub const STOP_GRACE_MS: u64 = 8_000;

/// Attempts that a worker remembers having seen, so that a copy of one is dropped: an hour's work of a busy worker.
pub const SEEN_MAX: usize = 65_536;

/// Longest message of an error, in bytes: one sentence, which may quote what was wrong.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 2 * 1024;

/// How often the worker looks at a running attempt's time at least, in milliseconds: the machine's clock may be set meanwhile.
/// A word to stop wakes it at once.
pub const DEADLINE_LOOK_MS: u64 = 1_000;

/// How much longer than its time an attempt under a supervisor may take before the worker itself steps in, in milliseconds.
pub const SUPERVISED_GRACE_MS: u64 = 1_000;
