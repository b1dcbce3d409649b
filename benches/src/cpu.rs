//! What the process has used of the machine: processor time and context switches.

use std::time::Duration;

/// What the process has used since it started, over all its threads, also those that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time together.
    pub cpu: Duration,
    /// Context switches, voluntary and not.
    pub switches: u64,
}

impl Usage {
    /// What has been used until now, or `None` where the operating system is not asked (other than Unix).
    ///
    /// The kernel brings the time of a thread that is running elsewhere up to date at its next tick only, so that a reading is
    /// exact once the threads of interest sleep, and up to a tick (1 to 10 ms) short while they run.
    #[cfg(unix)]
    pub fn now() -> Option<Usage> {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let time = |value: nix::sys::time::TimeVal| {
            Duration::from_secs(value.tv_sec() as u64) + Duration::from_micros(value.tv_usec() as u64)
        };
        Some(Usage {
            cpu: time(usage.user_time()) + time(usage.system_time()),
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

/// The number of threads that the process has now, or `None` where it cannot be told.
pub fn threads() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
    line.trim().parse().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn work_costs_processor_time() {
        let before = Usage::now().unwrap();
        let iterations = crate::work::iterations(Duration::from_millis(30));
        std::hint::black_box(crate::work::spin(iterations));
        let used = Usage::now().unwrap().since(before).cpu;
        assert!(used > Duration::from_millis(3), "{used:?}");
    }
}
