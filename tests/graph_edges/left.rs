//! Objects with references that nothing explains, after everything that can hold one was looked at: other
//! objects, the interpreter, variables of C code, stacks.

use pyunload::cpython::python::Python;
use pyunload::heap::statics::Area;
use pyunload::modules::picture::Picture;
use pyunload::pyobject::text;
use pyunload::target::view::ViewMemory;

/// The most of them that an interpreter may have, besides ints; each is in the document.
pub const MOST: usize = 10;

/// What is left.
pub struct Left {
    /// How many ints.
    pub ints: usize,
    /// Everything else: class, text, how many references.
    pub others: Vec<String>,
}

/// Takes everything in as the commands do.
pub fn find_left(
    memory: &impl ViewMemory,
    python: &Python,
    areas: Vec<Area>,
) -> Result<Left, String> {
    let picture = Picture::take(memory, python, areas).map_err(|error| error.to_string())?;
    let graph = &picture.graph;
    let mut left = Left {
        ints: 0,
        others: Vec::new(),
    };
    for node in 0..graph.len() as u32 {
        let held = graph.unexplained(node);
        if held <= 0 || graph.refcount(node).is_none() {
            continue;
        }
        let class = picture.class_name(node);
        if matches!(&*class, "int" | "long") {
            left.ints += 1;
            continue;
        }
        let at = graph.address(node);
        let text = match &*class {
            "str" => {
                text::read(memory, &python.layout, at).map_or("?".into(), |text| text.escaped())
            }
            _ => picture.describe(node).name,
        };
        let found = graph.referrers(node).len();
        left.others.push(format!(
            "{class} {text:?} at {at}: {held}, and {found} explained"
        ));
    }
    Ok(left)
}
