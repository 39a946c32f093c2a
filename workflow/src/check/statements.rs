//! The author's own sentences: only recorded values may stand in them.

use super::Checker;
use super::site::Site;
use crate::diagnostic::Code;
use crate::expression::Template;
use crate::node::Node;
use crate::place::Within;

impl<'a> Checker<'a, '_> {
    /// A sentence whose expressions are plain paths to recorded outputs, so that each value has its evidence.
    pub(super) fn statement(&mut self, node: &'a Node) {
        let before = self.context.findings.count();
        self.texts(node, &Site::answer());
        let Some(within) = Within::new(self.source, node).filter(|_| self.context.findings.count() == before) else {
            return;
        };
        let Ok(template) = Template::parse(&within.scalar.text) else { return };
        if template.is_plain() {
            let message = "A statement without a recorded value rests on nothing, so the answer cannot say it.";
            let advice = "Name an output in it, as in `${{ tasks.ID.outputs.NAME }}`, or leave it out.";
            self.context.findings.error(Code::StatementPath, node.span, message, advice);
        }
        for (offset, expression) in template.expressions() {
            if !is_plain_path(expression.text()) {
                let span = within.span(offset, expression.text().len());
                let message = "A statement can only repeat a recorded output, as in `${{ tasks.ID.outputs.NAME }}`.";
                let advice = "Compute the value in a task, and name its output here.";
                self.context.findings.error(Code::StatementPath, span, message, advice);
            }
        }
    }
}

/// Whether an expression is `tasks.x.outputs…` with plain names and indexes, and nothing else.
fn is_plain_path(text: &str) -> bool {
    let (mut names, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((index, after)) = inside.split_once(']') else { return false };
            let Some(name) = index_of(index) else { return false };
            names.push(name);
            rest = after;
        } else {
            let plain = match rest.strip_prefix('.') {
                Some(plain) if !names.is_empty() => plain,
                None if names.is_empty() => rest,
                Some(_) | None => return false,
            };
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            let (name, after) = plain.split_at(end);
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return false;
            }
            names.push(name);
            rest = after;
        }
    }
    names.len() >= 3 && names[0] == "tasks" && names[2] == "outputs"
}

/// A key in quotes, or a place in a list.
fn index_of(index: &str) -> Option<&str> {
    let quoted = ['\'', '"'].into_iter().find_map(|quote| index.strip_prefix(quote)?.strip_suffix(quote));
    match quoted {
        Some(key) if !key.contains(['\'', '"', '\\', '}']) => Some(key),
        Some(_) => None,
        None => Some(index).filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_to_recorded_outputs_is_plain() {
        for text in
            ["tasks.a.outputs.n", "tasks['a-b'].outputs[0].n", "tasks.a.outputs[\"x y\"]['z']", "tasks.a.outputs"]
        {
            assert!(is_plain_path(text), "{text}");
        }
        for text in [
            "tasks.a.state",
            "tasks.a.outputs.n + 1",
            "size(tasks.a.outputs.n)",
            "tasks.a.outputs[tasks.b.outputs.n]",
            "tasks.a.outputs[-1]",
            "inputs.n",
            "tasks .a.outputs.n",
            "tasks.a.outputs['it\\'s']",
            "(tasks.a.outputs.n)",
            "tasks.a.outputs.n.trim()",
        ] {
            assert!(!is_plain_path(text), "{text}");
        }
    }
}
