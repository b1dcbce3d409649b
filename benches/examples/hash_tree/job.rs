//! One run: all files through one pool.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use std::{io, iter};

use blake3::Hash;
use blake3::hazmat::ChainingValue;
use pool_benches::cpu::Usage;
use pool_core::{BuildError, Pool, Scheduler, Task};

use crate::args::Big;
use crate::hash::{self, PIECE};
use crate::progress::Progress;

/// A file to hash.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// The bytes that the reference has read; 0 if it could not read the file.
    pub(crate) len: u64,
}

impl Entry {
    pub(crate) fn is_big(&self) -> bool {
        self.len > PIECE
    }
}

/// When the pieces of a big file are submitted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turns {
    /// To the back of the queue: the first pieces when the file's turn comes, another whenever a piece is done.
    OneByOne,
    /// All from outside, after all small files.
    AfterSmall,
}

/// How a strategy is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way<H> {
    pub(crate) turns: Turns,
    pub(crate) piece_hint: H,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Run {
    /// From the first submission until the last file is hashed.
    pub(crate) wall: Duration,
    /// The processor time of all threads in that time, where known.
    pub(crate) cpu: Option<Duration>,
    /// By file. If the file's task was lost or panicked, the outcome is an error.
    pub(crate) outcomes: Vec<io::Result<Hash>>,
    /// By file: from its submission to the start of its hashing.
    pub(crate) waits: Vec<Duration>,
}

/// Measures a run.
#[derive(Debug)]
pub(crate) struct Meter {
    began: Instant,
    usage: Option<Usage>,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { usage: Usage::now(), began: Instant::now() }
    }

    /// The elapsed time and the used processor time.
    pub(crate) fn read(&self) -> (Duration, Option<Duration>) {
        let wall = self.began.elapsed();
        (wall, Usage::now().zip(self.usage).map(|(now, before)| now.since(before).cpu))
    }
}

struct Job<S: Scheduler<Task> + 'static> {
    pool: Pool<S>,
    files: Arc<[Entry]>,
    slots: Box<[Slot]>,
    way: Way<S::Hint>,
}

/// What is known about a file.
#[derive(Default)]
struct Slot {
    submitted: OnceLock<Instant>,
    started: OnceLock<Instant>,
    outcome: OnceLock<io::Result<Hash>>,
    pieces: Option<Pieces>,
}

struct Pieces {
    values: Box<[OnceLock<ChainingValue>]>,
    unfinished: AtomicUsize,
}

impl Slot {
    fn new(file: &Entry, big: Big) -> Self {
        let in_pieces = big == Big::Pieces && file.is_big();
        let pieces = in_pieces.then(|| Pieces::new(hash::pieces(file.len)));
        Self { pieces, ..Self::default() }
    }

    fn tasks(&self) -> usize {
        self.pieces.as_ref().map_or(1, |pieces| pieces.values.len())
    }

    fn wait(&self) -> Duration {
        match (self.submitted.get(), self.started.get()) {
            (Some(&submitted), Some(&started)) => started.saturating_duration_since(submitted),
            _ => Duration::ZERO,
        }
    }

    fn into_outcome(self) -> io::Result<Hash> {
        self.outcome.into_inner().unwrap_or_else(|| Err(io::Error::other("its task did not end")))
    }
}

impl Pieces {
    fn new(count: usize) -> Self {
        Self { values: iter::repeat_with(OnceLock::new).take(count).collect(), unfinished: AtomicUsize::new(count) }
    }

    /// Counts a piece as finished, and merges all if it was the last. `None` if pieces are unfinished, or one has failed.
    fn finish(&self) -> Option<Hash> {
        // AcqRel: the last piece sees the values of all others, which were written before they were counted.
        if self.unfinished.fetch_sub(1, Ordering::AcqRel) > 1 {
            return None;
        }
        let values: Option<Vec<_>> = self.values.iter().map(|value| value.get().copied()).collect();
        values.map(|values| hash::merge(&values))
    }
}

