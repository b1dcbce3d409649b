//! [`processors`]: how many threads can run at the same time.

/// The processors that this process may use, at least 1.
///
/// It honours the affinity mask and, on Linux, the CPU quota of the control group, rounded up. The quota is read once
/// in the life of the process, and so is the mask where there is a quota; else the mask is read at each call.
///
/// ```
/// assert!(pool_core::sync::processors() >= 1);
/// ```
pub fn processors() -> usize {
    num_cpus::get().max(1)
}
