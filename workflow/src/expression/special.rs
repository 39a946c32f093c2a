//! Values that CEL does not have: tables, and the outputs of a task that brought none.

use std::any::Any;

use cel::common::traits::{Indexer, Sizer};
use cel::common::types::{CelInt, CelMap, CelNull, CelString, DYN_TYPE, NULL_TYPE, Type};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{DeclarationError, Env, ExecutionError};

use super::convert::to_json;
use super::meter::{TABLE_ROWS, refusal};

static TABLE_TYPE: Type = Type::new_unspecified_type("table");

/// A table: its fields can be read, its rows cannot, and its size is its row count.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) fields: CelMap<'static>,
    pub(super) count: i64,
}

impl Val for Table {
    fn get_type(&self) -> &Type {
        &TABLE_TYPE
    }

    fn cel_type() -> &'static Type {
        &TABLE_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<Self>().is_some_and(|other| self.fields.equals(&other.fields))
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Table {}

impl Sizer for Table {
    fn size(&self) -> CelInt {
        self.count.into()
    }
}

impl Indexer for Table {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        if index.downcast_ref::<CelString<'_>>().is_none() {
            return Err(refusal("table_rows", TABLE_ROWS));
        }
        self.fields.get(index)
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

/// The outputs of a task that did not succeed, in an `any`: null, and so is everything in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Absent;

impl Val for Absent {
    fn get_type(&self) -> &Type {
        &NULL_TYPE
    }

    fn cel_type() -> &'static Type {
        &NULL_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        other.downcast_ref::<CelNull>().is_some()
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(*self)
    }

    /// It passes for the null of CEL, so that `null == x` holds too.
    fn as_any(&self) -> Option<&dyn Any> {
        Some(&CelNull)
    }
}

impl Indexer for Absent {
    fn get<'b, 'v>(&'b self, _index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(CowVal::Borrowed(&Absent))
    }

    fn steal<'v>(self: Box<Self>, _index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        Ok(self)
    }
}

/// Declares the functions that need no budget: `size(table)` and `hash(value)`.
pub(super) fn register(env: &mut Env) -> Result<(), DeclarationError> {
    env.add_overload("size", "size_table", vec![TABLE_TYPE.to_owned()], table_size)?;
    env.add_member_overload("size", "table_size", TABLE_TYPE.to_owned(), vec![], table_size)?;
    env.add_overload("hash", "hash_dyn", vec![DYN_TYPE], hash)
}

fn table_size<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let table = args.first().and_then(|value| value.downcast_ref::<Table>());
    table.map(|table| CowVal::owned(table.size())).ok_or_else(ExecutionError::missing_argument_or_target)
}

/// SHA-256 of the RFC 8785 form, in lower-case hexadecimal digits.
fn hash<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let value = args.first().ok_or_else(ExecutionError::missing_argument_or_target)?;
    let json = to_json(value.as_ref()).map_err(|error| refusal(error.code, error.message))?;
    Ok(CowVal::owned(CelString::from(candor_proto::Sha256::of_value(&json).to_string())))
}
