//! Runs the contestants round by round, and checks the digests that they find.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use blake3::Hash;
use pool_benches::cpu::Disturbance;
use pool_benches::stats::percentile;
use pool_core::BuildError;
use pool_fifo::Fifo;
use pool_priority::{Level, Priority};
use pool_workstealing::WorkStealing;

use crate::args::{Big, Options, Strategy};
use crate::hash::{self, Hashed};
use crate::job::{self, Entry, Meter, Run, Turns, Way};
use crate::progress::Progress;
use crate::walk::Problem;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    Sequential,
    Pool(Strategy, Big),
}

/// The measurements of a contestant, one value per run. Times are in seconds.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) contestant: Contestant,
    pub(crate) walls: Vec<f64>,
    /// Processor time of all threads. Empty where that is unknown.
    pub(crate) cpus: Vec<f64>,
    /// Empty for the sequential contestant, which submits nothing.
    pub(crate) waits: Vec<Waits>,
}

/// How long the files of a run waited, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waits {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
    /// The longest wait of a small file; 0 if no file is small.
    pub(crate) max_small: f64,
}

/// The results of all rounds.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    /// Files that have changed since the reference read them.
    pub(crate) changed: Vec<Problem>,
    /// Files for which a contestant found a wrong digest or none.
    pub(crate) wrong: Vec<Problem>,
    /// How many processors other processes and the host took during the rounds, where known.
    pub(crate) disturbed: Option<f64>,
}

/// The files, and what the reference found.
#[derive(Debug)]
pub(crate) struct Contest {
    pub(crate) files: Arc<[Entry]>,
    pub(crate) workers: usize,
    pub(crate) repeat: usize,
    contestants: Vec<Contestant>,
    reference: Vec<io::Result<Hash>>,
}

impl Contest {
    /// Reads every file once, on this thread, as the reference. This is not timed, since the files may come from a disk.
    pub(crate) fn prepare(options: &Options, paths: Vec<std::path::PathBuf>, progress: &Progress) -> Self {
        progress.stage("reference", Some(paths.len() as u64));
        let (files, reference): (Vec<_>, _) = paths
            .into_iter()
            .map(|path| {
                let hashed = hash::whole(&path);
                progress.step();
                let len = hashed.as_ref().map_or(0, |hashed| hashed.len);
                (Entry { path, len }, hashed.map(|hashed| hashed.digest))
            })
            .unzip();
        let mut big = options.big.clone();
        if !files.iter().any(Entry::is_big) {
            // Without big files, whole and pieces are the same.
            big.truncate(1);
        }
        let pools = options.strategies.iter().flat_map(|&strategy| big.iter().map(move |&big| (strategy, big)));
        let pools = pools.map(|(strategy, big)| Contestant::Pool(strategy, big));
        let contestants = [Contestant::Sequential].into_iter().chain(pools).collect();
        Self { files: files.into(), workers: options.workers, repeat: options.repeat, contestants, reference }
    }

