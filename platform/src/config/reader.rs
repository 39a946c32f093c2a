//! Putting the layers on top of each other, and reading one setting after the other.

use std::path::PathBuf;

use super::environment::Environment;
use super::file::{self, Contents};
use super::problem::{Origin, Problem, Problems, meant, nearest};
use super::value::{Value, parse};
use super::{Fallback, Kind, Setting, VARIABLE_PREFIX};

/// Variables that begin like ours and are settings of nothing: those that telemetry reads, and the file's.
const OTHER_VARIABLES: [&str; 3] = ["CANDOR_LOG", "CANDOR_LOG_FORMAT", "CANDOR_CONFIG"];

/// Everything that was said about settings.
#[derive(Default)]
pub struct Layers {
    contents: Contents,
    environment: Environment,
    flags: Vec<(String, String)>,
}

impl Layers {
    /// The defaults and this environment.
    pub fn new(environment: Environment) -> Self {
        Self { environment, ..Self::default() }
    }

    /// With a file below the environment.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.contents = file::read(&path.into());
        self
    }

    /// With a flag on top; its name is without `--`. Repeated for a list.
    #[must_use]
    pub fn flag(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.flags.push((name.into(), text.into()));
        self
    }

    /// The environment that was given.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Begins to read. `known` is every setting of every service that shares the file and the environment,
    /// so that only what nobody knows is a problem.
    pub fn read<'a>(&'a self, known: &[&'a [Setting]]) -> Reader<'a> {
        let known: Vec<&Setting> = known.iter().flat_map(|settings| settings.iter()).collect();
        let mut reader = Reader { layers: self, problems: self.contents.problems.clone() };
        for entry in &self.contents.entries {
            reader.unknown_name(&known, &entry.name, &entry.origin);
        }
        for (name, _) in &self.flags {
            reader.unknown_name(&known, name, &Origin::Flag(name.clone()));
        }
        reader.unknown_variables(&known);
        reader
    }

    /// What was said last about a setting.
    fn said(&self, setting: &Setting) -> Option<(Origin, Vec<String>)> {
        let flags: Vec<String> =
            self.flags.iter().filter(|(name, _)| name == setting.name).map(|(_, text)| text.clone()).collect();
        if !flags.is_empty() {
            return Some((Origin::Flag(setting.name.to_owned()), flags));
        }
        let variable = setting.variable();
        if let Some(text) = self.environment.get(&variable) {
            return Some((Origin::Variable(variable), vec![text.to_owned()]));
        }
        let entry = self.contents.entries.iter().find(|entry| entry.name == setting.name);
        entry.map(|entry| (entry.origin.clone(), entry.texts.clone()))
    }
}

