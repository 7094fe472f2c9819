//! A program with a package `shop` of three modules, and what tests do to its files.

use crate::common::{Target, interpreter, program};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The program, and the folder that its modules lie in.
pub fn start(which: &str) -> Option<(Target, PathBuf)> {
    let target = Target::start(&interpreter(which)?, &program("shop.py"), &[]);
    let folder = PathBuf::from(&target.printed()[0]);
    Some((target, folder))
}

/// What its modules say, and what its threads raised.
pub fn call(target: &mut Target) -> String {
    target.send("call");
    target.line()
}

/// Has `rate` of a module return another value.
pub fn edit(folder: &Path, name: &str, value: u32) {
    replace(folder, name, &format!("def rate():\n    return {value}\n"));
}

/// As an editor or a deployment does it: another file takes the place of this one.
pub fn replace(folder: &Path, name: &str, text: &str) {
    let other = folder.join("new");
    fs::write(&other, text).expect("written");
    fs::rename(other, folder.join(name)).expect("renamed");
}

/// The names in a list of names, or of things that have one.
pub fn names(list: &Value) -> Vec<&str> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().or(one["name"].as_str()))
        .collect()
}
