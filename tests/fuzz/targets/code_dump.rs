//! What a compile said, as bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyunload::pyobject::code::differ::{changed, same};
use pyunload::pyobject::code::dump::Dump;

fuzz_target!(|input: &[u8]| {
    let mut dump = Dump::new(input);
    let Some(code) = dump.code() else {
        return;
    };
    assert!(same(&code, &code.clone()));
    let mut found = Vec::new();
    if let Some(other) = dump.code() {
        changed(&code, &other, &mut found);
    } else {
        changed(&code, &code, &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
    let _ = dump.text();
});
