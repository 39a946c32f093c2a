use super::*;

/// Code, the piece of the text that is meant, and the advice.
fn refused(text: &str) -> (&'static str, String, String) {
    let error = Expression::parse(text).expect_err(text);
    let piece = text.get(error.offset..error.offset + error.length).unwrap_or_else(|| panic!("{text}: {error:?}"));
    (error.code, piece.to_owned(), error.advice)
}

#[test]
fn words_of_other_languages_get_advice() {
    for (text, piece, advice) in [
        ("inputs.a and inputs.b", "and", "&&"),
        ("inputs.a or inputs.b", "or", "||"),
        ("not inputs.a", "not", "!"),
        ("inputs.a = 1", "=", "=="),
        ("inputs.a === 1", "===", "=="),
        ("inputs.a & inputs.b", "&", "&&"),
        ("inputs.a | default('x')", "|", "||"),
        ("1 >> 2", ">>", "bitShiftRight"),
        ("1 << 2", "<<", "bitShiftLeft"),
        ("2 ** 3", "**", "multiply"),
        ("inputs.list.map(x => x)", "=>", "map(x"),
        ("inputs.a ?? 1", "??", "has("),
        ("inputs?.a", "?.", "has("),
        ("inputs.?a", ".?", "has("),
        ("inputs.a == None", "None", "null"),
        ("True", "True", "true"),
        ("len(inputs.list)", "len", "size("),
        ("inputs.list.length()", "length", "size("),
        ("toJSON(inputs)", "toJSON", "JSON"),
        ("contains(inputs.a, 'x')", "contains", "value.contains("),
        ("inputs.a.hash()", "hash", "hash(value)"),
        ("inputs.a.trimm()", "trimm", "`trim`"),
        ("min(1, 2)", "min", "math.least"),
        ("failure()", "failure", "failed()"),
        ("math.pow(1, 2)", "math.pow", "documentation"),
        ("'a\\d'", "'a\\d'", "r'\\d+'"),
        ("timestamp('x')", "timestamp", "A date is text"),
        ("duration('1h') > duration('2m')", "duration", "text in seconds"),
        ("1 + tasks.in.outputs.n", "in", "Write `tasks['in']`."),
        ("inputs.null", "null", "Write `inputs['null']`."),
        ("foo(1)", "foo", "documentation"),
        ("inputs.a; 1", ";", "quotes"),
        ("'abc", "'abc", "quote"),
        ("tasks.my-task.outputs.x", "tasks.my-task", "tasks['my-task']"),
        ("1 + tasks.a-b-c.state", "tasks.a-b-c", "tasks['a-b-c']"),
        ("tasks[inputs.x].outputs", "tasks[inputs.x].outputs", "my-task"),
        ("tasks.x[inputs.y]", "tasks.x[inputs.y]", "my-task"),
        ("tasks.x", "tasks.x", "outputs"),
        ("tasks", "tasks", "my-task"),
        ("tasks.x.output", "tasks.x.output", "tasks.x.outputs"),
        ("tasks.x.stdout", "tasks.x.stdout", "tasks.x.outputs.stdout"),
        ("failed(inputs.x)", "failed", "failed('my-task')"),
        ("failed('a', 'b')", "failed", "failed('my-task')"),
        ("always(1)", "always", "always()"),
        ("Foo{a: 1}", "{", "{'key': value}"),
        ("secrets.A + 'x'", "secrets.A", "alone"),
        ("hash(secrets.A)", "secrets.A", "alone"),
        ("secrets", "secrets", "alone"),
        ("secrets['a-b']", "secrets['a-b']", "letters"),
        ("[1].map(tasks, tasks)", "(", "another name"),
    ] {
        let (code, found, given) = refused(text);
        assert_eq!(found, piece, "{text}: {code} {given}");
        assert!(given.contains(advice), "{text}: {given}");
    }
}

#[test]
fn the_place_of_a_mistake_is_found() {
    for (text, piece) in [
        ("1 2", "2"),
        ("inputs.a inputs.b", "inputs"),
        ("(1", ""),
        ("1 +", ""),
        ("[1, 2", ""),
        ("1)", ")"),
        ("1 + + 2", "+"),
        ("'é' + 'ü' 'x'", "'x'"),
        ("1 +\n  2 3", "3"),
        ("a..b", "."),
        ("99999999999999999999", "99999999999999999999"),
        ("'\\q'", "'\\q'"),
        ("", ""),
        ("   ", "   "),
    ] {
        assert_eq!(refused(text).1, piece, "{text}: {:?}", Expression::parse(text));
    }
}

#[test]
fn messages_speak_plainly() {
    let message = |text: &str| Expression::parse(text).expect_err(text).message;
    assert_eq!(message("1 2"), "`2` cannot stand here");
    assert_eq!(message("1 +"), "the expression ends too early");
    assert_eq!(message("inputs.a = 1"), "`=` is not an operator here");
    for text in ["a[", "a.b(", "a ? b", "{'a'}", "x && ", "1..2", "f(1)(2)", "a.1", "'\\q'", "9999999999999999999"] {
        let message = message(text);
        assert!(!message.contains("expecting") && !message.contains("Context"), "{text}: {message}");
    }
}

#[test]
fn dashes_that_are_meant_stay() {
    for text in
        ["inputs.a-1", "inputs.a - inputs.b", "tasks.x.outputs.n-inputs.m", "size(tasks.x.outputs.l)-1", "-1", "- -1"]
    {
        assert!(Expression::parse(text).is_ok(), "{text}: {:?}", Expression::parse(text));
    }
}

#[test]
fn limits_hold_before_the_first_evaluation() {
    let chain = |count: usize, sign: &str| vec!["1"; count].join(sign);
    assert_eq!(refused(&"x".repeat(1025)).0, "expression_too_long");
    assert_eq!(refused(&chain(64, "+")).0, "expression_too_deep");
    assert_eq!(refused(&format!("{}1{}", "(".repeat(200), ")".repeat(200))).0, "expression_too_deep");
    assert_eq!(refused(&format!("{}1{}", "[".repeat(32), "]".repeat(32))).0, "expression_too_deep");
    assert_eq!(refused(&format!("x{}", ".a".repeat(400))).0, "expression_too_deep");
    assert_eq!(refused(&format!("{}true", "!".repeat(500))).0, "expression_too_deep");
    assert_eq!(refused("[1].map(a, [1].map(b, [1].map(c, c)))").0, "macros_nested");
    assert_eq!(value(&chain(20, "+")), json!(20));
    assert_eq!(value(&vec!["true"; 60].join("&&")), json!(true));
    assert_eq!(value("[[1]].map(a, a.map(b, b + 1)).map(c, c[0])"), json!([2]));
    assert_eq!(value("[[3, 1]].map(a, a.sortBy(b, b))"), json!([[1, 3]]));
}
