//! Functions of our own, where the crate's have no bound.
//!
//! `lists.range`, `join`, `replace`, `split` and `format` make more than they are given, `distinct`, `indexOf` and
//! `lastIndexOf` may take the square of it, and `matches` compiles a pattern that may come from anywhere.
//! They do what CEL's extensions document.

use std::collections::HashSet;
use std::sync::Arc;

use cel::common::types::{CelBool, CelInt, CelList, CelString};
use cel::common::value::{CowVal, Val};
use cel::{Context, DeclarationError, ExecutionError};
use regex::RegexBuilder;

use super::limits::{LIST_ITEMS_MAX, PATTERN_BYTES_MAX, PATTERN_COMPILED_BYTES_MAX, PATTERN_STEPS};
use super::meter::{Meter, VALUE_BYTES, own, refusal};

type Outcome<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// A function, its bill, and the values that it is given: the value before the dot comes first.
type Function = for<'b, 'v> fn(&Meter, &Given<'b, 'v>) -> Outcome<'b, 'v>;

/// Longest text that one `%` of `format` may become, in bytes.
const FORMATTED_BYTES_MAX: u64 = 2048;

const FUNCTIONS: [(&str, Function); 9] = [
    ("range", range),
    ("matches", matches),
    ("join", join),
    ("replace", replace),
    ("split", split),
    ("indexOf", index_of),
    ("lastIndexOf", last_index_of),
    ("distinct", distinct),
    ("format_text", format_text),
];

/// Makes the functions known to an evaluation, as `@name`.
pub(super) fn register(context: &mut Context<'_, '_>, meter: &Arc<Meter>) -> Result<(), DeclarationError> {
    for (name, function) in FUNCTIONS {
        let meter = Arc::clone(meter);
        context.add_function(&format!("@{name}"), own(move |args| function(&meter, &Given { name, args })))?;
    }
    Ok(())
}

/// The values that a function is given.
struct Given<'b, 'v> {
    name: &'static str,
    args: Vec<CowVal<'b, 'v>>,
}

impl<'b, 'v> Given<'b, 'v> {
    fn clash(&self) -> ExecutionError {
        let types = self.args.iter().map(|arg| arg.get_type().name().to_owned()).collect();
        ExecutionError::no_such_overload(self.name, types)
    }

    /// Refuses any other number of values.
    fn count(&self, least: usize, most: usize) -> Result<(), ExecutionError> {
        if (least..=most).contains(&self.args.len()) { Ok(()) } else { Err(self.clash()) }
    }

    fn text(&self, index: usize) -> Result<&str, ExecutionError> {
        let text = self.args.get(index).and_then(|arg| arg.downcast_ref::<CelString<'_>>());
        text.map(CelString::inner).ok_or_else(|| self.clash())
    }

    fn list(&self) -> Result<&[Box<dyn Val + 'v>], ExecutionError> {
        let list = self.args.first().and_then(|arg| arg.downcast_ref::<CelList<'v>>());
        list.map(CelList::inner).ok_or_else(|| self.clash())
    }

    /// A number that may be left out.
    fn number(&self, index: usize) -> Result<Option<i64>, ExecutionError> {
        let Some(arg) = self.args.get(index) else { return Ok(None) };
        arg.downcast_ref::<CelInt>().map(|int| Some(*int.inner())).ok_or_else(|| self.clash())
    }
}

/// `lists.range(n)`: the whole numbers from 0 to before `n`.
fn range<'b, 'v>(meter: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(1, 1)?;
    let end = given.number(0)?.unwrap_or_default();
    if !(0..=LIST_ITEMS_MAX as i64).contains(&end) {
        let message = format!("`lists.range` makes 0 to {LIST_ITEMS_MAX} numbers, not {end}");
        return Err(refusal("too_large", message));
    }
    meter.charge(end.unsigned_abs(), end.unsigned_abs() * VALUE_BYTES)?;
    let numbers = (0..end).map(|number| Box::new(CelInt::from(number)) as Box<dyn Val + 'v>);
    Ok(CowVal::owned(CelList::from(numbers.collect::<Vec<_>>())))
}

fn text_value<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text))
}

