//! Builds whose objects all begin 16 bytes later, derived from the default build.
//!
//! Both functions take the table apart completely, so that a member added to a table is a compile
//! error here until it has been decided whether it moves.

#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;

/// How much longer `PyObject` is with TRACE_REFS, and without the GIL.
const LONGER: u32 = 16;

const fn later<T: Copy>(field: Field<T>) -> Field<T> {
    at(field.offset() as u32 + LONGER)
}

const fn later_if<T: Copy>(field: Option<Field<T>>) -> Option<Field<T>> {
    match field {
        Some(field) => Some(later(field)),
        None => None,
    }
}

const LONGER_SIZE: u64 = LONGER as u64;

/// The table of a `Py_TRACE_REFS` build, up to 3.12: every object begins with two links more
/// (`_ob_next`, `_ob_prev`; `Include/object.h`). To 3.7 every `Py_DEBUG` build is one.
/// From 3.13 on the links are a hash table of the interpreter, and objects are as usual.
pub const fn with_trace_refs(table: Layout) -> Layout {
    with_longer_header(Layout {
        header: Header {
            refcount: later(table.header.refcount),
            ..table.header
        },
        ..table
    })
}

/// The table of a build without the GIL, as far as it is the default build with a longer header:
/// `ob_tid`, flags, mutex, collector bits and two counts before `ob_type` (`Include/object.h`,
/// from 3.13 on). There are no collector lists and no `PyGC_Head`.
pub const fn without_gil(table: Layout) -> Layout {
    with_longer_header(Layout {
        header: Header {
            form: RefcountForm::Split {
                local: at(12),
                shared: at(16),
            },
            refcount: at(12),
            ..table.header
        },
        gc_head: GcHead {
            size: 0,
            form: GcForm::Unlisted,
            ..table.gc_head
        },
        pending_proven: false,
        ..table
    })
}

/// Moves every member of an object by [`LONGER`]; `refcount` is left to the caller.
const fn with_longer_header(table: Layout) -> Layout {
    let Layout {
        python,
        runtime,
        interpreter,
        thread,
        collector,
        pending,
        pending_proven,
        header,
        gc_head,
        class,
        module,
        dict,
        text,
        bytes,
        int,
        list,
        tuple,
        function,
        heap,
    } = table;
    Layout {
        python,
        runtime,
        interpreter,
        thread,
        collector,
        pending,
        pending_proven,
        header: longer_header(header),
        gc_head,
        class: longer_class(class),
        module: longer_module(module),
        dict: longer_dict(dict),
        text: longer_text(text),
        bytes: Bytes {
            data: bytes.data + LONGER_SIZE,
        },
        int: longer_int(int),
        list: List {
            items: later(list.items),
        },
        tuple: Tuple {
            items: tuple.items + LONGER_SIZE,
        },
        function: longer_function(function),
        // Its offsets are those of the default build.
        heap: Heap {
            later: heap.later + LONGER_SIZE,
            ..heap
        },
    }
}

const fn longer_header(header: Header) -> Header {
    let Header {
        size,
        form,
        refcount,
        class,
        length,
    } = header;
    Header {
        size: size + LONGER_SIZE,
        form,
        refcount,
        class: later(class),
        length: later(length),
    }
}

const fn longer_class(class: Class) -> Class {
    let Class {
        size,
        heap_size,
        name,
        basicsize,
        flags,
        base,
        dict,
        dictoffset,
        mro,
        heap_name,
    } = class;
    Class {
        size: size + LONGER_SIZE,
        heap_size: heap_size + LONGER_SIZE,
        name: later(name),
        basicsize: later(basicsize),
        flags: later(flags),
        base: later(base),
        dict: later(dict),
        dictoffset: later(dictoffset),
        mro: later(mro),
        heap_name: later(heap_name),
    }
}

const fn longer_module(module: Module) -> Module {
    let Module {
        size,
        dict,
        definition,
        name,
    } = module;
    Module {
        size: size + LONGER_SIZE,
        dict: later(dict),
        definition: later_if(definition),
        name: later_if(name),
    }
}

/// The keys object is no `PyObject` and stays as it is.
const fn longer_dict(dict: Dict) -> Dict {
    let Dict {
        size,
        used,
        version_tag,
        keys,
        values,
        keys_form,
        values_form,
        keys_usable,
        keys_entries,
        keys_indices,
    } = dict;
    Dict {
        // The 2.7 dict ends with eight entries; they move with the rest.
        size: size + LONGER_SIZE,
        used: later(used),
        version_tag: later_if(version_tag),
        keys: later_if(keys),
        values: later_if(values),
        keys_form: match keys_form {
            DictKeysForm::Table { table, mask } => DictKeysForm::Table {
                table: later(table),
                mask: later(mask),
            },
            outside @ (DictKeysForm::Sized { .. } | DictKeysForm::Logged { .. }) => outside,
        },
        values_form,
        keys_usable,
        keys_entries,
        keys_indices,
    }
}

const fn longer_text(text: Text) -> Text {
    let Text {
        form,
        length,
        state,
        ascii_size,
        compact_size,
        data,
    } = text;
    Text {
        form,
        length: later(length),
        state: later(state),
        ascii_size: ascii_size + LONGER_SIZE,
        compact_size: compact_size + LONGER_SIZE,
        data: later(data),
    }
}

const fn longer_int(int: Int) -> Int {
    let Int { form, digits } = int;
    Int {
        form: match form {
            IntForm::Tag(tag) => IntForm::Tag(later(tag)),
            IntForm::SignedLength => IntForm::SignedLength,
        },
        digits: digits + LONGER_SIZE,
    }
}

const fn longer_function(function: Function) -> Function {
    let Function {
        size,
        globals,
        code,
    } = function;
    Function {
        size: size + LONGER_SIZE,
        globals: later(globals),
        code: later(code),
    }
}
