//! Code that ran hot, or under a tracer, is that of its file.

use crate::common::{Target, on_every_interpreter, program};
use crate::{complaints, stale};

fn nothing_is_changed(arguments: &[&str]) {
    on_every_interpreter(|python| {
        if python.build == "embed" {
            return Ok(());
        }
        let target = Target::start(python, &program("stdlib.py"), arguments);
        let (_, document) = stale(target.pid(), &[]);
        let (bad, compared) = complaints(&document);
        match bad.is_empty() && compared > 2000 {
            true => Ok(()),
            false => Err(format!(
                "{compared} compared; {} {}",
                document["warnings"],
                bad.join("\n")
            )),
        }
    });
}

#[test]
fn the_standard_library_that_ran_hot_is_current() {
    nothing_is_changed(&[]);
}

#[test]
fn the_standard_library_under_a_tracer_and_monitoring_is_current() {
    nothing_is_changed(&["monitor", "trace"]);
}
