//! Changes to an input that random ones hardly ever make: a word becomes an address in the memory that
//! the input stands for, or a small number, or another word of it.

/// A generator of numbers that look random (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Changes some words behind the first `head` bytes of `data`, which stand at the address `base`.
pub fn change_words(data: &mut [u8], head: usize, base: u64, seed: u32) {
    let mut numbers = Numbers(u64::from(seed) << 1 | 1);
    let Some(body) = data.get_mut(head..) else {
        return;
    };
    let words = body.len() / 8;
    if words == 0 {
        return;
    }
    for _ in 0..1 + numbers.below(4) {
        let at = 8 * numbers.below(words);
        let old = word(body, at);
        let new = match numbers.below(8) {
            0..3 => base + 8 * numbers.below(words) as u64,
            3 => numbers.next() & 0xf,
            4 => word(body, 8 * numbers.below(words)),
            5 => old ^ 1 << numbers.below(64),
            6 => old.wrapping_add(8).wrapping_sub(16 * (numbers.next() & 1)),
            _ => u64::MAX >> numbers.below(64),
        };
        body[at..at + 8].copy_from_slice(&new.to_le_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

/// The mutator of a target: half of the time words are changed, otherwise libFuzzer does what it does.
#[macro_export]
macro_rules! fuzz_words {
    ($head:expr, $base:expr) => {
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
            if seed % 2 == 0 {
                $crate::mutate::change_words(&mut data[..size], $head, $base, seed);
                size
            } else {
                libfuzzer_sys::fuzzer_mutate(data, size, max_size)
            }
        });
    };
}
