//! Objects of every kind: each reader of one object, and the references out of all that are found.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pyunload::address::Address;
use pyunload::pyobject::class::Classes;
use pyunload::pyobject::code::{CodeReader, read_instructions};
use pyunload::pyobject::edges::tracer::Tracer;
use pyunload::pyobject::text::Kind;
use pyunload::pyobject::{class, function, header, instance, int, module, repr, sequence, text};
use pyunload_fuzz::objects::{BASE, HEAD, Objects};
use std::collections::HashSet;

pyunload_fuzz::fuzz_words!(HEAD, BASE);

/// How many objects are looked at.
const MOST: usize = 200;

fn read_as_everything(objects: &Objects, at: Address) {
    let (memory, layout) = (&objects.memory, &objects.python.layout);
    let _ = header::read(memory, layout, at);
    let _ = text::read(memory, layout, at);
    for kind in [Kind::Unicode, Kind::Bytes] {
        let _ = text::read_kind(memory, layout, at, kind)
            .map(|text| repr::of_text(layout, kind, &text));
    }
    let _ = int::read(memory, layout, at).map(|int| int.to_string());
    let _ = int::read_plain(memory, layout, at);
    let _ = sequence::read_list(memory, layout, at);
    let _ = sequence::read_tuple(memory, layout, at);
    let _ = module::read(memory, layout, at);
    let _ = function::read(memory, layout, at);
    let mut classes = Classes::default();
    let _ = repr::read(memory, layout, &mut classes, at);
    if let Ok(class) = class::read(memory, layout, at) {
        let _ = class::read_qualified_name(memory, layout, &class);
        let _ = instance::find_attributes(memory, layout, &[(objects.entry, &class)], &[None]);
    }
    let _ = read_instructions(memory, layout, at);
    if let Some(mut reader) = CodeReader::new(memory, layout) {
        let _ = reader.read(at);
        let _ = reader.read_constant(at);
    }
}

fuzz_target!(|input: &[u8]| {
    let Some(objects) = Objects::of(input) else {
        return;
    };
    read_as_everything(&objects, objects.entry);
    let mut tracer = Tracer::new(&objects.memory, &objects.python);
    let mut wanted = vec![objects.entry];
    tracer.visit_roots(&mut |root| wanted.push(root.to));
    let _ = tracer.main_thread();
    let mut seen = HashSet::new();
    while let Some(at) = wanted.pop() {
        if seen.len() >= MOST || !seen.insert(at) || !tracer.is_object(at) {
            continue;
        }
        let _ = (tracer.kind(at), tracer.size(at), tracer.refcount(at));
        let _ = tracer.class_of(at).map(|class| tracer.class_name(class));
        let mut edges = Vec::new();
        tracer.visit(at, &mut |edge| edges.push(edge));
        wanted.extend(edges.iter().take(MOST).map(|edge| edge.to));
        for edge in edges.iter().take(8) {
            let _ = tracer.label(at, edge.name);
        }
    }
});
