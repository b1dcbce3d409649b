//! The parameters and the sample of a measurement, and the code that runs one.

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

    /// The value for this scale.
    pub fn pick<T>(self, tiny: T, quick: T, standard: T, full: T) -> T {
        match self {
            Scale::Tiny => tiny,
            Scale::Quick => quick,
            Scale::Standard => standard,
            Scale::Full => full,
        }
    }
}

/// The parameters of a measurement.
#[derive(Debug)]
pub struct Params {
    /// Worker threads per contestant.
    pub workers: usize,
    /// How large the workloads are.
    pub scale: Scale,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The file that the quicksort sorts; `None` for the running executable.
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

/// The figures of one measurement.
#[derive(Clone, Debug)]
pub struct Sample {
    /// One value for each metric, in the workload's order.
    pub values: Vec<f64>,
    /// Processor time of the whole process in nanoseconds per operation, where known.
    pub cpu: Option<f64>,
}

/// The outcome of a measurement: a sample, or the reason why the result is wrong.
pub type Measured = Result<Sample, String>;

/// Measures one contestant on one workload.
pub type Run = fn(&Params) -> Measured;

/// Measures wall time and processor time from its start.
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

    /// The moment of the start.
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

    /// The sample of a workload with the one metric `value` and this many operations.
    pub fn sample(&self, value: f64, operations: u64) -> Sample {
        Sample { values: vec![value], cpu: self.cpu_per(operations) }
    }
}

/// Starts a contestant, warms it up, hands it to `f`, and stops it. Returns once the contestant's threads are gone, or after
/// a second, so that no contestant runs beside threads of another.
///
/// A failed contestant is not stopped: if it lost a task, stopping it may block for ever.
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
