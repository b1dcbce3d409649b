use std::collections::BTreeMap;

use super::{Order, Source};

/// The smallest key first; equal keys in submission order. Without a key, what a worker pushes has the key of the item
/// last handed out on it, if that has one, and an item from outside has none. Items without a key come after all that
/// have one.
#[derive(Clone, Debug)]
pub struct Keyed<K> {
    key: fn(u8) -> K,
    plain: Option<K>,
    /// In submission order.
    waiting: Vec<(Option<K>, u64)>,
    /// The key of the item that each worker was given last.
    current: BTreeMap<usize, Option<K>>,
}

impl<K: Ord + Clone> Keyed<K> {
    /// `key` turns the kit's choices into keys.
    pub fn new(key: fn(u8) -> K) -> Self {
        Self { key, plain: None, waiting: Vec::new(), current: BTreeMap::new() }
    }

    /// An item from outside without a key has this one instead.
    pub fn with_plain_key(self, key: K) -> Self {
        Self { plain: Some(key), ..self }
    }
}

impl<K: Ord + Clone + Send> Order for Keyed<K> {
    type Hint = K;

    fn hint(&self, choice: u8) -> Option<K> {
        Some((self.key)(choice))
    }

    fn accepted(&mut self, item: u64, source: Source, choice: Option<u8>) {
        let key = match (choice, source) {
            (Some(choice), _) => Some((self.key)(choice)),
            (None, Source::Worker(worker)) => self.current.get(&worker).cloned().flatten(),
            (None, Source::Outside) => self.plain.clone(),
        };
        self.waiting.push((key, item));
    }

    fn dispatched(&mut self, item: u64, worker: usize) -> Result<(), String> {
        // The first of equals is kept, and `waiting` is in submission order.
        let first = self.waiting.iter().enumerate().min_by_key(|&(_, (key, _))| (key.is_none(), key)).map(|(at, _)| at);
        match first.map(|at| self.waiting.remove(at)) {
            Some((key, first)) if first == item => {
                self.current.insert(worker, key);
                Ok(())
            }
            first => Err(format!("{item} was handed out instead of {:?}", first.map(|(_, item)| item))),
        }
    }
}
