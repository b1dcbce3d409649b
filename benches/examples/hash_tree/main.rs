//! Hashes every file under a path with each of the three strategies, and compares them with one thread that goes through
//! the files one by one.
//!
//! ```text
//! cargo run --release -p pool-benches --example hash_tree -- PATH
//! ```
//!
//! # What is measured
//!
//! The tree is walked once, and every file is read once by the sequential reference, which also fills the page cache. If
//! the tree fits into memory, the runs after that measure processors, not disks. Each contestant hashes all files several
//! times, in an order that rotates from round to round. A pool is given all its tasks as fast as one thread can
//! submit them; *waiting* is the time from the submission of a file to the start of its hashing. Starting and ending the
//! threads is not part of the time. Every digest of every run is compared with the reference.
//!
//! # Big files must not hold up small ones
//!
//! A worker that hashes a file of a gigabyte can do nothing else for a second. While every worker hashes such a file, every
//! small file waits. So a file of more than one piece ([`hash::PIECE`]) is hashed piece by piece, each piece a task of its
//! own. BLAKE3 is a tree, so the digest is the same, and several workers can hash one file. Where the pieces queue depends
//! on the strategy:
//!
//! | strategy | small files pass big ones because |
//! |---|---|
//! | `fifo` | at a big file's turn, as many pieces as workers go to the back of the queue; each one done submits another |
//! | `priority` | the same, and pieces have a lower level than small files, so small files that come later go first, too |
//! | `workstealing` | a worker's own tasks go first, so the submitting thread submits the pieces, after all small files |
//!
//! The rows *whole* are for comparison: one task per file, in the order of the walk. The last column, the longest wait of a
//! small file, shows what the pieces gain. Their price is that a file is opened once per piece.

#![forbid(unsafe_code)]

mod args;
mod contest;
mod hash;
mod job;
mod progress;
mod report;
#[cfg(test)]
mod tests;
mod walk;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use args::{Command, HELP};
use contest::Contest;
use progress::Progress;

/// All files were hashed, and all digests agree.
const FINE: u8 = 0;
/// Some entries could not be hashed; all others were.
const SOME_UNREAD: u8 = 1;
/// Nothing could be hashed or reported: bad arguments, no such path, no threads, a failed write.
const UNUSABLE: u8 = 2;
/// A pool's digest is not that of the reference.
const WRONG: u8 = 3;

fn main() -> ExitCode {
    let show_progress = io::stderr().is_terminal();
    match run(std::env::args_os().skip(1), &mut io::stdout(), &mut io::stderr(), show_progress) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // If standard error is what fails, the message is lost.
            let _ = writeln!(io::stderr(), "hash_tree: cannot write: {error}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// The whole program: the report goes to `out`, what went wrong to `err`. Returns the exit code.
fn run(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut impl Write,
    err: &mut impl Write,
    show_progress: bool,
) -> io::Result<u8> {
    let options = match args::parse(arguments) {
        Ok(Command::Run(options)) => options,
        Ok(Command::Help) => {
            out.write_all(HELP.as_bytes())?;
            return Ok(FINE);
        }
        Err(message) => {
            writeln!(err, "hash_tree: {message}\n\n{HELP}")?;
            return Ok(UNUSABLE);
        }
    };
    let progress = Progress::new(show_progress);
    let tree = match walk::walk(&options.path, &progress) {
        Ok(tree) => tree,
        Err(message) => {
            progress.end();
            writeln!(err, "hash_tree: {message}")?;
            return Ok(UNUSABLE);
        }
    };
    let contest = Contest::prepare(&options, tree.files, &progress);
    let outcome = contest.run(&progress);
    progress.end();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            writeln!(err, "hash_tree: {error}")?;
            return Ok(UNUSABLE);
        }
    };

    let unreadable: Vec<_> = contest.unreadable().collect();
    let problems = || tree.problems.iter().chain(&unreadable).chain(&outcome.changed);
    for problem in problems() {
        writeln!(err, "hash_tree: {problem}")?;
    }
    for wrong in &outcome.wrong {
        writeln!(err, "hash_tree: WRONG: {wrong}")?;
    }
    let problems = problems().count();
    match out.write_all(report::report(&contest, &outcome, problems).as_bytes()) {
        // The reader of the report has closed the pipe, so the rest is not wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written?,
    }
    Ok(match (outcome.wrong.len(), problems) {
        (0, 0) => FINE,
        (0, _) => SOME_UNREAD,
        (_, _) => WRONG,
    })
}
