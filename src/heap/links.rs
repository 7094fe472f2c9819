//! References of all objects in two arrays: for each object where its references begin, and then
//! all references, one after the other.

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

    /// The same links the other way round: by a counting sort.
    pub fn reversed(&self) -> Links {
        let mut starts = vec![0u32; self.starts.len().max(1)];
        for &member in &self.members {
            starts[member as usize + 1] += 1;
        }
        for number in 1..starts.len() {
            starts[number] += starts[number - 1];
        }
        let mut next = starts.clone();
        let mut members = vec![0u32; self.members.len()];
        for number in 0..self.len() {
            for &member in self.of(number as u32) {
                let place = &mut next[member as usize];
                members[*place as usize] = number as u32;
                *place += 1;
            }
        }
        Links { starts, members }
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
        let reversed = links(&[&[1, 2, 2], &[], &[0]]).reversed();
        assert_eq!(reversed, links(&[&[2], &[0], &[0, 0]]));
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
