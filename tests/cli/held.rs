//! What the commands of the graph say of a real program, on every interpreter.

use crate::common::{Interpreter, Target, on_every_interpreter, program};
use crate::documents::check;
use crate::run::{Ended, run};
use serde_json::Value;

/// The longest stop on a loaded machine, in milliseconds.
const PATIENT: &str = "5000";

fn target(python: &Interpreter, arguments: &[&str]) -> Option<Target> {
    // A host program runs a program of its own.
    (python.build != "embed").then(|| Target::start(python, &program("held.py"), arguments))
}

/// The answer of a command about the target, held against its schema.
fn answer(target: &Target, words: &[&str]) -> Result<(i32, Value), String> {
    let pid = target.pid().to_string();
    let mut arguments = vec![words[0], &pid];
    arguments.extend(&words[1..]);
    arguments.extend(["--json", "--max-stop", PATIENT]);
    let ended: Ended = run(&arguments);
    let document = ended.document();
    let schema = match document["schema"].as_str() {
        Some("pyunload.error/1") => "error",
        _ => words[0],
    };
    check(schema, &document)?;
    Ok((ended.code, document))
}

fn expect(what: &str, is_so: bool, document: &Value) -> Result<(), String> {
    match is_so {
        true => Ok(()),
        false => Err(format!("not so: {what}: {document}")),
    }
}

/// Whether a root has this module, and its path these words.
fn has_root(document: &Value, module: &str, words: &[&str]) -> bool {
    let roots = document["roots"].as_array().expect("roots");
    roots.iter().any(|root| {
        let path = root["path"].to_string();
        root["module"] == module && words.iter().all(|word| path.contains(word))
    })
}

fn holders_are_named(python: &Interpreter) -> Result<(), String> {
    let Some(target) = target(python, &[]) else {
        return Ok(());
    };
    let (code, why) = answer(&target, &["why", "shop.plugins.tax"])?;
    if python.build == "freethreaded" {
        return expect("it is refused", code == 9, &why);
    }
    expect("it is alive", code == 0 && why["alive"] == true, &why)?;
    expect(
        "a from-import",
        has_root(&why, "shop.views", &["compute"]),
        &why,
    )?;
    expect(
        "a partial",
        has_root(&why, "__main__", &["queue", "partial"]),
        &why,
    )?;
    let cache = ["cache", "'eu'", "Rate"];
    expect("the cache", has_root(&why, "shop.cart", &cache), &why)?;
    let roots = why["roots"].as_array().expect("roots");
    let cached = roots.iter().find(|root| root["module"] == "shop.cart");
    let count = cached.and_then(|root| root["instances"]["count"].as_u64());
    expect("1,204 instances", count == Some(1204), &why)?;
    let others = roots
        .iter()
        .filter(|root| root["detached_by_unload"] == false);
    expect("nothing else", others.count() == 3, &why)?;
    expect("blocked", why["verdict"] == "blocked", &why)
}

#[test]
fn every_holder_of_a_plugin_is_named_and_nothing_else() {
    on_every_interpreter(holders_are_named);
}

fn plans_are_told(python: &Interpreter) -> Result<(), String> {
    let Some(target) = target(python, &[]).filter(|_| python.build != "freethreaded") else {
        return Ok(());
    };
    let (code, plan) = answer(&target, &["plan", "shop.plugins.free"])?;
    expect("clean", code == 0 && plan["verdict"] == "clean", &plan)?;
    let gone = plan["predicted"]["gone"] == serde_json::json!(["shop.plugins.free"]);
    expect("it would be gone", gone, &plan)?;
    let (code, plan) = answer(&target, &["plan", "shop.plugins.tax"])?;
    expect("blocked", code == 1 && plan["verdict"] == "blocked", &plan)?;
    let ghost = plan["predicted"]["ghost"] == serde_json::json!(["shop.plugins.tax"]);
    expect("it would be a ghost", ghost, &plan)
}

#[test]
fn a_plan_tells_what_would_go_from_what_would_stay() {
    on_every_interpreter(plans_are_told);
}

fn references_add_up(python: &Interpreter) -> Result<(), String> {
    let Some(target) = target(python, &[]).filter(|_| python.build != "freethreaded") else {
        return Ok(());
    };
    for name in ["json", "shop.plugins.free", "shop.plugins.tax", "shop"] {
        let (_, refs) = answer(&target, &["refs", name])?;
        for one in [&refs, &refs["globals"]] {
            expect("all is explained", one["unexplained"] == 0, &refs)?;
            expect(
                "it adds up",
                one["object"]["refcount"] == one["explained"],
                &refs,
            )?;
        }
    }
    Ok(())
}

#[test]
fn every_reference_to_a_pure_module_is_explained() {
    on_every_interpreter(references_add_up);
}

fn ghosts_are_numbered(python: &Interpreter) -> Result<(), String> {
    let Some(target) = target(python, &["ghosts"]).filter(|_| python.build != "freethreaded")
    else {
        return Ok(());
    };
    let (code, answer_) = answer(&target, &["ghosts"])?;
    let ghosts = answer_["ghosts"].as_array().expect("ghosts");
    expect("there are five", code == 0 && ghosts.len() == 5, &answer_)?;
    for (number, ghost) in (1u64..).zip(ghosts) {
        // Python 2 empties the globals of a module that goes; what is left is a class.
        let is_so = ghost["module"] == "shop.plugins.free"
            && ghost["generation"] == number
            && ghost["instances"] == 1
            && ghost["holders"][0]["path"].to_string().contains("kept");
        expect("each with its instance and holder", is_so, ghost)?;
    }
    let (code, checked) = answer(&target, &["check", "ghosts shop == 0", "loaded json"])?;
    expect(
        "the assertion fails",
        code == 1 && checked["holds"] == false,
        &checked,
    )
}

#[test]
fn each_generation_is_a_ghost_with_its_instance_and_its_holder() {
    on_every_interpreter(ghosts_are_numbered);
}
