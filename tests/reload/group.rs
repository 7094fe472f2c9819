//! `reload --stale --group`: the whole group moves as soon as one member is stale, else nothing
//! happens.

use crate::rows::{check_schema, reload};
use crate::shop::{call, edit, names, start};
use serde_json::Value;
use std::fs;
use std::process::Command;

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

#[test]
fn a_package_that_was_renamed_on_disk_is_told_and_stays_as_it_was() {
    let Some((mut target, folder)) = start("3.11") else {
        return;
    };
    fs::rename(folder.join("shop"), folder.join("store")).expect("renamed");
    let (document, exit) = reload(target.pid(), &GROUP);
    assert_eq!(exit, 1, "{document}");
    assert_eq!(document["error"]["cause"], "missing_file", "{document}");
    let (document, exit) = reload(target.pid(), &["shop.tax", "--execute"]);
    assert_eq!(exit, 1, "{document}");
    assert_eq!(document["error"]["cause"], "missing_file", "{document}");
    let (document, exit) = reload(target.pid(), &["shop.tax", "--fresh"]);
    assert_eq!(exit, 1, "{document}");
    assert_eq!(call(&mut target), "100 101 100 []");
    // Under its old name it can be reloaded again.
    fs::rename(folder.join("store"), folder.join("shop")).expect("renamed");
    edit(&folder, "shop/tax.py", 200);
    let (document, exit) = reload(target.pid(), &GROUP);
    assert_eq!(exit, 0, "{document}");
    assert_eq!(call(&mut target), "100 201 100 []");
}

#[test]
fn python_2_is_refused_and_stays_as_it_was() {
    let Some((mut target, folder)) = start("2.7") else {
        return;
    };
    edit(&folder, "shop/tax.py", 200);
    for strength in [&[][..], &["--execute"], &["--fresh"]] {
        let (document, exit) = reload(target.pid(), &[&["shop.tax"], strength].concat());
        assert_eq!(exit, 6, "{document}");
        assert_eq!(document["error"]["cause"], "too_old", "{document}");
    }
    assert_eq!(call(&mut target), "100 101 100 []");
}

fn plan(pid: i32, names: &[&str]) -> (Value, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_pyunload"))
        .args(["plan", &pid.to_string(), "--reload", "--json"])
        .args(names)
        .output()
        .expect("the tool runs");
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    check_schema("plan", &document);
    (document, output.status.code().unwrap_or(-1))
}

#[test]
fn a_plan_says_what_would_move_by_which_strength_and_the_reload_agrees() {
    let Some((mut target, folder)) = start("3.11") else {
        return;
    };
    let names = ["shop.cart", "shop.tax"];
    let (document, exit) = plan(target.pid(), &names);
    assert_eq!(
        (exit, &document["verdict"]),
        (0, &"clean".into()),
        "{document}"
    );
    assert_eq!(
        document["names"],
        serde_json::json!(["shop.tax", "shop.cart"])
    );
    edit(&folder, "shop/tax.py", 200);
    let (document, exit) = plan(target.pid(), &["shop.tax"]);
    assert_eq!(
        (exit, &document["verdict"]),
        (0, &"clean".into()),
        "{document}"
    );
    assert_eq!(document["reload"]["strength"], "code", "{document}");
    let expected = serde_json::json!([{
        "qualname": "rate", "line": 1, "what": "code", "strength": "code", "reason": null,
    }]);
    assert_eq!(document["reload"]["modules"][0]["moves"], expected);
    let importer = serde_json::json!([{"module": "shop.cart", "how": "from_import"}]);
    assert_eq!(document["dependents"], importer, "{document}");
    assert_eq!(document["stopped_us"], 0);
    assert_eq!(
        call(&mut target),
        "100 101 100 []",
        "a plan changes nothing"
    );

    let more = "def rate(more=1):\n    return 300\nclass New(object):\n    pass\n";
    fs::write(folder.join("shop/tax.py"), more).expect("written");
    let (document, exit) = plan(target.pid(), &names);
    assert_eq!(exit, 0, "{document}");
    assert_eq!(document["verdict"], "remediable", "{document}");
    assert_eq!(document["reload"]["strength"], "execute", "{document}");
    let kinds = document["blockers"].as_array().expect("a list").iter();
    let kinds: Vec<&str> = kinds.filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["signature", "new_class"], "{document}");
    let (document, exit) = reload(target.pid(), &names);
    assert_eq!(exit, 1, "{document}");
    let (document, exit) = reload(target.pid(), &[&names[..], &["--execute"]].concat());
    assert_eq!(exit, 0, "{document}");
    assert_eq!(call(&mut target), "100 301 100 []");

    fs::write(folder.join("shop/tax.py"), "def rate(:\n").expect("written");
    let (document, exit) = plan(target.pid(), &names);
    assert_eq!(exit, 1, "{document}");
    assert_eq!(document["error"]["cause"], "syntax_error", "{document}");
}
