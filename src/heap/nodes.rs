//! A set of objects of a graph.

use std::iter::successors;

/// Objects by their numbers: one bit each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeSet {
    bits: Vec<u64>,
}

impl NodeSet {
    /// An empty set that has room for objects up to `count`.
    pub fn with_room(count: usize) -> Self {
        NodeSet {
            bits: vec![0; count.div_ceil(64)],
        }
    }

    /// The set of these objects.
    pub fn of(nodes: impl IntoIterator<Item = u32>) -> Self {
        let mut set = NodeSet::default();
        for node in nodes {
            set.insert(node);
        }
        set
    }

    /// Adds an object; returns whether it is new.
    pub fn insert(&mut self, node: u32) -> bool {
        let (word, bit) = (node as usize / 64, 1u64 << (node % 64));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }

    /// Whether an object is in it.
    pub fn has(&self, node: u32) -> bool {
        let word = self.bits.get(node as usize / 64);
        word.is_some_and(|word| word >> (node % 64) & 1 == 1)
    }

    /// Its objects, in their order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let words = self.bits.iter().enumerate();
        words.flat_map(|(index, &word)| {
            let without_lowest = |rest: &u64| Some(rest & rest.wrapping_sub(1));
            let rests = successors(Some(word), without_lowest).take_while(|&rest| rest != 0);
            rests.map(move |rest| index as u32 * 64 + rest.trailing_zeros())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_once() {
        let mut set = NodeSet::of([3, 200]);
        assert!(!set.insert(3) && set.insert(64));
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64, 200]);
        assert!(!set.has(4) && !set.has(100_000));
    }
}
