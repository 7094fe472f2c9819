//! Whether two code objects do the same, and if not, which function in them is another one.

use super::{Code, Constant};

/// Whether both do the same: everything but the file and the lines is equal.
pub fn same(one: &Code, other: &Code) -> bool {
    same_head(one, other) && same_constants(&one.constants, &other.constants, &same)
}

/// The innermost functions that are other ones, by their names and lines in `new`: the code object
/// itself when it differs in more than the code in it.
pub fn changed<'c>(old: &Code, new: &'c Code, found: &mut Vec<&'c Code>) {
    if same(old, new) {
        return;
    }
    let is_shell_same = same_head(old, new)
        && same_constants(&old.constants, &new.constants, &|_, _| true)
        && old.inner().count() == new.inner().count();
    // A lambda or a comprehension is part of the function it is in.
    let own = |code: &Code| code.name.starts_with('<');
    let pairs = || old.inner().zip(new.inner());
    let is_own_changed = pairs().any(|(old, new)| (own(old) || own(new)) && !same(old, new));
    if !is_shell_same || is_own_changed {
        found.push(new);
        return;
    }
    for (old, new) in pairs() {
        changed(old, new, found);
    }
}

fn same_head(one: &Code, other: &Code) -> bool {
    one.name == other.name
        && one.qualname == other.qualname
        && one.arguments == other.arguments
        && one.flags == other.flags
        && one.names == other.names
        && one.locals == other.locals
        && one.free == other.free
        && one.cells == other.cells
        && one.instructions == other.instructions
        && one.exceptions == other.exceptions
}

fn same_constants(
    one: &[Constant],
    other: &[Constant],
    same_code: &dyn Fn(&Code, &Code) -> bool,
) -> bool {
    let pair = |(one, other): (&Constant, &Constant)| match (one, other) {
        (Constant::Code(one), Constant::Code(other)) => same_code(one, other),
        // Nothing is known of objects that no compiler makes.
        (Constant::Other(_), _) | (_, Constant::Other(_)) => true,
        (Constant::Tuple(one), Constant::Tuple(other)) => same_constants(one, other, same_code),
        // 3.11 and 3.12 keep a set in the frozen modules of the interpreter as a sorted tuple
        // (`Tools/build/deepfreeze.py`); only a search in it ever uses such a constant.
        (Constant::Tuple(items), Constant::Frozenset(set)) => {
            Constant::frozenset(items.clone()) == Constant::Frozenset(set.clone())
        }
        (one, other) => one == other,
    };
    one.len() == other.len() && one.iter().zip(other).all(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, constants: Vec<Constant>, line: i32) -> Code {
        Code {
            name: name.into(),
            qualname: None,
            file: String::new(),
            first_line: line,
            arguments: [0; 3],
            flags: 1,
            names: Vec::new(),
            locals: Vec::new(),
            free: Vec::new(),
            cells: Vec::new(),
            constants,
            instructions: Vec::new(),
            exceptions: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn holding(name: &str, inner: Code) -> Code {
        code(name, vec![Constant::Code(Box::new(inner))], 1)
    }

    fn number(value: bool) -> Vec<Constant> {
        vec![Constant::Bool(value)]
    }

    #[test]
    fn only_the_inner_function_is_named_when_only_it_changed() {
        let old = holding("outer", code("inner", number(true), 2));
        let new = holding("outer", code("inner", number(false), 2));
        let mut found = Vec::new();
        changed(&old, &new, &mut found);
        let names: Vec<&str> = found.iter().map(|code| code.name.as_str()).collect();
        assert_eq!(names, ["inner"]);
    }

    #[test]
    fn a_lambda_is_part_of_its_function() {
        let old = holding("outer", code("<lambda>", number(true), 2));
        let new = holding("outer", code("<lambda>", number(false), 2));
        let mut found = Vec::new();
        changed(&old, &new, &mut found);
        assert_eq!(found, [&new]);
    }

    #[test]
    fn other_lines_are_no_other_code() {
        assert!(same(
            &code("f", number(true), 1),
            &code("f", number(true), 9)
        ));
    }
}
