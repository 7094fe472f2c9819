//! The frame that heals a thread: what `rt_sigreturn` reads to put every register back.
//!
//! Laid out as the kernel does it for a signal handler (`arch/x86/include/asm/sigframe.h`,
//! `struct rt_sigframe`; `arch/x86/kernel/fpu/signal.c` for the floating point part). Pure: bytes
//! from registers.

use crate::address::Address;
use crate::target::registers_x86_64::Registers;

/// Bytes below the stack pointer that belong to the function running there (System V ABI).
pub const RED_ZONE: u64 = 128;
/// Bytes of `struct rt_sigframe`.
const FRAME_SIZE: u64 = 440;
/// Where the kernel's own words begin in the legacy part of an xsave image.
const SOFTWARE_BYTES: usize = 464;
/// Where the xsave header begins: the features that are not in their initial state.
const XSTATE_BV: usize = 512;
/// Where the xsave header ends: no image is shorter.
const HEADER_END: usize = 576;
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;
const FP_XSTATE_MAGIC2: u32 = 0x4650_5845;
/// `UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS`.
const UC_FLAGS: u64 = 7;
/// An invalid mode for the alternate stack: the kernel then leaves the alternate stack alone,
/// where `SS_DISABLE` would take it away from the program's fault handler.
const KEEP_ALTERNATE_STACK: u32 = 3;
/// AMX tile data: enabled thread by thread; the kernel does not accept an image that has room for
/// it from a thread that never enabled it.
const TILE_DATA: u64 = 1 << 18;
/// Where tile data begin in an xsave image.
const TILE_DATA_OFFSET: usize = 2816;

/// A frame, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalFrame {
    /// Where it belongs: the stack pointer at which `rt_sigreturn`'s caller returns.
    pub at: Address,
    /// Its bytes, floating point part included.
    pub bytes: Vec<u8>,
}

impl SignalFrame {
    /// The frame that restores `registers`, the xsave image `xstate` and the signal mask `mask`,
    /// below the red zone of `registers.rsp`. `restore` is the address of `__restore_rt`. `None`
    /// when the xsave image is too short to be one.
    pub fn new(registers: &Registers, xstate: &[u8], mask: u64, restore: Address) -> Option<Self> {
        let floating = floating_point_part(xstate)?;
        let below = registers
            .rsp
            .checked_sub(RED_ZONE + floating.len() as u64)?;
        let floating_at = below & !63;
        let at = (floating_at.checked_sub(FRAME_SIZE)? & !15).checked_sub(8)?;
        let mut bytes = vec![0; (floating_at - at) as usize];
        let mut put = |offset: usize, word: u64| {
            bytes[offset..offset + 8].copy_from_slice(&word.to_le_bytes());
        };
        put(0, restore.value());
        put(8, UC_FLAGS);
        put(32, u64::from(KEEP_ALTERNATE_STACK));
        for (index, register) in in_sigcontext_order(registers).into_iter().enumerate() {
            put(48 + 8 * index, register);
        }
        // cs, gs, fs, ss, two bytes each.
        put(192, (registers.cs & 0xffff) | (registers.ss & 0xffff) << 48);
        put(232, floating_at);
        put(304, mask);
        bytes.extend_from_slice(&floating);
        Some(SignalFrame {
            at: Address::new(at),
            bytes,
        })
    }
}

/// `struct sigcontext_64` (`arch/x86/include/uapi/asm/sigcontext.h`).
fn in_sigcontext_order(registers: &Registers) -> [u64; 18] {
    let r = registers;
    [
        r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx,
        r.rax, r.rcx, r.rsp, r.rip, r.eflags,
    ]
}

