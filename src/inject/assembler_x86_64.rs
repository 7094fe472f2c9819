//! Just enough of an assembler for two pieces of code, one method for each instruction in use.
//!
//! The code fills one page and its data begin on the next, so data are addressed relative to the
//! instruction pointer and the bytes do not depend on where they are mapped.

use crate::control::scratch::PAGE;

/// A general register, by its number in an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Register {
    Rax = 0,
    Rcx = 1,
    Rdx = 2,
    Rbx = 3,
    Rsp = 4,
    Rbp = 5,
    Rsi = 6,
    Rdi = 7,
    R8 = 8,
    R9 = 9,
    R12 = 12,
    R13 = 13,
    R14 = 14,
    R15 = 15,
}

/// A condition of a jump, by its number in an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum If {
    /// Unsigned `>`.
    Above = 7,
    /// Zero, or equal.
    Zero = 4,
    /// Not zero, or not equal.
    NotZero = 5,
}

/// A place in the code that jumps lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

/// An offset in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Data(pub(super) u32);

/// Code being written.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<u8>,
    labels: Vec<Option<usize>>,
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    /// The finished code; `None` when it does not fit its page or a label was never placed.
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        for (at, label) in std::mem::take(&mut self.jumps) {
            let distance = self.labels[label.0]? as i64 - (at as i64 + 4);
            self.code[at..at + 4].copy_from_slice(&(distance as i32).to_le_bytes());
        }
        (self.code.len() <= PAGE as usize).then_some(self.code)
    }

    /// Where the next instruction begins.
    pub(super) fn here(&self) -> usize {
        self.code.len()
    }

    /// A label to be placed later.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places a label here.
    pub(super) fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.code.len());
    }

    /// Instructions without variable parts, as their bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.code.extend_from_slice(bytes);
    }

    pub(super) fn push(&mut self, register: Register) {
        self.one_byte(0x50, register);
    }

    pub(super) fn pop(&mut self, register: Register) {
        self.one_byte(0x58, register);
    }

    fn one_byte(&mut self, opcode: u8, register: Register) {
        if register as u8 >= 8 {
            self.code.push(0x41);
        }
        self.code.push(opcode + (register as u8 & 7));
    }

    /// `to = from`, 64 bits.
    pub(super) fn copy(&mut self, to: Register, from: Register) {
        self.both(0x89, from, to);
    }

    /// Sets the flags by `register & register`, 64 bits.
    pub(super) fn test(&mut self, register: Register) {
        self.both(0x85, register, register);
    }

    /// Sets the flags by the low 32 bits of rax.
    pub(super) fn test_eax(&mut self) {
        self.bytes(&[0x85, 0xc0]);
    }

    fn both(&mut self, opcode: u8, reg: Register, rm: Register) {
        let rex = 0x48 | (reg as u8 >> 3) << 2 | rm as u8 >> 3;
        self.bytes(&[rex, opcode, 0xc0 | (reg as u8 & 7) << 3 | (rm as u8 & 7)]);
    }

    /// `register = value`, the upper half becomes 0.
    pub(super) fn set(&mut self, register: Register, value: u32) {
        self.one_byte(0xb8, register);
        self.bytes(&value.to_le_bytes());
    }

    /// `register = 0`.
    pub(super) fn clear(&mut self, register: Register) {
        self.both(0x31, register, register);
    }

    /// `register = address of data`.
    pub(super) fn address_of(&mut self, register: Register, data: Data) {
        self.relative(&[rex_w(register), 0x8d], register as u8, data, 0);
    }

    /// `register = address of the code at offset`.
    pub(super) fn address_of_code(&mut self, register: Register, offset: usize) {
        self.bytes(&[rex_w(register), 0x8d, (register as u8 & 7) << 3 | 5]);
        let distance = offset as i64 - (self.code.len() as i64 + 4);
        self.bytes(&(distance as i32).to_le_bytes());
    }

    /// `register = data`, 64 bits.
    pub(super) fn load(&mut self, register: Register, data: Data) {
        self.relative(&[rex_w(register), 0x8b], register as u8, data, 0);
    }

    /// `data = register`, 64 bits.
    pub(super) fn store(&mut self, data: Data, register: Register) {
        self.relative(&[rex_w(register), 0x89], register as u8, data, 0);
    }

    /// `data = low half of register`; only for the first eight registers.
    pub(super) fn store_half(&mut self, data: Data, register: Register) {
        self.relative(&[0x89], register as u8, data, 0);
    }

    /// `data = value`, 32 bits.
    pub(super) fn store_value(&mut self, data: Data, value: u32) {
        self.relative(&[0xc7], 0, data, 4);
        self.bytes(&value.to_le_bytes());
    }

    /// Sets the flags by the 32 bits of `data - value`.
    pub(super) fn compare_value(&mut self, data: Data, value: u8) {
        self.relative(&[0x83], 7, data, 1);
        self.bytes(&[value]);
    }

    /// Sets the flags by `register - data`, 64 bits.
    pub(super) fn compare(&mut self, register: Register, data: Data) {
        self.relative(&[rex_w(register), 0x3b], register as u8, data, 0);
    }

    /// Sets the flags by `low half of register - data`; only for the first eight registers.
    pub(super) fn compare_half(&mut self, register: Register, data: Data) {
        self.relative(&[0x3b], register as u8, data, 0);
    }

    /// Calls the function whose address is in the data.
    pub(super) fn call(&mut self, data: Data) {
        self.relative(&[0xff], 2, data, 0);
    }

    /// Jumps to the address that is in the data.
    pub(super) fn jump_through(&mut self, data: Data) {
        self.relative(&[0xff], 4, data, 0);
    }

    /// Loads the control word of the vector unit from the data.
    pub(super) fn load_mxcsr(&mut self, data: Data) {
        self.relative(&[0x0f, 0xae], 2, data, 0);
    }

    /// Opcode, ModRM for `[rip + distance]`; `behind` bytes of the instruction follow.
    fn relative(&mut self, opcode: &[u8], reg: u8, data: Data, behind: usize) {
        self.bytes(opcode);
        self.code.push((reg & 7) << 3 | 5);
        let next = self.code.len() + 4 + behind;
        let distance = PAGE as i64 + i64::from(data.0) - next as i64;
        self.bytes(&(distance as i32).to_le_bytes());
    }

    /// `register = address of the stack at offset` (0 to 127 bytes above the stack pointer).
    pub(super) fn address_of_stack(&mut self, register: Register, offset: u8) {
        self.stack(0x8d, register, offset);
    }

    /// `register = stack at offset`, 64 bits.
    pub(super) fn load_stack(&mut self, register: Register, offset: u8) {
        self.stack(0x8b, register, offset);
    }

    fn stack(&mut self, opcode: u8, register: Register, offset: u8) {
        debug_assert!(offset < 128);
        let reg = (register as u8 & 7) << 3;
        self.bytes(&[rex_w(register), opcode, 0x44 | reg, 0x24, offset]);
    }

    /// `rsp = rsp - bytes`.
    pub(super) fn grow_stack(&mut self, bytes: u32) {
        self.bytes(&[0x48, 0x81, 0xec]);
        self.bytes(&bytes.to_le_bytes());
    }

    /// `rsp = rsp + bytes`.
    pub(super) fn shrink_stack(&mut self, bytes: u32) {
        self.bytes(&[0x48, 0x81, 0xc4]);
        self.bytes(&bytes.to_le_bytes());
    }

    pub(super) fn jump(&mut self, label: Label) {
        self.bytes(&[0xe9]);
        self.distance_to(label);
    }

    pub(super) fn jump_if(&mut self, condition: If, label: Label) {
        self.bytes(&[0x0f, 0x80 + condition as u8]);
        self.distance_to(label);
    }

    fn distance_to(&mut self, label: Label) {
        self.jumps.push((self.code.len(), label));
        self.bytes(&[0; 4]);
    }
}

