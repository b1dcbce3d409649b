//! What a report says about its run besides the figures.

use crate::machine::Machine;
use crate::measure::Params;

/// What a report says about the run besides its figures.
#[derive(Clone, Debug)]
pub struct About {
    /// Where and with what.
    pub machine: Machine,
    /// Worker threads of each contestant.
    pub workers: usize,
    /// How often everything was measured.
    pub repetitions: usize,
    /// How large the workloads were.
    pub scale: &'static str,
    /// Where all randomness came from.
    pub seed: u64,
    /// How many processors other processes and the host took meanwhile, on average.
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
            let disturbed = if others + host > DISTURBED { ": measured on a busy machine, take care" } else { "" };
            facts.push(("disturbance", format!("others took {others:.2} processors, the host {host:.2}{disturbed}")));
        }
        facts
    }
}

/// Above this many processors taken by others, a report warns.
const DISTURBED: f64 = 0.1;
