use proptest::prelude::*;

use super::*;

fn lifted(script: &str) -> String {
    match lift(script) {
        Ok(lifted) => lifted.script,
        Err(errors) => panic!("{script}: {errors:?}"),
    }
}

/// The refused pieces of a script.
fn refused(script: &str) -> Vec<&str> {
    let errors = lift(script).expect_err(script);
    errors.iter().map(|error| &script[error.offset..error.offset + error.length]).collect()
}

fn message(script: &str) -> String {
    lift(script).expect_err(script).remove(0).message
}

#[test]
fn an_unquoted_expression_brings_its_quotes() {
    let lifted = lift("echo ${{ inputs.name }} a${{inputs.b}}c ${{ inputs.name }}").unwrap();
    assert_eq!(lifted.script, r#"echo "${CANDOR_E1}" a"${CANDOR_E2}"c "${CANDOR_E1}""#);
    let variables = [("CANDOR_E1".into(), "${{ inputs.name }}".into()), ("CANDOR_E2".into(), "${{ inputs.b }}".into())];
    assert_eq!(lifted.variables, variables);
}

#[test]
fn a_script_without_expressions_is_left_alone() {
    for script in ["echo 'unclosed", "$(", "", "cat <<EOF", "echo {{ x }} ${y}"] {
        assert_eq!(lift(script), Ok(Lifted { script: script.into(), variables: Vec::new() }));
    }
}

#[test]
fn quotes_around_an_expression_are_found() {
    for (script, expected) in [
        (r#"echo "a ${{ e }} b""#, r#"echo "a ${CANDOR_E1} b""#),
        (r#"echo "\"${{ e }}\"""#, r#"echo "\"${CANDOR_E1}\"""#),
        (r"echo it\'s ${{ e }}", r#"echo it\'s "${CANDOR_E1}""#),
        (r#"echo 'it' "is"${{ e }}"#, r#"echo 'it' "is""${CANDOR_E1}""#),
        (r#"echo "$(echo ${{ e }})""#, r#"echo "$(echo "${CANDOR_E1}")""#),
        (r#"echo "$(echo "${{ e }}")""#, r#"echo "$(echo "${CANDOR_E1}")""#),
        (r#"echo $(echo ")" ${{ e }})"#, r#"echo $(echo ")" "${CANDOR_E1}")"#),
        (r#"echo $'a\n"' ${{ e }}"#, r#"echo $'a\n"' "${CANDOR_E1}""#),
        (r#"echo "$'" ${{ e }}"#, r#"echo "$'" "${CANDOR_E1}""#),
        (r#"echo "${x:-${{ e }}}""#, r#"echo "${x:-${CANDOR_E1}}""#),
        (r"echo ${x:-${{ e }}}", r#"echo ${x:-"${CANDOR_E1}"}"#),
        (r#"echo ${x:-"a}${{ e }}"}"#, r#"echo ${x:-"a}${CANDOR_E1}"}"#),
        (r"echo $# ${#x} ${x#'} '} ${{ e }}", r#"echo $# ${#x} ${x#'} '} "${CANDOR_E1}""#),
        (r"echo $$ ${{ e }}", r#"echo $$ "${CANDOR_E1}""#),
        (r"echo a#b ${{ e }}", r#"echo a#b "${CANDOR_E1}""#),
        (r"echo $((1 + (2))) ${{ e }}", r#"echo $((1 + (2))) "${CANDOR_E1}""#),
        (r"echo $((echo a); echo ${{ e }})", r#"echo $((echo a); echo "${CANDOR_E1}")"#),
        (r"echo `date` ${{ e }}", r#"echo `date` "${CANDOR_E1}""#),
        ("echo # it's\necho ${{ e }}", "echo # it's\necho \"${CANDOR_E1}\""),
        ("echo \"# ${{ e }}\"", "echo \"# ${CANDOR_E1}\""),
        (r"echo [${{ e }}] a[ ${{ e }} ]", r#"echo ["${CANDOR_E1}"] a[ "${CANDOR_E1}" ]"#),
        (r"list[1]=${{ e }} list=(${{ e }})", r#"list[1]="${CANDOR_E1}" list=("${CANDOR_E1}")"#),
        (r"echo let ${{ e }}; declare -r x=${{ e }}", r#"echo let "${CANDOR_E1}"; declare -r x="${CANDOR_E1}""#),
        (r#"echo "$[" ${{ e }}"#, r#"echo "$[" "${CANDOR_E1}""#),
        (r"price=\$${{ e }}", r#"price=\$"${CANDOR_E1}""#),
        (r#"echo ${{ inputs['a'] }} "${{ {'b': '}}'} }}""#, r#"echo "${CANDOR_E1}" "${CANDOR_E2}""#),
        ("echo 'ä' \"ö ${{ e }}\"", "echo 'ä' \"ö ${CANDOR_E1}\""),
    ] {
        assert_eq!(lifted(script), expected);
    }
}

#[test]
fn case_patterns_do_not_end_a_substitution() {
    for case in [
        "case x in a) echo 1;; b|c) echo 2;; esac",
        "case x in (a) echo 1;; (b) echo 2; esac",
        "case in in in) echo 1;; esac",
        "case x\nin\n a)\n;;\nesac",
        "if true; then case x in a) (echo 1);; esac; fi",
        "case $(case y in y) echo;; esac) in a) echo;; esac",
        "case x in esac",
        "case x in a) case y in b) echo;; esac esac",
        "case x in a) if b; then { c; } fi esac",
    ] {
        let script = format!("echo \"$({case}; echo ${{{{ e }}}})\"");
        assert_eq!(lifted(&script), format!("echo \"$({case}; echo \"${{CANDOR_E1}}\")\""));
    }
    assert_eq!(lifted("echo $(echo case x) ${{ e }}"), r#"echo $(echo case x) "${CANDOR_E1}""#);
}

#[test]
fn here_documents_are_read_to_their_delimiters() {
    for (script, expected) in [
        (
            "cat <<EOF\nit's ${{ e }} \"\nEOF\necho ${{ e }}",
            "cat <<EOF\nit's ${CANDOR_E1} \"\nEOF\necho \"${CANDOR_E1}\"",
        ),
        ("cat <<-EOF\n\t${{ e }}\n\tEOF\necho ${{ e }}", "cat <<-EOF\n\t${CANDOR_E1}\n\tEOF\necho \"${CANDOR_E1}\""),
        ("cat <<A <<B\n${{ e }}\nA\n'${{ e }}'\nB\n", "cat <<A <<B\n${CANDOR_E1}\nA\n'${CANDOR_E1}'\nB\n"),
        ("cat <<'EOF' | sed\nit's $(\nEOF\necho ${{ e }}", "cat <<'EOF' | sed\nit's $(\nEOF\necho \"${CANDOR_E1}\""),
        ("cat <<EOF\n$(echo ${{ e }})\nEOF\n", "cat <<EOF\n$(echo \"${CANDOR_E1}\")\nEOF\n"),
        ("cat <<EOF\na\\\nEOF\n${{ e }}\nEOF\n", "cat <<EOF\na\\\nEOF\n${CANDOR_E1}\nEOF\n"),
        (
            "x=$(cat <<EOF\n${{ e }} )\nEOF\n)\necho ${{ e }}",
            "x=$(cat <<EOF\n${CANDOR_E1} )\nEOF\n)\necho \"${CANDOR_E1}\"",
        ),
        ("cat <<EOF\n${{ e }}", "cat <<EOF\n${CANDOR_E1}"),
        ("cat <<< ${{ e }}\necho", "cat <<< \"${CANDOR_E1}\"\necho"),
    ] {
        assert_eq!(lifted(script), expected);
    }
}

#[test]
fn expressions_that_would_not_be_replaced_are_refused() {
    for script in [
        "echo '${{ e }}'",
        "echo a # ${{ e }}",
        "# ${{ e }}",
        "cat <<'EOF'\n${{ e }}\nEOF",
        "cat <<\\EOF\n${{ e }}\nEOF",
        "cat <<\"E\"OF\n${{ e }}\nEOF",
        "cat <<${{ e }}\n",
        "echo `echo ${{ e }}`",
        "echo \"`echo ${{ e }}`\"",
        "echo $((1 + ${{ e }}))",
        "echo \"$((1 + ${{ e }}))\"",
        "((x = ${{ e }}))",
        "echo $'${{ e }}'",
        "echo \\${{ e }}",
        "echo \"\\${{ e }}\"",
        "cat <<EOF\n\\${{ e }}\nEOF",
        "echo $${{ e }}",
        "echo ${x#${{ e }}}",
        "echo \"${x%${{ e }}}\"",
        "echo ${x/a/${{ e }}}",
        "echo ${x[${{ e }}]}",
        "echo ${${{ e }}}",
        "echo $'\\${{ e }}'",
        "echo `\\${{ e }}`",
        "echo $((1 \\${{ e }}))",
        "cat <<\\${{ e }}\nx",
        "cat <<-'E'\\${{ e }}}\nx",
        "echo \"${x:-\"${{ e }}\"}\"",
        "list[${{ e }}]=1",
        "list[ ${{ e }} ]=1",
        "list[\"${{ e }}\"]=1",
        "list[$(echo ${{ e }})]+=1",
        "list[b[1]+${{ e }}]=1",
        "x=1 list['a b'${{ e }}]=1",
        "unset list[${{ e }}]",
        "list=(a [${{ e }}]=1)",
        "[[ ${{ e }} -eq 1 ]]",
        "[[ -v ${{ e }} ]]",
        "let x=${{ e }}",
        "let \"x = ${{ e }}\"; echo",
        "declare -i x=${{ e }}",
        "f() { local -ri x=${{ e }}\n}",
        "for ((i = 0; i < ${{ e }}; i++)); do echo; done",
        "echo $[1 + ${{ e }}]",
        "echo \"$[1 + ${{ e }}]\"",
    ] {
        assert_eq!(refused(script), ["${{ e }}"], "{script}");
    }
}

#[test]
fn all_refusals_come_at_once_with_their_places() {
    assert_eq!(refused("echo '${{ a }}' ${{ b }} # ${{ c }}"), ["${{ a }}", "${{ c }}"]);
}

#[test]
fn an_unclear_script_is_refused() {
    for script in [
        "echo ${{ e }} 'open",
        "echo ${{ e }} \"open",
        "echo ${{ e }} $(open",
        "echo ${{ e }} ${open",
        "echo ${{ e }} `open",
        "echo ${{ e }} )",
        "echo ${{ e }} $'it\\'s'",
        "echo $(cat <<EOF) ${{ e }}\nEOF",
        "echo ${{ e ",
        "echo ${{ e }} $CANDOR_E1",
    ] {
        assert!(lift(script).is_err(), "{script}");
    }
    let deep = format!("echo ${{{{ e }}}} {}", "$(".repeat(5_000));
    assert_eq!(message(&deep), "substitutions nest too deeply");
}

proptest! {
    #[test]
    fn any_text_is_lifted_or_refused_without_trouble(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "${{ e }}", "'", "\"", "`", "$(", ")", "$((", "))", "${x:-", "}", "\\", "\n", "<<EOF", "EOF", "<<-'E'", "E", "#",
            "case x in", "<<-E", "<<'", "\t", "${", "${#", "${x#", "$((\\", "((", "<", ">", ";", "&", "@", "\r\n", "\\\n", "${{ {'a': '}}'} }}", "esac", ";;", " ", "a", "$'", "[[", "]]", "-eq", "x[", "é", "(", "$", "${{ '", "|",
        ]), 0..40),
    ) {
        let script = pieces.concat();
        match lift(&script) {
            Ok(lifted) => prop_assert!(!lifted.script.contains("${{"), "{}", lifted.script),
            Err(errors) => for error in errors {
                prop_assert!(!error.message.starts_with("nobody"), "{}", script);
                prop_assert!(script.get(error.offset..error.offset + error.length).is_some() || error.offset == script.len());
            },
        }
    }
}
