//! Expressions that try to stop the process: too deep, too long, too much.

use proptest::prelude::*;

use super::*;

fn code(text: &str, scope: &Scope) -> &'static str {
    match Expression::parse(text) {
        Err(error) => error.code,
        Ok(expression) => expression.evaluate(scope).err().map_or("fine", |error| error.code),
    }
}

/// A scope with much data.
fn large() -> Scope {
    let mut scope = scope();
    scope.set_json("list", &Value::Array((0..100_000).map(|n| json!({"id": n, "tag": format!("t{n}")})).collect()));
    scope.set_json("text", &json!("ab".repeat(1_000_000)));
    scope
}

#[test]
fn loops_end() {
    let scope = large();
    for text in [
        "lists.range(1000000).map(a, lists.range(1000000).map(b, b))",
        "lists.range(1000000).all(a, lists.range(1000).all(b, true))",
        "lists.range(1000000).all(a, a in lists.range(1000000))",
        "list.map(x, x in list)",
        "[lists.range(1000000)].map(l, lists.range(1000).map(i, [l, l, l]))",
        "[text].map(t, [t + t + t + t + t + t + t + t].map(u, u + u + u + u + u + u + u + u + u + u + u + u + u))",
        "list.map(x, text + text)",
        "list.map(x, text.size())",
        "list.map(x, text.matches('(a|b)*c'))",
        "list.map(x, text.indexOf('aaaaaaaaab'))",
        "text.replace('a', text)",
        "text.replace('', text)",
        "text.split('').map(x, text.split(''))",
        "list.map(x, string(x.id)).join(text)",
        "list.map(x, x.tag.matches('(x+x+)+y'))",
        "lists.range(1000000).map(x, {'a': x, 'b': [x, x, x], 'c': {'d': x}})",
        "lists.range(1000000).map(x, '%.99f'.format([1.0]))",
    ] {
        assert_eq!(code(text, &scope), "too_large", "{text}");
    }
}

#[test]
fn honest_work_on_large_data_is_done() {
    let scope = large();
    for text in [
        "list.map(x, x.tag)",
        "list.filter(x, x.id % 2 == 0).map(x, x.id)",
        "list.exists(x, x.id == 99999)",
        "list.map(x, x.tag).distinct().size()",
        "list.map(x, x.id).sort()",
        "list.map(x, x.tag).join(',').split(',').size()",
        "lists.range(1000000).map(i, i * 2).size()",
        "lists.range(1000).map(a, lists.range(1000).filter(b, a == b))",
        "text.matches('^(ab)*$') && text.contains('ba') && text.lastIndexOf('aa') == -1",
        "text.replace('a', 'cc').size()",
        "list.sortBy(x, -x.id)[0].id",
    ] {
        assert_eq!(code(text, &scope), "fine", "{text}");
    }
}

#[test]
fn a_fan_out_reads_only_what_it_needs() {
    let mut scope = large();
    let expression = Expression::parse("inputs.name + '-' + string(item.id)").unwrap();
    for n in 0..20_000 {
        scope.set_json("item", &json!({"id": n}));
        assert_eq!(expression.evaluate(&scope), Ok(json!(format!("Ada-{n}"))));
    }
}

#[test]
fn patterns_are_bounded() {
    let scope = large();
    assert_eq!(code("text.matches('a{1000}{1000}')", &scope), "pattern");
    assert_eq!(code("text.matches(text)", &scope), "pattern");
    assert_eq!(code("text.matches('(((((a{9}){9}){9}){9}){9}){9}')", &scope), "pattern");
    assert_eq!(code("text.matches('(a*)*(b*)*c')", &scope), "fine");
}

#[test]
fn deep_values_are_refused_not_followed() {
    let mut deep = json!(1);
    for _ in 0..500 {
        deep = json!([deep]);
    }
    let mut scope = Scope::new();
    scope.set_json("item", &deep);
    assert_eq!(code("item", &scope), "too_large");
    assert_eq!(code("item == item", &scope), "fine");
    assert_eq!(code("size(item.flatten(1000))", &scope), "fine");
}

#[test]
fn chains_just_below_the_limits_fit_into_the_stack_of_a_test() {
    let scope = scope();
    for (open, inner, close) in [
        ("[", "1", "]"),
        ("(", "1", ")"),
        ("{1:", "1", "}"),
        ("!", "true", ""),
        ("-", "inputs.n", ""),
        ("true ? ", "1", " : 2"),
        ("[1].map(x, ", "1", ")"),
        ("size([", "1", "])"),
        ("hash(", "1", ")"),
        ("1 + (", "1", ")"),
        ("[1][", "0", "]"),
        ("'a'.replace('b', string(", "1", "))"),
        ("has({}.a) || ", "true", ""),
        ("'a' + ", "'b'", ""),
        ("", "inputs", ".a"),
        ("", "inputs.list", "[0]"),
        ("", "'a'", ".trim()"),
        ("", "1", " - 1"),
        ("", "1", " == 1"),
        ("1 in [", "1", "]"),
        ("math.abs(", "1", ")"),
        ("1 + 2 * 3 == (", "1", ")"),
        ("!-(inputs.list[", "1", "])"),
        ("{'a': [", "1", "]}"),
        ("[1].filter(x, true || {'a': (", "1", ")})"),
        ("true && false ? 1 : (", "1", ")"),
        ("", "[1]", ".map(x, x)"),
        ("", "[1]", ".sortBy(x, x)"),
    ] {
        for count in 1..100 {
            let text = format!("{}{inner}{}", open.repeat(count), close.repeat(count));
            // That it comes back at all is what is tested: a stack that overflows ends the process.
            code(&text, &scope);
        }
    }
}

