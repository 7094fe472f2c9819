//! The checks on an interpreter made of byte arrays.

use super::*;
use crate::cpython::layout::PendingForm;
use crate::cpython::tables::{V2_7, V3_11, V3_13_15, V3_13_15_FREE_THREADED};
use crate::target::fake::FakeMemory;

const RUNTIME: u64 = 0x10_0000;
const INTERPRETER: u64 = 0x20_0000;
const THREAD: u64 = 0x30_0000;
const MODULES: u64 = 0x40_0000;
const SYSDICT: u64 = 0x41_0000;
const DICT: u64 = 0x50_0000;
const TYPE: u64 = 0x51_0000;
const OBJECT: u64 = 0x52_0000;
const TUPLE: u64 = 0x53_0000;
const MRO: u64 = 0x60_0000;
const NAMES: u64 = 0x70_0000;

/// An interpreter in memory that is laid out as the table says.
struct Fake {
    memory: FakeMemory,
    layout: Layout,
}

impl Fake {
    fn new(layout: Layout) -> Self {
        let memory = FakeMemory::new()
            .with(RUNTIME, &[0; 0x8000])
            .with(INTERPRETER, &[0; 0x8000])
            .with(NAMES, b"dict\0type\0object\0tuple\0");
        let mut fake = Fake { memory, layout };
        for object in [THREAD, MODULES, SYSDICT, DICT, TYPE, OBJECT, TUPLE, MRO] {
            fake.memory.put(object, &[0; 0x1000]);
        }
        fake.fill_states();
        fake.fill_types();
        fake.fill_collector();
        fake.fill_queue();
        fake
    }

    fn put<T>(&mut self, field: Field<T>, base: u64, value: u64) {
        self.memory.put_word(base + field.offset(), value);
    }

    fn fill_states(&mut self) {
        let layout = self.layout.clone();
        if let Some(runtime) = layout.runtime {
            self.put(runtime.interpreters_head, RUNTIME, INTERPRETER);
        }
        self.put(layout.interpreter.threads_head, INTERPRETER, THREAD);
        self.put(layout.interpreter.modules, INTERPRETER, MODULES);
        self.put(layout.interpreter.sysdict, INTERPRETER, SYSDICT);
        self.put(layout.thread.interpreter, THREAD, INTERPRETER);
    }

    fn fill_types(&mut self) {
        let layout = self.layout.clone();
        let class = layout.class;
        let types = [
            (DICT, NAMES, layout.dict.size, DICT_FLAG),
            (TYPE, NAMES + 5, class.heap_size, TYPE_FLAG),
            (OBJECT, NAMES + 10, layout.header.size, 0),
            (TUPLE, NAMES + 17, layout.tuple.items, TUPLE_FLAG),
        ];
        for (at, name, size, flag) in types {
            self.put(layout.header.class, at, TYPE);
            self.put(class.name, at, name);
            self.put(class.basicsize, at, size);
            self.put(class.flags, at, flag | 1);
        }
        self.put(class.dictoffset, TYPE, class.dict.offset());
        self.put(class.base, DICT, OBJECT);
        self.put(class.mro, DICT, MRO);
        for (object, class) in [(MODULES, DICT), (SYSDICT, DICT), (MRO, TUPLE)] {
            self.put(layout.header.class, object, class);
        }
        self.put(layout.header.length, MRO, 2);
        self.memory.put_word(MRO + layout.tuple.items, DICT);
        self.memory.put_word(MRO + layout.tuple.items + 8, OBJECT);
    }

    fn collector(&self) -> Option<u64> {
        match self.layout.collector.place {
            Place::Static => None,
            Place::Runtime(offset) => Some(RUNTIME + u64::from(offset)),
            Place::Interpreter(offset) => Some(INTERPRETER + u64::from(offset)),
        }
    }

    /// Empty lists, as the table places them.
    fn fill_collector(&mut self) {
        let Some(state) = self.collector() else {
            return;
        };
        let collector = self.layout.collector;
        self.make_lists_at(state + collector.generations.offset());
        if let Some(permanent) = collector.permanent {
            self.make_list(state + permanent.offset());
        }
    }

    fn make_lists_at(&mut self, first: u64) {
        let collector = self.layout.collector;
        if let (Some(field), Some(state)) = (collector.generation0, self.collector()) {
            self.put(field, state, first);
        }
        for index in 0..3 {
            self.make_list(first + index * collector.generation_size);
        }
    }

    /// An empty list: its links lead to itself.
    fn make_list(&mut self, head: u64) {
        let links = self.layout.gc_head;
        self.put(links.next, head, head);
        self.put(links.prev, head, head);
    }

    fn queue(&self) -> u64 {
        match self.layout.pending.place {
            Place::Static => 0,
            Place::Runtime(offset) => RUNTIME + u64::from(offset),
            Place::Interpreter(offset) => INTERPRETER + u64::from(offset),
        }
    }

    fn fill_queue(&mut self) {
        let queue = self.queue();
        match self.layout.pending.form {
            PendingForm::Counted => self.memory.put(queue + 8, &32u32.to_le_bytes()),
            PendingForm::Indexed if queue != 0 => self.memory.put_word(queue, 0x90_0000),
            PendingForm::Indexed => {}
        }
    }

