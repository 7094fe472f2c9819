//! One edit is named alone.

use crate::common::{Target, on_every_interpreter};
use crate::{HOST, RATES, modules, stale};
use serde_json::Value;
use std::fs;

#[test]
fn one_edited_function_is_named_alone_and_makes_its_group_stale() {
    on_every_interpreter(|python| {
        if python.build == "embed" || python.root.to_str() != Some("/") {
            return Ok(());
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("shop_rates.py");
        let host = folder.path().join("host.py");
        fs::write(&file, RATES).expect("written");
        fs::write(&host, HOST).expect("written");
        let target = Target::start(python, &host, &[folder.path().to_str().expect("a path")]);
        let group = ["--group", "shop_rates"];
        let state = |document: &Value| modules(document)[0]["state"].clone();
        let (code, document) = stale(target.pid(), &group);
        assert_eq!(
            (code, state(&document)),
            (0, "current".into()),
            "{document}"
        );
        // The same size, and very likely the same second.
        fs::write(&file, RATES.replace("x * 19", "x * 16")).expect("written");
        let (code, document) = stale(target.pid(), &group);
        let changed = &modules(&document)[0]["changed"];
        let expected = serde_json::json!([{"qualname": "Rate.of", "line": 4, "what": "code"}]);
        assert_eq!((code, changed), (1, &expected), "{document}");
        // Touched, and moved down by two lines, but the same.
        fs::write(&file, format!("\n\n{RATES}")).expect("written");
        let (code, document) = stale(target.pid(), &group);
        assert_eq!(
            (code, state(&document)),
            (0, "current".into()),
            "{document}"
        );
        fs::remove_file(&file).expect("removed");
        let (code, document) = stale(target.pid(), &group);
        assert_eq!(
            (code, state(&document)),
            (1, "missing".into()),
            "{document}"
        );
        Ok(())
    });
}
