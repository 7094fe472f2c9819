//! `int` of any size; on 2.7 `int` and `long`.

use crate::address::Address;
use crate::cpython::layout::{IntForm, Layout};
use crate::pyobject::error::ObjectError;
use crate::target::memory::{ReadMemory, ReadMemoryExt, word_in};
use std::fmt;

/// The most digits that are read: more than any number a person would look at.
const LIMIT: u64 = 1 << 12;
/// Bits of one digit (`PyLong_SHIFT`).
const SHIFT: u32 = 30;

/// A Python integer: sign and 30-bit digits, least first. Its text is decimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int {
    negative: bool,
    digits: Vec<u32>,
}

impl Int {
    /// The value, when it fits.
    pub fn to_i128(&self) -> Option<i128> {
        let mut value: i128 = 0;
        for &digit in self.digits.iter().rev() {
            value = value.checked_mul(1 << SHIFT)?.checked_add(digit.into())?;
        }
        Some(if self.negative { -value } else { value })
    }

    /// From sign and 30-bit digits, least first; `None` when a digit has more bits.
    pub fn from_digits(negative: bool, mut digits: Vec<u32>) -> Option<Self> {
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let fits = digits.iter().all(|digit| digit >> SHIFT == 0);
        fits.then_some(Int { negative, digits })
    }

    /// The value, when it fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.to_i128()?.try_into().ok()
    }
}

impl From<i64> for Int {
    fn from(value: i64) -> Self {
        let mut rest = value.unsigned_abs();
        let mut digits = Vec::new();
        while rest > 0 {
            digits.push((rest & ((1 << SHIFT) - 1)) as u32);
            rest >>= SHIFT;
        }
        Int {
            negative: value < 0,
            digits,
        }
    }
}

impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CHUNK: u64 = 1_000_000_000;
        let mut rest = self.digits.clone();
        let mut chunks: Vec<u64> = Vec::new();
        while rest.iter().any(|&digit| digit != 0) {
            let mut carry: u64 = 0;
            for digit in rest.iter_mut().rev() {
                let value = carry << SHIFT | u64::from(*digit);
                *digit = (value / CHUNK) as u32;
                carry = value % CHUNK;
            }
            chunks.push(carry);
        }
        let mut text = chunks.pop().unwrap_or(0).to_string();
        for chunk in chunks.iter().rev() {
            text.push_str(&format!("{chunk:09}"));
        }
        f.pad_integral(!self.negative, "", &text)
    }
}

/// Reads the `int` at `at` (on 2.7 a `long`). That its class is `int` is the caller's knowledge.
///
/// # Errors
/// [`ObjectError::Unreadable`], [`ObjectError::Malformed`] for a digit of more than 30 bits, and
/// [`ObjectError::TooLarge`].
pub fn read(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Int, ObjectError> {
    let (count, negative) = shape(memory, layout, at)?;
    if count > LIMIT {
        return Err(ObjectError::TooLarge {
            at,
            what: "int",
            size: count,
            limit: LIMIT,
        });
    }
    let bytes = memory
        .read_bytes_at(at.offset(layout.int.digits), count as usize * 4)
        .map_err(ObjectError::reading(at, "int"))?;
    let digits: Vec<u32> = bytes
        .chunks_exact(4)
        .filter_map(|digit| word_in(digit, 0))
        .collect();
    match digits.iter().find(|&&digit| digit >> SHIFT != 0) {
        Some(&digit) => Err(ObjectError::Malformed {
            at,
            what: "int",
            detail: "a digit",
            value: digit.into(),
        }),
        None => Ok(Int { negative, digits }),
    }
}

/// Reads the plain `int` of 2.7 (`PyIntObject`, `Include/intobject.h`), a C `long`.
///
/// # Errors
/// [`ObjectError::Unreadable`].
pub fn read_plain(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<Int, ObjectError> {
    memory
        .read_at::<i64>(at.offset(layout.header.size))
        .map(Int::from)
        .map_err(ObjectError::reading(at, "int"))
}

/// How many digits, and whether it is negative.
fn shape(
    memory: &(impl ReadMemory + ?Sized),
    layout: &Layout,
    at: Address,
) -> Result<(u64, bool), ObjectError> {
    let unreadable = ObjectError::reading(at, "int");
    match layout.int.form {
        IntForm::SignedLength => {
            let length = layout.header.length.read(memory, at).map_err(unreadable)?;
            Ok((length.unsigned_abs(), length < 0))
        }
        IntForm::Tag(tag) => {
            let tag = tag.read(memory, at).map_err(unreadable)?;
            match tag & 3 {
                0 => Ok((tag >> 3, false)),
                1 => Ok((0, false)),
                2 => Ok((tag >> 3, true)),
                _ => Err(ObjectError::Malformed {
                    at,
                    what: "int",
                    detail: "lv_tag",
                    value: tag,
                }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::{V2_7, V3_11, V3_12};
    use crate::target::fake::FakeMemory;

    const AT: Address = Address::new(0x1_0000);

    fn int(size_word: u64, digits: &[u32]) -> FakeMemory {
        let mut bytes = vec![0u8; 16];
        bytes.extend(size_word.to_le_bytes());
        bytes.extend(digits.iter().flat_map(|digit| digit.to_le_bytes()));
        FakeMemory::new().with(AT.value(), &bytes)
    }

    fn text(layout: &Layout, size_word: u64, digits: &[u32]) -> Option<String> {
        let int = read(&int(size_word, digits), layout, AT).ok()?;
        Some(int.to_string())
    }

    #[test]
    fn signs_are_kept_in_the_length_or_in_the_tag() {
        assert_eq!(text(&V3_11, -1i64 as u64, &[5]).as_deref(), Some("-5"));
        assert_eq!(text(&V3_11, 0, &[]).as_deref(), Some("0"));
        assert_eq!(text(&V3_12, 1 << 3, &[5]).as_deref(), Some("5"));
        assert_eq!(text(&V3_12, 1 << 3 | 2, &[5]).as_deref(), Some("-5"));
        assert_eq!(text(&V3_12, 1, &[]).as_deref(), Some("0"));
        assert_eq!(text(&V3_12, 3, &[]), None);
    }

    #[test]
    fn a_number_of_many_digits_is_written_in_decimal() {
        // 2 ** 90
        let large = text(&V3_11, 4, &[0, 0, 0, 1]);
        assert_eq!(large.as_deref(), Some("1237940039285380274899124224"));
        // 10 ** 18: the lower chunk is all zeros
        let zeros = Int::from(1_000_000_000_000_000_000).to_string();
        assert_eq!(zeros, "1000000000000000000");
        assert_eq!(Int::from(i64::MIN).to_string(), i64::MIN.to_string());
    }

    #[test]
    fn hexversion_fits_a_machine_word() {
        let memory = int(1, &[0x030b_07f0]);
        let hex = read(&memory, &V3_11, AT).expect("readable");
        assert_eq!(hex.to_i64(), Some(0x030b_07f0));
        let memory = FakeMemory::new().with(
            AT.value(),
            &[0u64, 0, 0x0207_12f0].map(u64::to_le_bytes).concat(),
        );
        let plain = read_plain(&memory, &V2_7, AT).expect("readable");
        assert_eq!(plain.to_i64(), Some(0x0207_12f0));
    }

    #[test]
    fn an_impossible_int_is_an_error() {
        assert_eq!(text(&V3_11, 1, &[1 << 30]), None);
        assert!(matches!(
            read(&int(i64::MIN as u64, &[]), &V3_11, AT),
            Err(ObjectError::TooLarge { .. })
        ));
    }
}
