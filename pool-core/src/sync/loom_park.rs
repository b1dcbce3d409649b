//! Parking under loom, with the token of `std::thread::park`.
//!
//! Loom's own `park` keeps the token in the scheduling state of the thread, where a contended lock erases it. A wake-up
//! would then be lost that `std` keeps. Here the token is a value behind a lock.

use loom::sync::Mutex;
use std::fmt;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Absent,
    /// The thread has blocked, or will before any other runs: loom switches threads at its operations only.
    Parked,
    Present,
}

struct Parker {
    token: Mutex<Token>,
    thread: loom::thread::Thread,
}

loom::thread_local! {
    static PARKER: Arc<Parker> = Arc::new(Parker {
        token: Mutex::new(Token::Absent),
        thread: loom::thread::current(),
    });
}

/// A handle to a thread, as `std::thread::Thread`.
#[derive(Clone)]
pub struct Thread(Arc<Parker>);

impl Thread {
    /// Makes the thread's next, or present, `park` return.
    pub fn unpark(&self) {
        let mut token = self.0.token.lock().unwrap();
        if std::mem::replace(&mut *token, Token::Present) == Token::Parked {
            self.0.thread.unpark();
        }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.thread.fmt(f)
    }
}

/// The thread that calls it.
pub fn current() -> Thread {
    Thread(PARKER.with(Arc::clone))
}

/// Waits for an `unpark`, or takes one that has come already.
pub fn park() {
    let Thread(parker) = current();
    loop {
        let mut token = parker.token.lock().unwrap();
        if *token == Token::Present {
            *token = Token::Absent;
            return;
        }
        *token = Token::Parked;
        drop(token);
        loom::thread::park();
    }
}