/// Linear in the text, whatever the pattern: the engine does not go back.
fn matches<'b, 'v>(meter: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(2, 2)?;
    let (text, pattern) = (given.text(0)?, given.text(1)?);
    if pattern.len() > PATTERN_BYTES_MAX {
        let message = format!("the pattern has {} bytes; at most {PATTERN_BYTES_MAX} are allowed", pattern.len());
        return Err(refusal("pattern", message));
    }
    meter.charge(PATTERN_STEPS + text.len() as u64, 0)?;
    let expression = RegexBuilder::new(pattern)
        .size_limit(PATTERN_COMPILED_BYTES_MAX)
        .dfa_size_limit(PATTERN_COMPILED_BYTES_MAX)
        .nest_limit(50)
        .build()
        .map_err(|error| refusal("pattern", format!("the pattern cannot be used: {}", reason(&error))))?;
    Ok(CowVal::owned(CelBool::from(expression.is_match(text))))
}

/// The last line of the engine's message; the lines before draw the pattern.
fn reason(error: &regex::Error) -> String {
    let message = error.to_string();
    let last = message.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

fn join<'b, 'v>(meter: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(1, 2)?;
    let separator = if given.args.len() == 2 { given.text(1)? } else { "" };
    let texts = given.list()?.iter().map(|item| item.downcast_ref::<CelString<'_>>().map(CelString::inner));
    let texts: Vec<&str> = texts
        .collect::<Option<_>>()
        .ok_or_else(|| refusal("type_clash", "`join` needs a list of texts; convert each with `map(x, string(x))`"))?;
    meter.charge(0, (separator.len() as u64).saturating_mul(texts.len() as u64))?;
    Ok(text_value(texts.join(separator)))
}

/// How many pieces the optional limit allows: none, or less than 0, is all.
fn limit_of(given: &Given<'_, '_>, index: usize) -> Result<usize, ExecutionError> {
    let limit = given.number(index)?.unwrap_or(-1);
    Ok(usize::try_from(limit).unwrap_or(usize::MAX))
}

fn replace<'b, 'v>(meter: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(3, 4)?;
    let (text, from, to) = (given.text(0)?, given.text(1)?, given.text(2)?);
    let limit = limit_of(given, 3)?;
    let places = text.matches(from).take(limit).count() as u64;
    meter.charge(text.len() as u64 / 16, places.saturating_mul(to.len() as u64).saturating_add(text.len() as u64))?;
    Ok(text_value(text.replacen(from, to, limit)))
}

fn split<'b, 'v>(meter: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(2, 3)?;
    let (text, separator) = (given.text(0)?, given.text(1)?);
    let limit = limit_of(given, 2)?;
    let pieces: Vec<&str> = match (limit, separator) {
        (0, _) => Vec::new(),
        (_, "") => characters(text, limit),
        (_, _) => text.splitn(limit, separator).collect(),
    };
    meter.charge(pieces.len() as u64, (pieces.len() as u64).saturating_mul(VALUE_BYTES))?;
    let pieces = pieces.into_iter().map(|piece| Box::new(CelString::from(piece.to_owned())) as Box<dyn Val + 'v>);
    Ok(CowVal::owned(CelList::from(pieces.collect::<Vec<_>>())))
}

/// Each character for itself; the rest in the last place.
fn characters(text: &str, limit: usize) -> Vec<&str> {
    let mut starts: Vec<usize> = text.char_indices().map(|(start, _)| start).take(limit).collect();
    starts.push(text.len());
    if starts.len() > limit
        && let [.., before, last] = starts.as_mut_slice()
        && text.get(*before..).is_some_and(|rest| rest.chars().nth(1).is_some())
    {
        *last = text.len();
    }
    starts.windows(2).filter_map(|pair| text.get(pair[0]..pair[1])).collect()
}

/// The place of a character in bytes.
fn byte_of(given: &Given<'_, '_>, text: &str, offset: i64) -> Result<usize, ExecutionError> {
    let offset_characters = usize::try_from(offset).ok();
    let place = offset_characters.and_then(|offset| text.char_indices().nth(offset).map(|(at, _)| at));
    place.ok_or_else(|| ExecutionError::function_error(given.name, format!("index out of range: {offset}")))
}

/// The place of a match in characters, or −1.
fn character_of<'b, 'v>(text: &str, at: Option<usize>) -> CowVal<'b, 'v> {
    let count = at.and_then(|at| text.get(..at)).map(|before| before.chars().count());
    CowVal::owned(CelInt::from(count.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX))))
}

fn index_of<'b, 'v>(_: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(2, 3)?;
    let (text, needle) = (given.text(0)?, given.text(1)?);
    let from = match given.number(2)? {
        Some(offset) if offset >= 0 && needle.is_empty() => return Ok(clamped(text, offset)),
        Some(offset) => byte_of(given, text, offset)?,
        None => 0,
    };
    let found = text.get(from..).and_then(|tail| tail.find(needle));
    Ok(character_of(text, found.map(|at| from + at)))
}

fn last_index_of<'b, 'v>(_: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(2, 3)?;
    let (text, needle) = (given.text(0)?, given.text(1)?);
    let end = match given.number(2)? {
        Some(offset) if offset >= 0 && needle.is_empty() => return Ok(clamped(text, offset)),
        Some(offset) => text.floor_char_boundary(byte_of(given, text, offset)?.saturating_add(needle.len())),
        None => text.len(),
    };
    Ok(character_of(text, text.get(..end).and_then(|head| head.rfind(needle))))
}

/// Where an empty text is found: at the offset, or at the end.
fn clamped<'b, 'v>(text: &str, offset: i64) -> CowVal<'b, 'v> {
    CowVal::owned(CelInt::from(offset.min(i64::try_from(text.chars().count()).unwrap_or(i64::MAX))))
}

/// The first of each set of equal items. Lists of texts or of whole numbers go fast.
fn distinct<'b, 'v>(meter: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    given.count(1, 1)?;
    let list = given.list()?;
    let texts =
        list.iter().map(|item| item.downcast_ref::<CelString<'_>>().map(CelString::inner)).collect::<Option<Vec<_>>>();
    let ints =
        list.iter().map(|item| item.downcast_ref::<CelInt>().map(|int| *int.inner())).collect::<Option<Vec<_>>>();
    let first: Vec<usize> = match (texts, ints) {
        (Some(texts), _) => first_of_each(&texts),
        (_, Some(ints)) => first_of_each(&ints),
        (None, None) => {
            let mut first: Vec<usize> = Vec::new();
            for (index, item) in list.iter().enumerate() {
                meter.charge(1 + first.len() as u64, 0)?;
                if !first.iter().filter_map(|seen| list.get(*seen)).any(|seen| item.equals(seen.as_ref())) {
                    first.push(index);
                }
            }
            first
        }
    };
    let items = first.into_iter().filter_map(|index| list.get(index)).map(|item| item.clone_as_boxed());
    Ok(CowVal::owned(CelList::from(items.collect::<Vec<_>>())))
}

fn first_of_each<T: std::hash::Hash + Eq>(items: &[T]) -> Vec<usize> {
    let mut seen = HashSet::new();
    items.iter().enumerate().filter(|(_, item)| seen.insert(*item)).map(|(index, _)| index).collect()
}

/// Passes the text of a `format` through and charges for what its `%` may become.
fn format_text<'b, 'v>(meter: &Meter, given: &Given<'b, 'v>) -> Outcome<'b, 'v> {
    if let Some(text) = given.args.first().and_then(|arg| arg.downcast_ref::<CelString<'_>>()) {
        meter.charge(0, FORMATTED_BYTES_MAX.saturating_mul(text.inner().matches('%').count() as u64))?;
    }
    given.args.first().cloned().ok_or_else(|| given.clash())
}
