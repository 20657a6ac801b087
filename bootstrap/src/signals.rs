//! SIGINT and SIGTERM: the first one drains, the second one forces.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::StopHandle;

/// Stops on the first SIGINT or SIGTERM and forces on the second, from now on.
///
/// Errors: the signals cannot be caught (the operating system refuses).
pub fn stop_on_signals(handle: StopHandle) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let name = next(&mut interrupt, &mut terminate).await;
        tracing::info!(signal = name, "Stopping on {name}; once more forces it");
        handle.stop();
        let name = next(&mut interrupt, &mut terminate).await;
        tracing::warn!(signal = name, "Forced to stop by a second signal");
        handle.force();
    });
    Ok(())
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}
