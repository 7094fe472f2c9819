//! Work that is cut into parts, one for each processor.

use std::panic::resume_unwind;
use std::thread::{available_parallelism, scope};

/// The most threads that work together: memory does not become faster with more.
const MOST: usize = 8;

/// Fewer items than this are worked on by one thread.
const FEW: usize = 4096;

/// How many threads work together.
pub fn threads() -> usize {
    available_parallelism().map_or(1, |count| count.get().min(MOST))
}

/// Has each worker do a part of `items`, all at the same time; `work` gets the index of the first
/// item of its part. The results are in the order of the parts.
pub fn on_parts<W: Send, I: Sync, R: Send>(
    workers: &mut [W],
    items: &[I],
    work: impl Fn(&mut W, usize, &[I]) -> R + Sync,
) -> Vec<R> {
    let count = if items.len() < FEW { 1 } else { workers.len() };
    let size = items.len().div_ceil(count.max(1)).max(1);
    let parts = workers.iter_mut().zip(items.chunks(size)).enumerate();
    let work = &work;
    scope(|scope| {
        let running: Vec<_> = parts
            .map(|(number, (worker, part))| scope.spawn(move || work(worker, number * size, part)))
            .collect();
        let ended = running.into_iter().map(|one| one.join());
        ended
            .map(|end| end.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

/// Changes all of `items`, each part of them by a thread of its own. `work` gets the index of the
/// first item of its part.
pub fn change_parts<I: Send>(items: &mut [I], work: impl Fn(usize, &mut [I]) + Sync) {
    let size = items.len().div_ceil(threads()).max(FEW);
    let work = &work;
    scope(|scope| {
        for (number, part) in items.chunks_mut(size).enumerate() {
            scope.spawn(move || work(number * size, part));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for length in [0, 1, 5, 100_000] {
            let items: Vec<usize> = (0..length).collect();
            let mut workers = [(); 3];
            let parts = on_parts(&mut workers, &items, |(), first, part| {
                assert_eq!(part.first(), Some(&first));
                part.to_vec()
            });
            assert_eq!(parts.concat(), items);
        }
    }

    #[test]
    fn every_item_is_changed_once() {
        let mut items: Vec<usize> = (0..100_000).collect();
        change_parts(&mut items, |first, part| {
            for (index, item) in part.iter_mut().enumerate() {
                *item += first + index;
            }
        });
        assert!(
            items
                .iter()
                .enumerate()
                .all(|(index, &item)| item == 2 * index)
        );
    }
}
