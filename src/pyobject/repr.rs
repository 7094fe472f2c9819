//! What Python's `repr` says of an object, for the kinds that serve as keys.

use crate::address::Address;
use crate::cpython::layout::Layout;
use crate::pyobject::class::{Class, Classes};
use crate::pyobject::error::ObjectError;
use crate::pyobject::int::{self, Int};
use crate::pyobject::text::{self, Kind, Text, write_escape};
use crate::pyobject::{header, sequence};
use crate::target::memory::{ReadMemory, ReadMemoryExt};

/// How deep tuples in tuples are followed.
const DEPTH: usize = 8;
/// How many objects one `repr` may visit.
const VISITS: usize = 256;

/// Reads what `repr` says of the object at `at`: exact for `None`, `bool`, `int`, `float`, `str`,
/// `bytes`, their 2.7 kin, and tuples of these; a class shows as `<class 'Name'>`, anything else
/// as `<Name object>`, for only the object's own code could say more.
///
/// # Errors
/// [`ObjectError`] when the object or its class cannot be read, or it has too many parts.
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    classes: &mut Classes,
    at: Address,
) -> Result<String, ObjectError> {
    let mut reading = Reading {
        memory,
        layout,
        classes,
        visits: VISITS,
    };
    reading.object(at, DEPTH)
}

/// One `repr` under way.
struct Reading<'r, M: ?Sized> {
    memory: &'r M,
    layout: &'r Layout,
    classes: &'r mut Classes,
    visits: usize,
}

impl<M: ReadMemory + ?Sized> Reading<'_, M> {
    fn object(&mut self, at: Address, depth: usize) -> Result<String, ObjectError> {
        self.visits = self.visits.checked_sub(1).ok_or(ObjectError::TooLarge {
            at,
            what: "repr",
            size: VISITS as u64 + 1,
            limit: VISITS as u64,
        })?;
        let class = self.class_of(at)?;
        // A subclass may have a repr of its own.
        if class.flags.is_heap() {
            return Ok(self.other(at, &class));
        }
        match class.name.as_str() {
            "NoneType" => Ok("None".into()),
            "ellipsis" => Ok("Ellipsis".into()),
            "bool" => Ok(bool_repr(&self.int(at)?).into()),
            "int" => Ok(self.int(at)?.to_string()),
            "long" => Ok(format!("{}L", int::read(self.memory, self.layout, at)?)),
            "float" => self.float(at).map(float_repr),
            "tuple" => self.tuple(at, depth),
            _ => match class.flags.text_kind() {
                Some(kind) => {
                    let text = text::read_kind(self.memory, self.layout, at, kind)?;
                    Ok(of_text(self.layout, kind, &text))
                }
                None => Ok(self.other(at, &class)),
            },
        }
    }

    fn class_of(&mut self, at: Address) -> Result<Class, ObjectError> {
        let class = header::read(self.memory, self.layout, at)?.class;
        self.classes
            .learn(self.memory, self.layout, [class])
            .map_err(ObjectError::reading(class, "class"))?;
        let found = self.classes.get(class).cloned();
        found.ok_or(ObjectError::OtherClass {
            at: class,
            what: "class",
        })
    }

    fn other(&mut self, at: Address, class: &Class) -> String {
        if class.flags.is_type()
            && self.classes.learn(self.memory, self.layout, [at]).is_ok()
            && let Some(this) = self.classes.get(at)
        {
            return format!("<class '{}'>", this.name);
        }
        format!("<{} object>", class.name)
    }

    /// An `int`, or a `bool`, which is kept alike.
    fn int(&self, at: Address) -> Result<Int, ObjectError> {
        if self.layout.python < (3, 0) {
            int::read_plain(self.memory, self.layout, at)
        } else {
            int::read(self.memory, self.layout, at)
        }
    }

    /// `ob_fval` of a `float`, which follows the header.
    fn float(&self, at: Address) -> Result<f64, ObjectError> {
        self.memory
            .read_at::<u64>(at.offset(self.layout.header.size))
            .map(f64::from_bits)
            .map_err(ObjectError::reading(at, "float"))
    }

    fn tuple(&mut self, at: Address, depth: usize) -> Result<String, ObjectError> {
        let items = sequence::read_tuple(self.memory, self.layout, at)?;
        if depth == 0 {
            return Ok("(...)".into());
        }
        let mut texts = Vec::new();
        for &item in &items {
            texts.push(self.object(item, depth - 1)?);
        }
        Ok(match texts.as_slice() {
            [only] => format!("({only},)"),
            _ => format!("({})", texts.join(", ")),
        })
    }
}

fn bool_repr(value: &Int) -> &'static str {
    if value.to_i64() == Some(0) {
        "False"
    } else {
        "True"
    }
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
