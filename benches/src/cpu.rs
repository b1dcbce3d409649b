//! Processor time, context switches and threads of this process, and the load from other processes.

use std::time::{Duration, Instant};

/// What the process has used since its start, in all its threads, ended ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time together.
    pub cpu: Duration,
    /// Context switches, voluntary and not.
    pub switches: u64,
}

impl Usage {
    /// What has been used until now, or `None` on systems other than Unix.
    ///
    /// The kernel updates the time of a thread on another processor only at the next tick there. So a reading is exact once
    /// the threads of interest sleep, and up to a tick (1 to 10 ms) short while they run.
    #[cfg(unix)]
    pub fn now() -> Option<Usage> {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        Some(Usage {
            cpu: duration(usage.user_time()) + duration(usage.system_time()),
            switches: (usage.voluntary_context_switches() + usage.involuntary_context_switches()) as u64,
        })
    }

    /// See the Unix version.
    #[cfg(not(unix))]
    pub fn now() -> Option<Usage> {
        None
    }

    /// What was used from `earlier` to this reading.
    pub fn since(self, earlier: Usage) -> Usage {
        Usage { cpu: self.cpu.saturating_sub(earlier.cpu), switches: self.switches.saturating_sub(earlier.switches) }
    }
}

/// What the whole machine has done since its start. Only the ratios of these values have a meaning.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    total: f64,
    busy: f64,
    stolen: f64,
}

fn clocks() -> Option<Clocks> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; the fields after these are contained in the first two.
    let &[user, nice, system, idle, waiting, irq, softirq, stolen] = ticks.get(..8)? else { return None };
    let busy = user + nice + system + irq + softirq;
    Some(Clocks { total: busy + idle + waiting + stolen, busy, stolen })
}

/// Watches how much of the machine other processes and the host take during a measurement.
#[derive(Debug)]
pub struct Disturbance {
    clocks: Option<Clocks>,
    own: Option<Duration>,
    start: Instant,
}

impl Disturbance {
    /// Starts watching.
    pub fn watch() -> Self {
        Disturbance { clocks: clocks(), own: with_children(), start: Instant::now() }
    }

    /// How many processors other processes kept busy since the start, and how many the host took, on average. `None` where
    /// the operating system does not report it.
    pub fn taken(&self) -> Option<(f64, f64)> {
        let (before, after) = (self.clocks?, clocks()?);
        let own = with_children()?.saturating_sub(self.own?).as_secs_f64() / self.start.elapsed().as_secs_f64();
        let processors = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let total = after.total - before.total;
        if total <= 0.0 {
            return None;
        }
        let others = (after.busy - before.busy) / total * processors - own;
        Some((others.max(0.0), (after.stolen - before.stolen) / total * processors))
    }
}

/// Processor time of this process and of the child processes that it waited for.
#[cfg(unix)]
fn with_children() -> Option<Duration> {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    Some(Usage::now()?.cpu + duration(usage.user_time()) + duration(usage.system_time()))
}

#[cfg(not(unix))]
fn with_children() -> Option<Duration> {
    None
}

#[cfg(unix)]
fn duration(value: nix::sys::time::TimeVal) -> Duration {
    Duration::from_secs(value.tv_sec() as u64) + Duration::from_micros(value.tv_usec() as u64)
}

/// The number of threads that the process has now, or `None` where that is unknown.
pub fn threads() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
    line.trim().parse().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn own_work_is_not_taken_for_a_disturbance_of_its_size() {
        let watch = Disturbance::watch();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(100) {
            std::hint::black_box(crate::work::spin(10_000));
        }
        let (others, host) = watch.taken().unwrap();
        let processors = std::thread::available_parallelism().unwrap().get() as f64;
        // This thread kept one processor busy; other processes had at most the rest, give or take a few ticks.
        assert!((0.0..=processors - 0.2).contains(&others) || processors < 2.0, "{others}");
        assert!((0.0..=processors).contains(&host), "{host}");
    }

    #[test]
    fn work_costs_processor_time() {
        let before = Usage::now().unwrap();
        let iterations = crate::work::iterations(Duration::from_millis(30));
        std::hint::black_box(crate::work::spin(iterations));
        let used = Usage::now().unwrap().since(before).cpu;
        assert!(used > Duration::from_millis(3), "{used:?}");
    }
}
