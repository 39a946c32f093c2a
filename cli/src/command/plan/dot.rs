//! A plan in the language of Graphviz.

use candor_proto::plan::Plan;

/// The graph; a dashed arrow is a dependency of which any one is enough.
pub(super) fn dot(plan: &Plan) -> String {
    let mut text = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box];\n", quoted(&plan.name));
    for task in &plan.tasks {
        let shape = if task.fan_out.is_some() { ", peripheries=2" } else { "" };
        text.push_str(&format!(
            "  {} [label={}{shape}];\n",
            quoted(&task.id),
            quoted(&format!("{}\n{}", task.id, task.uses))
        ));
        for need in &task.needs.all {
            text.push_str(&format!("  {} -> {};\n", quoted(need), quoted(&task.id)));
        }
        for need in &task.needs.any {
            text.push_str(&format!("  {} -> {} [style=dashed];\n", quoted(need), quoted(&task.id)));
        }
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