/// The xsave image with the words by which the kernel knows it, and the magic number behind it.
fn floating_point_part(xstate: &[u8]) -> Option<Vec<u8>> {
    let word = |at: usize| {
        let bytes: [u8; 8] = xstate.get(at..at + 8)?.try_into().ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    if xstate.len() < HEADER_END {
        return None;
    }
    let mut features = word(SOFTWARE_BYTES)?;
    let mut length = xstate.len();
    if features & TILE_DATA != 0 && word(XSTATE_BV)? & TILE_DATA == 0 {
        features &= !TILE_DATA;
        length = length.min(TILE_DATA_OFFSET);
    }
    let size = u32::try_from(length).ok()?;
    let mut image = xstate[..length].to_vec();
    image[SOFTWARE_BYTES..XSTATE_BV].fill(0);
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(SOFTWARE_BYTES, &FP_XSTATE_MAGIC1.to_le_bytes());
    put(SOFTWARE_BYTES + 4, &(size + 4).to_le_bytes());
    put(SOFTWARE_BYTES + 8, &features.to_le_bytes());
    put(SOFTWARE_BYTES + 16, &size.to_le_bytes());
    image.extend_from_slice(&FP_XSTATE_MAGIC2.to_le_bytes());
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::registers_x86_64::zero_registers;

    fn xstate(features: u64, in_use: u64, length: usize) -> Vec<u8> {
        let mut image = vec![0xaa; length];
        image[SOFTWARE_BYTES..SOFTWARE_BYTES + 8].copy_from_slice(&features.to_le_bytes());
        image[XSTATE_BV..XSTATE_BV + 8].copy_from_slice(&in_use.to_le_bytes());
        image
    }

    fn frame_of(image: &[u8]) -> SignalFrame {
        let mut registers = zero_registers();
        registers.rsp = 0x7ffd_0000_1238;
        registers.rip = 0x4010;
        registers.rax = 77;
        registers.cs = 0x33;
        registers.ss = 0x2b;
        SignalFrame::new(&registers, image, 0xf0, Address::new(0x9000)).expect("an image")
    }

    fn word(frame: &SignalFrame, offset: usize) -> u64 {
        crate::target::memory::word_in(&frame.bytes, offset).expect("inside")
    }

    #[test]
    fn the_frame_lies_below_the_red_zone_and_is_aligned_as_after_a_call() {
        let frame = frame_of(&xstate(7, 7, 832));
        let end = frame.at.value() + frame.bytes.len() as u64;
        assert!(end <= 0x7ffd_0000_1238 - RED_ZONE);
        assert_eq!(frame.at.value() % 16, 8);
        assert_eq!(word(&frame, 232) % 64, 0);
    }

    #[test]
    fn registers_and_mask_stand_where_the_kernel_reads_them() {
        let frame = frame_of(&xstate(7, 7, 832));
        assert_eq!(word(&frame, 0), 0x9000);
        assert_eq!(word(&frame, 48 + 13 * 8), 77);
        assert_eq!(word(&frame, 48 + 15 * 8), 0x7ffd_0000_1238);
        assert_eq!(word(&frame, 48 + 16 * 8), 0x4010);
        assert_eq!(word(&frame, 192), 0x002b_0000_0000_0033);
        assert_eq!(word(&frame, 304), 0xf0);
    }

    #[test]
    fn the_floating_point_part_names_its_own_size_twice_and_ends_with_the_magic() {
        let frame = frame_of(&xstate(7, 7, 832));
        let at = (word(&frame, 232) - frame.at.value()) as usize;
        assert_eq!(
            word(&frame, at + 464),
            u64::from(FP_XSTATE_MAGIC1) | 836 << 32
        );
        assert_eq!(word(&frame, at + 472), 7);
        assert_eq!(word(&frame, at + 480), 832);
        assert_eq!(frame.bytes[at + 832..], FP_XSTATE_MAGIC2.to_le_bytes());
    }

    #[test]
    fn tile_data_that_were_never_used_are_left_out() {
        let frame = frame_of(&xstate(7 | TILE_DATA, 7, 11008));
        let at = (word(&frame, 232) - frame.at.value()) as usize;
        assert_eq!(word(&frame, at + 472), 7);
        assert_eq!(word(&frame, at + 480), TILE_DATA_OFFSET as u64);
        let frame = frame_of(&xstate(7 | TILE_DATA, 7 | TILE_DATA, 11008));
        let at = (word(&frame, 232) - frame.at.value()) as usize;
        assert_eq!(word(&frame, at + 480), 11008);
    }

    #[test]
    fn what_is_too_short_to_be_an_image_gives_no_frame() {
        let mut registers = zero_registers();
        registers.rsp = 0x7ffd_0000_1238;
        let frame = |image: &[u8]| SignalFrame::new(&registers, image, 0, Address::NULL);
        assert_eq!(frame(&[0; 575]), None);
        assert!(frame(&[0; 576]).is_some());
    }
}
