//! Which columns of a row an expression reads.

use std::collections::BTreeSet;

use super::Expression;

impl Expression {
    /// The columns that are read as `row.NAME` or `row['NAME']`, without those that `has()` asks for first.
    /// A computed name, as in `row[x]`, is none of them.
    pub fn columns(&self) -> BTreeSet<String> {
        let text = self.text();
        let rows = self.references().names.iter().filter(|name| name.name == "row");
        let places =
            rows.map(|row| (text.get(..row.offset).unwrap_or(""), text.get(row.offset + row.length..).unwrap_or("")));
        let asked: BTreeSet<String> =
            places.clone().filter(|(before, _)| is_asked(before)).filter_map(|(_, after)| column(after)).collect();
        places.filter_map(|(_, after)| column(after)).filter(|name| !asked.contains(name)).collect()
    }
}

fn is_asked(before: &str) -> bool {
    before.trim_end().strip_suffix('(').is_some_and(|before| before.trim_end().ends_with("has"))
}

/// The name in `.NAME` or `['NAME']`; a function on the row is none.
fn column(after: &str) -> Option<String> {
    let after = after.trim_start();
    if let Some(index) = after.strip_prefix('[').map(str::trim_start) {
        let quote = index.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
        let (name, rest) = index[1..].split_once(quote)?;
        let whole = rest.trim_start().starts_with(']') && !name.contains('\\');
        return whole.then(|| name.to_owned());
    }
    let name = after.strip_prefix('.')?.trim_start();
    let end = name.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let (name, rest) = name.split_at(end.unwrap_or(name.len()));
    (!name.is_empty() && !rest.trim_start().starts_with('(')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_a_row_are_found_wherever_they_are_read() {
        for (text, columns) in [
            ("row.a > 1 && row['b c'] == row . d", "a,b c,d"),
            ("row[\"a\"].size() > 0 || row.size() > 1", "a"),
            ("has(row.a) && row.a > 1 && row.b > 1", "b"),
            ("[row.a, 2].exists(row, row > 1)", "a"),
            ("row[row.a] == 1", "a"),
            ("true", ""),
        ] {
            let found = Expression::parse_rule(text).map(|expression| expression.columns());
            let found = found.map(|found| found.into_iter().collect::<Vec<_>>().join(","));
            assert_eq!(found.as_deref().ok(), Some(columns), "{text}");
        }
    }
}
