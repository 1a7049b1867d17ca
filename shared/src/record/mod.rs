//! What a record is: typed values in named fields, moved in batches of columns.
//!
//! [`Value`], [`Schema`] and [`Row`] are what people see; [`Batch`] and its [`Column`]s are what moves.
//! Reading order: [`value`], [`schema`], `packed_ints`, [`text`], [`column`](mod@column), [`batch`], [`build`].
//! What is asked of them: [`operand`], [`vector`], [`compare`](mod@compare), [`condition`].

pub mod batch;
pub mod bits;
pub mod build;
pub mod column;
pub mod compare;
pub mod condition;
pub mod constant;
mod convert;
pub mod growing;
pub mod operand;
pub(crate) mod packed_ints;
pub mod places;
pub mod pool;
pub mod schema;
pub mod text;
pub mod time;
pub mod value;
pub mod vector;

pub use batch::{Batch, Origin, Row};
pub use bits::Bits;
pub use build::{BatchBuilder, ColumnBuilder};
pub use column::Column;
pub use compare::CompareOp;
pub use condition::Condition;
pub use constant::Constant;
pub use growing::Growing;
pub use operand::Operand;
pub use packed_ints::PackedInts;
pub use places::{PlaceField, Places};
pub use pool::{Buffer, Pool};
pub use schema::{Field, Schema, Type};
pub use text::Text;
pub use time::Time;
pub use value::{ShownFloat, Value};
pub use vector::Vector;
