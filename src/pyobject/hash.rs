//! The hash of a `str`, computed as the interpreter computes it.
//!
//! `Python/pyhash.c` hashes with SipHash-2-4 to 3.10 and SipHash-1-3 from 3.11 on, keyed with the
//! first 16 bytes of `_Py_HashSecret`. A build may be configured otherwise, so nothing is believed
//! before it gives the hash that a text of the target itself holds.

use crate::cpython::layout::{Layout, TextForm};
use crate::pyobject::text;
use crate::target::memory::word_in;
use siphasher::sip::{SipHasher13, SipHasher24};

/// How a target hashes the text of a `str`.
#[derive(Debug, Clone, Copy)]
pub enum TextHash {
    /// To 3.10.
    Sip24(SipHasher24),
    /// From 3.11 on.
    Sip13(SipHasher13),
}

impl TextHash {
    /// The way that gives the hash in the `str` whose first bytes are given, from the two words of
    /// `_Py_HashSecret`; `None` when none does.
    pub fn proven_by(layout: &Layout, secret: (u64, u64), head: &[u8]) -> Option<Self> {
        let known = hash_in(layout, head)?;
        let ascii = text::ascii_in(layout, text::native(layout), head)?;
        let ways = [
            TextHash::Sip13(SipHasher13::new_with_keys(secret.0, secret.1)),
            TextHash::Sip24(SipHasher24::new_with_keys(secret.0, secret.1)),
        ];
        let gives_it = |way: &TextHash| !ascii.is_empty() && way.of(ascii) == known;
        ways.into_iter().find(gives_it)
    }

    /// The way of this version, unless it was configured otherwise.
    pub fn usual(layout: &Layout, secret: (u64, u64)) -> Self {
        match layout.python {
            (3, 11..) => TextHash::Sip13(SipHasher13::new_with_keys(secret.0, secret.1)),
            _ => TextHash::Sip24(SipHasher24::new_with_keys(secret.0, secret.1)),
        }
    }

    /// The hash of a `str` of these ASCII characters, of which there is at least one.
    pub fn of(&self, ascii: &[u8]) -> u64 {
        match self {
            TextHash::Sip24(sip) => sip.hash(ascii),
            TextHash::Sip13(sip) => sip.hash(ascii),
        }
    }
}

/// The hash of a `str` whose first bytes are given, when it was ever computed: the member behind the
/// length (`PyASCIIObject`, `Include/cpython/unicodeobject.h`, 3.3 to 3.15).
pub fn hash_in(layout: &Layout, head: &[u8]) -> Option<u64> {
    const UNKNOWN: u64 = u64::MAX;
    let TextForm::Flexible { .. } = layout.text.form else {
        return None;
    };
    word_in(head, layout.text.length.offset() as usize + 8).filter(|&hash| hash != UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpython::tables::{V2_7, V3_7, V3_11};

    /// `_Py_HashSecret` with PYTHONHASHSEED=1, and `hash("__file__")` of 3.11 and 3.7 with it.
    const SECRET: (u64, u64) = (0xaed6_6ce1_84be_2329, 0xebe9_bbf1_f149_9052);
    const NEW: i64 = -3_925_278_962_535_091_534;
    const OLD: i64 = 9_087_706_530_664_160_840;

    /// A compact ASCII `str`, as 3.7 to 3.11 lay it out.
    fn text(hash: u64, ascii: &[u8]) -> Vec<u8> {
        let words = [1, 0x7000, ascii.len() as u64, hash, 0xe4, 0];
        let mut bytes: Vec<u8> = words
            .iter()
            .flat_map(|word: &u64| word.to_le_bytes())
            .collect();
        bytes.extend(ascii);
        bytes.resize(160, 0);
        bytes
    }

    #[test]
    fn a_text_of_the_target_tells_which_hash_it_is() {
        let secret = SECRET;
        let new = text(NEW as u64, b"__file__");
        let way = TextHash::proven_by(&V3_11, secret, &new).expect("SipHash-1-3");
        assert_eq!(way.of(b"__file__"), NEW as u64);
        let old = text(OLD as u64, b"__file__");
        let way = TextHash::proven_by(&V3_7, secret, &old).expect("SipHash-2-4");
        assert_eq!(way.of(b"__file__"), OLD as u64);
    }

    #[test]
    fn a_hash_that_is_another_or_not_there_proves_nothing() {
        let secret = SECRET;
        for hash in [0, 1, u64::MAX] {
            let bytes = text(hash, b"__file__");
            assert!(TextHash::proven_by(&V3_11, secret, &bytes).is_none());
            assert!(TextHash::proven_by(&V2_7, secret, &bytes).is_none());
        }
        let empty = text(0, b"");
        assert!(TextHash::proven_by(&V3_11, secret, &empty).is_none());
    }
}
