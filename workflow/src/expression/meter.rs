//! What one evaluation has cost so far.
//!
//! The charge for a value is its size, all levels counted: that is what copying or comparing it costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cel::common::types::{CelBytes, CelInt, CelList, CelMap, CelString};
use cel::common::value::{CowVal, Val};
use cel::{Context, DeclarationError, ExecutionError, FunctionContext};

use super::limits::{LIST_ITEMS_MAX, MADE_BYTES_MAX, NESTED_LIST_ITEMS_MAX, STEPS_MAX};
use super::lower::{KEEP, LOOP, NESTED_LOOP, READ};
use super::special::Table;

/// Memory of a value besides its text, about: a pointer, an allocation, a place in a table.
pub(super) const VALUE_BYTES: u64 = 48;

/// Bytes of text that are read in one step.
const TEXT_BYTES_PER_STEP: u64 = 16;

/// The remaining budget of one evaluation.
pub(super) struct Meter {
    steps: AtomicU64,
    bytes: AtomicU64,
}

/// The size of a value.
#[derive(Clone, Copy, Default)]
struct Weight {
    values: u64,
    text: u64,
}

impl Meter {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { steps: AtomicU64::new(STEPS_MAX), bytes: AtomicU64::new(MADE_BYTES_MAX) })
    }

    /// Takes from the budget.
    pub(super) fn charge(&self, steps: u64, bytes: u64) -> Result<(), ExecutionError> {
        take(&self.steps, steps).and_then(|()| take(&self.bytes, bytes)).ok_or_else(|| {
            refusal("too_large", "the expression needs too many steps or too much memory; compute it in a task")
        })
    }

    fn read(&self, value: &dyn Val) -> Result<Weight, ExecutionError> {
        let mut weight = Weight::default();
        weigh(value, self.steps.load(Ordering::Relaxed), &mut weight);
        self.charge(weight.values + weight.text / TEXT_BYTES_PER_STEP, 0)?;
        Ok(weight)
    }

    fn keep(&self, value: &dyn Val) -> Result<(), ExecutionError> {
        let weight = self.read(value)?;
        self.charge(0, weight.values.saturating_mul(VALUE_BYTES).saturating_add(weight.text))
    }

    /// The value, when a macro may walk over it.
    fn walk<'b, 'v>(&self, args: Vec<CowVal<'b, 'v>>, limit: usize) -> Result<CowVal<'b, 'v>, ExecutionError> {
        let nodes = args.get(1).and_then(|nodes| nodes.downcast_ref::<CelInt>()).map_or(1, |nodes| *nodes.inner());
        let value = only(args)?;
        if value.downcast_ref::<Table>().is_some() {
            return Err(refusal("table_rows", TABLE_ROWS));
        }
        let items = match (value.downcast_ref::<CelList<'_>>(), value.downcast_ref::<CelMap<'_>>()) {
            (Some(list), _) => list.inner().len(),
            (_, Some(map)) => map.inner().len(),
            (None, None) => 0,
        };
        if items > limit {
            let message = format!("a list of {items} items is too long here; at most {limit} can be walked over");
            return Err(refusal("too_large", message));
        }
        self.read(value.as_ref())?;
        self.charge((items as u64).saturating_mul(nodes.unsigned_abs()), 0)?;
        match value.downcast_ref::<CelMap<'_>>() {
            Some(map) => Ok(CowVal::owned(sorted_keys(map))),
            None => Ok(value),
        }
    }
}

/// Why the rows of a table cannot be read.
pub(super) const TABLE_ROWS: &str = "the rows of a table are not reachable in an expression; read `.count` or `.columns`, or use an action such as `data.filter`";

/// An error of ours; `failure` reads the code from the function's name.
pub(super) fn refusal(code: &str, message: impl ToString) -> ExecutionError {
    ExecutionError::function_error(&format!("@{code}"), message)
}

fn take(budget: &AtomicU64, amount: u64) -> Option<()> {
    let left = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount));
    if left.is_err() {
        budget.store(0, Ordering::Relaxed);
    }
    left.ok().map(|_| ())
}

/// Adds the size of a value; stops soon after `limit`, where the charge fails anyway.
fn weigh(value: &dyn Val, limit: u64, weight: &mut Weight) {
    weight.values += 1;
    if weight.values > limit {
        return;
    }
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        weight.text += text.inner().len() as u64;
    } else if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
        weight.text += bytes.inner().len() as u64;
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        list.inner().iter().for_each(|item| weigh(item.as_ref(), limit, weight));
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        for (key, item) in map.inner() {
            weigh(key.inner(), limit, weight);
            weigh(item.as_ref(), limit, weight);
        }
    }
}

/// The keys of a map in order: the evaluator's own order differs from run to run.
fn sorted_keys<'v>(map: &CelMap<'v>) -> CelList<'v> {
    let mut keys: Vec<_> = map.inner().keys().collect();
    keys.sort();
    keys.into_iter().map(|key| key.inner().clone_as_boxed()).collect::<Vec<_>>().into()
}

/// Makes the names of `lower` known to an evaluation.
pub(super) fn register(context: &mut Context<'_, '_>, meter: &Arc<Meter>) -> Result<(), DeclarationError> {
    let pass = |charge: fn(&Meter, &dyn Val) -> Result<(), ExecutionError>| {
        let meter = Arc::clone(meter);
        own(move |args| {
            let value = only(args)?;
            charge(&meter, value.as_ref())?;
            Ok(value)
        })
    };
    context.add_function(READ, pass(|meter, value| meter.read(value).map(|_| ())))?;
    context.add_function(KEEP, pass(Meter::keep))?;
    for (name, limit) in [(LOOP, LIST_ITEMS_MAX), (NESTED_LOOP, NESTED_LIST_ITEMS_MAX)] {
        let meter = Arc::clone(meter);
        context.add_function(name, own(move |args| meter.walk(args, limit)))?;
    }
    Ok(())
}

/// A function as a context takes it.
type Function =
    Box<dyn for<'b, 'v> Fn(&mut FunctionContext<'b, 'v>) -> Result<CowVal<'b, 'v>, ExecutionError> + Send + Sync>;

/// A function of ours, from one over its arguments.
pub(super) fn own<F>(function: F) -> Function
where
    F: for<'b, 'v> Fn(Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> + Send + Sync + 'static,
{
    Box::new(move |context| function(std::mem::take(&mut context.args)))
}

fn only<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    args.into_iter().next().ok_or_else(ExecutionError::missing_argument_or_target)
}
