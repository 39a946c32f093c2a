use super::*;

fn references(text: &str) -> References {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).references().clone()
}

/// Each task reference as `piece of text`, id, field, output, guarded.
fn tasks(text: &str) -> Vec<(&str, String, String, Option<String>, bool)> {
    let tasks = references(text).tasks.into_iter();
    tasks
        .map(|task| {
            let piece = &text[task.offset..task.offset + task.length];
            (piece, task.id, task.field.unwrap_or_default(), task.output, task.guarded)
        })
        .collect()
}

fn names(text: &str) -> Vec<(String, String)> {
    let names = references(text).names.into_iter();
    names.map(|name| (name.name, text[name.offset..name.offset + name.length].to_owned())).collect()
}

#[test]
fn what_is_read_of_tasks_is_found_with_its_place() {
    let some = |text: &str| Some(text.to_owned());
    for (text, piece, id, field, output) in [
        ("1 + tasks.a.outputs.n", "tasks.a.outputs.n", "a", "outputs", some("n")),
        ("tasks['a-b'].outputs.n.m", "tasks['a-b'].outputs.n", "a-b", "outputs", some("n")),
        ("tasks.a.outputs['x y'][0]", "tasks.a.outputs['x y']", "a", "outputs", some("x y")),
        ("size(tasks.a.outputs)", "tasks.a.outputs", "a", "outputs", None),
        ("tasks.a.outputs[0].n", "tasks.a.outputs", "a", "outputs", None),
        ("tasks.a.outputs.map(o, o.n)", "tasks.a.outputs", "a", "outputs", None),
        ("[tasks.a.state]", "tasks.a.state", "a", "state", None),
        ("'é' + tasks . a\n.error.code", "tasks . a\n.error", "a", "error", None),
        ("(tasks.a).outputs.n", "tasks.a).outputs.n", "a", "outputs", some("n")),
        ("inputs.l[tasks.a.outputs.i]", "tasks.a.outputs.i", "a", "outputs", some("i")),
        ("{'k': tasks.a.items}", "tasks.a.items", "a", "items", None),
        ("inputs.l.exists(x, x == tasks.a.attempts)", "tasks.a.attempts", "a", "attempts", None),
    ] {
        assert_eq!(tasks(text), [(piece, id.to_owned(), field.to_owned(), output, false)], "{text}");
    }
    let index = tasks("tasks.a.outputs.rows[tasks.b.outputs.i]");
    assert_eq!(index.iter().map(|task| task.0).collect::<Vec<_>>(), ["tasks.a.outputs.rows", "tasks.b.outputs.i"]);
}

#[test]
fn guarded_reads_are_told_apart() {
    let guarded = |text: &str| tasks(text).into_iter().map(|task| (task.1, task.4)).collect::<Vec<_>>();
    let expected =
        |pairs: &[(&str, bool)]| pairs.iter().map(|(id, held)| ((*id).to_owned(), *held)).collect::<Vec<_>>();
    for (text, pairs) in [
        ("tasks.x.outputs.a", &[("x", false)][..]),
        ("has(tasks.x.outputs.a)", &[("x", true)]),
        ("has(tasks.x.outputs.a) ? tasks.x.outputs.a : 1", &[("x", true), ("x", true)]),
        ("has(tasks.x.outputs.a) ? 1 : tasks.x.outputs.b", &[("x", true), ("x", false)]),
        ("!has(tasks.x.outputs.a) ? 1 : tasks.x.outputs.a", &[("x", true), ("x", true)]),
        ("succeeded('x') && tasks.x.outputs.a > 1", &[("x", true)]),
        ("tasks.x.outputs.a > 1 && succeeded('x')", &[("x", true)]),
        ("succeeded('y') && tasks.x.outputs.a > 1", &[("x", false)]),
        ("succeeded('x') || tasks.x.outputs.a > 1", &[("x", false)]),
        ("!succeeded('x') || tasks.x.outputs.a > 1", &[("x", true)]),
        ("succeeded('x') && true && inputs.a && tasks.x.outputs.a > 1", &[("x", true)]),
        ("(succeeded('x') || succeeded('y')) && tasks.x.outputs.a > 1", &[("x", false)]),
        ("failed('x') ? 1 : tasks.x.outputs.a", &[("x", false)]),
        ("succeeded('x') ? inputs.l.map(i, tasks.x.outputs.a) : []", &[("x", true)]),
        ("succeeded() && tasks.x.outputs.a > 1", &[("x", false)]),
    ] {
        assert_eq!(guarded(text), expected(pairs), "{text}");
    }
}

#[test]
fn inputs_environment_and_secrets_are_listed_by_name() {
    let text = "inputs.a + inputs['b-c'] + env.HOME";
    let found = references(text);
    let pieces = |refs: &[Ref]| {
        refs.iter().map(|r| (r.name.clone(), text[r.offset..r.offset + r.length].to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(pieces(&found.inputs), [("a".into(), "inputs.a".into()), ("b-c".into(), "inputs['b-c']".into())]);
    assert_eq!(pieces(&found.env), [("HOME".into(), "env.HOME".into())]);
    assert!(found.names.is_empty());
    assert_eq!(references("secrets.TOKEN").secrets[0].name, "TOKEN");
    assert_eq!(names("inputs"), [("inputs".into(), "inputs".into())]);
    assert_eq!(names("inputs[item]").len(), 2);
    assert_eq!(references("has(inputs.a)").inputs[0].length, "inputs.a".len());
}

#[test]
fn other_names_are_listed_unless_a_macro_binds_them() {
    let only = |text: &str| names(text).into_iter().map(|name| name.0).collect::<Vec<_>>();
    assert_eq!(only("item.a + row.b.c"), ["item", "row"]);
    assert_eq!(only("inputs.l.map(o, o.rows + x)"), ["x"]);
    assert_eq!(only("inputs.l.filter(a, a.l.exists(b, a == b || c))"), ["c"]);
    assert_eq!(only("inputs.l.sortBy(a, a.n)"), Vec::<String>::new());
    assert_eq!(only("o + [1].map(o, o)[0]"), ["o"]);
    assert_eq!(only("type(1) == int && math.abs(matrix.n) > 0"), ["matrix"]);
    assert_eq!(only("run.id + outputs.a"), ["run", "outputs"]);
}

#[test]
fn called_functions_are_listed_with_their_literals() {
    let text = "failed('x') || size(inputs.l) > math.abs(-1) || 'a'.trim() == '' || [1].exists(i, always())";
    let found = references(text);
    let calls: Vec<_> = found.functions.iter().map(|call| (call.name.as_str(), call.member)).collect();
    let expected = [("failed", false), ("size", false), ("math.abs", false), ("trim", true), ("always", false)];
    assert_eq!(calls, expected);
    assert_eq!(found.functions[0].arguments, [Some("x".to_owned())]);
    let pieces: Vec<_> = found.functions.iter().map(|call| &text[call.offset..call.offset + call.length]).collect();
    assert_eq!(pieces, ["failed", "size", "math.abs", "trim", "always"]);
    let expression = Expression::parse(text).unwrap();
    assert!(expression.calls_any(&["always"]) && !expression.calls_any(&["skipped"]));
}
