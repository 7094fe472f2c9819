//! What a reference is called, in words.

use super::classes::members;
use super::edge::EdgeName;
use super::tracer::Tracer;
use crate::address::Address;
use crate::pyobject::class::Classes;
use crate::pyobject::{repr, text};
use crate::target::memory::ReadMemoryExt;
use crate::target::view::ViewMemory;

/// Longest part of a label that comes from the target, in characters.
const LONGEST: usize = 60;
/// How many bases are followed.
const BASES: usize = 64;

impl<M: ViewMemory> Tracer<'_, M> {
    /// What the reference `name` out of `holder` is called: `['key']`, `.__globals__`, `[3]`.
    /// Bounded, and without control characters.
    pub fn label(&mut self, holder: Address, name: EdgeName) -> String {
        match name {
            EdgeName::Class => ".__class__".into(),
            EdgeName::Attribute(name) => format!(".{}", python_name(name)),
            EdgeName::Instance(key) => format!(".{}", self.text(key)),
            EdgeName::Value(key) => format!("[{}]", self.key(key)),
            EdgeName::Key => " (key)".into(),
            EdgeName::Item(index) => format!("[{index}]"),
            EdgeName::Member => " (member)".into(),
            EdgeName::Local { code, index } => match self.local_name(code, index) {
                Some(name) => format!(" local variable {name}"),
                None => format!(" local variable number {index}"),
            },
            EdgeName::Stack(depth) => format!(" stack[{depth}]"),
            EdgeName::Word(offset) => match self.member_name(holder, offset) {
                Some(name) => format!(".{name}"),
                None => format!(" word at +{offset}"),
            },
            EdgeName::Block { pointer: 0, offset } => format!(" C state, word at +{offset}"),
            EdgeName::Block { pointer, offset } => {
                format!(" block behind +{pointer}, word at +{offset}")
            }
        }
    }

    fn text(&self, at: Address) -> String {
        let text = text::read(self.look.memory, self.look.layout, at);
        text.map_or_else(|_| at.to_string(), |text| shorten(&text.escaped()))
    }

    /// A key of a dict, as a person would write it.
    fn key(&mut self, key: Address) -> String {
        let read = repr::read(
            self.look.memory,
            self.look.layout,
            &mut Classes::default(),
            key,
        );
        read.map_or_else(|_| key.to_string(), |text| shorten(&text))
    }

    /// `co_localsplusnames`; to 3.10 `co_varnames`, then `co_cellvars`, then `co_freevars`.
    fn local_name(&self, code: Address, index: u32) -> Option<String> {
        let form = &self.look.heap().code;
        let (cells, free) = form.cell_names.unzip();
        let mut index = u64::from(index);
        for field in [Some(form.local_names), cells, free].into_iter().flatten() {
            let names: Address = self.look.member(code, field)?;
            let count = self.look.length(names);
            if index < count {
                let items = names.offset(self.look.layout.tuple.items);
                return Some(self.text(self.look.word(items.offset(index * 8))?));
            }
            index -= count;
        }
        None
    }

    /// The name that `tp_members` of the class of `holder` gives to the word at `offset`.
    fn member_name(&self, holder: Address, offset: i32) -> Option<String> {
        let mut class = self.class_of(holder)?;
        for _ in 0..BASES {
            let member = members(&self.look, class)
                .find(|member| Some(member.offset) == u64::try_from(offset).ok());
            if let Some(member) = member {
                let name = self
                    .look
                    .memory
                    .read_c_string_at(member.name, LONGEST)
                    .ok()?;
                return Some(String::from_utf8_lossy(&name).escape_debug().to_string());
            }
            class = self.look.word(self.look.layout.class.base.of(class))?;
            if class.is_null() {
                return None;
            }
        }
        None
    }
}

/// Cuts what is too long.
fn shorten(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The name that Python gives to a C member, where it has one.
fn python_name(member: &str) -> &str {
    match member {
        "func_code" => "__code__",
        "func_globals" => "__globals__",
        "func_builtins" => "__builtins__",
        "func_defaults" => "__defaults__",
        "func_kwdefaults" => "__kwdefaults__",
        "func_closure" => "__closure__",
        "func_doc" | "prop_doc" => "__doc__",
        "func_name" | "d_name" | "md_name" => "__name__",
        "func_qualname" | "d_qualname" => "__qualname__",
        "func_dict" | "cm_dict" | "sm_dict" | "in_dict" => "__dict__",
        "func_module" | "m_module" => "__module__",
        "func_annotations" => "__annotations__",
        "func_annotate" => "__annotate__",
        "func_typeparams" => "__type_params__",
        "im_func" | "cm_callable" | "sm_callable" => "__func__",
        "im_self" | "m_self" => "__self__",
        "d_type" => "__objclass__",
        "wr_callback" => "__callback__",
        "ob_ref" => "cell_contents",
        "prop_get" => "fget",
        "prop_set" => "fset",
        "prop_del" => "fdel",
        "fn" => "func",
        "kw" => "keywords",
        "traceback" => "__traceback__",
        "context" => "__context__",
        "cause" => "__cause__",
        "notes" => "__notes__",
        other => other,
    }
}
