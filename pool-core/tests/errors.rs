//! Errors fit into the error types that programs use, say where a caller went wrong, and give back what was refused.

use pool_core::doc_toy::Pool;
use pool_core::{BuildError, JoinError, Rejection, StartError};
use std::cell::Cell;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::{Arc, Mutex};

/// As `anyhow::Error` and `eyre::Report` are made from an error.
struct Report(Box<dyn Error + Send + Sync>);

impl<E: Error + Send + Sync + 'static> From<E> for Report {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

fn pool() -> Pool {
    Pool::builder().workers(1).panic_handler(drop).build().unwrap()
}

fn panics() -> ! {
    std::panic::resume_unwind(Box::new("of the task"))
}

#[test]
fn a_join_error_goes_through_the_question_mark() {
    fn boxed(pool: &Pool) -> Result<u8, Box<dyn Error + Send + Sync>> {
        Ok(pool.spawn(|| panics()).join()?)
    }
    fn plain(pool: &Pool) -> Result<u8, Box<dyn Error>> {
        Ok(pool.spawn(|| panics()).join()?)
    }
    fn report(pool: &Pool) -> Result<u8, Report> {
        Ok(pool.spawn(|| panics()).join()?)
    }
    fn of_io(pool: &Pool) -> io::Result<u8> {
        pool.spawn(|| panics()).join().map_err(io::Error::other)
    }
    let pool = pool();
    let text = "the task panicked: of the task";
    assert_eq!(boxed(&pool).unwrap_err().to_string(), text);
    assert_eq!(plain(&pool).unwrap_err().to_string(), text);
    assert_eq!(report(&pool).map_err(|report| report.0.to_string()).unwrap_err(), text);
    let error = of_io(&pool).unwrap_err();
    assert_eq!(error.to_string(), text);
    let inner = error.into_inner().unwrap().downcast::<JoinError>().unwrap();
    assert_eq!(inner.into_panic().downcast_ref(), Some(&"of the task"));
}

#[test]
fn a_refused_closure_need_not_be_sync_to_be_an_error() {
    fn submit(pool: &Pool, state: Cell<u8>) -> Result<(), Report> {
        pool.try_execute(move || assert_eq!(state.get(), 1))?;
        Ok(())
    }
    let pool = pool();
    assert!(submit(&pool, Cell::new(1)).is_ok());
    pool.shutdown().unwrap();
    let Report(error) = submit(&pool, Cell::new(1)).unwrap_err();
    assert_eq!(error.to_string(), Rejection::ShutDown.to_string());
}

#[test]
fn a_join_error_tells_a_panic_from_a_cancel() {
    let pool = pool();
    let error = pool.spawn(|| panics()).join().unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(format!("{error:?}"), "Panicked(\"of the task\")");
    assert!(error.try_into_panic().is_ok());
    let (open, gate) = std::sync::mpsc::channel::<()>();
    pool.execute(move || assert!(gate.recv().is_err()));
    let handle = pool.spawn(|| ());
    assert!(handle.cancel());
    let error = handle.join().unwrap_err();
    assert!(error.is_cancelled() && !error.is_panic());
    assert_eq!(format!("{error:?}"), "Cancelled");
    assert!(error.try_into_panic().unwrap_err().is_cancelled());
    drop(open);
}

/// A panic for a mistake of the caller names the caller's line, not one of the library.
#[test]
fn a_panic_for_the_callers_mistake_names_the_callers_line() {
    thread_local! {
        static LAST: Cell<Option<(String, u32)>> = const { Cell::new(None) };
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| {
        LAST.set(panic.location().map(|place| (place.file().to_owned(), place.line())));
    }));
    #[track_caller]
    fn blames_its_caller(f: impl FnOnce()) {
        let line = Location::caller().line();
        assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
        assert_eq!(LAST.take(), Some((file!().to_owned(), line)));
    }
    let result = catch_unwind(|| {
        let ended = pool();
        ended.shutdown().unwrap();
        blames_its_caller(|| pool_core::execute(|| ()));
        blames_its_caller(|| drop(pool_core::spawn(|| ())));
        blames_its_caller(|| pool_core::task::<()>().execute(|| ()));
        blames_its_caller(|| drop(pool_core::task::<()>().spawn(|| ())));
        blames_its_caller(|| ended.execute(|| ()));
        blames_its_caller(|| drop(ended.spawn(|| ())));
        blames_its_caller(|| ended.task().hint(()).execute(|| ()));
        blames_its_caller(|| drop(ended.task().spawn(|| ())));
        blames_its_caller(|| ended.execute_batch([|| ()]));
        blames_its_caller(|| drop(ended.spawn_batch([|| ()])));
        blames_its_caller(|| ended.install(|| ()));
        blames_its_caller(|| _ = ended.join(|| (), || ()));
        blames_its_caller(|| ended.scope(|_| ()));
        blames_its_caller(|| ended.for_each(0..1, |_| ()));
        blames_its_caller(|| ended.for_each_mut(&mut [0], |_| ()));
        blames_its_caller(|| _ = ended.map_reduce(0..1, |i| i, |a, _| a));
        let error = cancelled();
        blames_its_caller(|| drop(error.into_panic()));
    });
    std::panic::set_hook(before);
    result.unwrap();
}

fn cancelled() -> JoinError {
    let pool = pool();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    pool.execute(move || assert!(gate.recv().is_err()));
    let handle = pool.spawn(|| ());
    handle.cancel();
    drop(open);
    handle.join().unwrap_err()
}

/// Hints of another type than the strategy's are refused, and the closure comes back.
#[test]
fn a_hint_of_another_type_is_refused() {
    let pool = pool();
    let ran = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&ran);
    pool.install(move || {
        let log = |what| {
            let ran = Arc::clone(&theirs);
            move || ran.lock().unwrap().push(what)
        };
        let refused = pool_core::task::<u8>().hint(1).try_execute(log("given back")).unwrap_err();
        assert_eq!(refused.reason(), Rejection::OtherHint);
        refused.into_inner()();
        let refused = pool_core::task::<u8>().hint(1).try_spawn(log("given back")).unwrap_err();
        assert_eq!(refused.reason(), Rejection::OtherHint);
        refused.into_inner()();
        // Without a hint, the type of the hints does not matter.
        pool_core::task::<u8>().execute(log("unhinted"));
        pool_core::task().hint(()).spawn(log("hinted")).join().unwrap();
    });
    pool.wait_idle().unwrap();
    assert_eq!(ran.lock().unwrap().len(), 4);
}

#[test]
fn a_refused_batch_comes_back_whole() {
    let pool = pool();
    pool.shutdown().unwrap();
    let refused = pool.task().try_execute_batch((0..5).map(|i| move || assert!(i < 5))).unwrap_err();
    assert_eq!(refused.reason(), Rejection::ShutDown);
    let closures = refused.into_inner();
    assert_eq!(closures.len(), 5);
    closures.into_iter().for_each(|f| f());
    assert_eq!(pool.metrics().rejected, 5);
}

/// A stack that no system gives: no worker was started, and the source says why.
#[test]
fn a_thread_that_does_not_start_is_an_error() {
    let error = Pool::builder().workers(1).stack_size(usize::MAX / 2).build().unwrap_err();
    assert!(matches!(&error, BuildError::Thread(_)), "{error}");
    assert!(error.source().is_some());
    let _: fn(StartError) -> Box<dyn Error + Send + Sync> = Box::from;
}