    /// The files that the reference could not read.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = Problem> {
        let outcomes = self.files.iter().zip(&self.reference);
        outcomes.filter_map(|(file, outcome)| {
            let error = outcome.as_ref().err()?;
            Some(Problem { path: file.path.clone(), reason: error.to_string() })
        })
    }

    /// The number of files that could be read, and their bytes.
    pub(crate) fn readable(&self) -> (usize, u64) {
        let readable = self.reference.iter().filter(|outcome| outcome.is_ok());
        (readable.count(), self.files.iter().map(|file| file.len).sum())
    }

    /// One digest of all digests, in the order of the walk.
    pub(crate) fn digest(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        for digest in self.reference.iter().flatten() {
            hasher.update(digest.as_bytes());
        }
        hasher.finalize()
    }

    /// Measures every contestant in every round.
    pub(crate) fn run(&self, progress: &Progress) -> Result<Outcome, BuildError> {
        let mut rows: Vec<Row> = self.contestants.iter().map(|&contestant| Row::new(contestant)).collect();
        let mut differing = BTreeMap::new();
        let disturbance = Disturbance::watch();
        for round in 0..self.repeat {
            for turn in 0..rows.len() {
                let place = (turn + round) % rows.len();
                let row = &mut rows[place];
                let run = self.run_one(row.contestant, progress)?;
                row.add(&run, &self.files);
                self.compare(row.contestant, run.outcomes, &mut differing);
            }
        }
        let disturbed = disturbance.taken().map(|(others, host)| others + host);
        let (changed, wrong) = self.judge(differing);
        Ok(Outcome { rows, changed, wrong, disturbed })
    }

    fn run_one(&self, contestant: Contestant, progress: &Progress) -> Result<Run, BuildError> {
        progress.stage(&contestant.name(), Some(self.files.len() as u64));
        let Contestant::Pool(strategy, big) = contestant else { return Ok(self.run_sequentially(progress)) };
        let (files, workers) = (&self.files, self.workers);
        match strategy {
            Strategy::Fifo => {
                let way = Way { turns: Turns::OneByOne, piece_hint: () };
                job::run::<Fifo>(files, workers, big, way, progress)
            }
            Strategy::WorkStealing => {
                let way = Way { turns: Turns::AfterSmall, piece_hint: () };
                job::run::<WorkStealing>(files, workers, big, way, progress)
            }
            Strategy::Priority => {
                let way = Way { turns: Turns::OneByOne, piece_hint: Level::LOW };
                job::run::<Priority>(files, workers, big, way, progress)
            }
        }
    }

    fn run_sequentially(&self, progress: &Progress) -> Run {
        let meter = Meter::start();
        let digest = |file: &Entry| {
            progress.step();
            hash::whole(&file.path).map(|hashed| hashed.digest)
        };
        let outcomes = self.files.iter().map(digest).collect();
        let (wall, cpu) = meter.read();
        Run { wall, cpu, outcomes, waits: Vec::new() }
    }

    /// Records each file for which the outcome of `contestant` differs from the reference.
    fn compare(
        &self,
        contestant: Contestant,
        outcomes: Vec<io::Result<Hash>>,
        differing: &mut BTreeMap<usize, String>,
    ) {
        for (file, (found, reference)) in outcomes.into_iter().zip(&self.reference).enumerate() {
            let what = match (found, reference) {
                (Ok(found), Ok(reference)) if found == *reference => continue,
                (Err(_), Err(_)) => continue,
                (Ok(found), _) => format!("{} found {found}", contestant.name()),
                (Err(error), _) => format!("{} failed: {error}", contestant.name()),
            };
            differing.entry(file).or_insert(what);
        }
    }

    /// Separates files that have changed meanwhile from wrong results, by reading each once more.
    fn judge(&self, differing: BTreeMap<usize, String>) -> (Vec<Problem>, Vec<Problem>) {
        let (mut changed, mut wrong) = (Vec::new(), Vec::new());
        for (file, what) in differing {
            let path = self.files[file].path.clone();
            match (hash::whole(&path), &self.reference[file]) {
                (Ok(Hashed { digest, .. }), Ok(reference)) if digest == *reference => {
                    wrong.push(Problem { path, reason: format!("{what}, the reference {reference}") });
                }
                (Err(error), Ok(_)) => changed.push(Problem { path, reason: format!("gone meanwhile: {error}") }),
                _ => changed.push(Problem { path, reason: "changed meanwhile, so there is nothing to compare".into() }),
            }
        }
        (changed, wrong)
    }
}

impl Contestant {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Sequential => "sequential".to_owned(),
            Self::Pool(strategy, big) => format!("{}, {}", strategy.name(), big.name()),
        }
    }
}

impl Row {
    fn new(contestant: Contestant) -> Self {
        Self { contestant, walls: Vec::new(), cpus: Vec::new(), waits: Vec::new() }
    }

