//! A TCP proxy whose two directions can be held up, swallowed or slowed down, each by itself.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What becomes of the bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Open,
    /// They pass after a while.
    Slow(Duration),
    /// They wait.
    Held,
    /// They are lost, and nobody is told.
    Swallowed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    there: Way,
    back: Way,
    /// Connections of an earlier generation are closed.
    generation: u64,
}

#[derive(Default)]
struct Gate {
    state: Mutex<Option<State>>,
    changed: Condvar,
}

/// A proxy on a port of its own.
pub struct TcpProxy {
    /// Its port on the loopback.
    pub port: u16,
    gate: Arc<Gate>,
}

impl TcpProxy {
    /// Starts one in front of some servers. Connections go to them in turn; one that does not
    /// take connections is passed over.
    pub fn start(servers: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let gate = Arc::new(Gate::default());
        gate.change(|state| state.generation = 1);
        let of_thread = Arc::clone(&gate);
        std::thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                let turn = (0..servers.len()).map(|step| servers[(number + step) % servers.len()]);
                if let Some(server) = turn.filter_map(|one| TcpStream::connect(one).ok()).next() {
                    carry(client, server, &of_thread);
                }
            }
        });
        Ok(Self { port, gate })
    }

    /// From now on bytes fare like this: those to the server, and those back.
    pub fn set(&self, there: Way, back: Way) {
        self.gate
            .change(|state| (state.there, state.back) = (there, back));
    }

    /// Closes every connection; new ones are taken.
    pub fn sever(&self) {
        self.gate.change(|state| state.generation += 1);
    }
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(state.get_or_insert(State {
            there: Way::Open,
            back: Way::Open,
            generation: 0,
        }));
        self.changed.notify_all();
    }

    fn now(&self) -> Option<State> {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while a way is held, and gives how it is then; nothing when the connection is to end.
    fn way(&self, of: impl Fn(&State) -> Way, generation: u64) -> Option<Way> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let held = |state: &mut Option<State>| {
            state.is_some_and(|state| of(&state) == Way::Held && state.generation == generation)
        };
        let waited = self.changed.wait_while(state, held);
        let state = *waited.unwrap_or_else(PoisonError::into_inner);
        state
            .filter(|state| state.generation == generation)
            .map(|state| of(&state))
    }
}

fn carry(client: TcpStream, server: TcpStream, gate: &Arc<Gate>) {
    let generation = gate.now().map_or(0, |state| state.generation);
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let (there, back) = (Arc::clone(gate), Arc::clone(gate));
    std::thread::spawn(move || pass(client, server, &there, |state| state.there, generation));
    std::thread::spawn(move || {
        pass(
            server_too,
            client_too,
            &back,
            |state| state.back,
            generation,
        );
    });
}

fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    gate: &Gate,
    of: impl Fn(&State) -> Way,
    generation: u64,
) {
    let mut buffer = vec![0; 1 << 16];
    // So that a connection without traffic notices that it is to end.
    from.set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap_or_default();
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => 0,
            Err(_) => break,
        };
        match gate.way(&of, generation) {
            None => break,
            Some(Way::Swallowed) => continue,
            Some(Way::Slow(delay)) if length > 0 => std::thread::park_timeout(delay),
            Some(_) => {}
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    from.shutdown(Shutdown::Both).unwrap_or_default();
    to.shutdown(Shutdown::Both).unwrap_or_default();
}
