use super::*;

#[test]
fn functions_do_what_cel_documents() {
    for (text, expected) in [
        ("size('añb')", json!(3)),
        ("size([1, 2]) + [1].size() + size({'a': 1})", json!(4)),
        ("'abc'.contains('b') && 'abc'.startsWith('a') && 'abc'.endsWith('c')", json!(true)),
        ("'a1b22'.matches('[a-z][0-9]+') && matches('x', '^x$')", json!(true)),
        ("string(1) + string(true) + string(1.5)", json!("1true1.5")),
        ("int('7') + int(2.9)", json!(9)),
        ("[3, 1, 2, 1].sort()", json!([1, 1, 2, 3])),
        ("[3, 1, 3].distinct()", json!([3, 1])),
        ("['b', 'a', 'b'].distinct()", json!(["b", "a"])),
        ("[1, 1.0, 'a', [1], [1]].distinct()", json!([1, "a", [1]])),
        ("[[1], [2, [3]]].flatten()", json!([1, 2, [3]])),
        ("[1, 2, 3].reverse()", json!([3, 2, 1])),
        ("[1, 2, 3].slice(1, 2)", json!([2])),
        ("lists.range(3).map(x, x * x)", json!([0, 1, 4])),
        ("[{'n': 2}, {'n': 1}].sortBy(x, x.n)[0].n", json!(1)),
        ("'abc'.charAt(1)", json!("b")),
        ("['a', 'b'].join('-') + ['a', 'b'].join()", json!("a-bab")),
        ("'aXbX'.replace('X', '-')", json!("a-b-")),
        ("'aXbX'.replace('X', '-', 1)", json!("a-bX")),
        ("'aXbX'.replace('X', '-', 0)", json!("aXbX")),
        ("'ab'.replace('', '.')", json!(".a.b.")),
        ("'a,b,c'.split(',')", json!(["a", "b", "c"])),
        ("'a,b,c'.split(',', 2)", json!(["a", "b,c"])),
        ("'a,b'.split(',', 0)", json!([])),
        ("'aéc'.split('')", json!(["a", "é", "c"])),
        ("'aéc'.split('', 2)", json!(["a", "éc"])),
        ("'abc'.split('', 3)", json!(["a", "b", "c"])),
        ("'abc'.split('', 9)", json!(["a", "b", "c"])),
        ("''.split('')", json!([])),
        ("''.split(',')", json!([""])),
        ("'aéb'.indexOf('b') + 'x'.indexOf('y')", json!(1)),
        ("'abab'.indexOf('b', 2)", json!(3)),
        ("'abab'.lastIndexOf('b') * 10 + 'abab'.lastIndexOf('b', 2)", json!(31)),
        ("'aéaé'.lastIndexOf('é', 3)", json!(3)),
        ("''.lastIndexOf('x')", json!(-1)),
        ("'abc'.indexOf('', 9)", json!(3)),
        ("'hello mellow'.indexOf('') + 'hello mellow'.lastIndexOf('')", json!(12)),
        ("' aB '.trim().lowerAscii() + 'b'.upperAscii()", json!("abB")),
        ("'abc'.substring(1, 2) + 'abc'.reverse()", json!("bcba")),
        ("'%s is %d or %.2f'.format(['x', 7, 1.5])", json!("x is 7 or 1.50")),
        ("math.greatest(1, 3, 2) + math.least([4, 2])", json!(5)),
        ("math.abs(-1) + int(math.ceil(1.2)) + int(math.floor(1.8)) + int(math.round(1.5)) + math.sign(-3)", json!(5)),
        ("[1, 2, 3].all(x, x > 0) && [1].exists(x, x == 1) && [1, 2].exists_one(x, x == 1)", json!(true)),
        ("[1, 2, 3, 4].filter(x, x % 2 == 0)", json!([2, 4])),
        ("[1, 2].map(x, x > 1, x * 10)", json!([20])),
        ("'b' in ['a', 'b'] && 'k' in {'k': 1} && !(3 in [1])", json!(true)),
        ("type(1) == int && type('') == string && type([]) == list", json!(true)),
        ("inputs.n > 2 ? 'many' : 'few'", json!("many")),
        ("{'a': inputs.n, 'b': [inputs.name]}", json!({"a": 3, "b": ["Ada"]})),
        ("'2024-05-01' < '2024-10-01'", json!(true)),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn hash_is_the_digest_of_the_canonical_form() {
    let expected = candor_proto::Sha256::of_value(&json!({"b": [1, 1.5, "é"], "a": null})).to_string();
    assert_eq!(value("hash({'a': null, 'b': [1, 1.5, 'é']})"), json!(expected));
    assert_eq!(value("hash('x')"), json!(candor_proto::Sha256::of_value(&json!("x")).to_string()));
    assert_eq!(failure("hash(b'x')").code, "not_json");
}

#[test]
fn our_own_functions_refuse_what_does_not_fit() {
    for text in [
        "[1].join(',')",
        "'a'.split(1)",
        "1.replace('a', 'b')",
        "'a'.indexOf(1)",
        "[1].distinct(2)",
        "'a'.matches(1)",
        "'a'.join()",
    ] {
        let failure = failure(text);
        assert_eq!(failure.code, "type_clash", "{text}: {failure:?}");
        assert!(!failure.message.contains('@'), "{failure:?}");
    }
    for text in ["'abc'.indexOf('b', 7)", "'abc'.lastIndexOf('b', -1)"] {
        assert_eq!(failure(text).code, "index", "{text}");
    }
}
