//! A server on a bounded pool: a line in, a line out. It sheds load, survives panics, and ends in good order.
//!
//! ```text
//! cargo run --release -p pool-fifo --example line-server -- --port 7000
//! nc 127.0.0.1 7000
//! ```
//!
//! | line | answer |
//! |---|---|
//! | `echo TEXT` | `ok TEXT` |
//! | `sleep MS` | `ok slept`, so many milliseconds later |
//! | `wait` | `ok waited`, when a connection has sent `go` |
//! | `panic` | `error: the request panicked` |
//! | `later REQUEST` | `ok accepted` at once; the request runs when its turn comes, and its result is dropped |
//! | `stats` | `ok` and what the pool counts; answered by the connection's own thread, also under overload |
//! | `go` | `ok`, likewise |
//!
//! Instead of `ok …`, a request gets `busy` if the pool has no room, `closing` if the server ends before it has started, or
//! `error: …`. The page [docs/server.md](../../docs/server.md) explains each of these, and why the server is built like
//! this.

mod connection;
mod request;

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{env, fmt, thread};

use connection::{Connection, Connections};
use pool_fifo::{BuildError, Pool, Rejection};
use request::{Gate, Request};

/// At the end, the last answers are given so long to get out.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

const USAGE: &str = "options, each with a number: --port --workers --capacity --connections; and in milliseconds \
                     --patience (how long a request may wait for room), --idle and --write (how long a client may send \
                     nothing, or not take its answer), --deadline (how long what was accepted may run at the end)";

struct Options {
    port: u16,
    workers: usize,
    capacity: usize,
    connections: usize,
    patience: Duration,
    idle: Duration,
    write: Duration,
    deadline: Duration,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self {
            port: 0,
            workers: 4,
            capacity: 64,
            connections: 256,
            patience: Duration::ZERO,
            idle: Duration::from_secs(60),
            write: Duration::from_secs(5),
            deadline: Duration::from_secs(10),
        };
        while let Some(name) = args.next() {
            let value = args.next()?;
            match name.as_str() {
                "--port" => options.port = value.parse().ok()?,
                "--workers" => options.workers = value.parse().ok()?,
                "--capacity" => options.capacity = value.parse().ok()?,
                "--connections" => options.connections = value.parse().ok()?,
                "--patience" => options.patience = Duration::from_millis(value.parse().ok()?),
                // No socket takes a limit of zero.
                "--idle" => options.idle = Duration::from_millis(value.parse::<NonZero<u64>>().ok()?.get()),
                "--write" => options.write = Duration::from_millis(value.parse::<NonZero<u64>>().ok()?.get()),
                "--deadline" => options.deadline = Duration::from_millis(value.parse().ok()?),
                _ => return None,
            }
        }
        Some(options)
    }
}

/// A pool that refuses what it cannot run soon. `untold` counts the panics of which no client is told.
fn bounded_pool(workers: usize, capacity: usize, untold: Arc<AtomicU64>) -> Result<Pool, BuildError> {
    Pool::builder()
        .workers(workers)
        .capacity(capacity)
        .thread_name("request")
        .panic_handler(move |_payload| {
            untold.fetch_add(1, Ordering::Relaxed);
        })
        .build()
}

/// Runs a request on the pool, and waits for its answer on this thread, which must not be a worker.
fn answer<F>(pool: &Pool, patience: Duration, request: F) -> String
where
    F: FnOnce() -> String + Send + 'static,
{
    let handle = match pool.task().wait_for_room(patience).try_spawn(request) {
        Ok(handle) => handle,
        Err(refused) => return refusal(refused.reason()),
    };
    match handle.join() {
        Ok(answer) => format!("ok {answer}"),
        Err(error) if error.is_panic() => "error: the request panicked".into(),
        // Given up by `shutdown_now`, and perhaps dropped since then: it has not started.
        Err(error) if error.is_returned() || error.is_cancelled() => "closing".into(),
        Err(error) => format!("error: {error}"),
    }
}

fn refusal(reason: Rejection) -> String {
    match reason {
        Rejection::Full => "busy".into(),
        Rejection::ShutDown => "closing".into(),
        other => format!("error: {other}"),
    }
}

/// What a pool left behind at its deadline.
#[derive(Debug, PartialEq, Eq)]
struct Unfinished {
    not_run: usize,
    running: u64,
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests were not run, {} still run", self.not_run, self.running)
    }
}

/// Runs what has been accepted, for as long as `limit`; after that, gives up what has not started.
fn end(pool: &Pool, limit: Duration) -> Result<(), Unfinished> {
    if pool.shutdown_timeout(limit).is_ok() {
        return Ok(());
    }
    let not_run = pool.shutdown_now().map_or(0, |tasks| tasks.len());
    let running = pool.metrics().running;
    if (not_run, running) == (0, 0) { Ok(()) } else { Err(Unfinished { not_run, running }) }
}

pub(crate) struct Server {
    pool: Pool,
    options: Options,
    /// Set once, by the main thread.
    closing: Arc<AtomicBool>,
    connections: Connections,
    untold: Arc<AtomicU64>,
    gate: Gate,
}

