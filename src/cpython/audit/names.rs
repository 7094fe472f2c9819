//! The name of every value of a table in `scripts/offsets/fields.txt`.

use super::heap_names::name_heap;
#[allow(clippy::wildcard_imports)]
use crate::cpython::layout::*;
use crate::cpython::layout_heap::Keepers;

pub(super) type Named = Vec<(&'static str, Option<u64>)>;

pub(super) fn offset<T>(field: Option<Field<T>>) -> Option<u64> {
    field.map(Field::offset)
}

impl Layout {
    /// Every offset and size of the table under its name in `scripts/offsets/fields.txt`, with
    /// `None` for what this version does not have. A name may be a sum or difference of two.
    ///
    /// The structures are taken apart completely, so that a new member has to be named here.
    pub fn named_offsets(&self) -> Vec<(&'static str, Option<u64>)> {
        let Layout {
            python,
            runtime,
            interpreter,
            thread,
            collector,
            pending,
            pending_proven: _,
            header,
            gc_head,
            class,
            module,
            dict,
            text,
            bytes: Bytes { data },
            int,
            list: List { items },
            tuple: Tuple { items: first },
            function,
            heap,
        } = self;
        let mut named = Named::new();
        if let Some(runtime) = runtime {
            name_runtime(&mut named, runtime);
        }
        name_interpreter(&mut named, interpreter);
        name_thread(&mut named, thread);
        name_collector(&mut named, collector);
        name_pending(&mut named, pending);
        name_header(&mut named, header, gc_head);
        name_class(&mut named, class);
        name_module(&mut named, module, *python);
        name_dict(&mut named, dict);
        name_text(&mut named, text);
        name_int(&mut named, int);
        name_function(&mut named, function);
        name_heap(&mut named, heap);
        name_keepers(&mut named, &heap.keepers);
        named.push(("bytes.val", Some(*data)));
        named.push(("list.item", Some(items.offset())));
        named.push(("tuple.item", Some(*first)));
        named
    }
}

fn name_runtime(named: &mut Named, runtime: &Runtime) {
    let Runtime {
        size,
        initialized,
        finalizing,
        interpreters_head,
        interpreters_main,
        main_thread,
    } = runtime;
    named.extend([
        ("runtime.size", Some(*size)),
        ("runtime.initialized", Some(initialized.offset())),
        ("runtime.finalizing", Some(finalizing.offset())),
        ("runtime.interp_head", Some(interpreters_head.offset())),
        ("runtime.interp_main", Some(interpreters_main.offset())),
        ("runtime.main_thread", Some(main_thread.offset())),
    ]);
}

fn name_interpreter(named: &mut Named, interpreter: &Interpreter) {
    let Interpreter {
        next,
        id,
        threads_head,
        modules,
        sysdict,
        finalizing,
    } = interpreter;
    named.extend([
        ("interp.next", Some(next.offset())),
        ("interp.id", offset(*id)),
        ("interp.threads_head", Some(threads_head.offset())),
        ("interp.modules", Some(modules.offset())),
        ("interp.sysdict", Some(sysdict.offset())),
        ("interp.finalizing", offset(*finalizing)),
    ]);
}

fn name_thread(named: &mut Named, thread: &ThreadState) {
    let ThreadState {
        next,
        interpreter,
        thread_id,
        native_thread_id,
        eval_breaker,
    } = thread;
    named.extend([
        ("tstate.next", Some(next.offset())),
        ("tstate.interp", Some(interpreter.offset())),
        ("tstate.thread_id", Some(thread_id.offset())),
        ("tstate.native_thread_id", offset(*native_thread_id)),
        ("tstate.eval_breaker", offset(*eval_breaker)),
    ]);
}

/// Without `generations` where `generation0` points there: that offset is derived from memory.
fn name_collector(named: &mut Named, collector: &Collector) {
    let Collector {
        place,
        enabled,
        generations,
        generation0,
        permanent,
        collecting,
        generation_size,
    } = collector;
    named.extend(name_place("runtime.gc", "interp.gc", *place));
    named.push(("gcgen.size", Some(*generation_size)));
    if *place != Place::Static {
        named.extend([
            ("gc.enabled", offset(*enabled)),
            ("gc.generation0", offset(*generation0)),
            ("gc.permanent", offset(*permanent)),
            ("gc.collecting", offset(*collecting)),
        ]);
        if generation0.is_none() {
            named.push(("gc.young", Some(generations.offset())));
        }
    }
}

/// A place under the name it has in the structure it is in.
fn name_place(
    runtime: &'static str,
    interpreter: &'static str,
    place: Place,
) -> Option<(&'static str, Option<u64>)> {
    match place {
        Place::Static => None,
        Place::Runtime(offset) => Some((runtime, Some(u64::from(offset)))),
        Place::Interpreter(offset) => Some((interpreter, Some(u64::from(offset)))),
    }
}

/// The table counts from the lock, C from the start of `struct _pending_calls`.
fn name_pending(named: &mut Named, pending: &Pending) {
    let Pending {
        place,
        form,
        lock: _,
        calls_to_do,
        calls,
        first,
        last,
        wake,
    } = pending;
    let runtime = match wake {
        Wake::Runtime(_) | Wake::Static => "runtime.pending+pending.lock",
        Wake::Interpreter(_) | Wake::ThreadBit => "runtime.pending_mainthread+pending.lock",
    };
    named.extend(name_place(runtime, "interp.pending+pending.lock", *place));
    if *place != Place::Static {
        let (last_name, count_name) = match form {
            PendingForm::Indexed => (
                "pending.last-pending.lock",
                "pending.calls_to_do-pending.lock",
            ),
            PendingForm::Counted => (
                "pending.next-pending.lock",
                "pending.calls_to_do-pending.lock",
            ),
        };
        named.extend([
            (count_name, Some(calls_to_do.offset())),
            ("pending.calls-pending.lock", Some(calls.offset())),
            ("pending.first-pending.lock", Some(first.offset())),
            (last_name, Some(last.offset())),
        ]);
    }
    named.extend(match wake {
        Wake::Static | Wake::ThreadBit => None,
        Wake::Runtime(offset) => Some(("runtime.eval_breaker", Some(u64::from(*offset)))),
        Wake::Interpreter(offset) => Some(("interp.eval_breaker", Some(u64::from(*offset)))),
    });
}

fn name_header(named: &mut Named, header: &Header, gc_head: &GcHead) {
    let Header {
        size,
        form,
        refcount,
        class,
        length,
    } = header;
    named.extend([
        ("obj.size", Some(*size)),
        ("obj.type", Some(class.offset())),
        ("var.size", Some(length.offset())),
    ]);
    match form {
        RefcountForm::Split { local, shared } => named.extend([
            ("obj.ft_ref_local", Some(local.offset())),
            ("obj.ft_ref_shared", Some(shared.offset())),
        ]),
        RefcountForm::Word | RefcountForm::WordImmortal | RefcountForm::Half => {
            named.push(("obj.refcnt", Some(refcount.offset())));
        }
    }
    let GcHead {
        size,
        form,
        next,
        prev,
    } = gc_head;
    if *form != GcForm::Unlisted {
        named.extend([
            ("gchead.size", Some(*size)),
            ("gchead.next", Some(next.offset())),
            ("gchead.prev", Some(prev.offset())),
        ]);
    }
}

fn name_class(named: &mut Named, class: &Class) {
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
    named.extend([
        ("type.size", Some(*size)),
        ("heaptype.size", Some(*heap_size)),
        ("type.name", Some(name.offset())),
        ("type.basicsize", Some(basicsize.offset())),
        ("type.flags", Some(flags.offset())),
        ("type.base", Some(base.offset())),
        ("type.dict", Some(dict.offset())),
        ("type.dictoffset", Some(dictoffset.offset())),
        ("type.mro", Some(mro.offset())),
        ("heaptype.name", Some(heap_name.offset())),
    ]);
}

fn name_module(named: &mut Named, module: &Module, python: (u8, u8)) {
    let Module {
        size,
        dict,
        definition,
        name,
    } = module;
    let definition_name = if python >= (3, 15) {
        "module.token"
    } else {
        "module.def"
    };
    named.extend([
        ("module.size", Some(*size)),
        ("module.dict", Some(dict.offset())),
        (definition_name, offset(*definition)),
        ("module.name", offset(*name)),
    ]);
}

fn name_dict(named: &mut Named, dict: &Dict) {
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
    named.extend([
        ("dict.size", Some(*size)),
        ("dict.used", Some(used.offset())),
        ("dict.version_tag", offset(*version_tag)),
        ("dict.keys", offset(*keys)),
        ("dict.values", offset(*values)),
    ]);
    match keys_form {
        DictKeysForm::Table { table, mask } => named.extend([
            ("dict.table", Some(table.offset())),
            ("dict.mask", Some(mask.offset())),
        ]),
        DictKeysForm::Sized { slots } => named.push(("dictkeys.dk_size", Some(slots.offset()))),
        DictKeysForm::Logged {
            log2_slots,
            log2_index_bytes,
            kind,
        } => named.extend([
            ("dictkeys.log2_size", Some(log2_slots.offset())),
            ("dictkeys.log2_index_bytes", Some(log2_index_bytes.offset())),
            ("dictkeys.kind", Some(kind.offset())),
        ]),
    }
    if keys.is_some() {
        named.extend([
            ("dictkeys.usable", Some(keys_usable.offset())),
            ("dictkeys.nentries", Some(keys_entries.offset())),
            ("dictkeys.indices", Some(*keys_indices)),
        ]);
    }
    if let DictValuesForm::Behind(offset) = values_form {
        named.push(("dictvalues.values", Some(u64::from(*offset))));
    }
}

fn name_text(named: &mut Named, text: &Text) {
    let Text {
        form,
        length,
        state,
        ascii_size,
        compact_size,
        data,
    } = text;
    named.extend([
        ("unicode.length", Some(length.offset())),
        ("unicode.data", Some(data.offset())),
    ]);
    if *form != TextForm::Units {
        named.extend([
            ("unicode.state", Some(state.offset())),
            ("unicode.ascii_size", Some(*ascii_size)),
            ("unicode.compact_size", Some(*compact_size)),
        ]);
    }
}

fn name_int(named: &mut Named, int: &Int) {
    let Int { form, digits } = int;
    let tag = match form {
        IntForm::SignedLength => None,
        IntForm::Tag(tag) => Some(tag.offset()),
    };
    named.extend([("long.tag", tag), ("long.digit", Some(*digits))]);
}

fn name_function(named: &mut Named, function: &Function) {
    let Function {
        size,
        globals,
        code,
    } = function;
    named.extend([
        ("func.size", Some(*size)),
        ("func.globals", Some(globals.offset())),
        ("func.code", Some(code.offset())),
    ]);
}

/// Members of the interpreter state that keep something, with their names in the list.
const INTERPRETER: [(&str, &str); 20] = [
    ("interp.modules_by_index", "modules_by_index"),
    ("interp.builtins", "builtins"),
    ("interp.importlib", "importlib"),
    ("interp.dict", "dict"),
    ("interp.codec_search_path", "codec_search_path"),
    ("interp.codec_search_cache", "codec_search_cache"),
    ("interp.codec_error_registry", "codec_error_registry"),
    ("interp.builtins_copy", "builtins_copy"),
    ("interp.import_func", "import_func"),
    ("interp.before_forkers", "before_forkers"),
    ("interp.after_forkers_parent", "after_forkers_parent"),
    ("interp.after_forkers_child", "after_forkers_child"),
    ("interp.atexit_callbacks", "atexit_callbacks"),
    ("interp.atexit_count", "atexit_count"),
    ("interp.identifiers", "identifiers"),
    ("interp.identifiers_size", "identifiers_size"),
    ("interp.audit_hooks", "audit_hooks"),
    ("interp.func_version_cache", "func_version_cache"),
    ("interp.monitoring_callables", "monitoring_callables"),
    ("interp.monitoring_tool_names", "monitoring_tool_names"),
];

/// Members of the thread state that keep something. From 3.11 on frames are no objects.
const THREAD: [(&str, &str); 11] = [
    ("tstate.dict", "dict"),
    ("tstate.async_exc", "async_exc"),
    ("tstate.c_profileobj", "c_profileobj"),
    ("tstate.c_traceobj", "c_traceobj"),
    ("tstate.current_exception", "current_exception"),
    ("tstate.exc_state", "exc_state"),
    ("tstate.coroutine_wrapper", "coroutine_wrapper"),
    ("tstate.async_gen_firstiter", "async_gen_firstiter"),
    ("tstate.async_gen_finalizer", "async_gen_finalizer"),
    ("tstate.context", "context"),
    ("tstate.threading_local_key", "threading_local_key"),
];

/// A build whose headers nobody has asked has no names, and then there is nothing to compare.
fn name_keepers(named: &mut Named, keepers: &Keepers) {
    if !keepers.interpreter.is_empty() {
        let members = INTERPRETER.iter();
        named.extend(members.map(|&(name, member)| (name, keepers.interpreter_member(member))));
    }
    let members = THREAD.iter();
    named.extend(members.map(|&(name, member)| (name, keepers.thread_member(member))));
    named.push(("runtime.signal_handlers", keepers.signals));
}
