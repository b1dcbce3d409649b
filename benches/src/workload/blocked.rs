//! Workers that are held while a workload fills the queue, so that it measures the same backlog for every contestant.

use std::sync::mpsc::{Receiver, Sender, channel};

use crate::capability::Execute;
use crate::tally::PATIENCE;

/// Holds every worker in a task until it is released.
pub(crate) struct Blocked {
    release: Vec<Sender<()>>,
}

impl Blocked {
    /// Returns once each of `workers` workers is held.
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
            arrivals.recv_timeout(PATIENCE).map_err(|error| format!("a worker does not come: {error}"))?;
        }
        Ok(Blocked { release })
    }

    pub(crate) fn release(self) {
        for release in self.release {
            let _ = release.send(());
        }
    }
}