impl Server {
    /// The acceptor: one reader thread for each connection.
    fn accept(&'static self, listener: &TcpListener) {
        for (number, stream) in (0..).zip(listener.incoming()) {
            // SeqCst: read once for each connection. The store comes before the connection that wakes this thread.
            if self.closing.load(Ordering::SeqCst) {
                return;
            }
            let started = stream.and_then(|stream| match Connection::open(self, number, stream) {
                Some(connection) => thread::Builder::new()
                    .name(format!("reader-{number}"))
                    .spawn(move || connection.serve()) // an error ends the connection, and concerns no other
                    .map(drop),
                None => Ok(()),
            });
            if let Err(error) = started {
                log(format_args!("cannot serve a connection: {error}"));
                thread::sleep(Duration::from_millis(10)); // out of files or threads: do not spin
            }
        }
    }

    fn answer(&'static self, line: &str) -> String {
        match line {
            "stats" => return self.stats(),
            "go" => {
                self.gate.open();
                return "ok".into();
            }
            _ => {}
        }
        let (line, is_later) = line.strip_prefix("later ").map_or((line, false), |rest| (rest, true));
        let Some(request) = Request::parse(line) else { return "error: unknown request".into() };
        if is_later {
            let task = self.pool.task().wait_for_room(self.options.patience);
            let submitted = task.try_execute(move || drop(request.run(&self.gate)));
            return submitted.map_or_else(|refused| refusal(refused.reason()), |()| "ok accepted".into());
        }
        answer(&self.pool, self.options.patience, move || {
            let _at_work = self.connections.at_work();
            request.run(&self.gate)
        })
    }

    fn stats(&self) -> String {
        let pool = self.pool.metrics();
        format!(
            "ok running={} waiting={} completed={} panicked={} untold={} full={} rejected={} connections={}",
            pool.running,
            pool.waiting,
            pool.completed,
            pool.panicked,
            self.untold.load(Ordering::Relaxed),
            pool.full,
            pool.rejected,
            self.connections.number(),
        )
    }
}

/// A function that waits until the server is told to end: by SIGTERM or SIGINT. A second one ends the process at once.
#[cfg(unix)]
fn told_to_end(closing: &Arc<AtomicBool>) -> io::Result<impl FnOnce() + use<>> {
    use signal_hook::consts::{SIGINT, SIGTERM};

    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(closing))?;
    }
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    Ok(move || {
        signals.forever().next();
    })
}

/// A function that waits until the server is told to end: by the end of its input.
#[cfg(not(unix))]
fn told_to_end(_closing: &Arc<AtomicBool>) -> io::Result<impl FnOnce() + use<>> {
    Ok(|| drop(io::copy(&mut io::stdin(), &mut io::sink())))
}

/// Whether all that was accepted has been answered.
fn serve(options: Options) -> Result<bool, Box<dyn Error>> {
    let closing = Arc::default();
    let told_to_end = told_to_end(&closing)?; // before the address is told
    let untold = Arc::default();
    let pool = bounded_pool(options.workers, options.capacity, Arc::clone(&untold))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
    let address = listener.local_addr()?;
    // Never dropped: the drop of a pool waits for what runs, without a limit.
    let server: &'static Server = Box::leak(Box::new(Server {
        pool,
        options,
        closing,
        connections: Connections::default(),
        untold,
        gate: Gate::default(),
    }));
    let acceptor = thread::Builder::new().name("acceptor".into()).spawn(move || server.accept(&listener))?;
    say(format_args!("listening on {address}"));
    told_to_end();

    server.closing.store(true, Ordering::SeqCst);
    if TcpStream::connect(address).is_ok() {
        let _ = acceptor.join(); // that connection has woken it; it has closed the listener
    }
    server.pool.close();
    let left = server.pool.metrics();
    say(format_args!("closing: {} requests run, {} wait", left.running, left.waiting));
    let ended = end(&server.pool, server.options.deadline);
    let cut = server.connections.end(LAST_ANSWERS);
    match &ended {
        Ok(()) => say(format_args!("ended: all requests were run")),
        Err(unfinished) => say(format_args!("the deadline has passed: {unfinished}")),
    }
    if cut > 0 {
        say(format_args!("{cut} connections did not end in time"));
    }
    Ok(ended.is_ok() && cut == 0)
}

/// One line on standard output, which may be closed.
fn say(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// One line on standard error, which may be closed.
fn log(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The server with these options. Returns the exit code: 0 if all that was accepted has been answered, else 1; 2 if it
/// could not start.
pub(crate) fn run(args: impl Iterator<Item = String>) -> u8 {
    let served = Options::parse(args).ok_or(USAGE.into()).and_then(serve);
    match served {
        Ok(all_answered) => u8::from(!all_answered),
        Err(error) => {
            log(format_args!("{error}"));
            2
        }
    }
}

/// No code panics while it holds one of the locks of this program.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn main() -> ExitCode {
    ExitCode::from(run(env::args().skip(1)))
}
