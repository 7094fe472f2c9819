//! The table of modules read from outside equals what the program itself sees, on every interpreter.

mod common;

use common::{Interpreter, Target, on_every_interpreter, program};
use pyunload::modules::inventory::{Inventory, inventory, inventory_of_still};
use pyunload::modules::kind::Kind;
use pyunload::modules::row::ModuleRow;
use pyunload::pyobject::identify;
use pyunload::target::process::Process;
use serde_json::{Value, json};

/// The zoo, read in both ways.
struct Zoo {
    facts: Value,
    rows: Vec<Value>,
    live: Inventory,
    still: Inventory,
}

fn visit(interpreter: &Interpreter, arguments: &[&str]) -> Result<Zoo, String> {
    let target = Target::start(interpreter, &program("zoo.py"), arguments).at_rest();
    let mut printed = target
        .printed()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    let facts: Value = printed.next().expect("a first line");
    let process = Process::open(target.pid()).map_err(|error| error.to_string())?;
    let found = identify::find(&process).map_err(|error| error.to_string())?;
    let (python, main) = (&found.python, found.python.main());
    let live = inventory(&process, python, main).map_err(|error| error.to_string())?;
    let still = inventory_of_still(&process, python, main).map_err(|error| error.to_string())?;
    Ok(Zoo {
        facts,
        rows: printed.collect(),
        live,
        still,
    })
}

/// A row in the form in which the zoo prints its own.
fn as_printed(row: &ModuleRow) -> Value {
    json!({
        "name": row.name,
        "name_is_repr": row.name_is_repr,
        "type": row.class,
        "address": row.address.value(),
        "dict": row.dict.map(|dict| dict.value()),
        "refcount": row.refcount,
        "file": row.file,
        "cached": row.cached,
        "origin": row.origin,
        "loader": row.loader,
        "version": row.version,
        "package": row.package,
    })
}

/// What may differ, with its reason; the printed row is made to agree where it may.
fn allow(mut printed: Value, row: &ModuleRow) -> Value {
    // None, small numbers and short texts are shared by all code: printing the table itself made
    // and dropped references to them.
    let is_shared = ["NoneType", "int", "str"].contains(&row.class.as_deref().unwrap_or(""));
    if is_shared {
        printed["refcount"] = json!(row.refcount);
    }
    printed
}

fn compare(printed: &[Value], read: &[ModuleRow]) -> Result<(), String> {
    let names = |rows: &mut dyn Iterator<Item = &Value>| -> Vec<Value> {
        rows.map(|row| row["name"].clone()).collect()
    };
    let read_rows: Vec<Value> = read.iter().map(as_printed).collect();
    let (ours, theirs) = (names(&mut read_rows.iter()), names(&mut printed.iter()));
    if ours != theirs {
        let at = ours
            .iter()
            .zip(&theirs)
            .position(|(ours, theirs)| ours != theirs);
        return Err(format!(
            "{} names read, {} printed; first difference at {at:?}: {:?} / {:?}",
            ours.len(),
            theirs.len(),
            at.map(|at| &ours[at]),
            at.map(|at| &theirs[at]),
        ));
    }
    let differences: Vec<String> = printed
        .iter()
        .zip(read)
        .filter_map(|(printed, row)| {
            let (expected, got) = (allow(printed.clone(), row), as_printed(row));
            (expected != got).then(|| difference(&expected, &got))
        })
        .collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} rows differ: {}",
        differences.len(),
        differences[..differences.len().min(12)].join("\n  ")
    ))
}

fn difference(expected: &Value, got: &Value) -> String {
    let fields = expected.as_object().expect("a row");
    let parts: Vec<String> = fields
        .iter()
        .filter(|(field, value)| got[field.as_str()] != **value)
        .map(|(field, value)| format!("{field} is {}, read {}", value, got[field.as_str()]))
        .collect();
    format!("{}: {}", expected["name"], parts.join("; "))
}

#[test]
fn the_table_equals_what_the_program_itself_sees() {
    on_every_interpreter(|interpreter| {
        for arguments in [&[][..], &["plain"][..]] {
            let zoo = visit(interpreter, arguments)?;
            assert!(
                zoo.rows.len() > 320,
                "{} modules are too few",
                zoo.rows.len()
            );
            compare(&zoo.rows, &zoo.live.rows).map_err(|error| format!("live: {error}"))?;
            compare(&zoo.rows, &zoo.still.rows).map_err(|error| format!("still: {error}"))?;
            let unexpected: Vec<&String> = zoo
                .live
                .warnings
                .iter()
                .filter(|warning| !is_expected(warning))
                .collect();
            if !unexpected.is_empty() {
                return Err(format!("warnings {unexpected:?}"));
            }
        }
        Ok(())
    });
}

/// Warnings that the zoo asks for: attributes that hold what is no text.
fn is_expected(warning: &str) -> bool {
    warning.starts_with("odd_names: ") && warning.contains(" is no str but of class int")
}

#[test]
fn every_kind_is_told_from_memory() {
    on_every_interpreter(|interpreter| {
        let is_python_2 = interpreter.minor() < (3, 0);
        let zoo = visit(interpreter, &[])?;
        let mut expected = vec![
            ("many_150", Kind::Source),
            ("pkg", Kind::Source),
            ("pkg.sub", Kind::Source),
            ("alias_of_pkg", Kind::Source),
            ("zipped", Kind::Source),
            ("sys", Kind::Builtin),
            ("__main__", Kind::Source),
            ("a_number", Kind::Other),
            ("an_object", Kind::Other),
            ("a_class", Kind::Other),
            ("subclass", Kind::Other),
            ("subclass_with_file", Kind::Source),
            ("without_names", Kind::Other),
            ("ten_thousand_globals", Kind::Source),
        ];
        if let Some(extension) = zoo.facts["extension"].as_str() {
            expected.push((extension, Kind::Extension));
        }
        if is_python_2 {
            expected.extend([
                ("__builtin__", Kind::Builtin),
                ("__hello__", Kind::Frozen),
                ("pkg.os", Kind::Stub),
                // The .pyc is all that was ever there, but 2.7 names a .pyc for any module that it
                // loaded from its cache: memory does not tell.
                ("bare", Kind::Source),
            ]);
        } else {
            expected.extend([
                ("builtins", Kind::Builtin),
                ("none_value", Kind::Blocked),
                ("bare", Kind::Sourceless),
                ("spacious", Kind::Namespace),
                ("_frozen_importlib", Kind::Frozen),
            ]);
        }
        let wrong: Vec<String> = expected
            .into_iter()
            .filter_map(|(name, kind)| {
                let row = zoo.live.rows.iter().find(|row| row.name == name);
                let found = row.map(|row| row.kind);
                (found != Some(kind)).then(|| format!("{name} is {found:?}, not {kind:?}"))
            })
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    });
}

#[test]
fn other_keys_of_one_module_are_its_aliases() {
    on_every_interpreter(|interpreter| {
        let zoo = visit(interpreter, &["plain"])?;
        let aliases = |name: &str| -> Vec<&str> {
            let row = zoo.live.rows.iter().find(|row| row.name == name);
            row.into_iter()
                .flat_map(|row| &row.aliases)
                .map(String::as_str)
                .collect()
        };
        if aliases("pkg") != ["alias_of_pkg"] || aliases("alias_of_pkg") != ["pkg"] {
            return Err(format!("aliases of pkg: {:?}", aliases("pkg")));
        }
        if !aliases("none_value").is_empty() {
            return Err(format!("None has aliases: {:?}", aliases("none_value")));
        }
        Ok(())
    });
}
