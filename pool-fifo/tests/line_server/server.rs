//! The server's process.

use std::env;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;

use crate::client::Client;
use crate::{GUARD, OPTIONS};

/// A process of the server, killed on drop.
pub(crate) struct Server {
    pub(crate) process: Child,
    output: Receiver<String>,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// A process that may not get as far as to listen.
    pub(crate) fn spawn(options: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_server", "--nocapture"])
            .env(OPTIONS, options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null()) // the panics that clients ask for
            .spawn()
            .expect("the server's process starts");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let (sender, output) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, output, address: (Ipv4Addr::LOCALHOST, 0).into() }
    }

    pub(crate) fn start(options: &str) -> Self {
        let mut server = Self::spawn(options);
        loop {
            if let Some((_, address)) = server.says().split_once("listening on ") {
                server.address = address.parse().unwrap();
                return server;
            }
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).expect("the server accepts"))
    }

    /// As many clients with a request in hand that waits for `go`, all accepted, when as many workers run one.
    pub(crate) fn with_waiting(&self, control: &mut Client, running: u64, waiting: u64) -> Vec<Client> {
        let begin = |n| Vec::from_iter((0..n).map(|_| self.connect().sent("wait\n")));
        let mut clients = begin(running);
        // Else some might find those of other clients in the queue that a worker is about to take.
        control.until(|stats| stats["running"] == running && stats["waiting"] == 0);
        clients.extend(begin(waiting));
        control.until(|stats| stats["waiting"] == waiting);
        clients
    }

    pub(crate) fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
    }

    /// The next line of the server's output.
    pub(crate) fn says(&self) -> String {
        self.output.recv_timeout(GUARD).expect("the server says something")
    }

    /// The exit code, and what the server said before its end.
    pub(crate) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let mut said = Vec::new();
        loop {
            match self.output.recv_timeout(GUARD) {
                Ok(line) => said.push(line),
                Err(RecvTimeoutError::Disconnected) => return (self.process.wait().unwrap().code(), said),
                Err(RecvTimeoutError::Timeout) => panic!("the server hangs, after it said {said:?}"),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
