//! A database of its own for the tests.
//!
//! SQL and its client belong to the storage crate, so this speaks just enough of Postgres's
//! protocol (version 3, trusted connections) to create a database and to drop it.

use std::io::{Read, Write};
use std::net::TcpStream;

/// A database that is dropped with this value.
pub struct TestDatabase {
    server: Address,
    name: String,
}

#[derive(Clone)]
struct Address {
    user: String,
    host: String,
}

impl TestDatabase {
    /// Creates it on the server that `SPOOR_TEST_POSTGRES_URL` names.
    pub fn create(name: &str) -> Self {
        let url = std::env::var("SPOOR_TEST_POSTGRES_URL")
            .expect("run through `make test`, or set SPOOR_TEST_POSTGRES_URL");
        let authority = url
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split(['/', '?']).next());
        let (user, host) = authority
            .and_then(|of| of.split_once('@'))
            .expect("user@host:port");
        let user = user.split(':').next().unwrap_or(user);
        let name = format!("spoor_query_{name}_{}", std::process::id());
        let server = Address {
            user: user.to_owned(),
            host: host.to_owned(),
        };
        server.run(&format!("CREATE DATABASE {name}"));
        Self { server, name }
    }

    pub fn url(&self) -> String {
        format!(
            "postgres://{}@{}/{}",
            self.server.user, self.server.host, self.name
        )
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.server
            .run(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

impl Address {
    /// Runs one statement in the server's own database.
    fn run(&self, statement: &str) {
        let mut stream = TcpStream::connect(&self.host).expect("the test server listens");
        let startup = format!("\0\x03\0\0user\0{}\0database\0postgres\0\0", self.user);
        send(&mut stream, None, startup.as_bytes());
        until_ready(&mut stream);
        send(&mut stream, Some(b'Q'), format!("{statement}\0").as_bytes());
        until_ready(&mut stream);
    }
}

fn send(stream: &mut TcpStream, kind: Option<u8>, body: &[u8]) {
    let mut message: Vec<u8> = kind.into_iter().collect();
    message.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    message.extend_from_slice(body);
    stream.write_all(&message).expect("the test server reads");
}

/// Reads messages until the server waits for the next statement.
fn until_ready(stream: &mut TcpStream) {
    loop {
        let mut head = [0; 5];
        stream
            .read_exact(&mut head)
            .expect("the test server answers");
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; len as usize - 4];
        stream
            .read_exact(&mut body)
            .expect("the test server answers");
        match head[0] {
            b'Z' => return,
            b'E' => panic!("{}", String::from_utf8_lossy(&body)),
            _ => {}
        }
    }
}
