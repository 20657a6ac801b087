//! A schema registry that does as it is told: honest, slow, silent, failing, lying. Speaks the part
//! of the Confluent-compatible API that Spoor uses.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manner {
    /// Answers at once, and truly.
    #[default]
    Honest,
    /// Answers truly, after this long.
    Slow(Duration),
    /// Takes connections and never answers.
    Silent,
    /// Answers 503.
    Failing,
    /// Answers with a page that is no JSON.
    Babbling,
    /// Gives a schema under another one's id.
    Lying,
}

#[derive(Debug, Default)]
struct State {
    manner: Manner,
    by_id: BTreeMap<u64, String>,
    asked: u64,
}

/// A registry on a port of its own.
pub struct Registry {
    /// Its port on the loopback.
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Registry {
    /// Starts an honest one without schemas.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let of_thread = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&of_thread);
                std::thread::spawn(move || serve(stream, &state).unwrap_or_default());
            }
        });
        Ok(Self { port, state })
    }

    /// Changes its manner.
    pub fn behave(&self, manner: Manner) {
        lock(&self.state).manner = manner;
    }

    /// Makes it know the one schema that was registered under a further id.
    pub fn alias(&self, id: u64) {
        let mut state = lock(&self.state);
        if let Some(schema) = state.by_id.values().next().cloned() {
            state.by_id.insert(id, schema);
        }
    }

    /// Requests that have come so far.
    pub fn asked(&self) -> u64 {
        lock(&self.state).asked
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let Some((path, body)) = request(&mut reader)? else {
            return Ok(());
        };
        let manner = {
            let mut state = lock(state);
            state.asked += 1;
            state.manner
        };
        let (status, answer) = match manner {
            Manner::Silent => {
                std::thread::park_timeout(Duration::from_secs(3600));
                return Ok(());
            }
            Manner::Failing => (503, r#"{"error_code":50301,"message":"away"}"#.to_owned()),
            Manner::Babbling => (200, "<html>welcome</html>".to_owned()),
            Manner::Slow(delay) => {
                std::thread::park_timeout(delay);
                answer(state, &path, &body)
            }
            Manner::Lying if path.starts_with("/schemas/ids/") => {
                (200, json!({ "schema": "\"string\"" }).to_string())
            }
            Manner::Honest | Manner::Lying => answer(state, &path, &body),
        };
        let head = format!(
            "HTTP/1.1 {status} .\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let mut stream = reader.get_ref();
        stream.write_all(head.as_bytes())?;
        stream.write_all(answer.as_bytes())?;
    }
}

/// Path and body of the next request of a connection.
fn request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, body)))
}

fn answer(state: &Mutex<State>, path: &str, body: &[u8]) -> (u16, String) {
    let mut state = lock(state);
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    match words.as_slice() {
        ["subjects", _, "versions"] => {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let schema = body["schema"].as_str().unwrap_or_default().to_owned();
            let known = state.by_id.iter().find(|(_, one)| **one == schema);
            let id = known.map_or(state.by_id.len() as u64 + 1, |(id, _)| *id);
            state.by_id.insert(id, schema);
            (200, json!({ "id": id }).to_string())
        }
        ["schemas", "ids", id] => {
            let schema = id.parse().ok().and_then(|id| state.by_id.get(&id));
            match schema {
                Some(schema) => (200, json!({ "schema": schema }).to_string()),
                None => (
                    404,
                    json!({ "error_code": 40403, "message": "none" }).to_string(),
                ),
            }
        }
        ["compatibility", ..] if state.by_id.is_empty() => (
            404,
            json!({ "error_code": 40401, "message": "none" }).to_string(),
        ),
        ["compatibility", ..] => (200, json!({ "is_compatible": true }).to_string()),
        ["config", ..] => (
            200,
            json!({ "compatibility": "FULL_TRANSITIVE" }).to_string(),
        ),
        _ => (
            404,
            json!({ "error_code": 404, "message": path }).to_string(),
        ),
    }
}
