//! `csv.validate`: rows against a schema and against rules.
//!
//! A row that breaks the schema, or a rule of severity `error`, is not among the rows that go on.
//! Rules are asked only of rows that fit the schema, because they speak of typed values.
//! Memory: one row, and what `unique` keeps (see [`crate::schema::Unique`]).

mod check;

use async_trait::async_trait;
use candor_proto::{Class, ErrorClass, Evidence, Outcome, Score, TaskError};
use serde::Deserialize;
use serde_json::{Value, json};

use self::check::{Checked, Checks};
use super::STOP_EVERY_ROWS;
use super::rule::{Rule, RuleText};
use crate::action::halt::blocking;
use crate::action::with::{self, Answer, invalid};
use crate::action::{Action, Context, Halt};
use crate::document;
use crate::schema::Schema;
use crate::table::Rows;

/// The most rules of one task: each is asked of every row.
const RULES_MAX: usize = 1_000;

/// Checks rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct CsvValidate;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    rows: Value,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    rules: Option<Value>,
}

#[async_trait]
impl Action for CsvValidate {
    fn name(&self) -> &str {
        "csv.validate"
    }

    async fn run(&self, context: &Context, with: Value) -> Outcome {
        with::outcome(validated(context, with).await)
    }
}

async fn validated(context: &Context, with: Value) -> Result<Answer, Halt> {
    let with: With = with::read("csv.validate", with)?;
    let rows = Rows::locate(context.artifacts.as_ref(), "rows", &with.rows).await?;
    let schema = match &with.schema {
        Some(value) => Some(Schema::from_value(&document::read(context, "schema", value).await?)?),
        None => None,
    };
    let rules = match &with.rules {
        Some(value) => rules(document::read(context, "rules", value).await?)?,
        None => Vec::new(),
    };
    if schema.is_none() && rules.is_empty() {
        return Err(invalid("csv.validate needs a `schema` or `rules`").into());
    }
    let (folder, stop) = (context.directory.clone(), context.stop.clone());
    let checked = blocking(move || {
        let mut checks = Checks::new(&folder, rows.columns(), schema, rules)?;
        for (index, row) in rows.read().enumerate() {
            let number = index as u64 + 1;
            if number.is_multiple_of(STOP_EVERY_ROWS) {
                stop.check()?;
            }
            checks.row(number, row?)?;
        }
        Ok(checks.finish()?)
    })
    .await?;
    answer(context, checked).await
}

async fn answer(context: &Context, checked: Checked) -> Result<Answer, Halt> {
    let (rows_in, ok, set_aside) = (checked.rows_in, checked.rows.count(), checked.set_aside);
    if rows_in != ok + set_aside {
        let message = format!("{rows_in} rows went in and {} came out", ok + set_aside);
        return Err(TaskError::new(ErrorClass::System, "rows_lost", message).into());
    }
    let count = checked.violations.count();
    let answer = Answer::default()
        .output("rows", checked.rows.store(context.artifacts.as_ref(), "rows.jsonl").await?.to_value())
        .output(
            "violations",
            checked.violations.store(context.artifacts.as_ref(), "violations.jsonl").await?.to_value(),
        )
        .output("report", json!(checked.report))
        .output("count", count)
        .evidence(Evidence::checked("rows_conserved").with_detail(format!("{rows_in} = {ok} + {set_aside}")));
    if set_aside == 0 {
        return Ok(answer);
    }
    let share = Evidence::limit(Class::Checked, "rows_rejected", Score::share(ok, rows_in));
    Ok(answer.evidence(share.with_detail(format!("{set_aside} of {rows_in} rows break a rule"))))
}

fn rules(value: Value) -> Result<Vec<Rule>, TaskError> {
    // A file of rules may name its list, as a document of its own often does.
    let list = match value {
        Value::Object(mut fields) if fields.len() == 1 => fields.remove("rules").unwrap_or(Value::Object(fields)),
        other => other,
    };
    let texts: Vec<RuleText> = serde_json::from_value(list)
        .map_err(|error| invalid(format!("`rules` must be a list of {{id, assert, severity}}: {error}")))?;
    if texts.len() > RULES_MAX {
        return Err(invalid(format!("`rules` has {} rules, more than {RULES_MAX}", texts.len())));
    }
    for (index, rule) in texts.iter().enumerate() {
        if rule.id.is_empty() || texts[..index].iter().any(|earlier| earlier.id == rule.id) {
            return Err(invalid(format!("`rules`: rule {} has no id of its own", index + 1)));
        }
    }
    texts.into_iter().map(Rule::parse).collect()
}
