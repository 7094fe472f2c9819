//! The documents of the commands that need the graph are what their schemas say, with their fields in
//! the promised order; and what is said to a wrong command line.

use crate::documents::{check, fields};
use crate::run::run;
use pyunload::address::Address;
use pyunload::report::{
    Account, Accounted, Blocker, Border, Checked, CheckedAssertion, Counted, Dependent, Document,
    Envelope, Ghost, GhostKind, GhostState, Ghosts, HeldBy, Instances, Object, Plan, Predicted,
    PredictedLeft, Reference, Refs, Remedy, Remove, Root, RootKind, RootRemedy, Step, Target,
    Verdict, Via, Why,
};
use serde::Serialize;
use serde_json::{Value, json};

const ENVELOPE: [&str; 5] = ["schema", "target", "consistency", "stopped_us", "warnings"];

fn object(kind: &str, name: Option<&str>) -> Object {
    Object {
        kind: kind.into(),
        name: name.map(str::to_owned),
        address: Some(Address::new(0x7f00_0000_1000).into()),
    }
}

fn root() -> Root {
    Root {
        path: vec![
            Step {
                object: object("interpreter", Some("atexit")),
                edge: None,
            },
            Step {
                object: object("function", Some("flush")),
                edge: Some(".__globals__".into()),
            },
        ],
        root_kind: RootKind::CHeld,
        holder: Some("an exit handler".into()),
        module: None,
        count: 1,
        instances: Some(Instances {
            class: "Rate".into(),
            count: 3,
        }),
        detached_by_unload: false,
        remedy: Some(RootRemedy {
            kind: "atexit_unregister".into(),
            description: "atexit.unregister(flush)".into(),
            safe: true,
            reversible: true,
        }),
    }
}

fn why() -> Why {
    Why {
        name: "shop.tax".into(),
        alive: true,
        loaded: true,
        verdict: Verdict::Remediable,
        roots: vec![root()],
        is_cut: false,
        border: vec![Border {
            from: object("list", None),
            edge: "[0]".into(),
            to: object("function", Some("flush")),
            root: Some(0),
        }],
        account: Some(Account {
            refcount: 4,
            inside: 3,
            outside: 1,
            unexplained: 0,
        }),
        retained_bytes: Some(4096),
    }
}

fn ghost() -> Ghost {
    Ghost {
        kind: GhostKind::Globals,
        name: "shop.tax".into(),
        module: "shop.tax".into(),
        replaced: true,
        generation: Some(1),
        address: Address::new(0x7f00_0000_1000).into(),
        functions: 12,
        classes: 3,
        instances: 1000,
        retained_bytes: Some(83_200),
        state: GhostState::CollectorOff,
        holders: vec![root()],
    }
}

fn accounted() -> Accounted {
    Accounted {
        object: Counted {
            name: "json".into(),
            address: Address::new(0x7f00_0000_1000).into(),
            refcount: Some(1),
            immortal: false,
        },
        references: vec![HeldBy {
            holder: object("dict", Some("sys.modules")),
            edge: "['json']".into(),
            via: Via::Heap,
            module: None,
        }],
        explained: 1,
        unexplained: Some(0),
    }
}

fn plan() -> Plan {
    Plan {
        names: vec!["shop.tax".into()],
        verdict: Some(Verdict::Blocked),
        remove: Remove {
            references: Some(vec![Reference {
                module: "shop".into(),
                name: "compute".into(),
            }]),
            ..Remove::default()
        },
        blockers: Some(vec![Blocker {
            kind: "frame".into(),
            name: "shop.tax".into(),
            detail: "a thread is inside".into(),
            path: vec!["thread 1".into()],
        }]),
        remedies: Some(vec![Remedy {
            kind: "atexit_unregister".into(),
            detail: "atexit.unregister(flush)".into(),
            safe: true,
            reversible: true,
            by_unload: true,
        }]),
        dependents: Some(vec![Dependent {
            module: "shop.views".into(),
            how: "from_import".into(),
        }]),
        predicted: Some(Predicted {
            gone: Vec::new(),
            ghost: vec!["shop.tax".into()],
            mapped: Vec::new(),
            retained_bytes: Some(0),
            left: vec![PredictedLeft {
                name: "shop.tax".into(),
                functions: 1,
                classes: 1,
                instances: 0,
                retained_bytes: None,
            }],
        }),
    }
}

