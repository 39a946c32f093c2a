//! The files that a workflow names: whether they are there, and stay in its folder.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Checker;
use super::expressions::has_expressions;
use crate::diagnostic::{Code, quoted};
use crate::document::Document;
use crate::encoding::encoding_of;
use crate::files::{self, Path};
use crate::node::{Kind, Node, Span};

/// What a schema says of a text by its `format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathKind {
    /// A file that is read.
    Read,
    /// A file below `out/`.
    Write,
    /// A file that is stored with the job, or one of the worker's own machine.
    Place,
    /// No path, but the name of an encoding.
    Encoding,
}

/// Encodings that people mean, for advice about a wrong name.
const ENCODINGS: &[&str] = &["utf-8", "utf-16", "latin-1", "windows-1252", "iso-8859-15", "shift_jis", "gbk", "big5"];

/// Calls `found` with every literal path in the parameters of an action.
pub(crate) fn literal_paths<'n>(node: &'n Node, schema: &Value, found: &mut dyn FnMut(&'n Node, &'n str, PathKind)) {
    match &node.kind {
        Kind::Scalar(_) => {
            let Some(text) = node.as_text().filter(|text| !has_expressions(text)) else { return };
            if let Some(kind) = variants(schema).into_iter().find_map(path_kind) {
                found(node, text, kind);
            }
        }
        Kind::List(items) => {
            for below in variants(schema).into_iter().filter_map(|schema| schema.get("items")) {
                items.iter().for_each(|item| literal_paths(item, below, found));
            }
        }
        Kind::Map(entries) => {
            for entry in entries {
                let named = |schema: &'_ Value| -> Option<Value> {
                    let field = schema.get("properties").and_then(|fields| fields.get(&entry.key.value));
                    field.or_else(|| schema.get("additionalProperties")).filter(|schema| schema.is_object()).cloned()
                };
                if let Some(below) = variants(schema).into_iter().find_map(named) {
                    literal_paths(&entry.value, &below, found);
                }
            }
        }
    }
}

/// The schema itself and its alternatives.
fn variants(schema: &Value) -> Vec<&Value> {
    let alternatives =
        ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
    std::iter::once(schema).chain(alternatives).collect()
}

fn path_kind(schema: &Value) -> Option<PathKind> {
    match schema.get("format")?.as_str()? {
        "path" => Some(PathKind::Read),
        "out-path" => Some(PathKind::Write),
        "place" => Some(PathKind::Place),
        "encoding" => Some(PathKind::Encoding),
        _ => None,
    }
}

/// The patterns of `files` that can be gathered.
pub(crate) fn workflow_globs(document: &Document<'_>) -> Vec<String> {
    let inside = document.files.iter().filter(|glob| matches!(Path::of(&glob.value), Path::Inside(_)));
    inside.filter(|glob| files::build(&glob.value).is_ok()).map(|glob| glob.value.clone()).collect()
}

