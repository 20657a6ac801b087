//! A proxy before Postgres that reads whole messages of the protocol, and can hold a writer's
//! session up at an exact point of its transaction.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;

/// Where a session is held up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// The transaction of a write has not begun: its `BEGIN` does not arrive.
    BeforeBegin,
    /// The first row of a `COPY` has arrived, and nothing after it.
    MidCopy,
    /// Everything is written, and `COMMIT` does not arrive.
    BeforeCommit,
    /// It is committed, and the answer does not come back.
    AfterCommit,
}

#[derive(Debug, Default)]
struct Trap {
    armed: Option<Point>,
    /// A session sits in it.
    sprung: bool,
    released: bool,
}

#[derive(Debug, Default)]
struct Traps {
    trap: Mutex<Trap>,
    changed: Condvar,
}

/// A proxy on a port of its own.
pub struct PostgresProxy {
    /// Its port on the loopback.
    pub port: u16,
    traps: Arc<Traps>,
}

impl PostgresProxy {
    /// Starts one in front of the server on a port.
    pub fn start(server: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let traps = Arc::new(Traps::default());
        let of_thread = Arc::clone(&traps);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                    carry(client, server, &of_thread);
                }
            }
        });
        Ok(Self { port, traps })
    }

    /// Holds up the next session that comes to a point; all others go on.
    pub fn arm(&self, point: Point) {
        *self.traps.lock() = Trap {
            armed: Some(point),
            ..Trap::default()
        };
    }

    /// Waits until a session is held up.
    pub fn until_sprung(&self, within: Duration) -> anyhow::Result<()> {
        let trap = self.traps.lock();
        let waited = self
            .traps
            .changed
            .wait_timeout_while(trap, within, |trap| !trap.sprung);
        let sprung = waited.unwrap_or_else(PoisonError::into_inner).0.sprung;
        ensure!(sprung, "no session came to the point within {within:?}");
        Ok(())
    }

    /// Lets the session go on.
    pub fn release(&self) {
        self.traps.lock().released = true;
        self.traps.changed.notify_all();
    }
}

impl Traps {
    fn lock(&self) -> std::sync::MutexGuard<'_, Trap> {
        self.trap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the trap for this point, if it is set. Then [`Traps::wait`] is due.
    fn takes(&self, point: Point) -> bool {
        let mut trap = self.lock();
        let takes = trap.armed == Some(point);
        if takes {
            trap.armed = None;
        }
        takes
    }

    fn wait(&self) {
        let mut trap = self.lock();
        trap.sprung = true;
        self.changed.notify_all();
        drop(self.changed.wait_while(trap, |trap| !trap.released));
    }
}

/// How far a session's client is in its transaction.
#[derive(Debug, Default)]
struct Client {
    writes: bool,
    rows: bool,
    held_answer: Arc<Mutex<bool>>,
}

fn carry(client: TcpStream, server: TcpStream, traps: &Arc<Traps>) {
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let state = Client::default();
    let hold_answer = Arc::clone(&state.held_answer);
    let (there, back) = (Arc::clone(traps), Arc::clone(traps));
    std::thread::spawn(move || {
        requests(&client, &server, &there, state).unwrap_or_default();
        end(&client, &server);
    });
    std::thread::spawn(move || {
        answers(&server_too, &client_too, &back, &hold_answer).unwrap_or_default();
        end(&client_too, &server_too);
    });
}

fn end(one: &TcpStream, other: &TcpStream) {
    one.shutdown(Shutdown::Both).unwrap_or_default();
    other.shutdown(Shutdown::Both).unwrap_or_default();
}

/// Passes the client's messages on, one at a time. The first has no type.
fn requests(
    mut client: &TcpStream,
    mut server: &TcpStream,
    traps: &Traps,
    mut state: Client,
) -> std::io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    server.write_all(&length)?;
    pass_body(client, server, length)?;
    loop {
        let message = read_message(client)?;
        match point(&message, &mut state) {
            Some(Point::AfterCommit) => {
                if traps.takes(Point::BeforeCommit) {
                    traps.wait();
                } else if traps.takes(Point::AfterCommit) {
                    *state
                        .held_answer
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = true;
                }
                server.write_all(&message)?;
            }
            Some(point) if traps.takes(point) => {
                if point == Point::MidCopy {
                    server.write_all(&message)?;
                    traps.wait();
                } else {
                    traps.wait();
                    server.write_all(&message)?;
                }
            }
            _ => server.write_all(&message)?,
        }
    }
}

/// The point that a message of a writer brings its session to. `COMMIT` counts as the last one.
fn point(message: &[u8], state: &mut Client) -> Option<Point> {
    let text = &message[5..];
    match message[0] {
        b'Q' if text.starts_with(b"BEGIN ISOLATION LEVEL READ COMMITTED") => {
            state.rows = false;
            state.writes = true;
            Some(Point::BeforeBegin)
        }
        b'd' if state.writes => {
            state.rows = true;
            Some(Point::MidCopy)
        }
        b'Q' if text.starts_with(b"COMMIT") && state.writes && state.rows => {
            state.writes = false;
            Some(Point::AfterCommit)
        }
        _ => None,
    }
}

/// Passes the server's bytes on; the answer to a commit is held up when that was asked for.
fn answers(
    mut server: &TcpStream,
    mut client: &TcpStream,
    traps: &Traps,
    held: &Mutex<bool>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = server.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        let hold = std::mem::take(&mut *held.lock().unwrap_or_else(PoisonError::into_inner));
        if hold {
            traps.wait();
        }
        client.write_all(&buffer[..length])?;
    }
}

fn read_message(mut from: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut message = vec![0; 5];
    from.read_exact(&mut message)?;
    let length = i32::from_be_bytes([message[1], message[2], message[3], message[4]]);
    message.resize(1 + length.max(4) as usize, 0);
    from.read_exact(&mut message[5..])?;
    Ok(message)
}

fn pass_body(mut from: &TcpStream, mut to: &TcpStream, length: [u8; 4]) -> std::io::Result<()> {
    let mut body = vec![0; (i32::from_be_bytes(length).max(4) - 4) as usize];
    from.read_exact(&mut body)?;
    to.write_all(&body)
}