/// Hashes all `files` with a pool of this strategy.
pub(crate) fn run<S>(
    files: &Arc<[Entry]>,
    workers: usize,
    big: Big,
    way: Way<S::Hint>,
    progress: &Progress,
) -> Result<Run, BuildError>
where
    S: Scheduler<Task, Hint: Copy + Send + Sync> + Default + 'static,
{
    let pool = Pool::<S>::builder().workers(workers).thread_name("hash").build()?;
    let slots: Box<[Slot]> = files.iter().map(|file| Slot::new(file, big)).collect();
    progress.expect(slots.iter().map(|slot| slot.tasks() as u64).sum());
    let job = Arc::new(Job { pool, files: Arc::clone(files), slots, way });

    let meter = Meter::start();
    let ended = || job.pool.metrics().ended();
    progress.watch(ended, || {
        job.submit_all();
        job.pool.wait_idle().expect("this thread is not a worker");
    });
    let (wall, cpu) = meter.read();

    job.pool.shutdown().expect("this thread is not a worker");
    let job = Arc::into_inner(job).expect("the tasks, which shared it, are gone");
    let waits = job.slots.iter().map(Slot::wait).collect();
    let outcomes = job.slots.into_iter().map(Slot::into_outcome).collect();
    Ok(Run { wall, cpu, outcomes, waits })
}

impl<S> Job<S>
where
    S: Scheduler<Task, Hint: Copy + Send + Sync> + 'static,
{
    /// Submits the files in the order of the walk, as far as the strategy's `way` allows.
    fn submit_all(self: &Arc<Self>) {
        let mut put_off = Vec::new();
        for (file, slot) in self.slots.iter().enumerate() {
            let _ = slot.submitted.set(Instant::now());
            match (slot.pieces.is_some(), self.way.turns) {
                (false, _) => self.submit_file(file),
                (true, Turns::OneByOne) => self.submit_first_pieces(file),
                (true, Turns::AfterSmall) => put_off.push(file),
            }
        }
        for file in put_off {
            for piece in 0..self.slots[file].tasks() {
                self.submit_piece(file, piece);
            }
        }
    }

    fn submit_file(self: &Arc<Self>, file: usize) {
        let job = Arc::clone(self);
        self.pool.execute(move || job.hash_file(file));
    }

    /// Submits as many pieces as there are workers, so that all workers can help with the last file. They are submitted when
    /// the file's turn comes, since now they would go before the small files that follow.
    fn submit_first_pieces(self: &Arc<Self>, file: usize) {
        let job = Arc::clone(self);
        self.pool.task().hint(self.way.piece_hint).execute(move || {
            for piece in 0..job.slots[file].tasks().min(job.pool.workers()) {
                job.submit_piece(file, piece);
            }
        });
    }

    fn submit_piece(self: &Arc<Self>, file: usize, piece: usize) {
        let job = Arc::clone(self);
        self.pool.task().hint(self.way.piece_hint).execute(move || job.hash_piece(file, piece));
    }

    fn hash_file(&self, file: usize) {
        let slot = &self.slots[file];
        let _ = slot.started.set(Instant::now());
        let _ = slot.outcome.set(hash::whole(&self.files[file].path).map(|hashed| hashed.digest));
    }

    fn hash_piece(self: &Arc<Self>, file: usize, piece: usize) {
        let slot = &self.slots[file];
        let pieces = slot.pieces.as_ref().expect("only a file in pieces has tasks for them");
        let _ = slot.started.set(Instant::now());
        let Entry { path, len } = &self.files[file];
        match hash::piece(path, *len, piece) {
            Ok(value) => drop(pieces.values[piece].set(value)),
            // The first error stays.
            Err(error) => drop(slot.outcome.set(Err(error))),
        }
        if let Some(digest) = pieces.finish() {
            let _ = slot.outcome.set(Ok(digest));
        }
        let next = piece + self.pool.workers();
        if matches!(self.way.turns, Turns::OneByOne) && next < slot.tasks() {
            self.submit_piece(file, next);
        }
    }
}
