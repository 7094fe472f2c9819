//! Who called whom on the stack of a thread that stands still, by the tables of `.eh_frame`.
//!
//! Tables are read from the memory of the target, before it is stopped: a deleted or replaced file
//! is no different. A step is proven by a table or is not made: there is no guess by frame pointers
//! or by words that look like return addresses. That is why `gimli` is used as it is: an unwinder
//! for profilers goes on where a table ends.
//!
//! Tables and stack are hostile: sizes are bounded, the number of steps is bounded, every step must
//! lead up the stack.

use crate::address::{Address, AddressRange};
use crate::elf::image::Image;
use crate::target::memory::{ReadMemory, word_in};
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EhFrameOffset, EndianSlice, LittleEndian, Pointer,
    RegisterRule, UnwindContext, UnwindSection, UnwindTableRow,
};

/// Index and table are not read beyond this. Those of a CPython have half a megabyte.
const MOST_BYTES: u64 = 32 << 20;
/// Frames followed at most.
const MOST_FRAMES: usize = 256;

type Slice<'t> = EndianSlice<'t, LittleEndian>;

/// The unwind tables of one image, copied from memory.
#[derive(Debug)]
pub struct UnwindTable {
    code: Vec<AddressRange>,
    bases: BaseAddresses,
    header: Vec<u8>,
    frames: Vec<u8>,
}

impl UnwindTable {
    /// Reads the tables of an image; `None` when it has none with an index.
    pub fn read(memory: &(impl ReadMemory + ?Sized), image: &Image) -> Option<Self> {
        let header = image.unwind_index?;
        let code: Vec<AddressRange> = image
            .segments
            .iter()
            .filter(|segment| segment.execute)
            .map(|segment| segment.range)
            .collect();
        let header_bytes = read_bounded(memory, header)?;
        let text = code.first()?.start.value();
        let bases = BaseAddresses::default()
            .set_eh_frame_hdr(header.start.value())
            .set_text(text);
        let parsed = EhFrameHdr::new(&header_bytes, LittleEndian)
            .parse(&bases, 8)
            .ok()?;
        parsed.table()?;
        let Pointer::Direct(start) = parsed.eh_frame_ptr() else {
            return None;
        };
        // How long it is is not said; it ends with its segment at the latest.
        let start = Address::new(start);
        let segment = image
            .segments
            .iter()
            .find(|segment| segment.range.contains(start))?;
        let frames = read_bounded(memory, AddressRange::new(start, segment.range.end))?;
        Some(UnwindTable {
            code,
            bases: bases.set_eh_frame(start.value()),
            header: header_bytes,
            frames,
        })
    }

    /// Whether an address is in the code of the image.
    pub fn covers(&self, at: Address) -> bool {
        self.code.iter().any(|range| range.contains(at))
    }

    /// Where the function begins that the instruction at `at` belongs to.
    pub fn function_at(&self, at: Address) -> Option<Address> {
        let fde = self.entry(at)?;
        Some(Address::new(fde.initial_address()))
    }

    fn entry(&self, at: Address) -> Option<gimli::FrameDescriptionEntry<Slice<'_>>> {
        let header = EhFrameHdr::new(&self.header, LittleEndian)
            .parse(&self.bases, 8)
            .ok()?;
        let index = header.table()?;
        // Hostile: there may be more entries than fit (`gimli` multiplies their number by their
        // size), and one may point to before the table (it takes it that none does).
        if index.iter(&self.bases).size_hint().0 > self.header.len() {
            return None;
        }
        let (Pointer::Direct(start), Pointer::Direct(place)) = (
            header.eh_frame_ptr(),
            index.lookup(at.value(), &self.bases).ok()?,
        ) else {
            return None;
        };
        let offset = EhFrameOffset(usize::try_from(place.checked_sub(start)?).ok()?);
        let fde = EhFrame::new(&self.frames, LittleEndian)
            .fde_from_offset(&self.bases, offset, EhFrame::cie_from_offset)
            .ok()?;
        fde.contains(at.value()).then_some(fde)
    }

    /// The function of an instruction, and the registers of its caller.
    fn step(&self, at: Address, registers: &Cpu, stack: &Stack) -> Result<Step, End> {
        let fde = self.entry(at).ok_or(End::NoTable { at })?;
        let frames = EhFrame::new(&self.frames, LittleEndian);
        let mut context = UnwindContext::new();
        let row = fde
            .unwind_info_for_address(&frames, &self.bases, &mut context, at.value())
            .map_err(|_| End::NoTable { at })?;
        Ok(Step {
            function: Address::new(fde.initial_address()),
            is_signal: fde.cie().is_signal_trampoline(),
            caller: registers.caller(row, stack)?,
        })
    }
}

fn read_bounded(memory: &(impl ReadMemory + ?Sized), range: AddressRange) -> Option<Vec<u8>> {
    let size = range.len().min(MOST_BYTES) as usize;
    let mut bytes = vec![0; size];
    let got = memory.read_some_at(range.start, &mut bytes).ok()?;
    bytes.truncate(got);
    Some(bytes)
}

struct Step {
    function: Address,
    is_signal: bool,
    /// `None` at the first function of a thread.
    caller: Option<Cpu>,
}

/// The part of a stack that was copied, from the stack pointer up.
#[derive(Debug, Clone)]
pub struct Stack {
    start: Address,
    bytes: Vec<u8>,
}

impl Stack {
    /// These bytes, which stand at `start`.
    pub fn new(start: Address, bytes: Vec<u8>) -> Self {
        Stack { start, bytes }
    }

