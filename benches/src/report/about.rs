//! What a report says about its run besides the figures.

use crate::machine::Machine;
use crate::measure::Params;

/// What a report says about the run besides its figures.
#[derive(Clone, Debug)]
pub struct About {
    /// The machine, the compiler and the commit.
    pub machine: Machine,
    /// Worker threads of each contestant.
    pub workers: usize,
    /// How often every measurement was repeated.
    pub repetitions: usize,
    /// How large the workloads were.
    pub scale: &'static str,
    /// The seed of all random numbers.
    pub seed: u64,
    /// How many processors other processes and the host took during the run, on average.
    pub taken: Option<(f64, f64)>,
}

impl About {
    /// About a run on this machine that starts now.
    pub fn here(params: &Params, repetitions: usize) -> About {
        About {
            machine: Machine::here(),
            workers: params.workers,
            repetitions,
            scale: params.scale.name(),
            seed: params.seed,
            taken: None,
        }
    }

    /// Names and values, in the order in which reports show them.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = self.machine.facts().to_vec();
        facts.extend([
            ("workers", self.workers.to_string()),
            ("repetitions", self.repetitions.to_string()),
            ("scale", self.scale.to_owned()),
            ("seed", self.seed.to_string()),
        ]);
        if let Some((others, host)) = self.taken {
            let disturbed = if others + host > DISTURBED { "; busy machine: unreliable figures" } else { "" };
            facts.push(("disturbance", format!("other processes {others:.2} processors, host {host:.2}{disturbed}")));
        }
        facts
    }
}

/// A report warns if other processes and the host together took more processors than this.
const DISTURBED: f64 = 0.1;
