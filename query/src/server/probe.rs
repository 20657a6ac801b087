//! Whether the store answers, as the process's readiness tells it.

use std::time::Duration;

use bootstrap::{ReadinessFlag, chain};
use model::Tenant;
use storage::TraceReader;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::grpc;

/// Pause between two looks.
const INTERVAL: Duration = Duration::from_secs(5);
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks for ever, and flags what it sees; gRPC's health says the same.
pub(super) async fn watch<R: TraceReader>(
    reader: &R,
    flag: &ReadinessFlag,
    health: &HealthReporter,
) {
    let tenant = Tenant::default();
    loop {
        let status = match tokio::time::timeout(PATIENCE, reader.services(&tenant)).await {
            Ok(Ok(_)) => {
                flag.ready();
                ServingStatus::Serving
            }
            Ok(Err(error)) => {
                flag.not_ready(chain(&error).to_string());
                ServingStatus::NotServing
            }
            Err(_) => {
                flag.not_ready("the store does not answer");
                ServingStatus::NotServing
            }
        };
        tell(health, status).await;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Sets the health of every gRPC service.
pub(super) async fn tell(health: &HealthReporter, status: ServingStatus) {
    for service in grpc::SERVICES {
        health.set_service_status(service, status).await;
    }
}
