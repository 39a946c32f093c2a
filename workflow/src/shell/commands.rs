//! Commands: where words, comments, brackets and `case` patterns are.

use super::formulas::Formulas;
use super::heredoc::HereDocument;
use super::lexer::{Lexer, Refusal, Unclear};
use super::quotes::Around;

/// Where a `case` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CasePart {
    /// Before the word that is compared.
    Subject,
    /// Before `in`.
    In,
    /// Before or in a pattern, which ends at `)`.
    Pattern,
    /// In the commands of a pattern.
    Body,
}

/// An open `case`, and how many brackets were open around it.
struct Case {
    part: CasePart,
    brackets: usize,
}

/// What is known at one place in a list of commands.
struct Commands {
    /// The word so far, as long as nothing in it is quoted or expanded.
    word: Option<String>,
    /// Whether no word has begun.
    between: bool,
    /// Whether a keyword may stand here.
    at_command: bool,
    brackets: usize,
    cases: Vec<Case>,
    pending: Vec<HereDocument>,
    formulas: Formulas,
}

impl Lexer<'_> {
    /// Reads commands to the end of the text, or to the `)` of a substitution, which stays.
    pub(super) fn commands(&mut self, in_substitution: bool) -> Result<(), Unclear> {
        let mut commands = Commands {
            word: Some(String::new()),
            between: true,
            at_command: true,
            brackets: 0,
            cases: Vec::new(),
            pending: Vec::new(),
            formulas: Formulas::default(),
        };
        while let Some(byte) = self.peek(0) {
            self.end_index(&mut commands.formulas, false);
            match byte {
                b' ' | b'\t' => {
                    self.end_word(&mut commands);
                    self.at += 1;
                }
                b'\n' => self.end_line(&mut commands)?,
                b'#' if commands.between => self.until(|byte| byte == b'\n', Refusal::Comment),
                b')' => {
                    self.end_word(&mut commands);
                    if self.closing(&mut commands, in_substitution)? {
                        return Ok(());
                    }
                }
                b'(' | b';' | b'&' | b'|' | b'<' | b'>' => self.operator(&mut commands, byte)?,
                _ => self.part_of_word(&mut commands, byte)?,
            }
        }
        self.end_word(&mut commands);
        self.end_command(&mut commands);
        Ok(())
    }

    /// A character or expansion that belongs to a word.
    fn part_of_word(&mut self, commands: &mut Commands, byte: u8) -> Result<(), Unclear> {
        let special = matches!(byte, b'\\' | b'\'' | b'"' | b'`' | b'$');
        if byte == b'\\' && self.peek(1) == Some(b'\n') {
            // The lines are joined, as if neither character were there.
            self.at += 2;
            return Ok(());
        }
        commands.between = false;
        if special {
            commands.word = None;
        }
        match byte {
            b'\\' => self.escape(),
            b'\'' => self.single_quoted()?,
            b'"' => self.double_quoted(Around::Double)?,
            b'`' => self.backticks()?,
            b'$' => self.dollar(Around::Bare)?,
            _ => {
                let start = self.at;
                self.character();
                if let (Some(word), Some(piece)) = (&mut commands.word, self.text.get(start..self.at)) {
                    word.push_str(piece);
                    self.begin_index(&mut commands.formulas, word, commands.brackets);
                }
            }
        }
        Ok(())
    }

    fn end_line(&mut self, commands: &mut Commands) -> Result<(), Unclear> {
        self.end_word(commands);
        self.end_command(commands);
        self.at += 1;
        commands.at_command = true;
        for document in std::mem::take(&mut commands.pending) {
            self.here_body(&document)?;
        }
        Ok(())
    }

    fn operator(&mut self, commands: &mut Commands, byte: u8) -> Result<(), Unclear> {
        let assigns = byte == b'(' && commands.word.as_deref().is_some_and(|word| word.ends_with('='));
        self.end_word(commands);
        match byte {
            b'<' if self.looking_at("<<<") => self.at += 3,
            b'<' if self.looking_at("<<") => {
                let document = self.here_document()?;
                commands.pending.push(document);
            }
            b'<' | b'>' => self.at += 1,
            b'(' => {
                let in_pattern = commands.cases.last().is_some_and(|case| case.part == CasePart::Pattern);
                if !in_pattern && self.peek(1) == Some(b'(') && self.arithmetic(self.at) {
                    commands.at_command = false;
                    return Ok(());
                }
                // A pattern may begin with a bracket, which its `)` closes.
                commands.brackets += usize::from(!in_pattern);
                if assigns {
                    commands.formulas.begin_list(commands.brackets);
                }
                commands.at_command = true;
                self.at += 1;
            }
            _ => {
                self.end_command(commands);
                if let Some(case) = commands.cases.last_mut().filter(|_| self.looking_at(";;") || self.looking_at(";&"))
                {
                    case.part = CasePart::Pattern;
                    self.at += 1;
                }
                commands.at_command = true;
                self.at += 1;
            }
        }
        Ok(())
    }

    /// A `)`: of a pattern, of a bracket, or of the substitution around, which ends the commands.
    fn closing(&mut self, commands: &mut Commands, in_substitution: bool) -> Result<bool, Unclear> {
        let pattern = commands
            .cases
            .last_mut()
            .filter(|case| case.part == CasePart::Pattern && case.brackets == commands.brackets);
        if let Some(case) = pattern {
            case.part = CasePart::Body;
        } else if commands.brackets > 0 {
            commands.formulas.end_list(commands.brackets);
            commands.brackets -= 1;
        } else if !in_substitution {
            return self.unclear(self.at, "a `)` that closes nothing");
        } else if !commands.pending.is_empty() {
            return self.unclear(self.at, "a `)` before the body of a here-document");
        } else {
            self.end_command(commands);
            return Ok(true);
        }
        self.end_command(commands);
        commands.at_command = true;
        self.at += 1;
        Ok(false)
    }

    /// What the word that ends here means.
    fn end_word(&mut self, commands: &mut Commands) {
        if commands.between {
            return;
        }
        commands.between = true;
        let word = commands.word.replace(String::new()).unwrap_or_default();
        self.formula_word(&mut commands.formulas, &word, commands.at_command);
        let part = commands.cases.last_mut();
        match (part, word.as_str()) {
            (Some(case), _) if case.part == CasePart::Subject => case.part = CasePart::In,
            (Some(case), "in") if case.part == CasePart::In => case.part = CasePart::Pattern,
            (Some(case), "esac") if case.part == CasePart::Pattern || commands.at_command => {
                // Another keyword may follow, as in `esac esac`.
                if case.part != CasePart::In {
                    commands.cases.pop();
                }
            }
            (_, "case") if commands.at_command => {
                commands.cases.push(Case { part: CasePart::Subject, brackets: commands.brackets });
                commands.at_command = false;
            }
            (
                _,
                "if" | "then" | "else" | "elif" | "fi" | "do" | "done" | "while" | "until" | "!" | "{" | "}" | "time",
            ) => {}
            _ => commands.at_command = false,
        }
    }

    /// What may have been a formula ends with its command.
    fn end_command(&mut self, commands: &mut Commands) {
        self.end_index(&mut commands.formulas, true);
        self.end_formula(&mut commands.formulas);
    }
}
