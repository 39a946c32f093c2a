//! Actions on CSV files and on tables of rows.
//!
//! All of them read their rows one at a time. What each keeps in memory beside that is said where it is kept.

mod anomalies;
mod decode;
mod distinct;
mod header;
mod metrics;
mod numbers;
mod read;
mod record;
mod rule;
mod sum;
mod validate;

pub use anomalies::CsvAnomalies;
pub use metrics::CsvMetrics;
pub use read::CsvRead;
pub use validate::CsvValidate;

/// Rows between two looks at whether the attempt must end: about a millisecond of work.
const STOP_EVERY_ROWS: u64 = 2_048;
