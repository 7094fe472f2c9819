//! Objects that are variables of C code, and what those alone know.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::dict;
use crate::pyobject::edges::Kind;
use crate::pyobject::edges::edge::EdgeName;
use crate::pyobject::edges::tracer::Tracer;
use crate::target::view::ViewMemory;

/// Classes of objects that are variables of C code, besides classes themselves.
const VARIABLES: [&str; 4] = ["moduledef", "ellipsis", "NotImplementedType", "NoneType"];

/// How many references an object has from the beginning because it is itself a variable of C code: one
/// (`PyObject_HEAD_INIT`), and to 3.7 the class of a struct sequence one more, which `PyStructSequence_InitType`
/// takes and nobody gives back (`Objects/structseq.c`). `class` is the word where its class would be.
pub(super) fn own_references<M: ViewMemory>(
    memory: &M,
    layout: &Layout,
    tracer: &mut Tracer<'_, M>,
    [object, class]: [Address; 2],
) -> usize {
    if tracer.kind(class) != Kind::Type {
        return 0;
    }
    if tracer.kind(object) != Kind::Type {
        return usize::from(VARIABLES.contains(&&*tracer.class_name(class)));
    }
    let is_counted_twice =
        layout.python < (3, 8) && is_struct_sequence(memory, layout, object).unwrap_or(false);
    1 + usize::from(is_counted_twice)
}

/// Whether instances of the class at `class` are struct sequences: only their classes tell a number of fields.
fn is_struct_sequence<M: ViewMemory>(memory: &M, layout: &Layout, class: Address) -> Option<bool> {
    let dict = layout.class.dict.read(memory, class).ok()?;
    let fields = dict::find(memory, layout, dict, "n_sequence_fields").ok()?;
    Some(fields.is_some())
}

/// Whether a tuple of texts or a dict lies at `at`, of objects only. The collector does not track those that hold
/// nothing but texts and the like, and of some only variables know: the names of the arguments of functions made
/// from C (`kwtuple` of `_PyArg_Parser`, to 3.11), and what is kept of the dict of a module (`m_copy`). Of tuples
/// of other things not all own what they have: `property` has one for its arguments (`cached_args`, 3.6).
pub(super) fn is_whole_container<M: ViewMemory>(tracer: &mut Tracer<'_, M>, at: Address) -> bool {
    if !tracer.is_object(at) || !matches!(tracer.kind(at), Kind::Tuple | Kind::Dict) {
        return false;
    }
    let is_tuple = tracer.kind(at) == Kind::Tuple;
    let (mut objects, mut is_interned) = (Vec::new(), true);
    tracer.visit(at, &mut |edge| {
        is_interned &= match edge.name {
            EdgeName::Value(key) => key == edge.to,
            EdgeName::Key => true,
            _ => false,
        };
        objects.push(edge.to);
    });
    // The dict of interned texts counts for nothing; it has each under itself.
    let counts = is_tuple || objects.is_empty() || !is_interned;
    counts
        && objects
            .into_iter()
            .all(|to| tracer.is_object(to) && (!is_tuple || tracer.kind(to) == Kind::Text))
}
