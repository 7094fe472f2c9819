//! The name of every value of [`Heap`] in `scripts/offsets/fields.txt`, and the members of plain
//! structures under their names in C.

use super::names::{Named, offset};
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// Every member that a table says owns a reference, or leads to what does, and that only the source
/// files of CPython describe: structure, member, offset in this build.
pub fn named_members(heap: &Heap) -> Vec<(&'static str, &'static str, u64)> {
    let later = heap.later;
    let mut named = Vec::new();
    for structure in heap.structures.current() {
        let members = structure.members();
        named.extend(members.map(|(member, at)| (structure.name, member, at + later)));
    }
    let deque = &heap.deque;
    let deques = [
        ("leftblock", deque.left_block.offset()),
        ("rightblock", deque.right_block.offset()),
        ("leftindex", deque.left_index.offset()),
        ("rightindex", deque.right_index.offset()),
    ];
    named.extend(deques.map(|(member, at)| ("dequeobject", member, at + later)));
    named.push(("struct BLOCK", "data", deque.items));
    named.push(("struct BLOCK", "rightlink", deque.right_link));
    if let Some(ring) = &heap.ring {
        let rings = [
            ("buf.get_idx", ring.first.offset()),
            ("buf.items", ring.items.offset()),
            ("buf.items_cap", ring.capacity.offset()),
            ("buf.num_items", ring.count.offset()),
        ];
        named.extend(rings.map(|(member, at)| ("simplequeueobject", member, at + later)));
    }
    let element = &heap.element;
    named.push(("ElementObject", "extra", element.extra.offset() + later));
    named.push(("ElementObjectExtra", "length", element.length.offset()));
    named.push(("ElementObjectExtra", "children", element.children.offset()));
    named
}

