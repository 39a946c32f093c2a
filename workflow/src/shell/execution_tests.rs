//! Runs lifted scripts with real shells: the values must arrive byte for byte, and nothing in them may run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use proptest::prelude::*;

use super::lift;

/// A piece of a script that prints the value of an expression, and what it prints around it.
const PIECES: [(&str, &str); 27] = [
    ("printf '<%s>' @", "<@>"),
    ("printf '<%s>' \"a@b\"", "<a@b>"),
    ("printf '<%s>' x@y", "<x@y>"),
    ("printf '<%s>' 'it'\\''s'@\"'\"", "<it's@'>"),
    ("cat <<EOF\n[@]\nEOF", "[@]\n"),
    ("cat <<-EOF\n\t\t[@] 'x\n\tEOF", "[@] 'x\n"),
    ("cat <<'EOF'; printf '%s' @\n$(touch executed) \"\nEOF", "$(touch executed) \"\n@"),
    ("cat <<A; cat <<B\n@\nA\n(@)\nB", "@\n(@)\n"),
    ("cat <<EOF\n$(printf '%s.' @) \\$x\nEOF", "@. $x\n"),
    ("cat <<EOF\n${nothing:-@}\nEOF", "@\n"),
    ("printf '<%s>' \"$(printf '%s.' @)\"", "<@.>"),
    ("printf '<%s>' \"$(printf '%s.' \"@\")\"", "<@.>"),
    ("printf '<%s>' \"$(cat <<EOF\n@.\nEOF\n)\"", "<@.>"),
    ("x=@; printf '<%s>' \"$x\"", "<@>"),
    ("x=@ sh -c 'printf \"<%s>\" \"$x\"'", "<@>"),
    ("printf '<%s>' ${nothing:-@}", "<@>"),
    ("printf '<%s>' ${nothing:-\"@\"}", "<@>"),
    ("printf '<%s>' \"${nothing:-@}\"", "<@>"),
    ("printf '<%s>' \"${nothing:-$(printf '%s.' @)}\"", "<@.>"),
    ("case @ in @) printf '<same>';; *) printf '<other>';; esac", "<same>"),
    ("printf '<%s>' \"$(case x in x) printf '%s.' @;; esac)\"", "<@.>"),
    ("if [ @ = @ ]; then printf '<equal>'; fi", "<equal>"),
    ("f() { printf '<%s>' \"$1\"; }; f @", "<@>"),
    ("( printf '<%s>' @ )", "<@>"),
    ("for i in @ b; do printf '<%s>' \"$i\"; done", "<@><b>"),
    ("# it's \"a $( comment `\nprintf '<%s>' @ # and '", "<@>"),
    ("printf '<%s>' \\\n  @ # x", "<@>"),
];

/// Texts that would do harm if a shell read them.
const HOSTILE: [&str; 24] = [
    "$(touch executed)",
    "`touch executed`",
    "'",
    "\"",
    "\\",
    "\n",
    "\nEOF\ntouch executed\n",
    "EOF",
    "A",
    "${IFS}",
    ";",
    "; touch executed;",
    "*",
    "~",
    " ",
    "\t",
    "é",
    "-n",
    "!",
    "%s",
    "$CANDOR_E1",
    ")",
    "}",
    "&",
];

/// Words that print the value, nested at random: the code of a word, and what it prints.
fn word() -> impl Strategy<Value = (String, String)> {
    let leaf = prop::sample::select(vec![("@", "@"), ("\"@\"", "@"), ("x\"y'@\"", "xy'@"), ("'\"'@", "\"@")]);
    leaf.prop_map(|(code, output)| (code.to_owned(), output.to_owned())).prop_recursive(5, 20, 1, |inner| {
        (inner, 0..5).prop_map(|((code, output), wrapper)| match wrapper {
            0 => (format!("\"$(printf '%s.' {code})\""), format!("{output}.")),
            1 => (format!("${{nothing:-{code}}}"), output),
            2 => (format!("\"$(case x in (x) printf '%s.' {code};; esac)\""), format!("{output}.")),
            3 => (format!("\"${{nothing:-$(printf '%s.' {code})}}\""), format!("{output}.")),
            _ => (format!("\"$( (printf '%s.' {code}) # it's )\n)\""), format!("{output}.")),
        })
    })
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("candor-lift-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that stays behind in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs pieces, each with the number of the value that it prints.
fn check(shell: &str, folder: &Folder, pieces: &[(&str, &str, usize)], values: &[String]) -> Result<(), TestCaseError> {
    let mut script = String::new();
    let mut expected = String::new();
    for (code, output, value) in pieces {
        script.push_str(&code.replace('@', &format!("${{{{ inputs.v{value} }}}}")));
        script.push('\n');
        expected.push_str(&output.replace('@', &values[*value]));
    }
    let lifted = lift(&script).map_err(|errors| TestCaseError::fail(format!("{errors:?}\n{script}")))?;
    let known: BTreeMap<String, &String> =
        values.iter().enumerate().map(|(index, value)| (format!("${{{{ inputs.v{index} }}}}"), value)).collect();
    let mut command = Command::new(shell);
    command.arg("-eu").arg("-c").arg(&lifted.script).current_dir(&folder.0);
    for (name, template) in &lifted.variables {
        command.env(name, known[template]);
    }
    let output = command.output().unwrap();
    prop_assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}", lifted.script);
    prop_assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{}", lifted.script);
    prop_assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "something was executed: {}", lifted.script);
    Ok(())
}

