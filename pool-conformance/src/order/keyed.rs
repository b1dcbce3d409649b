use std::collections::BTreeMap;

use super::{Order, Source};

/// The smallest key first; equal keys in submission order; a part gets the key of the item last handed out there.
#[derive(Clone, Debug)]
pub struct Keyed<K> {
    key: fn(u8) -> K,
    waiting: Vec<(K, u64)>,
    current: BTreeMap<usize, K>,
}

impl<K: Ord + Clone + Default> Keyed<K> {
    /// `key` turns the kit's choices into keys.
    pub fn new(key: fn(u8) -> K) -> Self {
        Self { key, waiting: Vec::new(), current: BTreeMap::new() }
    }
}

impl<K: Ord + Clone + Default + Send> Order for Keyed<K> {
    type Hint = K;

    fn hint(&self, choice: u8) -> K {
        (self.key)(choice)
    }

    fn accepted(&mut self, item: u64, source: Source, choice: Option<u8>) {
        let key = match source {
            Source::Part(worker) => self.current.get(&worker).cloned().unwrap_or_default(),
            _ => choice.map_or_else(K::default, self.key),
        };
        self.waiting.push((key, item));
    }

    fn dispatched(&mut self, item: u64, worker: usize) -> Result<(), String> {
        // `min_by` keeps the first of equals, and `waiting` is in submission order.
        let first = self.waiting.iter().enumerate().min_by(|a, b| a.1.0.cmp(&b.1.0)).map(|(at, _)| at);
        match first.map(|at| self.waiting.remove(at)) {
            Some((key, first)) if first == item => {
                self.current.insert(worker, key);
                Ok(())
            }
            first => Err(format!("{item} was handed out instead of {:?}", first.map(|(_, item)| item))),
        }
    }
}
