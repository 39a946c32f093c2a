//! What an expression may cost, at most.
//!
//! The assembler evaluates expressions between two messages of a partition, so an expression that runs for
//! minutes, or that needs a deep stack, would stop every job of that partition.

/// Length of one expression in bytes: longer ones belong into a task, where they can be tested.
pub const EXPRESSION_BYTES_MAX: usize = 1024;

/// Depth of the tree that an expression compiles to; evaluation recurses once for each level.
pub const TREE_DEPTH_MAX: usize = 32;

/// How deep brackets may nest in the text, checked before the parser, which recurses much deeper for each.
pub(super) const BRACKET_DEPTH_MAX: usize = 32;

/// An upper bound of the tree's depth, estimated from the words alone before the parser sees them.
/// Generous, because the exact depth is checked after parsing; the parser stands three times as much
/// on a stack of 2 MiB.
pub(super) const ESTIMATED_DEPTH_MAX: usize = 96;

/// How many macros (`map`, `filter`, `all` …) may stand inside each other, the outer one included.
pub const MACRO_DEPTH_MAX: usize = 2;

/// Items of a list (or entries of a map) that a macro walks over.
pub const LIST_ITEMS_MAX: usize = 1_000_000;

/// The same for a macro inside another, which runs once for every item of the outer one.
pub const NESTED_LIST_ITEMS_MAX: usize = 1_000;

/// Work of one evaluation in steps of some tens of nanoseconds (a node evaluated in a macro, a value handed
/// to a function, 16 bytes of text read), so about one second.
pub const STEPS_MAX: u64 = 32_000_000;

/// Memory of the values that one evaluation makes, estimated in bytes.
pub const MADE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Text that a template may come to, in bytes.
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Length of a regular expression in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// Memory that a compiled regular expression may take, in bytes.
pub(super) const PATTERN_COMPILED_BYTES_MAX: usize = 256 * 1024;

/// Steps that compiling one regular expression is charged with.
pub(super) const PATTERN_STEPS: u64 = 10_000;

/// Expressions in one text.
pub const TEMPLATE_EXPRESSIONS_MAX: usize = 1_000;
