//! Connections: each has a thread that reads requests and writes answers.

use super::{Server, lock};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The longest line, in bytes, without its end.
const MAX_LINE: usize = 1024;

/// The open connections, up to a limit.
#[derive(Default)]
pub(crate) struct Connections {
    state: Mutex<Open>,
    changed: Condvar,
}

#[derive(Default)]
struct Open {
    streams: HashMap<u64, Arc<TcpStream>>,
    /// Requests that run and whose reader waits for them.
    at_work: usize,
}

impl Connections {
    pub(crate) fn number(&self) -> usize {
        lock(&self.state).streams.len()
    }

    /// Notes that a request runs for one of the connections, until the result is dropped.
    pub(crate) fn at_work(&self) -> impl Drop + '_ {
        struct AtWork<'a>(&'a Connections);
        impl Drop for AtWork<'_> {
            fn drop(&mut self) {
                lock(&self.0.state).at_work -= 1;
            }
        }
        lock(&self.state).at_work += 1;
        self.changed.notify_all();
        AtWork(self)
    }

    /// Lets each reader answer what it has read, and waits for the readers; not for those whose request still runs. Returns
    /// how many have not ended in time.
    pub(crate) fn end(&self, limit: Duration) -> usize {
        let open = lock(&self.state);
        for stream in open.streams.values() {
            let _ = stream.shutdown(Shutdown::Read); // fails if the client has gone
        }
        let is_busy = |open: &mut Open| open.streams.len() > open.at_work;
        let waited = self.changed.wait_timeout_while(open, limit, is_busy);
        let (open, _) = waited.unwrap_or_else(PoisonError::into_inner);
        open.streams.len().saturating_sub(open.at_work)
    }
}

/// A connection in the list, until it is dropped.
pub(crate) struct Connection {
    server: &'static Server,
    number: u64,
    stream: Arc<TcpStream>,
}

impl Connection {
    /// `None`, and `busy` for the client, if there are too many.
    pub(crate) fn open(server: &'static Server, number: u64, stream: TcpStream) -> Option<Self> {
        let mut open = lock(&server.connections.state);
        if open.streams.len() >= server.options.connections {
            drop(open);
            let _ = stream.set_nonblocking(true); // the acceptor waits for no client
            let _ = (&stream).write_all(b"busy\n");
            return None;
        }
        let stream = Arc::new(stream);
        open.streams.insert(number, Arc::clone(&stream));
        Some(Self { server, number, stream })
    }

    /// The reader: one request at a time, so the answers have the order of the requests.
    pub(crate) fn serve(&self) -> io::Result<()> {
        let mut stream = &*self.stream;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.server.options.idle))?;
        stream.set_write_timeout(Some(self.server.options.write))?;
        let mut input = BufReader::new(stream);
        while let Some(line) = next_line(&mut input)? {
            let answer = line.map_or_else(|wrong| wrong, |line| self.server.answer(line.trim_end_matches('\r')));
            stream.write_all((answer + "\n").as_bytes())?;
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.server.connections.state).streams.remove(&self.number);
        self.server.connections.changed.notify_all();
    }
}

/// The next line without its end, or what is wrong with it. `None` at the end of input; a line that the end cuts off is not
/// a request.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Result<String, String>>> {
    let mut line = Vec::new();
    input.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
    Ok(match line.pop() {
        Some(b'\n') => Some(String::from_utf8(line).map_err(|_| "error: a line is UTF-8".into())),
        Some(_) if line.len() == MAX_LINE => {
            input.skip_until(b'\n')?; // stores nothing
            Some(Err(format!("error: a line has at most {MAX_LINE} bytes")))
        }
        _ => None,
    })
}
