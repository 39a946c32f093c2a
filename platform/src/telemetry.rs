//! Logs: what the program tells about itself, to stderr, for people or for machines.
//!
//! Nothing that comes from outside can steer a terminal through them: control characters do not get through.

use std::io::{self, Write};

use tracing::{Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{Environment, Origin, Problem};

/// The variable that says what is told: a level, or `module=level` with commas between them.
pub const LOG: &str = "CANDOR_LOG";
/// The variable that says how it is told: `text` or `json`.
pub const LOG_FORMAT: &str = "CANDOR_LOG_FORMAT";

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// What is told, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// A level, or directives as `EnvFilter` knows them.
    pub filter: String,
    /// How a line is written.
    pub format: Format,
}

impl Telemetry {
    /// What the environment says; where it says nothing, this level.
    pub fn of(environment: &Environment, default_level: &str) -> Result<Self, Problem> {
        let wrong = |variable: &str, message: String| Problem {
            origin: Origin::Variable(variable.to_owned()),
            message,
            advice: None,
        };
        let filter = environment.get(LOG).unwrap_or(default_level).to_owned();
        EnvFilter::try_new(&filter)
            .map_err(|error| wrong(LOG, format!("must be a level or `module=level`, not `{filter}`: {error}")))?;
        let format = match environment.get(LOG_FORMAT) {
            None | Some("text") => Format::Text,
            Some("json") => Format::Json,
            Some(other) => return Err(wrong(LOG_FORMAT, format!("must be `text` or `json`, not `{other}`"))),
        };
        Ok(Self { filter, format })
    }

    /// Begins to tell. Once a process; a second time is an error.
    pub fn start(&self) -> Result<(), TryInitError> {
        self.subscriber(io::stderr).try_init()
    }

    /// What tells all this to another place.
    pub fn subscriber<M>(&self, writer: M) -> impl Subscriber + Send + Sync + 'static
    where
        M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Plain(writer));
        let layer = match self.format {
            Format::Text => layer.boxed(),
            Format::Json => layer.json().boxed(),
        };
        tracing_subscriber::registry().with(EnvFilter::new(&self.filter)).with(layer.with_filter(filter_fn(is_telling)))
    }
}

/// Clients of servers say nothing, whatever the filter asks for: at their lowest levels they write down logins and
/// the bodies of messages, and what is worth telling of a connection is told by us.
fn is_telling(event: &Metadata<'_>) -> bool {
    let crate_name = event.target().split("::").next().unwrap_or_default();
    !SECRETIVE.contains(&crate_name)
}

/// Crates that handle credentials.
const SECRETIVE: [&str; 4] = ["lapin", "amq_protocol", "amq_protocol_tcp", "rustls"];

/// Makes writers through which no control character gets.
struct Plain<M>(M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Plain<M> {
    type Writer = PlainWriter<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        PlainWriter(self.0.make_writer())
    }
}

/// Writes whole lines, one at a time, as the formatter hands them over.
struct PlainWriter<W>(W);

impl<W: Write> Write for PlainWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(plain(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with nothing in it that a terminal obeys: what breaks lines is written as `\n`, everything else that
/// controls something, bidirectional overrides among it, as a replacement character. Its own end stays.
pub fn plain(line: &str) -> String {
    let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
    let mut out = String::with_capacity(line.len());
    for character in body.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push('\t'),
            '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => out.push('\u{FFFD}'),
            control if control.is_control() => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    out.push_str(end);
    out
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_line_cannot_steer_a_terminal() {
        assert_eq!(
            plain("a\u{1b}[2Jb\r\u{7}c\u{9b}d\u{202e}e\nf\n"),
            "a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}c\u{FFFD}d\u{FFFD}e\\nf\n"
        );
        assert_eq!(plain("grün\tund 東京\n"), "grün\tund 東京\n");
        assert_eq!(plain(""), "");
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("one thread").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_is_one_line_in_either_format() {
        for json in [false, true] {
            let kept = Kept::default();
            let writer = kept.clone();
            let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Plain(move || writer.clone()));
            let registry = tracing_subscriber::registry();
            let hostile = "x\u{1b}[31m\ny";
            if json {
                tracing::subscriber::with_default(registry.with(layer.json()), || {
                    tracing::warn!(hostile, "said {hostile}")
                });
            } else {
                tracing::subscriber::with_default(registry.with(layer), || tracing::warn!(hostile, "said {hostile}"));
            }
            let written = String::from_utf8(kept.0.lock().expect("one thread").clone()).expect("text");
            assert_eq!(written.lines().count(), 1, "{written}");
            assert!(written.ends_with('\n') && !written.contains('\u{1b}'), "{written}");
            if json {
                let line: serde_json::Value = serde_json::from_str(&written).expect("JSON");
                assert_eq!(line["level"], "WARN");
            }
        }
    }

    #[test]
    fn the_environment_says_what_is_told() {
        let told = |pairs: &[(&str, &str)]| Telemetry::of(&Environment::of(pairs.iter().copied()), "warn");
        assert_eq!(told(&[]), Ok(Telemetry { filter: "warn".into(), format: Format::Text }));
        let expected = Telemetry { filter: "info,candor_platform=debug".into(), format: Format::Json };
        assert_eq!(told(&[(LOG, "info,candor_platform=debug"), (LOG_FORMAT, "json")]), Ok(expected));
        let problem = told(&[(LOG_FORMAT, "xml")]).expect_err("no such format");
        assert_eq!(problem.to_string(), "CANDOR_LOG_FORMAT: must be `text` or `json`, not `xml`");
        assert!(told(&[(LOG, "a=b=c")]).is_err());
    }
}