fn values() -> impl Strategy<Value = Vec<String>> {
    let value = prop::collection::vec(prop::sample::select(HOSTILE.to_vec()), 0..6).prop_map(|pieces| pieces.concat());
    prop::collection::vec(value, 3)
}

fn pieces() -> impl Strategy<Value = Vec<(&'static str, &'static str, usize)>> {
    let piece = (prop::sample::select(PIECES.to_vec()), 0..3_usize);
    prop::collection::vec(piece.prop_map(|((code, output), value)| (code, output, value)), 1..5)
}

#[test]
fn every_piece_delivers_every_hostile_text() {
    let folder = Folder::new("pieces");
    for (code, output) in PIECES {
        let values = vec![HOSTILE.concat(), format!("{}\n\n", HOSTILE.concat())];
        check("/bin/sh", &folder, &[(code, output, 0), (code, output, 1)], &values).unwrap();
    }
}

/// Pieces of scripts that make sense together only by chance.
const SCRAPS: [&str; 56] = [
    "${{ e }}",
    "${{ e }}",
    "${{ e }}",
    "'",
    "\"",
    "`",
    "$(",
    ")",
    "$((",
    "))",
    "((",
    "(",
    "${x:-",
    "${x#",
    "${x:",
    "${#",
    "}",
    "{ ",
    "\\",
    "\n",
    "<<EOF\n",
    "\nEOF\n",
    "<<-'E'\n",
    "\nE\n",
    " #",
    "case x in ",
    "esac",
    "x)",
    ";;",
    "; ",
    " ",
    "a",
    "x=",
    "$'",
    "$\"",
    "$[",
    "[[ ",
    " ]] ",
    " -eq ",
    "1",
    "list[",
    "]=1",
    "]",
    "[",
    "list=(",
    "let ",
    "declare -i ",
    "local ",
    "for ((i = ",
    "; i < 1; i++)); do break; done\n",
    "<<< ",
    "$",
    " | ",
    "echo ",
    "printf %s ",
    "f() { ",
];

/// Runs a script from scraps with a value that runs a command wherever it is read as code or as a formula.
fn harmless(shell: &str, scraps: &[&str]) -> Result<(), TestCaseError> {
    let script = scraps.concat();
    let Ok(lifted) = lift(&script) else { return Ok(()) };
    let folder = Folder::new("scraps");
    let executed = folder.0.join("executed");
    for value in ["list[$(touch executed)]", "`touch executed`", "';touch executed;'", "\"; touch executed; \""] {
        let mut command = Command::new(shell);
        command.arg("-c").arg(&lifted.script).current_dir(&folder.0).stdin(std::process::Stdio::null());
        command.env("CANDOR_E1", value).output().unwrap();
        prop_assert!(!executed.exists(), "{}\n→\n{}", script, lifted.script);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_script_that_is_lifted_runs_a_value(
        scraps in prop::collection::vec(prop::sample::select(SCRAPS.to_vec()), 1..12),
    ) {
        harmless("/bin/sh", &scraps)?;
        if std::path::Path::new("/bin/bash").exists() {
            harmless("/bin/bash", &scraps)?;
        }
    }

    #[test]
    fn values_arrive_byte_for_byte_and_nothing_runs(pieces in pieces(), values in values()) {
        check("/bin/sh", &Folder::new("sh"), &pieces, &values)?;
    }

    #[test]
    fn the_same_holds_for_bash_where_there_is_one(pieces in pieces(), values in values()) {
        if std::path::Path::new("/bin/bash").exists() {
            check("/bin/bash", &Folder::new("bash"), &pieces, &values)?;
        }
    }

    #[test]
    fn the_same_holds_however_words_nest((code, output) in word(), values in values()) {
        let code = format!("printf '<%s>' {code}");
        check("/bin/sh", &Folder::new("nested"), &[(&code, &format!("<{output}>"), 0)], &values)?;
    }
}
