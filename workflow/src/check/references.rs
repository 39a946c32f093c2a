//! What an expression reads: whether it is there, may be read here, and has the shape that is used.

use candor_proto::ValueType;

use super::Checker;
use super::outputs::OutputType;
use super::site::{EnvAccess, Site, TaskAccess};
use crate::diagnostic::{Code, quoted};
use crate::document::OverDeclaration;
use crate::expression::{Expression, Ref, TaskRef, written_step};
use crate::place::Within;

/// What can be read of a table in an expression.
const TABLE_FIELDS: &[&str] = &["count", "columns", "name", "sha256", "bytes", "media_type"];

/// What can be read of the run.
const RUN_FIELDS: &[&str] = &["id", "date", "confidence"];

/// What can be read of a task's error: what does not change from one run to the next.
const ERROR_FIELDS: &[&str] = &["class", "code", "message"];

/// What follows a name in an expression.
#[derive(Debug, PartialEq, Eq)]
enum Next<'t> {
    Field(&'t str),
    /// A function on the value, such as `.map(`.
    Call(&'t str),
    Index,
    Nothing,
}

impl<'a> Checker<'a, '_> {
    /// Checks all references of one expression. `false` where sample values would say nothing new.
    pub(super) fn references(
        &mut self,
        within: &Within<'_>,
        offset: usize,
        expression: &Expression,
        site: &Site,
    ) -> bool {
        let references = expression.references();
        let before = self.context.findings.count();
        let text = expression.text();
        if self.dashed_reference(within, offset, text) {
            return false;
        }
        for input in &references.inputs {
            self.input_reference(within, offset, input, site);
        }
        for name in &references.env {
            self.env_reference(within, offset, name, site);
        }
        for secret in &references.secrets {
            self.secret_reference(within, offset, secret, site);
        }
        for task in &references.tasks {
            self.task_reference(within, offset, text, task, site);
        }
        for name in &references.names {
            self.name(within, offset, text, name, site);
        }
        for call in
            references.functions.iter().filter(|call| ["succeeded", "failed", "skipped"].contains(&call.name.as_str()))
        {
            if let Some(Some(id)) = call.arguments.first() {
                let place = Ref { name: id.clone(), offset: call.offset, length: call.length };
                self.known_task(within, offset, &place, site);
            }
        }
        self.context.findings.count() == before
    }

    pub(super) fn wrong(
        &mut self,
        code: Code,
        within: &Within<'_>,
        at: (usize, &Ref),
        message: String,
        advice: String,
    ) {
        let (offset, reference) = at;
        let span = within.span(offset + reference.offset, reference.length);
        self.context.findings.error(code, span, message, advice);
    }

    fn input_reference(&mut self, within: &Within<'_>, offset: usize, input: &Ref, site: &Site) {
        if !site.inputs {
            let message = "Inputs cannot be read here.".to_owned();
            self.wrong(Code::UnknownName, within, (offset, input), message, "Write the value itself.".to_owned());
        } else if !self.inputs.contains_key(input.name.as_str()) {
            let known = self.document.inputs.iter().map(|input| input.name.value.as_str());
            let otherwise = format!("Declare it: `inputs: {{ {}: {{ type: string }} }}`.", quoted(&input.name));
            let advice = match self.context.findings.nearest(&input.name, known) {
                Some(near) => format!("Did you mean `inputs{}`?", written_step(near)),
                None => otherwise,
            };
            let message = format!("There is no input `{}`.", quoted(&input.name));
            self.wrong(Code::UnknownInput, within, (offset, input), message, advice);
        }
    }

    fn secret_reference(&mut self, within: &Within<'_>, offset: usize, secret: &Ref, site: &Site) {
        self.checked.secrets.insert(secret.name.clone());
        if !site.secrets {
            let message =
                format!("The secret `{}` cannot stand here: its value would be recorded.", quoted(&secret.name));
            let advice = "Secrets may stand in `with`, `env` and `notify` only.".to_owned();
            self.wrong(Code::MisplacedSecret, within, (offset, secret), message, advice);
        }
    }

    /// The task with this id, when it is there and may be read here.
    fn known_task(&mut self, within: &Within<'_>, offset: usize, task: &Ref, site: &Site) -> Option<usize> {
        let Some(index) = self.index.get(task.name.as_str()).copied() else {
            let advice = match self.dashed_task(&within.scalar.text) {
                Some(id) => format!("An id with `-` is written `tasks['{id}']`: a dash means minus."),
                None => self.nearest_task(&task.name),
            };
            let message = format!("There is no task `{}`.", quoted(&task.name));
            self.wrong(Code::UnknownTask, within, (offset, task), message, advice);
            return None;
        };
        let id = quoted(&task.name);
        let refused = match (site.tasks, site.task) {
            (TaskAccess::All, _) | (TaskAccess::Needed, None) => return Some(index),
            (TaskAccess::None, _) => {
                let advice = "Only `inputs` and `run` can be read before the tasks run.".to_owned();
                Some((format!("No task has run when this is read, so `{id}` has no outputs yet."), advice))
            }
            (TaskAccess::Needed, Some(own)) if own == index => {
                let advice = "Inside its own checks a task reads `outputs.NAME`.".to_owned();
                Some((format!("The task `{id}` reads itself."), advice))
            }
            (TaskAccess::Needed, Some(own)) if !self.waits_for(own, index) => {
                let reader = quoted(&self.document.tasks[own].id.value);
                let message = format!("The task `{reader}` reads `{id}` without waiting for it.");
                Some((message, format!("Add `{id}` to the `needs` of `{reader}`.")))
            }
            (TaskAccess::Needed, Some(_)) => None,
        };
        match refused {
            None => Some(index),
            Some((message, advice)) => {
                self.wrong(Code::NoPath, within, (offset, task), message, advice);
                None
            }
        }
    }

    fn task_reference(&mut self, within: &Within<'_>, offset: usize, text: &str, task: &TaskRef, site: &Site) {
        let place = Ref { name: task.id.clone(), offset: task.offset, length: task.length };
        let Some(index) = self.known_task(within, offset, &place, site) else { return };
        if let (Some("error"), Next::Field(field)) = (task.field.as_deref(), next(text, task.offset + task.length))
            && !ERROR_FIELDS.contains(&field)
        {
            let advice = self.context.findings.did_you_mean(field, ERROR_FIELDS.iter().copied(), "");
            let message = format!("A task's error has no `{}`.", quoted(field));
            self.wrong(Code::UnknownName, within, (offset, &place), message, advice);
            return;
        }
        let (Some("outputs"), Some(output)) = (task.field.as_deref(), &task.output) else { return };
        let fans_out = self.document.tasks[index].fan_out.is_some();
        let id = quoted(&task.id);
        if fans_out {
            let message = format!("`{id}` runs once for each item, so its outputs are a list.");
            let advice =
                format!("Write `tasks{}.outputs.map(o, o{})`.", written_step(&id), written_step(&quoted(output)));
            self.wrong(Code::UnknownOutput, within, (offset, &place), message, advice);
            return;
        }
        self.output(within, offset, text, &place, (index, output));
    }

    /// An output by its name, and what is done with it.
    fn output(&mut self, within: &Within<'_>, offset: usize, text: &str, place: &Ref, wanted: (usize, &str)) {
        let (index, output) = wanted;
        let outputs = &self.outputs[index];
        let Some(kind) = outputs.get(output) else {
            let id = &self.document.tasks[index].id.value;
            let advice = match self.context.findings.nearest(output, outputs.names()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None if outputs.declarable => {
                    format!("Declare it on the task: `outputs: {{ {}: string }}`.", quoted(output))
                }
                None => self.context.findings.did_you_mean(output, outputs.names(), "This task has no outputs."),
            };
            let message = format!("The task `{}` has no output `{}`.", quoted(id), quoted(output));
            self.wrong(Code::UnknownOutput, within, (offset, place), message, advice);
            return;
        };
        if kind == OutputType::Is(ValueType::Table) {
            let name = match next(text, place.offset + place.length) {
                Next::Index => "its rows".to_owned(),
                Next::Field(name) if !TABLE_FIELDS.contains(&name) => format!("`{}`", quoted(name)),
                Next::Call(name) if name != "size" => format!("`{}()`", quoted(name)),
                Next::Field(_) | Next::Call(_) | Next::Nothing => return,
            };
            let message = format!("`{}` is a table: expressions cannot reach {name}.", quoted(output));
            let advice =
                "Read `.count` or `.columns` here, and work on rows in a task such as `csv.metrics` or `python`.";
            self.wrong(Code::TableRows, within, (offset, place), message, advice.to_owned());
        }
    }

    fn name(&mut self, within: &Within<'_>, offset: usize, text: &str, name: &Ref, site: &Site) {
        let here = name.name.as_str();
        let fan_out = site.task.and_then(|task| self.document.tasks[task].fan_out.as_ref());
        let allowed = match here {
            "inputs" => site.inputs,
            "env" => site.env != EnvAccess::None,
            "tasks" => site.tasks != TaskAccess::None,
            "item" => {
                site.names.contains(&here)
                    && (fan_out.is_some_and(|fan_out| matches!(fan_out.over, OverDeclaration::ForEach(_)))
                        || !site.sampled)
            }
            "matrix" => {
                site.names.contains(&here)
                    && (fan_out.is_some_and(|fan_out| matches!(fan_out.over, OverDeclaration::Matrix(..)))
                        || !site.sampled)
            }
            _ => site.names.contains(&here),
        };
        if !allowed {
            let advice = self.name_advice(here, site);
            let message = format!("The name `{}` means nothing here.", quoted(here));
            self.wrong(Code::UnknownName, within, (offset, name), message, advice);
            return;
        }
        if here == "env" {
            self.whole_env(within, offset, name, site);
        }
        let following = next(text, name.offset + name.length);
        match (here, following, site.task) {
            ("outputs", Next::Field(output), Some(task)) if site.sampled => {
                let end = name.offset + name.length + 1 + output.len();
                let place = Ref { name: output.to_owned(), offset: name.offset, length: end - name.offset };
                self.output(within, offset, text, &place, (task, output));
            }
            ("run", Next::Field(field), _) if site.sampled && !RUN_FIELDS.contains(&field) => {
                let advice = self.context.findings.did_you_mean(field, RUN_FIELDS.iter().copied(), "");
                let message = format!("`run` has no `{}`.", quoted(field));
                self.wrong(Code::UnknownName, within, (offset, name), message, advice);
            }
            ("matrix", Next::Field(field), _) => {
                let Some(OverDeclaration::Matrix(_, entries)) = fan_out.map(|fan_out| &fan_out.over) else { return };
                let known = entries.iter().map(|entry| entry.key.value.as_str());
                if !known.clone().any(|known| known == field) {
                    let advice = self.context.findings.did_you_mean(field, known, "");
                    let message = format!("The matrix has no `{}`.", quoted(field));
                    self.wrong(Code::UnknownName, within, (offset, name), message, advice);
                }
            }
            (_, Next::Field(_) | Next::Call(_) | Next::Index | Next::Nothing, _) => {}
        }
    }

    fn name_advice(&self, name: &str, site: &Site) -> String {
        match name {
            "item" => return "`item` is there in a task with `for_each`.".to_owned(),
            "matrix" => return "`matrix` is there in a task with `matrix`.".to_owned(),
            "outputs" => {
                return "A task's own `outputs` are there in its `checks`; those of others are `tasks.ID.outputs`."
                    .to_owned();
            }
            "row" => return "`row` is there in the rules of `csv.validate`.".to_owned(),
            "secrets" => return "Name one secret: `secrets.NAME`.".to_owned(),
            "steps" | "needs" | "jobs" => return "Outputs of another task are `tasks.ID.outputs.NAME`.".to_owned(),
            "params" | "parameters" | "vars" | "args" => return "Inputs are `inputs.NAME`.".to_owned(),
            "yes" | "no" | "on" | "off" => return "Write `true` or `false`; put a text in quotes.".to_owned(),
            _ => {}
        }
        if self.inputs.contains_key(name) {
            return format!("Did you mean `inputs.{name}`?");
        }
        if self.index.contains_key(name) {
            return format!("Did you mean `tasks.{name}.outputs`?");
        }
        let always =
            [("inputs", site.inputs), ("tasks", site.tasks != TaskAccess::None), ("env", site.env != EnvAccess::None)];
        let names = always.into_iter().chain([("secrets", site.secrets)]).filter(|(_, known)| *known);
        let own = site.names.iter().copied().filter(|own| !["item", "matrix"].contains(own));
        let names: Vec<&str> = names.map(|(name, _)| name).chain(own).collect();
        let advice = self.context.findings.did_you_mean(name, names, "");
        format!("{advice} A text stands in quotes: `'{}'`.", quoted(name))
    }
}

/// What follows a place in an expression: a field, a call, an index or nothing of these.
fn next(text: &str, at: usize) -> Next<'_> {
    let rest = text.get(at..).unwrap_or("").trim_start();
    if let Some(inner) = rest.strip_prefix('[') {
        let inner = inner.trim_start();
        let quote = inner.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let name = quote.and_then(|quote| inner[1..].split_once(quote)).map(|(name, _)| name);
        return name.map_or(Next::Index, Next::Field);
    }
    let Some(rest) = rest.strip_prefix('.').map(str::trim_start) else { return Next::Nothing };
    let end =
        rest.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_')).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if after.trim_start().starts_with('(') { Next::Call(name) } else { Next::Field(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_name_is_told_apart() {
        assert_eq!(next("a.b", 1), Next::Field("b"));
        assert_eq!(next("a['b c']", 1), Next::Field("b c"));
        assert_eq!(next("a [0]", 1), Next::Index);
        assert_eq!(next("a.map(o, o)", 1), Next::Call("map"));
        assert_eq!(next("a + 1", 1), Next::Nothing);
        assert_eq!(next("a", 9), Next::Nothing);
    }
}
