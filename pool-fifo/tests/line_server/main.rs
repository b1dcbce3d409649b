//! The example `line-server`, as a process: answers, overload, panics, slow clients, and each way in which it ends.
//!
//! The server's process is this test program itself, told to run `the_server` alone. So it is never an older build than
//! the tests. A time limit here is a guard against hanging: no outcome depends on one.

#![cfg(unix)]

#[allow(dead_code, reason = "the program's `main`")]
#[path = "../../examples/line-server/main.rs"]
mod line_server;

mod client;
mod server;

use std::collections::HashMap;
use std::env;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::thread;
use std::time::{Duration, Instant};

use client::Client;
use server::Server;

const GUARD: Duration = Duration::from_secs(120);
const OPTIONS: &str = "LINE_SERVER_TEST_OPTIONS";

/// Not a test, but the server that the tests start. On its own it does nothing.
#[test]
fn the_server() {
    if let Ok(options) = env::var(OPTIONS) {
        exit(line_server::run(options.split_whitespace().map(String::from)).into());
    }
}

/// The answers of many clients, counted.
fn count(clients: &mut [Client]) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for client in clients {
        *counts.entry(client.receive()).or_default() += 1;
    }
    counts
}

fn counts<const N: usize>(expected: [(&str, usize); N]) -> HashMap<String, usize> {
    expected.map(|(answer, number)| (answer.to_owned(), number)).into()
}

#[test]
fn answers_have_the_order_of_the_requests() {
    let server = Server::start("--workers 4");
    // All at once, and the slow ones first.
    let lines = "sleep 20\necho one\r\nnonsense\nsleep x\n\nsleep 10\necho two \necho\ngo\nwait\n";
    let begin = Instant::now();
    let mut client = server.connect().sent(lines);
    for expected in [
        "ok slept",
        "ok one",
        "error: unknown request",
        "error: unknown request",
        "error: unknown request",
        "ok slept",
        "ok two ",
        "ok ",
        "ok",
        "ok waited",
    ] {
        assert_eq!(client.receive(), expected);
    }
    assert!(begin.elapsed() >= Duration::from_millis(30), "it did not sleep");
}

#[test]
fn a_panic_answers_an_error_and_kills_nothing() {
    let server = Server::start("--workers 2 --deadline 3600000");
    let mut client = server.connect();
    for _ in 0..5 {
        assert_eq!(client.ask("panic"), "error: the request panicked");
    }
    assert_eq!(client.ask("echo still here"), "ok still here");
    // A request may have its answer before it is counted.
    client.until(|stats| stats["panicked"] == 5 && stats["completed"] == 1);
    assert_eq!(client.stats()["untold"], 0);

    // With no client to tell, the panic handler counts.
    for _ in 0..3 {
        assert_eq!(client.ask("later panic"), "ok accepted");
    }
    client.until(|stats| stats["untold"] == 3 && stats["panicked"] == 8 && stats["running"] == 0);
    // Both workers are there.
    let mut control = server.connect();
    server.with_waiting(&mut control, 2, 0);
    server.signal("TERM");
    control.send("go\n");
    assert_eq!(server.ended().0, Some(0));
}

#[test]
fn a_full_pool_answers_busy_at_once_and_loses_nothing() {
    const RUNNING: u64 = 2;
    const WAITING: u64 = 3;
    const MORE: usize = 20;
    let server = Server::start("--workers 2 --capacity 3");
    let mut control = server.connect();
    let mut fillers = server.with_waiting(&mut control, RUNNING, 0);

    // All at the same time: as many as there is room for come in, and no more.
    let mut storm = Vec::from_iter((0..MORE).map(|_| server.connect()));
    thread::scope(|scope| storm.iter_mut().for_each(|client| drop(scope.spawn(|| client.send("wait\n")))));
    let refused = MORE as u64 - WAITING;
    control.until(|stats| stats["full"] + stats["waiting"] >= MORE as u64);
    let stats = control.stats();
    assert_eq!((stats["waiting"], stats["full"], stats["running"]), (WAITING, refused, RUNNING), "{stats:?}");
    assert_eq!(control.ask("later echo x"), "busy");
    assert_eq!(control.ask("nonsense"), "error: unknown request", "it takes no room");

    // The refused have their answer while no worker is free; the rest have theirs when one is.
    assert_eq!(control.ask("go"), "ok");
    let ran = RUNNING as usize + WAITING as usize;
    storm.append(&mut fillers);
    assert_eq!(count(&mut storm), counts([("ok waited", ran), ("busy", refused as usize)]));
    control.until(|stats| stats["completed"] == ran as u64 && stats["running"] == 0);
    assert_eq!(control.ask("echo room again"), "ok room again");
}

