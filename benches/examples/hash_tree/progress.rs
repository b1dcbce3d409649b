//! A progress bar, for people only.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar polls a running pool.
const INTERVAL: Duration = Duration::from_millis(100);

/// A bar on standard error, or nothing at all.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(show: bool) -> Self {
        Self { bar: show.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())) }
    }

    /// Begins a stage of `steps` steps, or of an unknown number.
    pub(crate) fn stage(&self, name: &str, steps: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        let template = match steps {
            Some(_) => "{msg:24} {wide_bar} {pos}/{len}",
            None => "{msg:24} {spinner} {pos}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
        bar.set_message(name.to_owned());
        match steps {
            Some(steps) => bar.set_length(steps),
            None => bar.unset_length(),
        }
        bar.reset();
    }

    /// Corrects the number of steps of the stage.
    pub(crate) fn expect(&self, steps: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(steps);
        }
    }

    /// Advances by one step.
    pub(crate) fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Does `work` while the bar polls and shows the `position`. The tasks need not report anything.
    pub(crate) fn watch<R>(&self, position: impl Fn() -> u64 + Send, work: impl FnOnce() -> R) -> R {
        let Some(bar) = &self.bar else { return work() };
        let (working, ends) = mpsc::channel::<()>();
        thread::scope(|scope| {
            // Dropped at the end of this closure, also by a panic; the drop ends the loop.
            let _working = working;
            scope.spawn(move || {
                while ends.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                    bar.set_position(position());
                }
            });
            work()
        })
    }

    /// Removes the bar.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
