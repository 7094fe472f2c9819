//! What an object is called, in words that a person knows it by.

use crate::address::Address;
use crate::heap::kinds::Kind;
use crate::modules::picture::Picture;
use crate::pyobject::edges::edge::EdgeName;
use crate::pyobject::text;
use crate::target::view::ViewMemory;

/// Longest name, in characters.
const LONGEST: usize = 100;

/// What an object is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Description {
    /// `module`, `globals`, `function`, `class`, `instance` of a class made in Python, else the name
    /// of the class: `dict`, `list`, `functools.partial`.
    pub kind: String,
    /// Of a module or its globals: the name; of a function or class: with its module; of an
    /// instance: its class; empty for a container.
    pub name: String,
}

impl<M: ViewMemory> Picture<'_, M> {
    /// What `node` is.
    pub fn describe(&self, node: u32) -> Description {
        let is = |kind: &str, name: String| Description {
            kind: kind.to_owned(),
            name: name.chars().take(LONGEST).collect(),
        };
        if let Some(name) = self.module_name(node) {
            let is_dict = self.namespaces.of_dict(node).is_some();
            return is(if is_dict { "globals" } else { "module" }, name);
        }
        match self.kind(node) {
            Some(Kind::Function) => is(
                "function",
                self.qualified(node, &["func_qualname", "func_name"]),
            ),
            Some(Kind::Class) => is("class", self.class_title(node)),
            _ => self.describe_other(node),
        }
    }

    /// The name of the module whose module object or globals `node` is.
    pub fn module_name(&self, node: u32) -> Option<String> {
        let at = self.graph.address(node);
        let rows = || self.tables.iter().flat_map(|table| &table.rows);
        let row = rows().find(|row| row.address == at || row.dict == Some(at));
        if let Some(row) = row.filter(|row| row.dict.is_some()) {
            return Some(row.name.clone());
        }
        let namespace = self.namespaces.of_dict(node).or_else(|| {
            let mut all = self.namespaces.all.iter();
            all.find(|namespace| namespace.modules.contains(&node))
        });
        let name = namespace
            .filter(|namespace| namespace.is_module_like)?
            .name
            .as_ref()?;
        Some(name.escaped())
    }

    /// `co_name` of a code object.
    pub fn code_name(&self, code: Address) -> Option<String> {
        let mut name = None;
        self.tracer().visit(code, &mut |edge| {
            if edge.name == EdgeName::Attribute("co_name") {
                name = Some(edge.to);
            }
        });
        let text = text::read(self.memory, &self.python.layout, name?).ok()?;
        Some(text.escaped())
    }

    /// What kind of object it is.
    pub fn kind(&self, node: u32) -> Option<Kind> {
        self.kinds.of(self.memory, self.graph.address(node)).ok()?
    }

    fn describe_other(&self, node: u32) -> Description {
        let class = self.class_of(node);
        let name = self.class_name(node);
        let is_heap = class.is_some_and(|class| {
            let flags = self.kinds.is_heap_type(self.memory, class);
            flags.unwrap_or(false)
        });
        let module = class
            .and_then(|class| self.graph.find(class))
            .and_then(|class| self.namespace_of_class(class));
        match module {
            Some(module) if is_heap => Description {
                kind: "instance".to_owned(),
                name: format!("{module}.{name}"),
            },
            _ => Description {
                kind: name,
                name: String::new(),
            },
        }
    }

    /// The name of the module that a class is of.
    pub fn namespace_of_class(&self, class: u32) -> Option<String> {
        let name = self.namespaces.of_class(class)?;
        Some(name.escaped())
    }

    fn class_title(&self, node: u32) -> String {
        let name = self.tracer().class_name(self.graph.address(node));
        match self.namespace_of_class(node) {
            Some(module) => format!("{module}.{name}"),
            None => name,
        }
    }

    /// The name of a function, behind that of the module whose globals it runs in.
    fn qualified(&self, node: u32, members: &[&str]) -> String {
        let mut name = None;
        let mut best = members.len();
        self.tracer().visit(self.graph.address(node), &mut |edge| {
            if let EdgeName::Attribute(member) = edge.name
                && let Some(place) = members.iter().position(|&wanted| wanted == member)
                && place < best
            {
                best = place;
                name = Some(edge.to);
            }
        });
        let read = |at| text::read(self.memory, &self.python.layout, at).ok();
        let own = name
            .and_then(read)
            .map_or_else(|| "?".to_owned(), |text| text.escaped());
        match self
            .namespaces
            .of_function(node)
            .and_then(|dict| self.module_name(dict))
        {
            Some(module) => format!("{module}.{own}"),
            None => own,
        }
    }
}
