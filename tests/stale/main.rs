//! `stale` on real interpreters: nothing that is current is called changed, one edit is named alone,
//! and what compiles has the rights of the target and no more.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod edited;
mod hot;
mod misbehaving;
mod packages;
mod states;
mod twin;

use serde_json::Value;
use std::process::Command;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_pyunload");

pub fn stale(pid: i32, arguments: &[&str]) -> (i32, Value) {
    let pid = pid.to_string();
    let output = Command::new(PROGRAM)
        .args(["stale", &pid, "--json"])
        .args(arguments)
        .output()
        .expect("the program runs");
    let document = serde_json::from_slice(&output.stdout);
    let document = document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap_or(-1), document)
}

pub fn modules(document: &Value) -> &[Value] {
    let modules = document["modules"].as_array();
    modules.unwrap_or_else(|| panic!("{document}"))
}

/// What is called other than current, and how many functions were compared.
pub fn complaints(document: &Value) -> (Vec<String>, u64) {
    let is_bad = |module: &&Value| !matches!(module["state"].as_str(), Some("current" | "unknown"));
    let bad = modules(document).iter().filter(is_bad);
    let compared = modules(document)
        .iter()
        .map(|module| module["compared"].as_u64());
    (
        bad.map(Value::to_string).collect(),
        compared.flatten().sum(),
    )
}

/// Imports `shop_rates` from the folder it is given.
pub const HOST: &str = "
import select
import sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import shop_rates
print('READY')
sys.stdout.flush()
while not select.select([0], [], [], 0.01)[0]:
    pass
";

/// The source of `shop_rates`.
pub const RATES: &str = "
LIMIT = 5
class Rate(object):
    def of(self, x):
        return x * 19
    def name(self):
        return 'rate'
def outer():
    def inner():
        return 1
    return inner
def same(a, b=2):
    return [i + a for i in range(b)]
";

/// A document of `reload` of `shop_rates`, and the exit code.
pub fn reload(pid: i32) -> (i32, Value) {
    let output = Command::new(PROGRAM)
        .args(["reload", &pid.to_string(), "shop_rates", "--yes", "--json"])
        .args(["--max-stop", "5000", "--limit", "60"])
        .output()
        .expect("the program runs");
    let document = serde_json::from_slice(&output.stdout);
    let document = document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code().unwrap_or(-1), document)
}