impl<'a> Checker<'a, '_> {
    pub(super) fn workflow_files(&mut self) {
        let document = self.document;
        for glob in &document.files {
            let text = glob.value.as_str();
            match Path::of(text) {
                Path::Inside(_) => self.glob(text, glob.span),
                Path::Outside => self.outside(text, glob.span),
                Path::Absolute | Path::Empty => {
                    let message = format!("`files` cannot hold `{}`.", quoted(text));
                    let advice = "Write patterns relative to the workflow's folder, such as `scripts/*.py`.";
                    self.context.findings.error(Code::OutsidePath, glob.span, message, advice);
                }
            }
        }
    }

    fn glob(&mut self, text: &str, span: Span) {
        let matcher = match files::build(text) {
            Ok(glob) => glob.compile_matcher(),
            Err(error) => {
                let message = format!("The pattern `{}` cannot be read: {}.", quoted(text), error.kind());
                let advice = "`*` stands for any characters in a name, `**` for any folders, `?` for one character.";
                self.context.findings.error(Code::InvalidPattern, span, message, advice);
                return;
            }
        };
        let files = self.files;
        let mut found = 0_usize;
        let mut usable = Vec::new();
        for (name, fact) in files.facts.iter().filter(|(name, _)| matcher.is_match(name)) {
            found += 1;
            match &fact.problem {
                None => usable.push(name.clone()),
                Some(problem) => self.unusable(name, problem, span),
            }
        }
        self.checked.files.extend(usable);
        if found == 0 {
            let folder = format!("{}/", text.trim_end_matches('/').trim_start_matches("./"));
            let advice = if files.facts.keys().any(|name| name.starts_with(&folder)) {
                format!("For everything in the folder write `{folder}**`.")
            } else {
                let near = self.context.findings.nearest(text, files.facts.keys().map(String::as_str));
                near.map_or_else(
                    || "Check the spelling; patterns are relative to the workflow's folder.".to_owned(),
                    |near| format!("Did you mean `{near}`?"),
                )
            };
            let message = format!("No file matches `{}`.", quoted(text));
            self.context.findings.error(Code::NoMatch, span, message, advice);
        }
    }

    fn outside(&mut self, text: &str, span: Span) {
        let message = format!("The path `{}` leaves the workflow's folder.", quoted(text));
        let advice =
            "Put the file into the folder; `..` is not allowed. An absolute path is read on the worker's machine.";
        self.context.findings.error(Code::OutsidePath, span, message, advice);
    }

    fn unusable(&mut self, name: &str, problem: &str, span: Span) {
        let message = format!("The file `{}` cannot be used: it {}.", quoted(name), quoted(problem));
        self.context.findings.error(Code::MissingFile, span, message, "Check its name and who may read it.");
    }

    /// Every literal path in a task's parameters.
    pub(super) fn with_paths(&mut self, with: &'a Node, schema: &Value) {
        let mut found: BTreeMap<usize, (&Node, &str, PathKind)> = BTreeMap::new();
        literal_paths(with, schema, &mut |node, text, kind| {
            found.entry(node.span.start).or_insert((node, text, kind));
        });
        for (node, text, kind) in found.into_values() {
            match kind {
                PathKind::Read => {
                    self.read_path(text, node.span);
                }
                PathKind::Write => self.out_path(text, node.span),
                PathKind::Place => self.place(text, node.span),
                PathKind::Encoding => self.encoding(text, node.span),
            }
        }
    }

    /// A file that is read: taken along when it is in the folder. Its content, where that was handed in.
    pub(super) fn read_path(&mut self, text: &str, span: Span) -> Option<&'a [u8]> {
        let path = match Path::of(text) {
            Path::Inside(path) => path,
            Path::Absolute => {
                self.checked.absolute.insert(text.to_owned());
                return None;
            }
            Path::Outside => {
                self.outside(text, span);
                return None;
            }
            Path::Empty => {
                let message = format!("`{}` is no path of a file.", quoted(text));
                self.context.findings.error(
                    Code::MissingFile,
                    span,
                    message,
                    "Write the file's path below the workflow's folder.",
                );
                return None;
            }
        };
        let files = self.files;
        let fact = files.facts.get(&path);
        match fact.map(|fact| (fact, &fact.problem)) {
            Some((fact, None)) => {
                self.checked.files.insert(path);
                fact.content.as_deref()
            }
            Some((_, Some(problem))) => {
                self.unusable(&path, problem, span);
                None
            }
            None => {
                let near = self.context.findings.nearest(&path, files.facts.keys().map(String::as_str));
                let advice = near.map_or_else(
                    || "Paths are relative to the workflow's folder.".to_owned(),
                    |near| format!("Did you mean `{near}`?"),
                );
                let message = format!("The file `{}` is not there.", quoted(&path));
                self.context.findings.error(Code::MissingFile, span, message, advice);
                None
            }
        }
    }

    /// Relative or absolute, but never by a way back.
    fn place(&mut self, text: &str, span: Span) {
        let back = text.split('/').any(|part| part == "..");
        if !back && matches!(Path::of(text), Path::Inside(_) | Path::Absolute) {
            return;
        }
        let message = format!("`{}` is no place for a file.", quoted(text));
        let advice = "Write a relative path for a file of the job, or an absolute one; neither has `..` in it.";
        self.context.findings.error(Code::OutPath, span, message, advice);
    }

    fn encoding(&mut self, text: &str, span: Span) {
        if encoding_of(text).is_some() {
            return;
        }
        let message = format!("There is no encoding `{}`.", quoted(text));
        let advice = self.context.findings.did_you_mean(
            text,
            ENCODINGS.iter().copied(),
            "Use `utf-8`, `utf-16`, `latin-1`, `windows-1252` or another name of the WHATWG encoding standard.",
        );
        self.context.findings.error(Code::InvalidWith, span, message, advice);
    }

    fn out_path(&mut self, text: &str, span: Span) {
        if matches!(Path::of(text), Path::Inside(_)) {
            return;
        }
        let message = format!("`{}` is no place for a result.", quoted(text));
        let advice = "Write a relative path without `..`: results lie below `out/`.";
        self.context.findings.error(Code::OutPath, span, message, advice);
    }
}
