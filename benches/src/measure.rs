//! What every measurement is given, what it gives back, and the frame that it runs in.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::capability::Contestant;
use crate::cpu::{Usage, threads};
use crate::inputs::Inputs;

/// How large the workloads are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Milliseconds each; for tests.
    Tiny,
    /// A first look.
    Quick,
    /// What `cargo bench` runs.
    Standard,
    /// The sizes of the published figures: 10 M keys, 16.7 M nodes, 50 M numbers, 5 s of idleness.
    Full,
}

impl Scale {
    /// Its name.
    pub fn name(self) -> &'static str {
        self.pick("tiny", "quick", "standard", "full")
    }

    /// The scale with this name.
    pub fn from_name(name: &str) -> Option<Scale> {
        [Scale::Tiny, Scale::Quick, Scale::Standard, Scale::Full].into_iter().find(|scale| scale.name() == name)
    }

    /// The size that belongs to this scale.
    pub fn pick<T>(self, tiny: T, quick: T, standard: T, full: T) -> T {
        match self {
            Scale::Tiny => tiny,
            Scale::Quick => quick,
            Scale::Standard => standard,
            Scale::Full => full,
        }
    }
}

/// What a workload is run with.
#[derive(Debug)]
pub struct Params {
    /// Worker threads per contestant.
    pub workers: usize,
    /// How large the workloads are.
    pub scale: Scale,
    /// Where all randomness comes from.
    pub seed: u64,
    /// The file whose bytes are the real input of the quicksort; the running executable if there is none.
    pub data: Option<PathBuf>,
    /// The program that measures memory in a process of its own.
    pub memory_probe: Option<PathBuf>,
    /// Inputs made once and shared by all contestants.
    pub inputs: Inputs,
}

impl Params {
    /// Parameters with the given number of workers and scale, and a fixed seed.
    pub fn new(workers: usize, scale: Scale) -> Self {
        Params { workers, scale, seed: 1, data: None, memory_probe: None, inputs: Inputs::default() }
    }
}

/// The outcome of one measurement.
#[derive(Clone, Debug)]
pub struct Sample {
    /// One value for each metric of the workload, in its order.
    pub values: Vec<f64>,
    /// Processor time of the whole process in nanoseconds per operation, where it can be told.
    pub cpu: Option<f64>,
}

/// What a measurement comes to: a sample, or why its result is wrong.
pub type Measured = Result<Sample, String>;

/// Measures one contestant on one workload.
pub type Run = fn(&Params) -> Measured;

/// The time and the processor time from its start until it is read.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    start: Instant,
    usage: Option<Usage>,
}

impl Meter {
    /// Starts measuring.
    pub fn start() -> Self {
        let usage = Usage::now();
        Meter { start: Instant::now(), usage }
    }

    /// The moment at which it was started.
    pub fn started(&self) -> Instant {
        self.start
    }

    /// Wall time since the start.
    pub fn wall(&self) -> Duration {
        self.start.elapsed()
    }

    /// What the process has used since the start.
    pub fn used(&self) -> Option<Usage> {
        Some(Usage::now()?.since(self.usage?))
    }

    /// Processor time since the start in nanoseconds per operation.
    pub fn cpu_per(&self, operations: u64) -> Option<f64> {
        Some(self.used()?.cpu.as_nanos() as f64 / operations as f64)
    }

    /// The sample of a workload with one metric, which is `value`, and this many operations.
    pub fn sample(&self, value: f64, operations: u64) -> Sample {
        Sample { values: vec![value], cpu: self.cpu_per(operations) }
    }
}

/// Starts a contestant, warms it up, hands it to `f`, and stops it; returns once its threads are gone, so that no contestant
/// runs beside another's leftovers.
///
/// A contestant that failed is left as it is: stopping one that lost a task may wait for ever.
pub fn with_contestant<C: Contestant>(params: &Params, f: impl FnOnce(&C) -> Measured) -> Measured {
    let before = threads();
    let contestant = C::start(params.workers);
    contestant.warm_up();
    let measured = f(&contestant);
    if measured.is_err() {
        std::mem::forget(contestant);
        return measured;
    }
    contestant.stop();
    let patience = Instant::now();
    while threads() > before && patience.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_micros(200));
    }
    measured
}

/// Nanoseconds of `duration` per operation.
pub fn nanos_per(duration: Duration, operations: u64) -> f64 {
    duration.as_nanos() as f64 / operations as f64
}
