//! What was found, the worst first.

use serde::Serialize;

use crate::failure::Failure;
use crate::terminal;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// It keeps jobs from their end.
    Error,
    /// It may.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    severity: Severity,
    code: &'static str,
    message: String,
    advice: String,
}

impl Finding {
    /// Something that keeps jobs from their end.
    pub(super) fn error(code: &'static str, message: String, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message, advice: advice.into() }
    }

    /// Something that may.
    pub(super) fn warning(code: &'static str, message: String, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, code, message, advice: advice.into() }
    }

    /// A part that cannot be reached.
    pub(super) fn of(failure: Failure) -> Self {
        Self::error("unreachable", failure.body.message, failure.body.advice)
    }
}

/// Everything that is wrong.
#[derive(Debug, Default)]
pub(super) struct Findings {
    all: Vec<Finding>,
}

impl Findings {
    /// One more; the same is said once.
    pub(super) fn add(&mut self, finding: Finding) {
        if !self.all.contains(&finding) {
            self.all.push(finding);
            self.all.sort_by_key(|finding| finding.severity);
        }
    }

    /// Whether nothing keeps jobs from their end.
    pub(super) fn well(&self) -> bool {
        self.all.iter().all(|finding| finding.severity != Severity::Error)
    }

    /// All of them, the worst first.
    pub(super) fn all(&self) -> &[Finding] {
        &self.all
    }

    /// The same for people.
    pub(super) fn told(&self) -> String {
        if self.all.is_empty() {
            return "all is well\n".to_owned();
        }
        let mut text = String::new();
        for finding in &self.all {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            text.push_str(&format!("{severity}[{}]: {}\n", finding.code, terminal::clean(&finding.message)));
            if !finding.advice.is_empty() {
                text.push_str(&format!("  help: {}\n", terminal::clean(&finding.advice)));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_nothing_is_said_twice() {
        let mut findings = Findings::default();
        assert!(findings.well());
        findings.add(Finding::warning("a", "may".into(), ""));
        assert!(findings.well());
        findings.add(Finding::error("b", "does".into(), "mend it"));
        findings.add(Finding::error("b", "does".into(), "mend it"));
        assert!(!findings.well());
        assert_eq!(findings.told(), "error[b]: does\n  help: mend it\nwarning[a]: may\n");
    }
}
