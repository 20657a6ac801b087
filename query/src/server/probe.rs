//! Whether the store answers, as the process's readiness tells it.

use std::time::Duration;

use bootstrap::{ReadinessFlag, chain};
use model::Tenant;
use storage::TraceReader;

/// Pause between two looks.
const INTERVAL: Duration = Duration::from_secs(5);
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks for ever, and flags what it sees.
pub(super) async fn watch<R: TraceReader>(reader: &R, flag: &ReadinessFlag) {
    let tenant = Tenant::default();
    loop {
        match tokio::time::timeout(PATIENCE, reader.services(&tenant)).await {
            Ok(Ok(_)) => flag.ready(),
            Ok(Err(error)) => flag.not_ready(chain(&error).to_string()),
            Err(_) => flag.not_ready("the store does not answer"),
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
