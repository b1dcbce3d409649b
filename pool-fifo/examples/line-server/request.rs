//! What clients can ask for.

use super::lock;
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// What a worker does for a client.
pub(crate) enum Request {
    Echo(String),
    Sleep(Duration),
    Wait,
    Panic,
}

impl Request {
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        Some(match word {
            "echo" => Self::Echo(rest.into()),
            "sleep" => Self::Sleep(Duration::from_millis(rest.parse::<u16>().ok()?.into())),
            "wait" => Self::Wait,
            "panic" => Self::Panic,
            _ => return None,
        })
    }

    pub(crate) fn run(self, gate: &Gate) -> String {
        match self {
            Self::Echo(text) => text,
            Self::Sleep(time) => {
                thread::sleep(time);
                "slept".into()
            }
            Self::Wait => {
                gate.wait();
                "waited".into()
            }
            Self::Panic => panic!("a client asked for it"),
        }
    }
}

/// Where `wait` waits for `go`: a stand-in for work whose end depends on another system.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *lock(&self.is_open) = true;
        self.opened.notify_all();
    }

    fn wait(&self) {
        drop(self.opened.wait_while(lock(&self.is_open), |is_open| !*is_open));
    }
}
