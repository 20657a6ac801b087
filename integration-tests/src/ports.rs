//! Ports for the servers of a stack, below those that the kernel gives to outgoing connections:
//! a server that is started again must find its port free.

use std::fs::File;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};

/// Where to look: above the ports that people use, below the ephemeral ones.
const RANGE: std::ops::Range<u16> = 18_000..28_000;

/// Locks on the ports that this process has given away, so that no other test takes them in the
/// time between two starts of a server.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// As many different ports as asked for, free just now and given to nobody else on this machine
/// who asks here.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = RANGE.end - RANGE.start;
    // Test binaries that run at the same time begin at different places.
    let offset = (std::process::id() % 100) as u16 * 100;
    std::array::from_fn(|_| {
        loop {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let port = RANGE.start + (offset + step) % count;
            if lock(port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
                break port;
            }
        }
    })
}

/// Takes a port until this process ends. `false` when another one has it.
fn lock(port: u16) -> bool {
    let folder = std::env::temp_dir().join("spoor-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder for lock files can be made");
    let file = File::options()
        .create(true)
        .append(true)
        .open(folder.join(port.to_string()));
    let file = file.expect("a lock file can be made");
    let free = file.try_lock().is_ok();
    if free {
        let mut taken = TAKEN.lock().expect("nobody panics in between");
        taken.push(file);
    }
    free
}