/// The prefix of a 64-bit instruction with this register in the `reg` field.
fn rex_w(register: Register) -> u8 {
    0x48 | (register as u8 >> 3) << 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled(write: impl FnOnce(&mut Assembler)) -> Vec<u8> {
        let mut assembler = Assembler::default();
        write(&mut assembler);
        assembler.finish().expect("fits")
    }

    #[test]
    fn instructions_between_registers_are_as_gas_writes_them() {
        use Register::{R12, Rax, Rbp, Rdi, Rsp};
        assert_eq!(assembled(|a| a.push(Rbp)), [0x55]);
        assert_eq!(assembled(|a| a.pop(R12)), [0x41, 0x5c]);
        // mov %r12,%rdi ; mov %rax,%r12 ; mov %rsp,%rbp
        assert_eq!(assembled(|a| a.copy(Rdi, R12)), [0x4c, 0x89, 0xe7]);
        assert_eq!(assembled(|a| a.copy(R12, Rax)), [0x49, 0x89, 0xc4]);
        assert_eq!(assembled(|a| a.copy(Rbp, Rsp)), [0x48, 0x89, 0xe5]);
        // test %r12,%r12 ; mov $0x101,%esi
        assert_eq!(assembled(|a| a.test(R12)), [0x4d, 0x85, 0xe4]);
        assert_eq!(
            assembled(|a| a.set(Register::Rsi, 0x101)),
            [0xbe, 1, 1, 0, 0]
        );
    }

    #[test]
    fn data_are_addressed_from_the_end_of_the_instruction() {
        // movl $1,0xff6(%rip): ten bytes, data begin at 0x1000.
        assert_eq!(
            assembled(|a| a.store_value(Data(0), 1)),
            [0xc7, 0x05, 0xf6, 0x0f, 0, 0, 1, 0, 0, 0]
        );
        // call *0x100a(%rip): six bytes.
        assert_eq!(
            assembled(|a| a.call(Data(0x10))),
            [0xff, 0x15, 0x0a, 0x10, 0, 0]
        );
        // lea -7(%rip),%rdi leads to the beginning of the code.
        assert_eq!(
            assembled(|a| a.address_of_code(Register::Rdi, 0)),
            [0x48, 0x8d, 0x3d, 0xf9, 0xff, 0xff, 0xff]
        );
    }

    #[test]
    fn stack_slots_are_addressed_with_a_sib_byte() {
        // mov 0x18(%rsp),%rsi ; lea 0x20(%rsp),%rdx
        assert_eq!(
            assembled(|a| a.load_stack(Register::Rsi, 0x18)),
            [0x48, 0x8b, 0x74, 0x24, 0x18]
        );
        assert_eq!(
            assembled(|a| a.address_of_stack(Register::Rdx, 0x20)),
            [0x48, 0x8d, 0x54, 0x24, 0x20]
        );
    }

    #[test]
    fn jumps_lead_backwards_and_forwards_and_never_nowhere() {
        let code = assembled(|a| {
            let (start, end) = (a.label(), a.label());
            a.place(start);
            a.jump_if(If::Zero, end);
            a.jump(start);
            a.place(end);
        });
        assert_eq!(code, [0x0f, 0x84, 5, 0, 0, 0, 0xe9, 0xf5, 0xff, 0xff, 0xff]);
        let mut lost = Assembler::default();
        let label = lost.label();
        lost.jump(label);
        assert_eq!(lost.finish(), None);
    }

    #[test]
    fn code_that_does_not_fit_its_page_is_refused() {
        let mut long = Assembler::default();
        long.bytes(&[0x90; 4097]);
        assert_eq!(long.finish(), None);
    }
}