#[test]
fn each_request_of_a_storm_has_one_answer() {
    const CLIENTS: usize = 24;
    const REQUESTS: usize = 20;
    let server = Server::start("--workers 2 --capacity 2");
    let storm = |number: usize, mut client: Client| {
        let mut busy = 0;
        for request in 0..REQUESTS {
            let text = format!("{number}.{request}");
            match client.ask(&format!("echo {text}")).as_str() {
                "busy" => busy += 1,
                answer => assert_eq!(answer.strip_prefix("ok "), Some(text.as_str())),
            }
        }
        busy
    };
    let busy: u64 = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = server.connect();
                scope.spawn(move || storm(number, client))
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let all = (CLIENTS * REQUESTS) as u64;
    server.connect().until(|stats| {
        assert_eq!(stats["full"], busy);
        stats["completed"] == all - busy && stats["running"] == 0 && stats["waiting"] == 0
    });
}

#[test]
fn a_request_waits_for_room_as_long_as_it_may() {
    let server = Server::start("--workers 1 --capacity 1 --patience 50");
    let mut control = server.connect();
    let waiting = server.with_waiting(&mut control, 1, 1);
    let begin = Instant::now();
    assert_eq!(server.connect().ask("echo x"), "busy");
    assert!(begin.elapsed() >= Duration::from_millis(50), "it did not wait");
    drop(waiting);

    let server = Server::start("--workers 1 --capacity 1 --patience 3600000");
    let mut control = server.connect();
    let _waiting = server.with_waiting(&mut control, 1, 1);
    let mut patient = server.connect().sent("echo x\n");
    assert_eq!(control.ask("go"), "ok");
    assert_eq!(patient.receive(), "ok x");
}

#[test]
fn a_line_has_a_limit() {
    let server = Server::start("");
    let mut client = server.connect();
    let longest = "x".repeat(1024 - "echo ".len());
    assert_eq!(client.ask(&format!("echo {longest}")), format!("ok {longest}"));
    for more in [1, 2, 1_000_000] {
        let too_long = format!("echo {longest}{}", "x".repeat(more));
        assert_eq!(client.ask(&too_long), "error: a line has at most 1024 bytes", "{more} more");
    }
    client.send(b"\xff\n");
    assert_eq!(client.receive(), "error: a line is UTF-8");
    assert_eq!(client.ask("echo next"), "ok next");
    // What the end of the input cuts off is not a request.
    client.send("panic");
    client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.receive(), "");
    assert_eq!(server.connect().stats()["panicked"], 0);
}