    /// Copies up to `size` bytes from `start` on, as far as there is memory.
    pub fn read(memory: &(impl ReadMemory + ?Sized), start: Address, size: usize) -> Self {
        let mut bytes = vec![0; size];
        let got = memory.read_some_at(start, &mut bytes).unwrap_or(0);
        bytes.truncate(got);
        Stack { start, bytes }
    }

    /// Every word of it.
    pub fn words(&self) -> impl Iterator<Item = Address> + '_ {
        self.bytes
            .chunks_exact(8)
            .filter_map(|word| word_in(word, 0))
    }

    fn word(&self, at: u64) -> Result<u64, End> {
        let offset = Address::new(at).distance_from(self.start);
        offset
            .and_then(|offset| word_in(&self.bytes, usize::try_from(offset).ok()?))
            .ok_or(End::NoStack {
                at: Address::new(at),
            })
    }
}

const STACK_POINTER: u16 = 7;
const RETURN_ADDRESS: u16 = 16;
/// rbx, rbp, rsp, r12 to r15: a function leaves them as it found them.
const KEPT: [u16; 6] = [3, 6, 12, 13, 14, 15];

/// The registers of x86-64 by their DWARF numbers (rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to
/// r15, return address), each with its value as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpu {
    registers: [Option<u64>; 17],
}

impl Cpu {
    /// What must be known of a thread: where it executes, and its stack pointer.
    pub fn at(instruction: Address, stack: Address) -> Self {
        let mut registers = [None; 17];
        registers[usize::from(STACK_POINTER)] = Some(stack.value());
        registers[usize::from(RETURN_ADDRESS)] = Some(instruction.value());
        Cpu { registers }
    }

    /// With the registers that functions keep: rbx, rbp, r12, r13, r14, r15.
    pub fn with_kept(mut self, values: [u64; 6]) -> Self {
        for (number, value) in KEPT.into_iter().zip(values) {
            self.registers[usize::from(number)] = Some(value);
        }
        self
    }

    fn get(&self, number: u16) -> Option<u64> {
        *self.registers.get(usize::from(number))?
    }

    /// The instruction it executes, or will return to.
    pub fn instruction(&self) -> Address {
        Address::new(self.get(RETURN_ADDRESS).unwrap_or(0))
    }

    fn caller(&self, row: &UnwindTableRow<usize>, stack: &Stack) -> Result<Option<Cpu>, End> {
        let CfaRule::RegisterAndOffset { register, offset } = *row.cfa() else {
            return Err(End::Unproven);
        };
        let base = self.get(register.0).ok_or(End::Unproven)?;
        let frame = base.wrapping_add_signed(offset);
        // A caller stands higher, or a table could lead in a circle.
        if self.get(STACK_POINTER).is_none_or(|below| frame <= below) {
            return Err(End::Unproven);
        }
        let mut registers = [None; 17];
        for number in KEPT.into_iter().chain([RETURN_ADDRESS]) {
            registers[usize::from(number)] = self.recovered(row, number, frame, stack)?;
        }
        registers[usize::from(STACK_POINTER)] = Some(frame);
        let caller = Cpu { registers };
        Ok((!caller.instruction().is_null()).then_some(caller))
    }

    fn recovered(
        &self,
        row: &UnwindTableRow<usize>,
        number: u16,
        frame: u64,
        stack: &Stack,
    ) -> Result<Option<u64>, End> {
        match row.register(gimli::Register(number)) {
            Some(RegisterRule::Offset(offset)) => {
                stack.word(frame.wrapping_add_signed(offset)).map(Some)
            }
            Some(RegisterRule::Register(other)) => Ok(self.get(other.0)),
            // Without a rule a function leaves it alone; the return address is undefined in the
            // first function of a thread.
            Some(RegisterRule::SameValue) | None if number != RETURN_ADDRESS => {
                Ok(self.get(number))
            }
            Some(RegisterRule::Undefined) | None => Ok(None),
            _ => Err(End::Unproven),
        }
    }
}

/// One function on the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Which of the tables it was found in.
    pub table: usize,
    /// Where its function begins.
    pub function: Address,
    /// The instruction that is executed there next, or returned to.
    pub at: Address,
    /// Whether it is where a signal handler returns to.
    pub is_signal: bool,
}

/// Why the walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At the first function of the thread.
    First,
    /// No table tells about this place.
    NoTable {
        /// The place.
        at: Address,
    },
    /// The stack that was copied ends before this place.
    NoStack {
        /// The place.
        at: Address,
    },
    /// The table asks for what is not known, or is not read here (an expression).
    Unproven,
    /// There are more frames than are followed.
    TooMany,
}

/// Walks from the innermost function outwards, each step by the table of its image.
pub fn unwind(tables: &[UnwindTable], cpu: Cpu, stack: &Stack) -> (Vec<Frame>, End) {
    let mut frames = Vec::new();
    let mut here = cpu;
    let mut below_is_signal = true;
    while frames.len() < MOST_FRAMES {
        let at = here.instruction();
        // A return address stands behind the call, which may be the last of its function.
        let inside = if below_is_signal { at } else { at.before(1) };
        let Some(index) = tables.iter().position(|table| table.covers(inside)) else {
            return (frames, End::NoTable { at });
        };
        match tables[index].step(inside, &here, stack) {
            Err(end) => return (frames, end),
            Ok(step) => {
                frames.push(Frame {
                    table: index,
                    function: step.function,
                    at,
                    is_signal: step.is_signal,
                });
                below_is_signal = step.is_signal;
                match step.caller {
                    Some(caller) => here = caller,
                    None => return (frames, End::First),
                }
            }
        }
    }
    (frames, End::TooMany)
}

#[cfg(test)]
#[path = "unwind_tests.rs"]
mod tests;
