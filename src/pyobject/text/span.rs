//! Where the characters of a text are, and how they are read as such.

use super::{Kind, LIMIT, Text, header_size};
use crate::address::Address;
use crate::cpython::layout::{Layout, TextForm};
use crate::pyobject::error::ObjectError;
use crate::target::memory::word_in;

/// How wide the units of a text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Bytes of a code point.
    Fixed(u8),
    /// 2.7 `unicode`: 4 bytes, in narrow builds 2.
    WideOrNarrow,
    /// `wchar_t` of a text that was never made ready, to 3.11.
    Raw,
    /// No code points: bytes.
    Byte,
}

/// Where the characters of a text are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    object: Address,
    pub(super) at: Address,
    units: u64,
    pub(super) width: Width,
}

impl Span {
    /// Bytes to read.
    pub(super) fn size(&self) -> usize {
        let width = match self.width {
            Width::Fixed(width) => u64::from(width),
            Width::WideOrNarrow | Width::Raw => 4,
            Width::Byte => 1,
        };
        // Units are at most LIMIT.
        (self.units * width) as usize
    }

    pub(super) fn charge(self, budget: &mut u64) -> Result<Self, ObjectError> {
        let left = budget.checked_sub(self.size() as u64);
        *budget = left.ok_or(ObjectError::TooLarge {
            at: self.object,
            what: "str",
            size: self.size() as u64,
            limit: *budget,
        })?;
        Ok(self)
    }

    pub(super) fn range_in(&self, head: &[u8]) -> Option<(usize, usize)> {
        let offset = self.at.distance_from(self.object)?;
        let end = offset.checked_add(self.size() as u64)?;
        (end <= head.len() as u64).then_some((offset as usize, end as usize))
    }

    pub(super) fn is_in(&self, head: &[u8]) -> bool {
        self.range_in(head).is_some()
    }

    pub(super) fn of<'h>(&self, head: &'h [u8]) -> &'h [u8] {
        let range = self.range_in(head);
        range
            .and_then(|(start, end)| head.get(start..end))
            .unwrap_or_default()
    }

    pub(super) fn decode(&self, bytes: &[u8]) -> Result<Text, ObjectError> {
        if bytes.len() < self.size() && self.width != Width::WideOrNarrow {
            let (wanted, got) = (self.size(), bytes.len());
            return Err(ObjectError::cut(
                self.at,
                "characters of a str",
                wanted,
                got,
            ));
        }
        match self.width {
            Width::Byte => Ok(Text::from_native_bytes(bytes.to_vec())),
            // The same bytes in UTF-8: nearly all texts.
            Width::Fixed(1) if bytes.is_ascii() => Ok(Text::from_native_bytes(bytes.to_vec())),
            Width::Fixed(width) => self.points(bytes, width).map(Text::from_points),
            Width::Raw => self.points(bytes, 4).map(Text::from_points),
            Width::WideOrNarrow => self.wide_or_narrow(bytes),
        }
    }

    fn points(&self, bytes: &[u8], width: u8) -> Result<Vec<u32>, ObjectError> {
        let points: Vec<u32> = match width {
            1 => bytes.iter().map(|&byte| byte.into()).collect(),
            2 => units_of::<u16>(bytes).map(u32::from).collect(),
            _ => units_of::<u32>(bytes).collect(),
        };
        match points.iter().find(|&&point| point > 0x10_ffff) {
            Some(&point) => Err(ObjectError::Malformed {
                at: self.object,
                what: "str",
                detail: "a character",
                value: point.into(),
            }),
            None => Ok(points),
        }
    }

    /// The layout does not say which kind of 2.7 this is, but the characters do: read as wide,
    /// two narrow units are no code point unless the second is a control character.
    fn wide_or_narrow(&self, bytes: &[u8]) -> Result<Text, ObjectError> {
        if bytes.len() == self.size()
            && let Ok(points) = self.points(bytes, 4)
        {
            return Ok(Text::from_points(points));
        }
        let size = self.units as usize * 2;
        let Some(narrow) = bytes.get(..size) else {
            return Err(ObjectError::cut(
                self.at,
                "characters of a unicode",
                size,
                bytes.len(),
            ));
        };
        let points = char::decode_utf16(units_of::<u16>(narrow))
            .map(|unit| unit.map_or_else(|lone| lone.unpaired_surrogate().into(), u32::from));
        Ok(Text::from_points(points.collect()))
    }
}

