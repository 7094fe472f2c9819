//! What a compile said, as bytes: code objects and constants in the form that `compile.py` of floor 6
//! writes. Hostile: every length is checked against what is there, and nesting is bounded.

use super::{Code, Constant};
use crate::pyobject::int::Int;
use crate::pyobject::text::Text;

/// How deep constants may be nested.
const DEPTH: usize = 200;

/// Bytes that are read from the front.
#[derive(Debug)]
pub struct Dump<'b> {
    rest: &'b [u8],
}

impl<'b> Dump<'b> {
    /// The bytes from the start.
    pub fn new(bytes: &'b [u8]) -> Self {
        Dump { rest: bytes }
    }

    /// Whether nothing is left.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'b [u8]> {
        let (now, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(now)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    /// The next number of 32 bits.
    pub fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes(4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The next bytes, behind their number.
    pub fn block(&mut self) -> Option<&'b [u8]> {
        let size = self.number()?;
        self.bytes(size as usize)
    }

    /// How many items follow; each has at least one byte.
    pub fn count(&mut self) -> Option<usize> {
        let count = self.number()? as usize;
        (count <= self.rest.len()).then_some(count)
    }

    /// The next text.
    pub fn text(&mut self) -> Option<Text> {
        let kind = self.byte()?;
        let bytes = self.block()?;
        match kind {
            b'8' => Some(Text::Plain(String::from_utf8(bytes.to_vec()).ok()?)),
            b'4' => {
                let points = bytes.chunks_exact(4);
                let points = points
                    .map(|point| point.try_into().map(u32::from_le_bytes).unwrap_or_default());
                Some(Text::from_points(points.collect()))
            }
            b'b' => Some(match String::from_utf8(bytes.to_vec()) {
                Ok(text) => Text::Plain(text),
                Err(error) => Text::Bytes(error.into_bytes()),
            }),
            _ => None,
        }
    }

    /// The next name.
    pub fn name(&mut self) -> Option<String> {
        self.text().map(|text| text.escaped())
    }

    fn names(&mut self) -> Option<Vec<String>> {
        (0..self.count()?).map(|_| self.name()).collect()
    }

    /// The next code object, without the name of its file.
    pub fn code(&mut self) -> Option<Code> {
        self.code_within(DEPTH)
    }

    fn code_within(&mut self, depth: usize) -> Option<Code> {
        let name = self.name()?;
        let qualname = match self.byte()? {
            b'q' => Some(self.name()?),
            _ => None,
        };
        let mut signed = || self.number().map(|number| number as i32);
        let first_line = signed()?;
        let arguments = [signed()?, signed()?, signed()?];
        let flags = self.number()?;
        let (names, locals) = (self.names()?, self.names()?);
        let (free, cells) = (self.names()?, self.names()?);
        let instructions = self.block()?.to_vec();
        let exceptions = self.block()?.to_vec();
        let lines = self.block()?.to_vec();
        let constants = self.constants(depth)?;
        Some(Code {
            name,
            qualname,
            file: String::new(),
            first_line,
            arguments,
            flags,
            names,
            locals,
            free,
            cells,
            constants,
            instructions,
            exceptions,
            lines,
        })
    }

    /// The next constant that stands by itself.
    pub fn literal(&mut self) -> Option<Constant> {
        self.constant(DEPTH)
    }

    fn constants(&mut self, depth: usize) -> Option<Vec<Constant>> {
        (0..self.count()?).map(|_| self.constant(depth)).collect()
    }

    fn constant(&mut self, depth: usize) -> Option<Constant> {
        let depth = depth.checked_sub(1)?;
        Some(match self.byte()? {
            b'N' => Constant::None,
            b'E' => Constant::Ellipsis,
            b'T' => Constant::Bool(true),
            b'F' => Constant::Bool(false),
            b'I' => Constant::Int(self.integer()?),
            b'L' => Constant::Long(self.integer()?),
            b'D' => Constant::Float(self.bits()?),
            b'Y' => Constant::Complex(self.bits()?, self.bits()?),
            b'U' => Constant::Text(self.text()?),
            b'B' => Constant::Bytes(self.block()?.to_vec()),
            b'(' => Constant::Tuple(self.constants(depth)?),
            b'{' => Constant::frozenset(self.constants(depth)?),
            b':' => Constant::Slice(Box::new(self.constants(depth)?.try_into().ok()?)),
            b'C' => Constant::Code(Box::new(self.code_within(depth)?)),
            _ => Constant::Other(String::new()),
        })
    }

    fn bits(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn integer(&mut self) -> Option<Int> {
        let negative = self.byte()? == b'-';
        let digits: Option<Vec<u32>> = (0..self.count()?).map(|_| self.number()).collect();
        Int::from_digits(negative, digits?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn constants_read_back() {
        let bytes = b"\x02\0\0\0N(\x01\0\0\0I-\x01\0\0\0\x05\0\0\0";
        let constants = Dump::new(bytes).constants(9);
        let five = Constant::Int(Int::from(-5));
        let expected = vec![Constant::None, Constant::Tuple(vec![five])];
        assert_eq!(constants, Some(expected));
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let bytes: Vec<u8> = b"(\x01\0\0\0".repeat(100_000);
        assert_eq!(Dump::new(&bytes).constant(DEPTH), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Dump::new(&bytes).code();
        }
    }
}
