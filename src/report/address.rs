//! An address as the contract writes it: a string, because JSON numbers lose the low bits.

use crate::address::Address;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// An address in the target, written `"0x7f.."`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportAddress(pub Address);

impl From<Address> for ReportAddress {
    fn from(address: Address) -> Self {
        ReportAddress(address)
    }
}

impl Serialize for ReportAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl JsonSchema for ReportAddress {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^0x[0-9a-f]+$",
            "description": "an address in the memory of the target"
        })
    }
}