fn units_of<T: crate::target::memory::Word>(bytes: &[u8]) -> impl Iterator<Item = T> {
    bytes
        .chunks_exact(T::SIZE)
        .filter_map(|unit| word_in(unit, 0))
}

/// Where the characters of the text at `object`, whose first bytes are `head`, are.
pub(super) fn find(
    layout: &Layout,
    object: Address,
    kind: Kind,
    head: &[u8],
) -> Result<Span, ObjectError> {
    let wanted = header_size(layout);
    let found = match (kind, layout.text.form) {
        (Kind::Bytes, _) => bytes_span(layout, object, head),
        (Kind::Unicode, TextForm::Units) => units_span(layout, object, head),
        (Kind::Unicode, TextForm::Flexible { .. }) => flexible_span(layout, object, head)?,
    };
    let span = found.ok_or_else(|| ObjectError::cut(object, "str", wanted, head.len()))?;
    if span.units > LIMIT {
        return Err(ObjectError::TooLarge {
            at: object,
            what: "str",
            size: span.units,
            limit: LIMIT,
        });
    }
    Ok(span)
}

/// `PyBytesObject`; a negative length becomes a huge one, which is refused.
fn bytes_span(layout: &Layout, object: Address, head: &[u8]) -> Option<Span> {
    Some(Span {
        object,
        at: object.offset(layout.bytes.data),
        units: layout.header.length.get(head)? as u64,
        width: Width::Byte,
    })
}

/// `PyUnicodeObject` of 2.7.
fn units_span(layout: &Layout, object: Address, head: &[u8]) -> Option<Span> {
    Some(Span {
        object,
        at: layout.text.data.get(head)?,
        units: layout.text.length.get(head)? as u64,
        width: Width::WideOrNarrow,
    })
}

/// What the state of a text says (PEP 393).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Bytes of a code point; 0 for a text that was never made ready.
    pub kind: u8,
    /// Whether the characters are behind the header.
    pub is_compact: bool,
    /// Whether all of them are ASCII.
    pub is_ascii: bool,
}

impl State {
    /// From the state word; `None` where texts have none (2.7).
    pub fn of(form: TextForm, word: u32) -> Option<Self> {
        let TextForm::Flexible {
            kind_shift,
            compact_bit,
            ascii_bit,
        } = form
        else {
            return None;
        };
        let is_set = |bit: u8| word >> bit & 1 == 1;
        Some(State {
            kind: (word >> kind_shift & 7) as u8,
            is_compact: is_set(compact_bit),
            is_ascii: is_set(ascii_bit),
        })
    }
}

/// The forms of PEP 393. `Ok(None)` when the bytes are cut.
fn flexible_span(
    layout: &Layout,
    object: Address,
    head: &[u8],
) -> Result<Option<Span>, ObjectError> {
    let text = &layout.text;
    let (Some(length), Some(word)) = (text.length.get(head), text.state.get(head)) else {
        return Ok(None);
    };
    let Some(state) = State::of(text.form, word) else {
        return Ok(None);
    };
    let width = match state.kind {
        0 => return Ok(raw_span(layout, object, head)),
        width @ (1 | 2 | 4) => Width::Fixed(width),
        _ => {
            return Err(ObjectError::Malformed {
                at: object,
                what: "str",
                detail: "state",
                value: word.into(),
            });
        }
    };
    let at = match (state.is_compact, state.is_ascii) {
        (true, true) => Some(object.offset(text.ascii_size)),
        (true, false) => Some(object.offset(text.compact_size)),
        (false, _) => text.data.get(head),
    };
    Ok(at.map(|at| Span {
        object,
        at,
        units: length as u64,
        width,
    }))
}

/// A text of kind 0 (`PyUnicode_WCHAR_KIND`, to 3.11): `wstr` is the last member of
/// `PyASCIIObject`, `wstr_length` the last of `PyCompactUnicodeObject`.
fn raw_span(layout: &Layout, object: Address, head: &[u8]) -> Option<Span> {
    Some(Span {
        object,
        at: word_in(head, layout.text.ascii_size.checked_sub(8)? as usize)?,
        units: word_in(head, layout.text.compact_size.checked_sub(8)? as usize)?,
        width: Width::Raw,
    })
}
