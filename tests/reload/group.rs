//! `reload --stale --group`: the whole group moves as soon as one member is stale, else nothing
//! happens.

use crate::rows::reload;
use crate::shop::{call, edit, names, start};
use std::fs;

const GROUP: [&str; 3] = ["--stale", "--group", "shop"];

fn moves_as_one(which: &str) {
    let Some((mut target, folder)) = start(which) else {
        return;
    };
    // A module that is stale, and no member, although its name begins alike.
    edit(&folder, "shopping.py", 7);
    let (document, exit) = reload(target.pid(), &GROUP);
    assert_eq!(exit, 0, "{document}");
    assert_eq!(document["stale"], serde_json::json!([]), "{document}");
    assert!(document["injection"].is_null(), "something ran: {document}");
    let members = ["shop", "shop.tax", "shop.cart"];
    let mut all = names(&document["outcomes"]);
    all.sort_unstable();
    assert_eq!(all, ["shop", "shop.cart", "shop.tax"]);
    assert_eq!(call(&mut target), "100 101 100 []");

    edit(&folder, "shop/tax.py", 200);
    let (document, exit) = reload(target.pid(), &GROUP);
    assert_eq!(exit, 0, "{document}");
    assert_eq!(names(&document["stale"]), ["shop.tax"], "{document}");
    assert_eq!(document["stale"][0]["changed"][0]["qualname"], "rate");
    let of_plan = document["plan"]["names"].as_array().expect("names");
    assert_eq!(of_plan.len(), members.len(), "{document}");
    let cart = of_plan.iter().position(|name| name == "shop.cart");
    let tax = of_plan.iter().position(|name| name == "shop.tax");
    assert!(tax < cart, "what is imported comes first: {document}");
    assert_eq!(call(&mut target), "100 201 100 []");
    let (document, exit) = reload(target.pid(), &GROUP);
    assert_eq!(
        (exit, names(&document["stale"]).len()),
        (0, 0),
        "{document}"
    );
}

#[test]
fn a_group_moves_when_one_member_is_stale_on_3_8() {
    moves_as_one("3.8");
}

#[test]
fn a_group_moves_when_one_member_is_stale_on_3_11() {
    moves_as_one("3.11");
}

#[test]
fn a_group_moves_when_one_member_is_stale_on_3_13() {
    moves_as_one("3.13");
}

#[test]
fn a_group_of_which_one_file_is_gone_or_broken_stays_as_it_was() {
    let Some((mut target, folder)) = start("3.11") else {
        return;
    };
    edit(&folder, "shop/__init__.py", 300);
    fs::write(folder.join("shop/tax.py"), "def rate(:\n").expect("written");
    let (document, exit) = reload(target.pid(), &GROUP);
    assert_eq!(exit, 1, "{document}");
    assert_eq!(document["error"]["cause"], "syntax_error", "{document}");
    fs::remove_file(folder.join("shop/tax.py")).expect("removed");
    let (document, exit) = reload(target.pid(), &GROUP);
    assert_eq!(exit, 1, "{document}");
    assert_eq!(document["error"]["cause"], "missing_file", "{document}");
    assert_eq!(call(&mut target), "100 101 100 []");
}

#[test]
fn a_group_that_nobody_is_in_is_a_no() {
    let Some((target, _)) = start("3.11") else {
        return;
    };
    let (document, exit) = reload(target.pid(), &["--stale", "--group", "sho"]);
    assert_eq!(exit, 1, "{document}");
    assert_eq!(document["error"]["cause"], "not_loaded", "{document}");
    // It is about groups alone.
    let (document, exit) = reload(target.pid(), &["--stale", "shop"]);
    assert_eq!(exit, 2, "{document}");
}
