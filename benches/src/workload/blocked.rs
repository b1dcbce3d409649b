//! Blocks the workers while a workload fills the queue, so that the backlog is the same for every contestant.

use std::sync::mpsc::{Receiver, Sender, channel};

use crate::capability::Execute;
use crate::tally::PATIENCE;

/// Every worker, blocked in a task until [`release`](Self::release).
pub(crate) struct Blocked {
    release: Vec<Sender<()>>,
}

impl Blocked {
    /// Returns once each of `workers` workers is blocked.
    pub(crate) fn all<C: Execute>(pool: &C, workers: usize) -> Result<Blocked, String> {
        let (arrived, arrivals): (Sender<()>, Receiver<()>) = channel();
        let release = (0..workers)
            .map(|_| {
                let (release, released) = channel();
                let arrived = arrived.clone();
                pool.execute(move || {
                    let _ = arrived.send(());
                    let _ = released.recv();
                });
                release
            })
            .collect();
        for _ in 0..workers {
            arrivals.recv_timeout(PATIENCE).map_err(|error| format!("a worker did not take its task: {error}"))?;
        }
        Ok(Blocked { release })
    }

    pub(crate) fn release(self) {
        for release in self.release {
            let _ = release.send(());
        }
    }
}