    fn add(&mut self, run: &Run, files: &[Entry]) {
        self.walls.push(run.wall.as_secs_f64());
        self.cpus.extend(run.cpu.map(|cpu| cpu.as_secs_f64()));
        self.waits.extend(Waits::of(run, files));
    }
}

impl Waits {
    fn of(run: &Run, files: &[Entry]) -> Option<Self> {
        let all: Vec<f64> = run.waits.iter().map(Duration::as_secs_f64).collect();
        let small = run.waits.iter().zip(files).filter(|(_, file)| !file.is_big());
        let max_small = small.map(|(wait, _)| wait.as_secs_f64()).fold(0.0, f64::max);
        let [p50, p99, max] = [50.0, 99.0, 100.0].map(|percent| percentile(&all, percent));
        Some(Self { p50: p50?, p99: p99?, max: max?, max_small })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A contest over files of 5 bytes with these names, all of which are read.
    fn contest(dir: &std::path::Path, names: &[&str]) -> Contest {
        let options = Options {
            path: dir.to_owned(),
            strategies: Strategy::ALL.to_vec(),
            workers: 2,
            repeat: 2,
            big: vec![Big::Pieces],
        };
        let paths: Vec<_> = names.iter().map(|name| dir.join(name)).collect();
        paths.iter().for_each(|path| fs::write(path, "hello").unwrap());
        Contest::prepare(&options, paths, &Progress::new(false))
    }

    #[test]
    fn a_file_that_goes_or_changes_meanwhile_is_told_from_a_wrong_result() {
        let dir = tempfile::tempdir().unwrap();
        let contest = contest(dir.path(), &["changed", "gone", "same"]);
        fs::write(dir.path().join("changed"), "world").unwrap();
        fs::remove_file(dir.path().join("gone")).unwrap();
        let outcome = contest.run(&Progress::new(false)).unwrap();
        let changed: Vec<_> = outcome.changed.iter().map(ToString::to_string).collect();
        assert_eq!(changed.len(), 2, "{changed:?}");
        assert!(changed[0].contains("changed\": changed meanwhile"), "{changed:?}");
        assert!(changed[1].contains("gone\": gone meanwhile"), "{changed:?}");
        assert!(outcome.wrong.is_empty(), "{:?}", outcome.wrong);
        assert_eq!(outcome.rows.len(), 4);
        assert!(outcome.rows.iter().all(|row| row.walls.len() == 2));
    }

    #[test]
    fn only_small_files_count_as_small() {
        let file = |len| Entry { path: "file".into(), len };
        let waits = [3, 9, 1, 2].map(Duration::from_secs).to_vec();
        let run = Run { wall: Duration::ZERO, cpu: None, outcomes: Vec::new(), waits };
        let files = [file(0), file(2 * hash::PIECE), file(hash::PIECE), file(7)];
        assert_eq!(Waits::of(&run, &files), Some(Waits { p50: 2.0, p99: 9.0, max: 9.0, max_small: 3.0 }));
    }

    #[test]
    fn a_wrong_digest_and_a_lost_file_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let contest = contest(dir.path(), &["lost", "right", "wrong"]);
        let right = blake3::hash(b"hello");
        let found = vec![Err(io::Error::other("its task did not end")), Ok(right), Ok(blake3::hash(b"world"))];
        let mut differing = BTreeMap::new();
        contest.compare(Contestant::Pool(Strategy::Fifo, Big::Pieces), found, &mut differing);
        let (changed, wrong) = contest.judge(differing);
        assert!(changed.is_empty(), "{changed:?}");
        let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(wrong.len(), 2);
        assert!(wrong[0].contains("lost\": fifo, pieces failed: its task did not end"), "{wrong:?}");
        assert!(wrong[1].contains("wrong\": fifo, pieces found") && wrong[1].contains(&right.to_string()), "{wrong:?}");
    }
}