/// The document as it is written, after it was held against its schema.
fn written<B: Serialize>(command: &str, body: B) -> Value {
    let document = Document {
        envelope: Envelope::live(command, Some(Target::process(4242))),
        body,
    };
    let document = serde_json::to_value(&document).expect("JSON");
    check(command, &document).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(document["schema"], format!("pyunload.{command}/1"));
    assert_eq!(fields(&document)[..5], ENVELOPE);
    document
}

/// Whether these fields are there, in this order; others may be added between them.
fn assert_promised(document: &Value, promised: &[&str]) {
    let fields = fields(document);
    let kept: Vec<&str> = fields
        .into_iter()
        .filter(|name| promised.contains(name))
        .collect();
    assert_eq!(kept, promised);
}

#[test]
fn who_holds_a_module_is_written_as_promised() {
    let document = written("why", why());
    assert_promised(&document, &["name", "alive", "verdict", "roots", "border"]);
    let root = &document["roots"][0];
    assert_promised(root, &["path", "root_kind", "remedy"]);
    assert_eq!(root["root_kind"], "c_held");
    assert_promised(&root["path"][1], &["object", "edge"]);
    assert_promised(&root["path"][1]["object"], &["kind", "name", "address"]);
    assert_promised(
        &root["remedy"],
        &["kind", "description", "safe", "reversible"],
    );
    assert_promised(&document["border"][0], &["from", "edge", "to", "root"]);
}

#[test]
fn references_are_written_as_promised() {
    let body = Refs {
        module: accounted(),
        globals: Some(accounted()),
    };
    let document = written("refs", body);
    for one in [&document, &document["globals"]] {
        assert_promised(one, &["object", "references", "explained", "unexplained"]);
        assert_promised(&one["object"], &["name", "address", "refcount", "immortal"]);
        assert_promised(&one["references"][0], &["holder", "edge", "via", "module"]);
    }
}

#[test]
fn ghosts_are_written_as_promised() {
    let body = Ghosts {
        name: None,
        ghosts: vec![ghost()],
    };
    let document = written("ghosts", body);
    let promised = [
        "kind",
        "name",
        "generation",
        "address",
        "functions",
        "classes",
        "instances",
        "retained_bytes",
        "holders",
    ];
    assert_promised(&document["ghosts"][0], &promised);
    assert_eq!(document["ghosts"][0]["kind"], "globals");
}

#[test]
fn a_plan_is_written_as_promised() {
    let document = written("plan", plan());
    let promised = [
        "names",
        "verdict",
        "remove",
        "blockers",
        "remedies",
        "dependents",
        "predicted",
    ];
    assert_promised(&document, &promised);
    let predicted = ["gone", "ghost", "mapped", "retained_bytes"];
    assert_promised(&document["predicted"], &predicted);
}

#[test]
fn assertions_are_written_as_promised() {
    let body = Checked {
        holds: false,
        waited_ms: 0,
        assertions: vec![CheckedAssertion {
            text: "ghosts == 0".into(),
            holds: false,
            evidence: json!({ "count": 1 }),
        }],
        why: vec![why()],
        ghosts: vec![ghost()],
    };
    let document = written("check", body);
    let assertion = &document["assertions"][0];
    assert_promised(assertion, &["text", "holds", "evidence"]);
}

#[test]
fn a_schema_that_lets_everything_pass_is_none() {
    for of in ["why", "refs", "ghosts", "plan", "check"] {
        let envelope = Envelope::live(of, None);
        let bare = serde_json::to_value(envelope).expect("JSON");
        check(of, &bare).expect_err("a document without an answer");
    }
}

#[test]
fn a_wrong_command_line_is_told_before_anything_is_looked_at() {
    for arguments in [
        &["why", "1"][..],
        &["why", "json"],
        &["why", "1", "json", "re"],
        &["why", "1", "json", "--snapshot", "shadow"],
        &["why", "1", "json", "--max-stop", "long"],
        &["why", "1", "json", "--dot", "--json"],
        &["refs", "1"],
        &["refs", "1", "json", "re"],
        &["plan", "1"],
        &["plan", "json"],
        &["ghosts"],
        &["ghosts", "1", "json", "re"],
    ] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn a_process_that_is_not_there_is_told() {
    for arguments in [
        &["why", "99999999", "json"][..],
        &["refs", "99999999", "json"],
        &["plan", "99999999", "json"],
        &["ghosts", "99999999"],
        &["check", "99999999", "loaded json"],
    ] {
        assert_eq!(run(arguments).code, 3, "{arguments:?}");
    }
}
