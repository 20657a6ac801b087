//! A session in Postgres for the harness itself: plain queries, answers as text. The server
//! trusts the loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};

/// Version 3.0 of the protocol.
const PROTOCOL: i32 = 196_608;

/// A session. It ends when it is dropped.
pub struct Session {
    stream: TcpStream,
}

impl Session {
    /// Opens one as a user in a database.
    pub fn open(port: u16, user: &str, database: &str) -> anyhow::Result<Self> {
        let address = ([127, 0, 0, 1], port).into();
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut session = Self { stream };
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for word in ["user", user, "database", database] {
            body.extend(word.as_bytes());
            body.push(0);
        }
        body.push(0);
        let mut message = (body.len() as i32 + 4).to_be_bytes().to_vec();
        message.extend(body);
        session.stream.write_all(&message)?;
        session.answer()?;
        Ok(session)
    }

    /// Runs statements and gives the rows of all of them; NULL is an empty text.
    pub fn query(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let mut message = vec![b'Q'];
        message.extend((sql.len() as i32 + 5).to_be_bytes());
        message.extend(sql.as_bytes());
        message.push(0);
        self.stream.write_all(&message)?;
        self.answer().with_context(|| sql.to_owned())
    }

    /// Reads messages up to "ready for query".
    fn answer(&mut self) -> anyhow::Result<Vec<Vec<String>>> {
        let (mut rows, mut failure) = (Vec::new(), None);
        loop {
            let (kind, body) = self.message()?;
            match kind {
                b'D' => rows.push(row(&body)),
                b'E' => {
                    failure = Some(error(&body));
                    // A session that is refused gets nothing further.
                    if body.windows(7).any(|field| field == b"SFATAL\0") {
                        break;
                    }
                }
                b'R' if body != [0; 4] => bail!("the server wants a password"),
                b'Z' => break,
                _ => {}
            }
        }
        match failure {
            Some(failure) => bail!(failure),
            None => Ok(rows),
        }
    }

    fn message(&mut self) -> anyhow::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let length = i32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; (length as usize).saturating_sub(4)];
        self.stream.read_exact(&mut body)?;
        Ok((head[0], body))
    }
}

fn row(body: &[u8]) -> Vec<String> {
    let (mut columns, mut at) = (Vec::new(), 2);
    while at + 4 <= body.len() {
        let length = i32::from_be_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
        at += 4;
        let end = at + length.max(0) as usize;
        columns.push(String::from_utf8_lossy(&body[at..end]).into_owned());
        at = end;
    }
    columns
}

/// SQLSTATE and message.
fn error(body: &[u8]) -> String {
    let fields = body.split(|byte| *byte == 0);
    let told = fields.filter(|field| matches!(field.first(), Some(b'C' | b'M')));
    let told = told.map(|field| String::from_utf8_lossy(&field[1..]).into_owned());
    told.collect::<Vec<_>>().join(": ")
}