    fn check(&self) -> Result<Layout, Mismatch> {
        let runtime = self.layout.runtime.map(|_| Address::new(RUNTIME));
        self_check(
            &self.memory,
            &self.layout,
            runtime,
            Address::new(INTERPRETER),
        )
    }

    fn failed_check(&self) -> &'static str {
        self.check().expect_err("a mismatch").check
    }
}

#[test]
fn an_interpreter_laid_out_as_the_table_says_passes_unchanged() {
    for table in [V2_7, V3_11, V3_13_15, V3_13_15_FREE_THREADED] {
        assert_eq!(Fake::new(table.clone()).check(), Ok(table));
    }
}

#[test]
fn the_lists_of_the_collector_are_taken_from_where_memory_has_them() {
    let mut fake = Fake::new(V3_13_15);
    let state = fake.collector().expect("a place");
    fake.make_lists_at(state + 20);
    let layout = fake.check().expect("it passes");
    assert_eq!(layout.collector.generations.offset(), 20);
}

#[test]
fn lists_outside_the_collector_do_not_pass() {
    let mut fake = Fake::new(V3_13_15);
    fake.make_lists_at(INTERPRETER + 0x7000);
    assert_eq!(fake.failed_check(), "gc.generation0");
}

#[test]
fn a_list_that_does_not_close_does_not_pass() {
    let mut fake = Fake::new(V3_11);
    let state = fake.collector().expect("a place");
    let second = state + V3_11.collector.generations.offset() + V3_11.collector.generation_size;
    fake.put(V3_11.gc_head.next, second, second + 64);
    assert_eq!(fake.failed_check(), "PyGC_Head");
}

#[test]
fn flags_in_the_links_are_no_part_of_the_address() {
    let mut fake = Fake::new(V3_11);
    let head = fake.collector().expect("a place") + V3_11.collector.generations.offset();
    fake.put(V3_11.gc_head.next, head, head | 1);
    fake.put(V3_11.gc_head.prev, head, head | 3);
    assert_eq!(fake.check(), Ok(V3_11));
}

#[test]
fn an_interpreter_that_the_runtime_does_not_list_does_not_pass() {
    let mut fake = Fake::new(V3_13_15);
    let runtime = V3_13_15.runtime.expect("a runtime");
    fake.put(runtime.interpreters_head, RUNTIME, 0);
    assert_eq!(fake.failed_check(), "interpreters.head");
}

#[test]
fn a_list_of_interpreters_that_is_a_cycle_ends() {
    let mut fake = Fake::new(V3_13_15);
    let runtime = V3_13_15.runtime.expect("a runtime");
    fake.put(runtime.interpreters_head, RUNTIME, THREAD);
    let next = V3_13_15.interpreter.next;
    fake.memory.put(THREAD, &[0; 0x2000]);
    fake.put(next, THREAD, THREAD);
    assert_eq!(fake.failed_check(), "interpreters.head");
}

#[test]
fn a_thread_of_another_interpreter_does_not_pass() {
    let mut fake = Fake::new(V3_11);
    fake.put(V3_11.thread.interpreter, THREAD, THREAD);
    assert_eq!(
        fake.check(),
        Err(Mismatch {
            check: "threads.head->interp",
            detail: Detail::Differs {
                at: V3_11.thread.interpreter.of(Address::new(THREAD)),
                found: THREAD,
                expected: INTERPRETER,
            },
        })
    );
}

#[test]
fn modules_that_are_no_dict_do_not_pass() {
    let mut fake = Fake::new(V3_11);
    fake.put(V3_11.class.name, DICT, NAMES + 17);
    assert_eq!(fake.failed_check(), "dict");
}

#[test]
fn a_dict_of_another_size_does_not_pass() {
    let mut fake = Fake::new(V3_11);
    fake.put(V3_11.class.basicsize, DICT, 64);
    assert_eq!(fake.failed_check(), "dict");
}

#[test]
fn an_mro_of_other_items_does_not_pass() {
    let mut fake = Fake::new(V3_11);
    fake.memory.put_word(MRO + V3_11.tuple.items, OBJECT);
    assert_eq!(fake.failed_check(), "dict's tp_mro");
}

#[test]
fn the_table_of_another_build_does_not_pass() {
    let mut fake = Fake::new(V3_13_15);
    fake.layout = V3_13_15_FREE_THREADED;
    assert!(fake.check().is_err());
}

#[test]
fn a_queue_with_another_limit_is_not_proven() {
    let mut fake = Fake::new(V3_13_15);
    let queue = fake.queue();
    fake.memory.put(queue + 8, &300u32.to_le_bytes());
    let layout = fake.check().expect("looking is still possible");
    assert!(!layout.pending_proven);
}

#[test]
fn a_queue_whose_count_is_not_its_length_is_not_proven() {
    let mut fake = Fake::new(V3_13_15);
    let queue = fake.queue();
    fake.memory.put(queue + 4, &1u32.to_le_bytes());
    assert_eq!(fake.check().map(|layout| layout.pending_proven), Ok(false));
}

#[test]
fn a_queue_in_a_runtime_that_was_not_found_is_not_proven() {
    let fake = Fake::new(V3_13_15);
    let layout = self_check(&fake.memory, &fake.layout, None, Address::new(INTERPRETER));
    assert_eq!(layout.map(|layout| layout.pending_proven), Ok(false));
}
