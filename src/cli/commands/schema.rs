//! `schema`: the JSON Schema of a command's output.

use crate::cli::args::SchemaOf;
use crate::report::{
    Attach, Checked, Doctor, Document, Error, Exec, Ghosts, Modules, PlanReload, Ps, Refs, Reload,
    Snapshot, Stale, Unload, WatchEvent, Why,
};
use schemars::{Schema, schema_for};

/// The schema, generated from the very types that are written.
pub fn run(of: SchemaOf) -> Schema {
    match of {
        SchemaOf::Attach => schema_for!(Attach),
        SchemaOf::Check => schema_for!(Document<Checked>),
        SchemaOf::Doctor => schema_for!(Doctor),
        SchemaOf::Error => schema_for!(Error),
        SchemaOf::Exec => schema_for!(Exec),
        SchemaOf::Ghosts => schema_for!(Document<Ghosts>),
        SchemaOf::Modules => schema_for!(Modules),
        SchemaOf::Plan => schema_for!(Document<PlanReload>),
        SchemaOf::Ps => schema_for!(Ps),
        SchemaOf::Stale => schema_for!(Stale),
        SchemaOf::Reload => schema_for!(Reload),
        SchemaOf::Snapshot => schema_for!(Snapshot),
        SchemaOf::Refs => schema_for!(Document<Refs>),
        SchemaOf::Unload => schema_for!(Unload),
        SchemaOf::Watch => schema_for!(WatchEvent),
        SchemaOf::Why => schema_for!(Document<Why>),
    }
}
