//! What Python's `repr` says of an object, for the kinds that serve as keys.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::class::{Class, Classes};
use crate::pyobject::error::ObjectError;
use crate::pyobject::text::{self, Kind, Text, write_escape};
use crate::pyobject::{header, int, sequence};
use crate::target::memory::{ReadMemory, ReadMemoryExt};

/// How deep tuples in tuples are followed.
const DEPTH: usize = 8;
/// How many items of a tuple are shown.
const ITEMS: usize = 64;

/// Reads what `repr` says of the object at `at`: exact for `None`, `bool`, `int`, `float`, `str`,
/// `bytes`, their 2.7 kin, and tuples of these; a class shows as `<class 'Name'>`, anything else
/// as `<Name object>`, for only the object's own code could say more.
///
/// # Errors
/// [`ObjectError`] when the object or its class cannot be read.
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    classes: &mut Classes,
    at: Address,
) -> Result<String, ObjectError> {
    read_nested(memory, layout, classes, at, DEPTH)
}

fn read_nested(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    classes: &mut Classes,
    at: Address,
    depth: usize,
) -> Result<String, ObjectError> {
    let class = class_of(memory, layout, classes, at)?;
    // A subclass may have a repr of its own.
    let is_own = class.flags.is_heap();
    match class.name.as_str() {
        _ if is_own => {}
        "NoneType" => return Ok("None".into()),
        "ellipsis" => return Ok("Ellipsis".into()),
        "bool" => return bool_repr(memory, layout, at),
        "float" => return read_float(memory, layout, at).map(float_repr),
        "tuple" => return tuple_repr(memory, layout, classes, at, depth),
        "int" if layout.python < (3, 0) => {
            return int::read_plain(memory, layout, at).map(|int| int.to_string());
        }
        "long" => return int::read(memory, layout, at).map(|int| format!("{int}L")),
        "int" => return int::read(memory, layout, at).map(|int| int.to_string()),
        _ => {
            if let Some(kind) = class.flags.text_kind() {
                let text = text::read_kind(memory, layout, at, kind)?;
                return Ok(of_text(layout, kind, &text));
            }
        }
    }
    Ok(other_repr(memory, layout, classes, at, &class))
}

fn class_of(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    classes: &mut Classes,
    at: Address,
) -> Result<Class, ObjectError> {
    let class = header::read(memory, layout, at)?.class;
    classes
        .learn(memory, layout, [class])
        .map_err(ObjectError::reading(class, "class"))?;
    let found = classes.get(class).cloned();
    found.ok_or(ObjectError::OtherClass {
        at: class,
        what: "class",
    })
}

fn other_repr(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    classes: &mut Classes,
    at: Address,
    class: &Class,
) -> String {
    if class.flags.is_type()
        && classes.learn(memory, layout, [at]).is_ok()
        && let Some(this) = classes.get(at)
    {
        return format!("<class '{}'>", this.name);
    }
    format!("<{} object>", class.name)
}

/// A `bool` is an `int` of one digit (2.7: a plain `int`).
fn bool_repr(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<String, ObjectError> {
    let value = if layout.python < (3, 0) {
        int::read_plain(memory, layout, at)?
    } else {
        int::read(memory, layout, at)?
    };
    Ok(if value.to_i64() == Some(0) {
        "False"
    } else {
        "True"
    }
    .into())
}

/// Reads `ob_fval` of a `float`, which follows the header.
fn read_float(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<f64, ObjectError> {
    memory
        .read_at::<u64>(at.offset(layout.header.size))
        .map(f64::from_bits)
        .map_err(ObjectError::reading(at, "float"))
}

fn tuple_repr(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    classes: &mut Classes,
    at: Address,
    depth: usize,
) -> Result<String, ObjectError> {
    let items = sequence::read_tuple(memory, layout, at)?;
    if depth == 0 || items.len() > ITEMS {
        return Ok(format!("<tuple of {} items>", items.len()));
    }
    let mut texts = Vec::with_capacity(items.len());
    for &item in &items {
        texts.push(read_nested(memory, layout, classes, item, depth - 1)?);
    }
    Ok(match texts.as_slice() {
        [only] => format!("({only},)"),
        _ => format!("({})", texts.join(", ")),
    })
}

/// `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from
/// 1e16 on (`Objects/floatobject.c`, `float_repr`).
fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.into();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') {
            plain
        } else {
            plain + ".0"
        };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// `repr` of text of this kind.
pub fn of_text(layout: &Layout, kind: Kind, text: &Text) -> String {
    let is_old = layout.python < (3, 0);
    let prefix = match (kind, is_old) {
        (Kind::Unicode, true) => "u",
        (Kind::Bytes, false) => "b",
        _ => "",
    };
    // Python 2 escapes all that is not ASCII, and bytes always do.
    let ascii_only = is_old || kind == Kind::Bytes;
    let points: Vec<u32> = match (kind, text) {
        (Kind::Bytes, Text::Plain(text)) => text.bytes().map(u32::from).collect(),
        (Kind::Unicode, Text::Plain(text)) => text.chars().map(u32::from).collect(),
        (_, Text::Bytes(bytes)) => bytes.iter().map(|&byte| byte.into()).collect(),
        (_, Text::Surrogates(points)) => points.clone(),
    };
    let has = |quote: char| points.contains(&quote.into());
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    let mut out = format!("{prefix}{quote}");
    for point in points {
        push_point(&mut out, point, quote, ascii_only);
    }
    out.push(quote);
    out
}

fn push_point(out: &mut String, point: u32, quote: char, ascii_only: bool) {
    match char::from_u32(point) {
        Some('\\') => out.push_str("\\\\"),
        Some(char) if char == quote => out.extend(['\\', char]),
        Some(char @ ' '..='~') => out.push(char),
        Some(char) if !ascii_only && is_printable(char) => out.push(char),
        _ => write_escape(out, point),
    }
}

/// `str.isprintable` for one character: Rust's debug form escapes the same categories (Cc, Cf, Cs,
/// Co, Cn, Zl, Zp, Zs); behind another character it leaves combining marks alone, as Python does.
fn is_printable(char: char) -> bool {
    let text: String = ['a', char].into_iter().collect();
    text.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::{V2_7, V3_12};

    #[test]
    fn floats_read_as_python_writes_them() {
        let cases = [
            (1.5, "1.5"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (value, text) in cases {
            assert_eq!(float_repr(value), text);
        }
    }

    #[test]
    fn text_is_quoted_and_escaped_as_python_does_it() {
        let plain = |text: &str| of_text(&V3_12, Kind::Unicode, &Text::Plain(text.into()));
        assert_eq!(plain("it's"), "\"it's\"");
        assert_eq!(plain("'\""), "'\\'\"'");
        assert_eq!(
            plain("a\\b\n\u{7f}\u{a0}\u{e9}\u{200b}\u{1f40d}"),
            "'a\\\\b\\n\\x7f\\xa0\u{e9}\\u200b\u{1f40d}'"
        );
        let lone = Text::Surrogates(vec![0x61, 0xdcff]);
        assert_eq!(of_text(&V3_12, Kind::Unicode, &lone), "'a\\udcff'");
        let bytes = Text::Plain("\u{e9}".into());
        assert_eq!(of_text(&V3_12, Kind::Bytes, &bytes), "b'\\xc3\\xa9'");
        assert_eq!(of_text(&V2_7, Kind::Unicode, &bytes), "u'\\xe9'");
        assert_eq!(of_text(&V2_7, Kind::Bytes, &bytes), "'\\xc3\\xa9'");
    }
}
