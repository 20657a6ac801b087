//! Whether a child server answers.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Kafka's `ApiVersions`, version 0, correlation 1, no client id, with its length in front.
const API_VERSIONS: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
/// The line of `postmaster.pid` that says what the server does.
const STATUS_LINE: usize = 7;

/// How to ask a server whether it works.
#[derive(Debug, Clone)]
pub(crate) enum Health {
    /// A broker that answers which requests it knows, as it does once it takes requests.
    Kafka {
        /// Its port.
        port: u16,
    },
    /// A web server that answers this URL with success.
    Http {
        /// The URL.
        url: String,
        /// Made once: each client reads every certificate authority of the system.
        client: reqwest::Client,
    },
    /// A Postgres that says "ready" in its `postmaster.pid`.
    Postgres {
        /// Its data folder.
        data: PathBuf,
    },
}

impl Health {
    /// Asks the server that runs as `pid`.
    pub(crate) async fn check(&self, pid: u32) -> bool {
        let answer = async {
            match self {
                Self::Kafka { port } => api_versions(*port).await.is_ok(),
                Self::Http { url, client } => client
                    .get(url)
                    .send()
                    .await
                    .is_ok_and(|answer| answer.status().is_success()),
                Self::Postgres { data } => {
                    let status = tokio::fs::read_to_string(data.join("postmaster.pid")).await;
                    status.is_ok_and(|status| is_ready(&status, pid))
                }
            }
        };
        tokio::time::timeout(PATIENCE, answer)
            .await
            .unwrap_or(false)
    }
}

async fn api_versions(port: u16) -> io::Result<()> {
    let mut broker = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    broker.write_all(&API_VERSIONS).await?;
    let mut answer = [0; 10];
    broker.read_exact(&mut answer).await?;
    match answer[8..] {
        [0, 0] => Ok(()),
        _ => Err(io::Error::other("the broker answered with an error")),
    }
}

fn is_ready(status: &str, pid: u32) -> bool {
    let lines: Vec<&str> = status.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && lines.get(STATUS_LINE) == Some(&"ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_left_by_an_earlier_server_does_not_count() {
        let status = "4711\n/data\n1700000000\n5432\n\n127.0.0.1\n 1234 0\nready   \n";
        assert!(is_ready(status, 4711));
        assert!(!is_ready(status, 4712));
        assert!(!is_ready(&status.replace("ready", "starting"), 4711));
    }
}