fn leaf() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "1",
        "0",
        "-1",
        "9223372036854775807",
        "1u",
        "1.5",
        "0.0",
        "'a'",
        "''",
        "'é'",
        "b'x'",
        "true",
        "null",
        "[]",
        "{}",
        "inputs.n",
        "inputs.list",
        "inputs.name",
        "inputs",
        "inputs.nope",
        "item",
        "tasks.done.outputs.rows",
        "tasks.done.outputs",
        "tasks.broken.outputs.a",
        "tasks.gap.outputs.a",
        "tasks.done.state",
        "lists.range(5)",
        "int",
        "succeeded('done')",
        "failed()",
        "x",
        "y",
    ])
    .prop_map(str::to_owned)
}

/// Functions called on a value.
const METHODS: [&str; 21] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "replace",
    "split",
    "substring",
    "trim",
    "upperAscii",
    "reverse",
    "format",
    "distinct",
    "flatten",
    "slice",
    "sort",
];

fn random() -> impl Strategy<Value = String> {
    leaf().prop_recursive(6, 40, 3, |inner| {
        let binary =
            prop::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"]);
        let global = prop::sample::select(vec![
            "size",
            "int",
            "uint",
            "double",
            "string",
            "bool",
            "bytes",
            "type",
            "dyn",
            "hash",
            "!",
            "-",
            "math.abs",
            "math.ceil",
            "math.round",
            "math.sign",
            "math.isNaN",
            "math.greatest",
            "math.least",
            "math.sqrt",
            "math.bitNot",
            "lists.range",
            "strings.quote",
            "",
        ]);
        let method = prop::sample::select(METHODS.to_vec());
        let macros = prop::sample::select(vec!["map", "filter", "all", "exists", "exists_one", "sortBy"]);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (global, inner.clone()).prop_map(|(name, a)| format!("{name}({a})")),
            (inner.clone(), method.clone()).prop_map(|(a, name)| format!("({a}).{name}()")),
            (inner.clone(), method.clone(), inner.clone()).prop_map(|(a, name, b)| format!("({a}).{name}({b})")),
            (inner.clone(), method, inner.clone(), inner.clone())
                .prop_map(|(a, name, b, c)| format!("({a}).{name}({b}, {c})")),
            (inner.clone(), macros, inner.clone()).prop_map(|(a, name, b)| format!("({a}).{name}(x, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a})[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}: {b}}}")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : ({c})")),
            inner.clone().prop_map(|a| format!("has(({a}).n)")),
            inner.prop_map(|a| format!("({a}).n")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_expressions_end_in_a_value_or_an_error(text in random()) {
        let scope = scope();
        if let Ok(expression) = Expression::parse(&text) {
            let first = expression.evaluate(&scope);
            prop_assert_eq!(&first, &expression.evaluate(&scope), "not the same twice: {}", text);
            if let Err(error) = first {
                prop_assert!(!error.message.is_empty() && !error.message.contains('@'), "{}: {:?}", text, error);
            }
        }
    }

    #[test]
    fn random_words_are_refused_at_a_place_inside_the_text(
        words in prop::collection::vec(prop::sample::select(vec![
            "inputs", "tasks", ".", "a", "(", ")", "[", "]", "{", "}", "'x'", "'", "1", "+", "-", "&&", "=", "?", ":", ",", "in",
            "has", "map", "x", "!", " ", "\n", "é", "//", "@", "$", "\"", "r'", "1.", "0x", "1e", "\\", "`", "-task", "b''", ">>", ".?",
            "secrets", "outputs", "succeeded", "'''",
        ]), 0..30),
    ) {
        let text = words.concat();
        match Expression::parse(&text) {
            Ok(expression) => {
                let references = expression.references();
                for task in &references.tasks {
                    prop_assert!(text.get(task.offset..task.offset + task.length).is_some_and(|piece| piece.starts_with("tasks")));
                }
                // Whatever it is, it ends.
                let _ = expression.evaluate(&scope());
            }
            Err(error) => {
                prop_assert!(text.get(error.offset..error.offset + error.length).is_some(), "{:?}", error);
                prop_assert!(!error.message.is_empty() && !error.advice.is_empty());
            }
        }
    }

    #[test]
    fn any_text_can_be_given_to_the_parser(text in "\\PC{0,80}") {
        let _ = Template::parse(&text);
        if let Err(error) = Expression::parse(&text) {
            prop_assert!(text.get(error.offset..error.offset + error.length).is_some(), "{:?}", error);
        }
    }
}
