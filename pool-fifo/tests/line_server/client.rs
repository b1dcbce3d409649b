//! A client.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use crate::GUARD;

pub(crate) struct Client {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(GUARD)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    pub(crate) fn send(&mut self, lines: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(lines.as_ref()).expect("the server reads");
    }

    pub(crate) fn sent(mut self, lines: &str) -> Self {
        self.send(lines);
        self
    }

    /// The next answer; the empty one at the end of the connection.
    pub(crate) fn receive(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the server answers");
        if line.is_empty() {
            return line;
        }
        line.strip_suffix('\n').expect("answers are whole lines").into()
    }

    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.receive()
    }

    pub(crate) fn stats(&mut self) -> HashMap<String, u64> {
        let answer = self.ask("stats");
        let fields = answer.strip_prefix("ok ").expect("the server answers under any load").split(' ');
        fields.map(|field| field.split_once('=').unwrap()).map(|(k, v)| (k.into(), v.parse().unwrap())).collect()
    }

    pub(crate) fn until(&mut self, is_so: impl Fn(&HashMap<String, u64>) -> bool) {
        let begin = Instant::now();
        loop {
            let stats = self.stats();
            if is_so(&stats) {
                return;
            }
            assert!(begin.elapsed() < GUARD, "{stats:?}");
            thread::yield_now();
        }
    }
}
