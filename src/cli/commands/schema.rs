//! `schema`: the JSON Schema of a command's output.

use crate::cli::args::SchemaOf;
use crate::report::{Attach, Doctor, Error, Modules, Ps, Snapshot, Unload};
use schemars::{Schema, schema_for};

/// The schema, generated from the very types that are written.
pub fn run(of: SchemaOf) -> Schema {
    match of {
        SchemaOf::Attach => schema_for!(Attach),
        SchemaOf::Doctor => schema_for!(Doctor),
        SchemaOf::Error => schema_for!(Error),
        SchemaOf::Modules => schema_for!(Modules),
        SchemaOf::Ps => schema_for!(Ps),
        SchemaOf::Snapshot => schema_for!(Snapshot),
        SchemaOf::Unload => schema_for!(Unload),
    }
}
