use std::collections::VecDeque;
use std::marker::PhantomData;

use super::{Order, Source};

/// First in, first out, whichever thread submits and whichever worker takes.
#[derive(Clone, Debug, Default)]
pub struct Fifo {
    waiting: VecDeque<u64>,
}

impl Fifo {
    /// Nothing waits.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Order for Fifo {
    type Hint = ();

    fn hint(&self, _choice: u8) -> Option<()> {
        Some(())
    }

    fn accepted(&mut self, item: u64, _source: Source, _choice: Option<u8>) {
        self.waiting.push_back(item);
    }

    fn dispatched(&mut self, item: u64, _worker: usize) -> Result<(), String> {
        match self.waiting.pop_front() {
            Some(first) if first == item => Ok(()),
            first => Err(format!("{item} was handed out, but {first:?} was submitted first")),
        }
    }
}

/// No order at all, for strategies that promise none.
#[derive(Clone, Debug)]
pub struct Unordered<H = ()>(PhantomData<H>);

impl<H> Unordered<H> {
    /// Allows everything.
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

impl<H> Default for Unordered<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Clone + Send> Order for Unordered<H> {
    type Hint = H;

    fn hint(&self, _choice: u8) -> Option<H> {
        None
    }

    fn accepted(&mut self, _item: u64, _source: Source, _choice: Option<u8>) {}

    fn dispatched(&mut self, _item: u64, _worker: usize) -> Result<(), String> {
        Ok(())
    }
}