/// The values of [`Heap`] that headers state.
pub(super) fn name_heap(named: &mut Named, heap: &Heap) {
    let Heap {
        later,
        structures: _,
        keepers: _,
        class,
        module_state,
        attributes: _,
        deque: _,
        ring: _,
        list_allocated,
        set_key: _,
        code,
        frame,
        generator,
        element: _,
        interpreter,
        thread_size,
    } = heap;
    let mut objects = Named::new();
    name_class(&mut objects, class);
    objects.push(("list.allocated", Some(list_allocated.offset())));
    if let Some(ModuleState { state, size }) = module_state {
        objects.push(("module.state", Some(state.offset())));
        objects.push(match size {
            StateSize::Definition(size) => ("moddef.m_size", Some(size.offset())),
            StateSize::Module(size) => ("module.state_size", Some(size.offset())),
        });
    }
    name_code(&mut objects, code);
    if let Some(generator) = generator {
        objects.push(("gen.iframe", Some(generator.frame)));
        objects.push(("gen.frame_state", Some(generator.state.offset())));
    }
    match frame {
        FrameForm::Objects(frame) => name_frame_objects(&mut objects, named, frame),
        FrameForm::Structures(frame) => name_frame_structures(&mut objects, named, frame),
    }
    let moved = |(name, at): (&'static str, Option<u64>)| (name, at.map(|at| at + later));
    named.extend(objects.into_iter().map(moved));
    name_interpreter(named, interpreter);
    let is_extended = matches!(heap.frame, FrameForm::Structures(frame) if frame.cframe.is_none());
    let name = if is_extended {
        "tstateimpl.size"
    } else {
        "tstate.size"
    };
    named.push((name, Some(*thread_size)));
}

fn name_class(named: &mut Named, class: &ClassMembers) {
    let ClassMembers {
        itemsize,
        weaklistoffset,
        members,
        bases,
        cache,
        subclasses,
        slots,
        qualname,
        cached_keys,
        module,
    } = class;
    named.extend([
        ("type.itemsize", Some(itemsize.offset())),
        ("type.weaklistoffset", Some(weaklistoffset.offset())),
        ("type.members", Some(members.offset())),
        ("type.bases", Some(bases.offset())),
        ("type.cache", Some(cache.offset())),
        ("type.subclasses", Some(subclasses.offset())),
        ("heaptype.slots", Some(slots.offset())),
        ("heaptype.qualname", offset(*qualname)),
        ("heaptype.cached_keys", offset(*cached_keys)),
        ("heaptype.module", offset(*module)),
    ]);
}

fn name_code(named: &mut Named, code: &Code) {
    let Code {
        stack_size,
        locals_plus,
        local_names,
        cell_names,
        name,
        cached,
    } = code;
    let (cells, free) = cell_names.unzip();
    let names = match cell_names {
        Some(_) => "code.varnames",
        None => "code.localsplusnames",
    };
    named.extend([
        ("code.stacksize", Some(stack_size.offset())),
        ("code.nlocalsplus", offset(*locals_plus)),
        (names, Some(local_names.offset())),
        ("code.cellvars", offset(cells)),
        ("code.freevars", offset(free)),
        ("code.name", Some(name.offset())),
        ("code.cached", offset(*cached)),
    ]);
}

fn name_top(named: &mut Named, top: StackTop) {
    named.push(match top {
        StackTop::Pointer(top) => ("frameobj.stacktop", Some(top.offset())),
        StackTop::Depth(depth) => ("frameobj.stackdepth", Some(depth.offset())),
        StackTop::Count(count) => ("iframe.stacktop", Some(count.offset())),
        StackTop::Tagged(top) => ("iframe.stackpointer", Some(top.offset())),
    });
}

fn name_frame_objects(objects: &mut Named, named: &mut Named, frame: &FrameObjects) {
    let FrameObjects {
        thread,
        back,
        code,
        value_stack,
        top,
        trace,
        exceptions,
        locals,
    } = frame;
    named.push(("tstate.frame", Some(thread.offset())));
    name_top(objects, *top);
    objects.extend([
        ("frameobj.back", Some(back.offset())),
        ("frameobj.code", Some(code.offset())),
        ("frameobj.valuestack", Some(value_stack.offset())),
        ("frameobj.trace", Some(trace.offset())),
        ("frameobj.exc_type", offset(*exceptions)),
        ("frameobj.localsplus", Some(*locals)),
    ]);
}

fn name_frame_structures(objects: &mut Named, named: &mut Named, frame: &FrameStructures) {
    let FrameStructures {
        thread,
        cframe,
        code,
        function,
        locals,
        object,
        previous,
        top,
        owner,
        entry_owner: _,
        localsplus,
        object_frame,
        object_members: _,
    } = frame;
    let through = match cframe {
        Some(_) => "tstate.cframe",
        None => "tstate.frame",
    };
    name_top(named, *top);
    named.extend([
        (through, Some(thread.offset())),
        ("cframe.current", offset(*cframe)),
        ("iframe.code", Some(code.offset())),
        ("iframe.func", Some(function.offset())),
        ("iframe.locals", Some(locals.offset())),
        ("iframe.frame_obj", Some(object.offset())),
        ("iframe.previous", Some(previous.offset())),
        ("iframe.owner", Some(owner.offset())),
        ("iframe.localsplus", Some(*localsplus)),
    ]);
    objects.push(("frameobj.iframe", Some(object_frame.offset())));
}

fn name_interpreter(named: &mut Named, interpreter: &InterpreterState) {
    let InterpreterState {
        size,
        types,
        interned,
    } = interpreter;
    named.push(("interp.size", Some(*size)));
    named.push(("interp.interned", offset(*interned)));
    let Some(types) = types else { return };
    let StaticTypes {
        cache,
        builtins,
        extensions,
        size,
        dict,
        subclasses,
    } = types;
    named.extend([
        ("interp.types", Some(*cache)),
        ("interp.types_builtins", Some(*builtins)),
        ("interp.types_ext", *extensions),
        ("static_type.size", Some(*size)),
        ("static_type.dict", Some(dict.offset())),
        ("static_type.subclasses", Some(subclasses.offset())),
    ]);
}
