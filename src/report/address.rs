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
        // As its `Display` writes it; there are many in a document, and formatting is slow.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = *b"0x0000000000000000";
        let mut start = text.len();
        let mut rest = self.0.value();
        while rest > 0 || start == text.len() {
            start -= 1;
            text[start] = DIGITS[(rest % 16) as usize];
            rest /= 16;
        }
        start -= 2;
        text[start..start + 2].copy_from_slice(b"0x");
        serializer.serialize_str(std::str::from_utf8(&text[start..]).unwrap_or_default())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_shown() {
        for value in [0, 1, 0xf, 0x10, 0x7ff4_bdb4_e568, u64::MAX] {
            let address = Address::new(value);
            let written = serde_json::to_value(ReportAddress(address)).expect("serialises");
            assert_eq!(written, address.to_string());
        }
    }
}
