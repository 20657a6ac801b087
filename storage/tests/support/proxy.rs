//! A TCP proxy before the test server that can lose a commit on its way there or back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What happens to the next `COMMIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NextCommit {
    /// It passes, and so does its answer.
    Passes = 0,
    /// It is carried out; the connection breaks before the answer arrives.
    LosesItsAnswer = 1,
    /// The connection breaks before it arrives.
    IsLost = 2,
}

/// A proxy on a port of its own.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    next: Arc<AtomicU8>,
}

impl Proxy {
    /// Starts one in front of a server.
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let next = Arc::new(AtomicU8::new(NextCommit::Passes as u8));
        let of_task = Arc::clone(&next);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.expect("the server");
                tokio::spawn(carry(client, server, Arc::clone(&of_task)));
            }
        });
        Self { address, next }
    }

    /// Decides about the next commit.
    pub(crate) fn arm(&self, next: NextCommit) {
        self.next.store(next as u8, Ordering::SeqCst);
    }

    /// Whether the armed commit has come by.
    pub(crate) fn has_struck(&self) -> bool {
        self.next.load(Ordering::SeqCst) == NextCommit::Passes as u8
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, next: Arc<AtomicU8>) {
    let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(length) if length > 0 => {
                    let sent = &from_client[..length];
                    let armed = if is_commit(sent) {
                        next.swap(NextCommit::Passes as u8, Ordering::SeqCst)
                    } else {
                        NextCommit::Passes as u8
                    };
                    if armed == NextCommit::IsLost as u8 {
                        return;
                    }
                    if server.write_all(sent).await.is_err() {
                        return;
                    }
                    if armed == NextCommit::LosesItsAnswer as u8 {
                        // The answer says that it has happened.
                        let answer = server.read(&mut from_server).await;
                        assert!(answer.expect("an answer") > 0);
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut from_server) => match read {
                Ok(length) if length > 0 => {
                    if client.write_all(&from_server[..length]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}

fn is_commit(bytes: &[u8]) -> bool {
    bytes.windows(7).any(|window| window == b"COMMIT\0")
}