/// Reads settings one after the other and keeps what is wrong. A setting that cannot be read is `None`, as is an
/// optional one that nobody gave.
pub struct Reader<'a> {
    layers: &'a Layers,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// A text or a secret.
    pub fn text(&mut self, setting: &Setting) -> Option<String> {
        self.value(setting, |value| if let Value::Text(text) = value { Some(text) } else { None })
    }

    /// A path.
    pub fn path(&mut self, setting: &Setting) -> Option<PathBuf> {
        self.value(setting, |value| if let Value::Path(path) = value { Some(path) } else { None })
    }

    /// A flag.
    pub fn flag(&mut self, setting: &Setting) -> Option<bool> {
        self.value(setting, |value| if let Value::Flag(flag) = value { Some(flag) } else { None })
    }

    /// A number, as whatever type its bounds fit into.
    pub fn number<N: TryFrom<u64>>(&mut self, setting: &Setting) -> Option<N> {
        self.value(setting, |value| if let Value::Number(number) = value { N::try_from(number).ok() } else { None })
    }

    /// A time in milliseconds.
    pub fn millis(&mut self, setting: &Setting) -> Option<u64> {
        self.value(setting, |value| if let Value::Millis(millis) = value { Some(millis) } else { None })
    }

    /// A size in bytes.
    pub fn bytes(&mut self, setting: &Setting) -> Option<u64> {
        self.value(setting, |value| if let Value::Bytes(bytes) = value { Some(bytes) } else { None })
    }

    /// One of the words of a choice.
    pub fn choice(&mut self, setting: &Setting) -> Option<&'static str> {
        self.value(setting, |value| if let Value::Choice(word) = value { Some(word) } else { None })
    }

    /// A list.
    pub fn list(&mut self, setting: &Setting) -> Option<Vec<String>> {
        self.value(setting, |value| if let Value::List(items) = value { Some(items) } else { None })
    }

    /// Something that only the service itself can see is wrong, such as two settings that do not go together.
    pub fn object(&mut self, setting: &Setting, message: impl Into<String>) {
        let origin = self.layers.said(setting).map_or(Origin::Default, |(origin, _)| origin);
        let message = format!("`{}` {}", setting.name, message.into());
        self.problems.push(Problem { origin, message, advice: None });
    }

    /// The settings as a whole, or everything that is wrong with them.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, Problems> {
        match (self.problems.is_empty(), build()) {
            (true, Some(built)) => Ok(built),
            (true, None) => {
                // Only a service that treats an optional setting as a needed one comes here.
                let message = "a setting that is needed was not given".to_owned();
                self.problems.push(Problem { origin: Origin::Default, message, advice: None });
                Err(Problems(self.problems))
            }
            (false, _) => Err(Problems(self.problems)),
        }
    }

    fn value<T>(&mut self, setting: &Setting, take: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        if self.layers.environment.unreadable(&setting.variable()) {
            self.wrong(setting, Origin::Variable(setting.variable()), "must be UTF-8 text".to_owned());
            return None;
        }
        let (origin, texts) = match (self.layers.said(setting), setting.fallback) {
            (Some(said), _) => said,
            (None, Fallback::Value(default)) => (Origin::Default, vec![default.to_owned()]),
            (None, Fallback::Nothing) => return None,
            (None, Fallback::Required) => {
                let advice = format!("set --{} or {}", setting.name, setting.variable());
                let message = format!("`{}` is missing: {}", setting.name, setting.help);
                self.problems.push(Problem { origin: Origin::Default, message, advice: Some(advice) });
                return None;
            }
        };
        match parse(setting.kind, &texts) {
            Ok(value) => {
                let taken = take(value);
                if taken.is_none() {
                    self.wrong(setting, origin, "does not fit into what it is read as".to_owned());
                }
                taken
            }
            Err(message) => {
                let secret = setting.kind == Kind::Secret;
                self.wrong(setting, origin, if secret { "cannot be used".to_owned() } else { message });
                None
            }
        }
    }

    fn wrong(&mut self, setting: &Setting, origin: Origin, message: String) {
        self.problems.push(Problem { origin, message: format!("`{}` {message}", setting.name), advice: None });
    }

    fn unknown_name(&mut self, known: &[&Setting], name: &str, origin: &Origin) {
        if !known.iter().any(|setting| setting.name == name) {
            let advice = meant(name, known.iter().map(|setting| setting.name));
            let message = format!("there is no setting `{name}`");
            self.problems.push(Problem { origin: origin.clone(), message, advice });
        }
    }

    /// A variable that is almost one of ours was meant to be it. Others are left alone: who runs us may set
    /// variables that begin alike, as Kubernetes does for every service of the same name.
    fn unknown_variables(&mut self, known: &[&Setting]) {
        let ours: Vec<String> = known.iter().map(|setting| setting.variable()).collect();
        for name in self.layers.environment.names() {
            let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else { continue };
            let known_already = ours.iter().any(|known| known == name) || OTHER_VARIABLES.contains(&name);
            if known_already || injected(rest) {
                continue;
            }
            // What all have in common makes none of them alike.
            let rests = ours.iter().map(String::as_str).chain(OTHER_VARIABLES);
            if let Some(meant) = nearest(rest, rests.filter_map(|known| known.strip_prefix(VARIABLE_PREFIX))) {
                let message = "there is no such variable".to_owned();
                let advice = Some(format!("did you mean `{VARIABLE_PREFIX}{meant}`?"));
                self.problems.push(Problem { origin: Origin::Variable(name.to_owned()), message, advice });
            }
        }
    }
}

/// Whether a variable is one that Kubernetes makes for a service: `…_SERVICE_HOST`, `…_PORT_5672_TCP`.
fn injected(rest: &str) -> bool {
    let service = rest.contains("SERVICE_HOST") || rest.contains("SERVICE_PORT");
    service || rest == "PORT" || rest.ends_with("_PORT") || rest.contains("PORT_")
}
