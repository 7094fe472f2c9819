//! References of all objects in two arrays: for each object where its references begin, and then
//! all references, one after the other.

use super::threads::{change_parts, threads};
use crate::target::own_memory::in_huge_pages;
use std::thread::scope;

/// How often each number is a member: of the first one it stands behind a place that is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times(Vec<u32>);

impl Times {
    /// Of all numbers, in their order.
    pub fn all(&self) -> &[u32] {
        &self.0[1..]
    }

    /// One more of this number.
    pub fn add(&mut self, number: u32) {
        self.0[number as usize + 1] += 1;
    }
}

/// For each number, a list of numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Where the list of each begins in `members`; one more, for the end.
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Links {
    /// Of lists that stand one after the other; `starts` has one entry more than there are lists.
    pub fn new(starts: Vec<u32>, members: Vec<u32>) -> Self {
        debug_assert_eq!(starts.last().copied(), Some(members.len() as u32));
        Links { starts, members }
    }

    /// The list of `number`; none of a number that has none.
    pub fn of(&self, number: u32) -> &[u32] {
        let number = number as usize;
        match (self.starts.get(number), self.starts.get(number + 1)) {
            (Some(&start), Some(&end)) => &self.members[start as usize..end as usize],
            _ => &[],
        }
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many members all lists have.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// All members, list by list.
    pub fn all(&self) -> &[u32] {
        &self.members
    }

    /// The member at a position.
    pub fn get(&self, position: u32) -> u32 {
        self.members[position as usize]
    }

    /// Exchanges the member at a position.
    pub fn set(&mut self, position: u32, member: u32) {
        self.members[position as usize] = member;
    }

    /// How often each number is a member. Members that are no number of a list are not counted.
    pub fn times(&self) -> Times {
        let mut behind = vec![0u32; self.starts.len().max(1)];
        in_huge_pages(&mut behind);
        change_parts(&mut behind[1..], |first, counts| {
            for &member in &self.members {
                let index = (member as usize).checked_sub(first);
                if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
                    *count += 1;
                }
            }
        });
        Times(behind)
    }

    /// The same links the other way round: by a counting sort, for which is known how often each
    /// number is a member. Each thread does it for its part of the numbers.
    pub fn reversed(&self, Times(mut starts): Times) -> Links {
        // The number behind that of each list: while the list is filled, where its next member goes;
        // in the end, where the next list begins.
        let mut before = 0;
        for count in &mut starts[1..] {
            (*count, before) = (before, before + *count);
        }
        let mut members = vec![0u32; self.members.len()];
        in_huge_pages(&mut members);
        let size = self.len().div_ceil(threads()).max(1);
        scope(|scope| {
            let mut rest = &mut members[..];
            let mut parts = starts[1..].chunks_mut(size).enumerate().peekable();
            while let Some((number, next)) = parts.next() {
                let end = parts.peek().map(|(_, behind)| behind[0]);
                let length = end.unwrap_or(before) - next[0];
                let part;
                (part, rest) = rest.split_at_mut(length as usize);
                scope.spawn(move || self.reverse_into(number * size, next, part));
            }
        });
        Links { starts, members }
    }

    /// Writes which numbers have `first` and those after it as members to `part`; `next` says of each
    /// where, and in the end where its list ends.
    fn reverse_into(&self, first: usize, next: &mut [u32], part: &mut [u32]) {
        let begin = next.first().copied().unwrap_or_default();
        for number in 0..self.len() as u32 {
            for &member in self.of(number) {
                let index = (member as usize).checked_sub(first);
                if let Some(place) = index.and_then(|index| next.get_mut(index)) {
                    part[(*place - begin) as usize] = number;
                    *place += 1;
                }
            }
        }
    }

    /// Gives every member to `keep`, list by list, and drops those it does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(u32, &mut u32) -> bool) {
        let mut kept = 0;
        let mut start = 0;
        for number in 0..self.len() {
            let end = self.starts[number + 1] as usize;
            self.starts[number] = kept as u32;
            for place in start..end {
                let mut member = self.members[place];
                if keep(number as u32, &mut member) {
                    self.members[kept] = member;
                    kept += 1;
                }
            }
            start = end;
        }
        if let Some(last) = self.starts.last_mut() {
            *last = kept as u32;
        }
        self.members.truncate(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(lists: &[&[u32]]) -> Links {
        let mut starts = vec![0];
        for list in lists {
            starts.push(starts[starts.len() - 1] + list.len() as u32);
        }
        Links::new(starts, lists.concat())
    }

    #[test]
    fn reversed_links_lead_back_with_their_multiplicity() {
        let links_out = links(&[&[1, 2, 2], &[], &[0]]);
        let times = links_out.times();
        assert_eq!(times.all(), [1, 1, 2]);
        assert_eq!(links_out.reversed(times), links(&[&[2], &[0], &[0, 0]]));
    }

    #[test]
    fn what_is_not_wanted_is_dropped_and_the_rest_closes_up() {
        let mut links = links(&[&[1, 2], &[2, 0], &[0]]);
        links.retain(|from, to| from != 1 && *to != 1);
        assert_eq!(links.of(0), [2]);
        assert!(links.of(1).is_empty());
        assert_eq!(links.of(2), [0]);
    }
}
