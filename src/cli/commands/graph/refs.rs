//! The references to a module, accounted for.

use super::holders::{holder, object};
use super::take::Seen;
use crate::cpython::python::Interpreter;
use crate::heap::reach::Paths;
use crate::modules::picture::Holder;
use crate::pyobject::edges::roots::RootPlace;
use crate::report::{Accounted, Counted, HeldBy, Refs, Via};

/// The answer; `None` when the module is not loaded.
pub fn answer(picture: &Seen<'_>, interpreter: &Interpreter, name: &str) -> Option<Refs> {
    let mut tables = picture.tables.iter();
    let table = tables.find(|table| table.interpreter.id == interpreter.id)?;
    let row = table.rows.iter().find(|row| row.name == name)?;
    let module = picture.graph.find(row.address)?;
    let globals = row.dict.and_then(|dict| picture.graph.find(dict));
    let paths = Paths::of(&picture.graph);
    Some(Refs {
        module: account(picture, &paths, module, name),
        globals: globals.map(|globals| account(picture, &paths, globals, name)),
    })
}

fn account(picture: &Seen<'_>, paths: &Paths, node: u32, name: &str) -> Accounted {
    let graph = &picture.graph;
    let refcount = graph.refcount(node);
    let mut referrers: Vec<u32> = graph.referrers(node).to_vec();
    referrers.sort_unstable();
    referrers.dedup();
    let mut references: Vec<HeldBy> = Vec::new();
    for from in referrers {
        let module = module_of(picture, paths, from);
        for edge in picture.names_of(from, node) {
            references.push(HeldBy {
                holder: object(picture, from),
                edge: picture.tracer().label(graph.address(from), edge),
                via: Via::Heap,
                module: module.clone(),
            });
        }
    }
    references.extend(picture.holders_of(node).into_iter().map(|place| {
        let (object, edge) = holder(picture, place);
        HeldBy {
            via: via(picture, place),
            holder: object,
            edge: edge.trim_start().to_owned(),
            module: None,
        }
    }));
    Accounted {
        object: Counted {
            name: name.to_owned(),
            address: graph.address(node).into(),
            refcount: refcount.map(i64::from),
            immortal: refcount.is_none(),
        },
        explained: references.len() as u64,
        unexplained: refcount.map(|_| i64::from(graph.unexplained(node))),
        references,
    }
}

fn via(picture: &Seen<'_>, place: Holder) -> Via {
    use crate::heap::statics::AreaKind;
    match place {
        Holder::Python(RootPlace::Frame { .. }, _) => Via::Frame,
        Holder::Python(_, _) => Via::Interpreter,
        Holder::Word { area, .. } => {
            match picture.areas.get(area as usize).map(|area| &area.kind) {
                Some(AreaKind::Stack) => Via::Stack,
                _ => Via::Static,
            }
        }
    }
}

/// The module in whose namespace an object lives: the last one on the way to it.
fn module_of(picture: &Seen<'_>, paths: &Paths, node: u32) -> Option<String> {
    let way = paths.to(node);
    let is_loaded = |&&node: &&u32| {
        let namespace = picture.namespaces.of_dict(node);
        namespace.is_some_and(|namespace| namespace.is_loaded)
    };
    way.iter()
        .rev()
        .find(is_loaded)
        .and_then(|&dict| picture.module_name(dict))
}
