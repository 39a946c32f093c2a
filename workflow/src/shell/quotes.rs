//! Quotes and the expansions that begin with `$`.

use super::lexer::{Lexer, Quoting, Refusal, Unclear};

/// What surrounds a `$` or a `${…}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// Nothing: an unquoted word.
    Bare,
    /// Double quotes or a here-document.
    Double,
    /// Double quotes inside a `${…}` that is quoted itself.
    Mixed,
    /// A `${…}` of the kind where an expression is refused.
    Pattern,
}

impl Lexer<'_> {
    /// Takes or refuses the expression that begins here.
    pub(super) fn expression_around(&mut self, around: Around) -> bool {
        match around {
            Around::Bare => self.expression(Quoting::Bare),
            Around::Double => self.expression(Quoting::Double),
            Around::Mixed => self.refused(Refusal::MixedQuotes),
            Around::Pattern => self.refused(Refusal::Pattern),
        }
    }

    /// From after the opening `'` to after the closing one.
    pub(super) fn single_quoted(&mut self) -> Result<(), Unclear> {
        let start = self.at;
        self.at += 1;
        self.until(|byte| byte == b'\'', Refusal::SingleQuotes);
        if self.peek(0).is_none() {
            return self.unclear(start, "a single quote that is not closed");
        }
        self.at += 1;
        Ok(())
    }

    /// `$'…'` of bash, in which a backslash escapes. Other shells read `\'` as the end.
    fn ansi_quoted(&mut self) -> Result<(), Unclear> {
        let start = self.at;
        self.at += 2;
        loop {
            match self.peek(0) {
                None => return self.unclear(start, "a `$'` that is not closed"),
                Some(b'\\') if self.peek(1) == Some(b'\'') => {
                    return self.unclear(self.at, "`\\'` inside `$'…'`, which shells read differently");
                }
                Some(b'\'') => break,
                Some(b'\\') => self.escape(),
                Some(_) if self.refused(Refusal::SingleQuotes) => {}
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// From the opening `"` to after the closing one.
    pub(super) fn double_quoted(&mut self, around: Around) -> Result<(), Unclear> {
        let start = self.at;
        self.at += 1;
        self.quoted_text(around, |byte| byte == b'"')?;
        if self.peek(0).is_none() {
            return self.unclear(start, "a double quote that is not closed");
        }
        self.at += 1;
        Ok(())
    }

    /// Text in which only `$`, backticks and backslashes have a meaning.
    pub(super) fn quoted_text(&mut self, around: Around, ends: impl Fn(u8) -> bool) -> Result<(), Unclear> {
        while let Some(byte) = self.peek(0).filter(|byte| !ends(*byte)) {
            match byte {
                b'\\' => self.escape(),
                b'$' => self.dollar(around)?,
                b'`' => self.backticks()?,
                _ => self.at += 1,
            }
        }
        Ok(())
    }

    /// Everything that begins with `$`.
    pub(super) fn dollar(&mut self, around: Around) -> Result<(), Unclear> {
        if self.expression_around(around) {
            return Ok(());
        }
        if self.place_at(self.at + 1).is_some() {
            self.at += 1;
            self.refused(Refusal::Dollar);
            return Ok(());
        }
        match self.peek(1) {
            Some(b'(') if self.peek(2) == Some(b'(') && self.arithmetic(self.at + 1) => Ok(()),
            Some(b'(') => {
                let start = self.at;
                self.at += 2;
                self.nested(|lexer| lexer.substitution(start))
            }
            Some(b'[') => {
                self.older_arithmetic();
                Ok(())
            }
            Some(b'{') => self.nested(|lexer| lexer.parameter(around)),
            Some(b'\'') if matches!(around, Around::Bare | Around::Pattern) => self.ansi_quoted(),
            // `$$`, `$#` and their like: the second character is no sign of its own.
            Some(b'$' | b'#' | b'?' | b'!' | b'@' | b'*' | b'-') => {
                self.at += 2;
                Ok(())
            }
            _ => {
                self.at += 1;
                Ok(())
            }
        }
    }

    /// The commands of a `$(…)`, from after its bracket.
    fn substitution(&mut self, start: usize) -> Result<(), Unclear> {
        self.commands(true)?;
        if self.peek(0).is_none() {
            return self.unclear(start, "a `$(` that is not closed");
        }
        self.at += 1;
        Ok(())
    }

    /// Goes over `((…))` when it is one, with its first bracket at `open`; refuses the expressions in it.
    pub(super) fn arithmetic(&mut self, open: usize) -> bool {
        let Some(end) = self.arithmetic_end(open) else { return false };
        self.at = open;
        while self.at < end {
            if !self.refused(Refusal::Arithmetic) {
                self.at += 1;
            }
        }
        true
    }

    /// `$[ … ]`, which bash still computes. Where nothing closes it, it is text.
    fn older_arithmetic(&mut self) {
        let end = self.brackets.close_of(self.at + 1).filter(|close| *close < self.end);
        let end = end.map_or(self.at + 2, |close| close + 1);
        while self.at < end {
            if !self.refused(Refusal::Arithmetic) {
                self.at += 1;
            }
        }
    }

    /// After the `))` that closes the `((` at `open`; none when it is a subshell in a substitution.
    fn arithmetic_end(&self, open: usize) -> Option<usize> {
        let close = self.brackets.close_of(open + 1)?;
        let closes = self.text.as_bytes().get(close + 1) == Some(&b')') && close + 1 < self.end;
        closes.then_some(close + 2)
    }

    /// From the opening backtick to after the closing one.
    pub(super) fn backticks(&mut self) -> Result<(), Unclear> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return self.unclear(start, "a backtick that is not closed"),
                Some(b'`') => break,
                Some(b'\\') => self.escape(),
                Some(_) if self.refused(Refusal::Backticks) => {}
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// `${…}`, from its `$`.
    fn parameter(&mut self, around: Around) -> Result<(), Unclear> {
        let start = self.at;
        self.at += 2;
        let inside = self.parameter_kind(around);
        loop {
            match self.peek(0) {
                None => return self.unclear(start, "a `${` that is not closed"),
                Some(b'}') => break,
                Some(b'\\') => self.escape(),
                Some(b'$') => self.dollar(inside)?,
                Some(b'`') => self.backticks()?,
                Some(b'"') => self.double_quoted(match inside {
                    Around::Bare => Around::Double,
                    Around::Double | Around::Mixed => Around::Mixed,
                    Around::Pattern => Around::Pattern,
                })?,
                Some(b'\'') if matches!(inside, Around::Bare | Around::Pattern) => self.single_quoted()?,
                Some(_) => self.character(),
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Goes over the name and the sign after it, which decides what an expression in the rest may be.
    fn parameter_kind(&mut self, around: Around) -> Around {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        match self.peek(0) {
            Some(byte) if is_name(&byte) => {
                while self.peek(0).as_ref().is_some_and(is_name) {
                    self.at += 1;
                }
            }
            Some(b'@' | b'*' | b'?' | b'-' | b'$') if self.place_at(self.at).is_none() => self.at += 1,
            _ => return Around::Pattern,
        }
        if self.peek(0) == Some(b':') {
            self.at += 1;
        }
        match self.peek(0) {
            Some(b'-' | b'=' | b'?' | b'+') => {
                self.at += 1;
                around
            }
            _ => Around::Pattern,
        }
    }
}
