//! JSON with places: the same tree as YAML gives, the same bounds, and every error with its character.

use std::collections::HashMap;

use super::{Broken, Budget, DEPTH_MAX, duplicate_key, scalar, too_deep};
use crate::diagnostic::{Code, Findings, quoted};
use crate::node::{Entry, Kind, Node, Scalar, ScalarValue, Span, Spanned, Style};
use crate::place::Places;

struct Reader<'t, 'f> {
    text: &'t str,
    places: Places<'t>,
    at: usize,
    depth: usize,
    budget: Budget,
    findings: &'f mut Findings,
}

pub(super) fn read(text: &str, findings: &mut Findings) -> Result<Node, Broken> {
    let at = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut reader = Reader { text, places: Places::new(text), at, depth: 0, budget: Budget::new(), findings };
    let node = reader.value()?;
    reader.blanks();
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.error("the end of the document", "Remove what stands after the closing brace.")),
    }
}

impl Reader<'_, '_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn error(&self, expected: &str, advice: &str) -> Broken {
        let (found, length) = match self.peek() {
            None => ("the end of the text".to_owned(), 0),
            Some(found) => (format!("`{}`", quoted(&found.to_string())), found.len_utf8()),
        };
        Broken {
            code: Code::Syntax,
            span: Span::new(self.at, self.at + length),
            message: format!("This is no valid JSON: expected {expected}, found {found}."),
            advice: advice.to_owned(),
        }
    }

    fn value(&mut self) -> Result<Node, Broken> {
        self.blanks();
        let start = self.at;
        self.budget.spend(1, 0, Span::at(start))?;
        let kind = match self.peek() {
            Some('{') => self.nested(Self::map)?,
            Some('[') => self.nested(Self::list)?,
            Some('"') => {
                let text = self.string()?;
                Kind::Scalar(Scalar { value: ScalarValue::Text, text, style: Style::DoubleQuoted })
            }
            Some(_) | None => self.word()?,
        };
        Ok(Node { span: Span::new(start, self.at), kind })
    }

    /// Recursion ends at [`DEPTH_MAX`].
    fn nested(&mut self, part: fn(&mut Self) -> Result<Kind, Broken>) -> Result<Kind, Broken> {
        if self.depth >= DEPTH_MAX {
            return Err(too_deep(Span::new(self.at, self.at + 1)));
        }
        self.depth += 1;
        self.at += 1;
        let kind = part(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn list(&mut self) -> Result<Kind, Broken> {
        let mut items = Vec::new();
        self.blanks();
        if self.peek() == Some(']') {
            self.at += 1;
            return Ok(Kind::List(items));
        }
        loop {
            items.push(self.value()?);
            if self.closes(']', "`,` or `]`")? {
                return Ok(Kind::List(items));
            }
        }
    }

    fn map(&mut self) -> Result<Kind, Broken> {
        let mut entries = Vec::new();
        let mut seen: HashMap<String, Span> = HashMap::new();
        self.blanks();
        if self.peek() == Some('}') {
            self.at += 1;
            return Ok(Kind::Map(entries));
        }
        loop {
            self.blanks();
            let start = self.at;
            if self.peek() != Some('"') {
                return Err(
                    self.error("a key in double quotes", "Keys stand in double quotes; no comma stands before `}`.")
                );
            }
            let key = Spanned { value: self.string()?, span: Span::new(start, self.at) };
            self.blanks();
            if self.peek() != Some(':') {
                return Err(self.error("`:`", "A colon stands between a key and its value."));
            }
            self.at += 1;
            let value = self.value()?;
            if let Some(first) = seen.get(&key.value) {
                duplicate_key(self.findings, &key.value, key.span, &self.places, *first);
            } else {
                seen.insert(key.value.clone(), key.span);
                entries.push(Entry { key, value });
            }
            if self.closes('}', "`,` or `}`")? {
                return Ok(Kind::Map(entries));
            }
        }
    }

    fn closes(&mut self, close: char, expected: &str) -> Result<bool, Broken> {
        self.blanks();
        match self.peek() {
            Some(',') => {
                self.at += 1;
                Ok(false)
            }
            Some(found) if found == close => {
                self.at += 1;
                Ok(true)
            }
            Some(_) | None => {
                Err(self
                    .error(expected, "Commas stand between the parts of a list or map, and every bracket is closed."))
            }
        }
    }

    fn string(&mut self) -> Result<String, Broken> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(found) = self.peek() else {
                return Err(self.error("`\"`", "Close the quotation."));
            };
            match found {
                '"' => {
                    self.at += 1;
                    self.budget.spend(0, text.len(), Span::at(self.at))?;
                    return Ok(text);
                }
                '\\' => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                '\u{0}'..='\u{1f}' => {
                    return Err(self.error(
                        "a character of the text",
                        "Write line breaks inside a text as `\\n` and tabs as `\\t`.",
                    ));
                }
                plain => {
                    text.push(plain);
                    self.at += plain.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Broken> {
        let plain = match self.peek() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                self.at += 1;
                return self.unicode();
            }
            Some(_) | None => {
                return Err(self.error("an escape such as `\\n`", "Write a backslash itself as `\\\\`."));
            }
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, Broken> {
        let high = self.four_digits()?;
        let code = if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let low = self.four_digits()?;
            match low.checked_sub(0xdc00) {
                Some(low) if low < 0x400 => 0x10000 + ((high - 0xd800) << 10) + low,
                Some(_) | None => 0xd800,
            }
        } else {
            high
        };
        char::from_u32(code)
            .ok_or_else(|| self.error("a whole character", "Both halves of a surrogate pair must be there."))
    }

    fn four_digits(&mut self) -> Result<u32, Broken> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(code) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.error("four hexadecimal digits", "Write a character as `\\u00e9`."));
        };
        self.at += 4;
        Ok(code)
    }

    fn word(&mut self) -> Result<Kind, Broken> {
        let rest = &self.text[self.at..];
        let end = rest.find(|character: char| !(character.is_ascii_alphanumeric() || "+-._".contains(character)));
        let word = &rest[..end.unwrap_or(rest.len())];
        let value = match word {
            "true" => ScalarValue::Bool(true),
            "false" => ScalarValue::Bool(false),
            "null" => ScalarValue::Null,
            _ if is_json_number(word) => match scalar::number(word) {
                Some(number) => ScalarValue::Number(number),
                None => ScalarValue::Kept,
            },
            _ => {
                return Err(
                    self.error("a value", "Texts stand in double quotes; `true`, `false` and `null` are lower case.")
                );
            }
        };
        self.at += word.len();
        Ok(Kind::Scalar(Scalar { value, text: word.to_owned(), style: Style::Plain }))
    }
}

fn is_json_number(word: &str) -> bool {
    let bare = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = bare.split_once(['e', 'E']).unwrap_or((bare, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
        && (whole == "0" || !whole.starts_with('0'))
}