#[test]
fn clients_that_do_not_read_or_vanish_hold_up_no_worker() {
    let server = Server::start("--workers 1 --capacity 100 --write 3600000 --idle 3600000");
    // It sends until its reader, which cannot get rid of the answers, reads no more.
    let deaf = TcpStream::connect(server.address).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let line = format!("echo {}\n", "x".repeat(1000));
    let stuck = loop {
        if let Err(error) = (&deaf).write_all(line.as_bytes()) {
            break error;
        }
    };
    assert!(matches!(stuck.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stuck}");
    for _ in 0..50 {
        drop(server.connect().sent("echo x\necho y\n"));
    }
    let mut client = server.connect();
    assert_eq!(client.ask("echo the only worker is free"), "ok the only worker is free");
    // The server lets go of all of them.
    drop(deaf);
    client.until(|stats| stats["connections"] == 1 && stats["running"] == 0);
}

#[test]
fn a_connection_that_does_nothing_ends() {
    let server = Server::start("--idle 50");
    assert_eq!(server.connect().receive(), "", "it sent nothing for too long");

    let server = Server::start("--write 50 --idle 3600000");
    let deaf = TcpStream::connect(server.address).unwrap();
    let line = format!("echo {}\n", "x".repeat(1000));
    // In the end the server reads no more, and then it closes the connection.
    deaf.set_write_timeout(Some(GUARD)).unwrap();
    let closed = loop {
        if let Err(error) = (&deaf).write_all(line.as_bytes()) {
            break error;
        }
    };
    assert!(matches!(closed.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{closed}");
    server.connect().until(|stats| stats["connections"] == 1);
}

#[test]
fn connections_have_a_limit() {
    let server = Server::start("--connections 2");
    let (mut first, mut second) = (server.connect(), server.connect());
    assert_eq!((first.ask("echo 1"), second.ask("echo 2")), ("ok 1".into(), "ok 2".into()));
    let mut third = server.connect();
    assert_eq!((third.receive(), third.receive()), ("busy".into(), String::new()));
    drop(second);
    first.until(|stats| stats["connections"] == 1);
    assert_eq!(server.connect().ask("echo 3"), "ok 3");
}

#[test]
fn sigterm_under_load_answers_all_that_was_accepted() {
    let server = Server::start("--workers 2 --capacity 3 --deadline 3600000");
    let mut control = server.connect();
    let mut waiting = server.with_waiting(&mut control, 2, 3);
    let mut idle = server.connect();
    control.until(|stats| stats["connections"] == 7);
    server.signal("TERM");
    assert_eq!(server.says(), "closing: 2 requests run, 3 wait");
    let refused = TcpStream::connect(server.address).expect_err("it accepts no more");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(control.ask("echo too late"), "closing");
    assert_eq!(control.ask("later echo too late"), "closing");
    assert_eq!(control.ask("go"), "ok");
    assert_eq!(count(&mut waiting), counts([("ok waited", 5)]));
    for client in waiting.iter_mut().chain([&mut idle, &mut control]) {
        assert_eq!(client.receive(), "", "the connection ends in good order");
    }
    assert_eq!(server.ended(), (Some(0), vec!["ended: all requests were run".into()]));
}

#[test]
fn sigint_ends_an_idle_server() {
    let server = Server::start("");
    let mut idle = server.connect();
    assert_eq!(idle.ask("echo x"), "ok x");
    server.signal("INT");
    let said = ["closing: 0 requests run, 0 wait", "ended: all requests were run"].map(String::from);
    assert_eq!(server.ended(), (Some(0), said.into()));
    assert_eq!(idle.receive(), "");
}

#[test]
fn a_deadline_that_does_not_suffice_gives_up_what_has_not_started() {
    let server = Server::start("--workers 2 --capacity 4 --deadline 50");
    let mut control = server.connect();
    let mut waiting = server.with_waiting(&mut control, 2, 3);
    assert_eq!(control.ask("later panic"), "ok accepted");
    server.signal("TERM");
    assert_eq!(server.says(), "closing: 2 requests run, 4 wait");
    assert_eq!(count(&mut waiting[2..]), counts([("closing", 3)]));
    let said = "the deadline has passed: 4 requests were not run, 2 still run";
    assert_eq!(server.ended(), (Some(1), vec![said.into()]));
    // Those that ran have no answer, and their clients see that.
    for client in &mut waiting[..2] {
        let mut rest = Vec::new();
        let _ = client.stream.read_to_end(&mut rest); // or an error: the connection is gone
        assert_eq!(rest, b"");
    }
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let server = Server::start("--workers 1 --deadline 3600000");
    let mut control = server.connect();
    let _waiting = server.with_waiting(&mut control, 1, 1);
    server.signal("INT");
    assert_eq!(server.says(), "closing: 1 requests run, 1 wait");
    server.signal("INT");
    assert_eq!(server.ended(), (Some(1), vec![]));
}

#[test]
fn a_server_that_cannot_start_says_so_by_its_exit_code() {
    let taken = Server::start("");
    let port = format!("--port {}", taken.address.port());
    for options in ["--workers", "--workers 0", "--capacity 0", "--deadline -1", "--idle 0", "--colour 5", &port] {
        assert_eq!(Server::spawn(options).ended().0, Some(2), "{options}");
    }
}
