use super::*;

fn text(template: &str) -> Value {
    let template = Template::parse(template).unwrap_or_else(|error| panic!("{template}: {error:?}"));
    template.evaluate(&scope()).unwrap()
}

#[test]
fn a_value_that_is_the_whole_text_keeps_its_type() {
    assert_eq!(text("${{ inputs.n }}"), json!(3));
    assert_eq!(text("${{inputs.list}}"), json!([3, 1, 2]));
    assert_eq!(text("${{ null }}"), json!(null));
    assert_eq!(text("plain"), json!("plain"));
    assert_eq!(text(""), json!(""));
}

#[test]
fn inside_text_a_value_is_written_out() {
    assert_eq!(text("n=${{ inputs.n }} f=${{ tasks.done.outputs.rate }} t=${{ true }}"), json!("n=3 f=1.0 t=true"));
    assert_eq!(text("l=${{ inputs.list }} m=${{ {'a': 'b'} }}"), json!(r#"l=[3,1,2] m={"a":"b"}"#));
    assert_eq!(text("[${{ null }}] ${{ inputs.name }}"), json!("[] Ada"));
    assert_eq!(text("a ${{ secrets.TOKEN }} b"), json!(format!("a {} b", crate::secret::placeholder("TOKEN"))));
}

#[test]
fn quotes_and_braces_inside_an_expression_do_not_end_it() {
    assert_eq!(text("${{ {'a': {'b': '}}'}} }}"), json!({"a": {"b": "}}"}}));
    assert_eq!(text("${{ {'a': 1}}}"), json!({"a": 1}));
    assert_eq!(text("${{ '${{' }} x"), json!("${{ x"));
}

#[test]
fn places_count_from_the_beginning_of_the_text() {
    let whole = "é ${{ inputs.n }} and ${{  1 + }}";
    let error = Template::parse(whole).unwrap_err();
    assert_eq!(error.offset, whole.rfind("+").unwrap() + 1);
    let template = Template::parse("é ${{ inputs.n }}${{1}}").unwrap();
    let offsets: Vec<_> = template.expressions().map(|(offset, expression)| (offset, expression.text())).collect();
    assert_eq!(offsets, [(7, "inputs.n"), (21, "1")]);
    assert!(!template.is_plain() && Template::parse("x").unwrap().is_plain());
}

#[test]
fn an_expression_without_an_end_is_refused_where_it_begins() {
    for open in ["a ${{ inputs.n", "a ${{ inputs.n }", "a ${{ 'x }}", "a ${{ {'a': 1 }}"] {
        let error = Template::parse(open).unwrap_err();
        assert_eq!((error.code, error.offset, error.length), ("expression_unclosed", 2, 3), "{open}");
    }
    assert_eq!(Template::parse("${{ }}").unwrap_err().code, "expression_empty");
}

#[test]
fn the_form_in_which_secrets_travel_cannot_be_forged() {
    assert_eq!(Template::parse("x @@candor-secret:A@@").unwrap_err().code, "secret_marker");
    let split = Template::parse("${{ '@@candor-' }}${{ 'secret:A@@' }}").unwrap();
    assert_eq!(split.evaluate(&scope()).unwrap_err().code, "secret_marker");
    let joined = Template::parse("@@candor-secret${{ ':A@@' }}").unwrap();
    assert_eq!(joined.evaluate(&scope()).unwrap_err().code, "secret_marker");
}
