//! The results for people (a table in the terminal, a page with charts) and for programs (JSON).

pub mod html;
pub mod json;
pub mod page;
pub mod svg;
pub mod table;

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

/// A figure with three digits that count, thousands separated.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    let digits = match magnitude {
        _ if !value.is_finite() => return "∞".to_owned(),
        0.0 => return "0".to_owned(),
        _ if magnitude >= 99.95 => 0,
        _ if magnitude >= 9.995 => 1,
        _ if magnitude >= 0.995 => 2,
        _ if magnitude >= 0.0995 => 3,
        _ if magnitude >= 0.000995 => 4,
        _ => 6,
    };
    let text = format!("{value:.digits$}");
    let whole = text.find('.').unwrap_or(text.len());
    let sign = usize::from(value < 0.0);
    let mut separated = String::with_capacity(text.len() + 4);
    for (index, character) in text.chars().enumerate() {
        if index > sign && index < whole && (whole - index) % 3 == 0 {
            separated.push(',');
        }
        separated.push(character);
    }
    separated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_three_digits_that_count() {
        let shown = [0.0, 0.00012, 0.0123, 0.5, 1.0, 9.999, 12.34, 123.4, 1234.5, 1_234_567.0, -1234.0];
        let shown = shown.map(number);
        let expected =
            ["0", "0.000120", "0.0123", "0.500", "1.00", "10.0", "12.3", "123", "1,234", "1,234,567", "-1,234"];
        assert_eq!(shown, expected);
        assert_eq!(number(f64::INFINITY), "∞");
    }
}
