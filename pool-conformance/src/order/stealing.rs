use std::collections::{BTreeMap, VecDeque};

use super::{Order, Source};
use crate::bare::Op;

/// Own work newest first, thieves oldest first, and outside work within a bound.
///
/// An item from outside may go to any worker. It must come in submission order as long as there has been only one
/// worker. While items from outside wait, a worker may take from its own at most `outside_within - 1` times in a row;
/// once there were several, twice as often, as every other look goes to another worker first.
#[derive(Clone, Debug)]
pub struct WorkStealing {
    outside_within: usize,
    /// What each worker pushed itself, oldest first.
    own: BTreeMap<usize, VecDeque<u64>>,
    /// The rest, oldest first.
    outside: VecDeque<u64>,
    /// For each worker, its dispatches since it last took an item from outside or none waited.
    local_run: BTreeMap<usize, usize>,
    workers_so_far: usize,
}

impl WorkStealing {
    /// `outside_within`: a worker that is alone takes an item from outside at the latest with this dispatch.
    pub fn new(outside_within: usize) -> Self {
        Self {
            outside_within,
            own: BTreeMap::new(),
            outside: VecDeque::new(),
            local_run: BTreeMap::new(),
            workers_so_far: 0,
        }
    }

    fn bound(&self) -> usize {
        if self.workers_so_far == 1 { self.outside_within } else { self.outside_within * 2 }
    }

    fn take_from_outside(&mut self, item: u64, at: usize) -> Result<(), String> {
        self.outside.remove(at);
        if self.workers_so_far == 1 && at > 0 {
            return Err(format!("{item} was handed out to the only worker before {:?}", self.outside.front()));
        }
        Ok(())
    }
}

impl Order for WorkStealing {
    type Hint = ();

    fn hint(&self, _choice: u8) -> Option<()> {
        Some(())
    }

    fn attached(&mut self, worker: usize) {
        self.own.insert(worker, VecDeque::new());
        self.workers_so_far += 1;
    }

    fn left(&mut self, worker: usize) {
        self.outside.extend(self.own.remove(&worker).unwrap_or_default());
        self.local_run.remove(&worker);
    }

    fn accepted(&mut self, item: u64, source: Source, _choice: Option<u8>) {
        match source {
            Source::Outside => self.outside.push_back(item),
            Source::Worker(worker) => self.own.entry(worker).or_default().push_back(item),
        }
    }

    fn dispatched(&mut self, item: u64, worker: usize) -> Result<(), String> {
        if let Some(at) = self.outside.iter().position(|&waiting| waiting == item) {
            self.local_run.remove(&worker);
            return self.take_from_outside(item, at);
        }
        let Some((&holder, held)) = self.own.iter_mut().find(|(_, held)| held.contains(&item)) else {
            return Err(format!("{item} does not wait"));
        };
        if holder == worker {
            let newest = held.pop_back();
            if newest != Some(item) {
                return Err(format!("worker {worker} got its own {item} before its newest, {newest:?}"));
            }
        } else {
            let oldest = held.pop_front();
            if oldest != Some(item) {
                return Err(format!("{item} was stolen from worker {holder} before its oldest, {oldest:?}"));
            }
        }
        if self.outside.is_empty() {
            self.local_run.clear();
            return Ok(());
        }
        let run = self.local_run.entry(worker).or_default();
        *run += 1;
        let run = *run;
        if run >= self.bound() {
            let waiting = self.outside.len();
            return Err(format!("worker {worker} took {run} others in a row while {waiting} from outside waited"));
        }
        Ok(())
    }

    /// Local work without end while a few items from outside wait; alone, and beside workers that stand still.
    fn scripts(&self) -> Vec<Vec<Op>> {
        let endless = |workers: u8| {
            let mut ops = vec![Op::Attach; usize::from(workers) - 1];
            ops.push(Op::Batch(None, 9));
            // Each takes one item from outside, and perhaps more in advance.
            ops.extend((0..workers).map(Op::Next));
            for _ in 0..self.outside_within * 12 * usize::from(workers) {
                ops.extend([Op::Push(0, None), Op::Push(0, None), Op::Next(0)]);
            }
            ops
        };
        (1..=3).map(endless).collect()
    }
}
