//! A group of modules is cleared because one of them is stale, while eight threads serve requests
//! with it: the origin of this tool, without an error.

use crate::common::{Interpreter, Target, program};
use crate::{check, on_these, outcomes, unload};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const GROUP: [&str; 4] = ["--stale", "--group", "shop_views", "shop_prices"];

fn ask(target: &mut Target, what: &str) -> Vec<String> {
    target.send(what);
    target.lines_until("DONE")
}

/// Waits until every request that was under way has been answered.
fn wait_for_requests(target: &mut Target, more: u64) -> Result<(), String> {
    let served = |target: &mut Target| ask(target, "served")[0].parse().unwrap_or(0);
    let wanted: u64 = served(target) + more;
    let deadline = Instant::now() + Duration::from_secs(60);
    while served(target) < wanted {
        if Instant::now() > deadline {
            return Err("no request is served any more".to_owned());
        }
    }
    Ok(())
}

fn a_stale_group_goes(interpreter: &Interpreter) -> Result<(), String> {
    let mut target = Target::start(interpreter, &program("requests_served.py"), &[]);
    let folder = target.printed()[0].clone();
    let file = interpreter
        .inside(Path::new(&folder))
        .join("shop_prices.py");
    let clear = [&GROUP[..], &["--yes"]].concat();

    let (document, code) = unload(&target, &clear);
    let nothing = document["stale"] == serde_json::json!([]) && document["injection"].is_null();
    let is_unchanged = outcomes(&document).iter().all(|one| one.1 == "unchanged");
    check(
        nothing && is_unchanged && code == 0,
        "nothing is stale",
        &document,
    )?;

    fs::write(&file, "VERSION = 2\ndef price():\n    return VERSION\n")
        .map_err(|e| e.to_string())?;
    let (document, code) = unload(&target, &clear);
    let stale = &document["stale"];
    check(
        stale.as_array().map(Vec::len) == Some(1),
        "one is stale",
        &document,
    )?;
    check(
        stale[0]["name"] == "shop_prices",
        "which is stale",
        &document,
    )?;
    let gone = [
        ("shop_prices", "gone"),
        ("shop_views", "gone"),
        ("shop_views.late", "gone"),
    ];
    check(
        outcomes(&document) == gone && code == 0,
        "all of it goes",
        &document,
    )?;

    wait_for_requests(&mut target, 100)?;
    ask(&mut target, "seen");
    wait_for_requests(&mut target, 100)?;
    let seen = ask(&mut target, "seen");
    if seen != ["(1, 2)"] {
        return Err(format!("answers after it: {seen:?}"));
    }
    target.send("stop");
    let wrong = target.lines_until("DONE");
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong.join("\n")),
    }
}

#[test]
fn a_group_is_cleared_when_one_member_is_stale_under_parallel_requests() {
    on_these(&["3.8", "3.11", "3.13", "3.14-debian"], a_stale_group_goes);
}
