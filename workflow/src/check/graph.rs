//! The tasks as a graph: same ids, unknown dependencies, circles, and who waits for whom.

use super::Checker;
use crate::diagnostic::{Code, quoted};
use crate::node::Spanned;
use crate::place::Places;

/// Tasks of a circle that a message spells out.
const CYCLE_TASKS_SHOWN: usize = 12;

impl Checker<'_, '_> {
    pub(super) fn graph(&mut self) {
        let document = self.document;
        let places = Places::new(self.source);
        for (index, task) in document.tasks.iter().enumerate() {
            if let Some(first) = self.index.get(task.id.value.as_str()) {
                let place = places.of(document.tasks[*first].id.span);
                let message = format!(
                    "Two tasks have the id `{}`; the first stands in line {}.",
                    quoted(&task.id.value),
                    place.line
                );
                self.context.findings.error(Code::DuplicateId, task.id.span, message, "Give one of them another id.");
            } else {
                self.index.insert(&task.id.value, index);
            }
        }
        for (index, task) in document.tasks.iter().enumerate() {
            let mut direct = Vec::new();
            for need in task.all.iter().chain(&task.any) {
                match self.index.get(need.value.as_str()) {
                    Some(other) if *other == index => self.needs_itself(need),
                    Some(other) => direct.push(*other),
                    None => self.unknown_need(&task.id.value, need),
                }
            }
            self.needs.push(direct);
        }
        self.cycles();
    }

    fn needs_itself(&mut self, need: &Spanned<String>) {
        let message = format!("The task `{0}` waits for itself: `{0}` → `{0}`.", quoted(&need.value));
        self.context.findings.error(Code::Cycle, need.span, message, "Remove it from `needs`.");
    }

    fn unknown_need(&mut self, task: &str, need: &Spanned<String>) {
        let advice = match need.value.contains([',', ' ']) {
            true => "Several tasks are a list: `needs: [a, b]`.".to_owned(),
            false => self.nearest_task(&need.value),
        };
        let message = format!("The task `{}` needs `{}`, which is not there.", quoted(task), quoted(&need.value));
        self.context.findings.error(Code::UnknownNeed, need.span, message, advice);
    }

    /// Finds every circle once, by depth-first search without recursion: a chain may be as long as the document.
    fn cycles(&mut self) {
        let mut state = vec![Visit::New; self.needs.len()];
        for root in 0..self.needs.len() {
            if state[root] != Visit::New {
                continue;
            }
            let mut path: Vec<(usize, usize)> = vec![(root, 0)];
            state[root] = Visit::Open;
            while let Some((task, next)) = path.last_mut() {
                let task = *task;
                let Some(need) = self.needs[task].get(*next).copied() else {
                    state[task] = Visit::Done;
                    path.pop();
                    continue;
                };
                *next += 1;
                match state[need] {
                    Visit::New => {
                        state[need] = Visit::Open;
                        path.push((need, 0));
                    }
                    Visit::Open => {
                        let from = path.iter().position(|(on_path, _)| *on_path == need).unwrap_or(0);
                        let circle: Vec<usize> = path[from..].iter().map(|(on_path, _)| *on_path).collect();
                        self.cycle(&circle);
                    }
                    Visit::Done => {}
                }
            }
        }
    }

    /// `circle` lists tasks so that each needs the next and the last needs the first.
    fn cycle(&mut self, circle: &[usize]) {
        let document = self.document;
        // Shown from the task that stands first in the document, in the order in which they would run.
        let least = circle.iter().enumerate().min_by_key(|(_, task)| **task).map_or(0, |(at, _)| at);
        let mut order: Vec<usize> = circle[least..].iter().chain(&circle[..least]).copied().collect();
        order[1..].reverse();
        let Some(first) = order.first().copied() else { return };
        let mut names: Vec<String> = order
            .iter()
            .take(CYCLE_TASKS_SHOWN)
            .map(|task| format!("`{}`", quoted(&document.tasks[*task].id.value)))
            .collect();
        if order.len() > CYCLE_TASKS_SHOWN {
            names.push(format!("({} more)", order.len() - CYCLE_TASKS_SHOWN));
        }
        names.push(format!("`{}`", quoted(&document.tasks[first].id.value)));
        let before = order.last().copied().unwrap_or(first);
        let task = &document.tasks[first];
        let wanted = &document.tasks[before].id.value;
        let span =
            task.all.iter().chain(&task.any).find(|need| need.value == *wanted).map_or(task.id.span, |need| need.span);
        let message = format!("These tasks wait for each other in a circle: {}.", names.join(" → "));
        self.context.findings.error(Code::Cycle, span, message, "Remove one of these dependencies.");
    }

    /// Whether `task` waits for `other`, directly or through further tasks.
    pub(super) fn waits_for(&mut self, task: usize, other: usize) -> bool {
        if self.needs[task].contains(&other) {
            return true;
        }
        // One task's expressions are checked together, so its answer is kept for the next of them.
        if let Some((_, seen)) = self.waits.as_ref().filter(|(last, _)| *last == task) {
            return seen[other];
        }
        let mut seen = vec![false; self.needs.len()];
        let mut left = self.needs[task].clone();
        while let Some(here) = left.pop() {
            if !std::mem::replace(&mut seen[here], true) {
                left.extend(&self.needs[here]);
            }
        }
        let waits = seen[other];
        self.waits = Some((task, seen));
        waits
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    Open,
    Done,
}
