//! Whether the store answers, as the process's readiness tells it.

use std::time::Duration;

use bootstrap::{ReadinessFlag, Stop, chain};
use model::Tenant;
use storage::TraceReader;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Pause between two looks.
const INTERVAL: Duration = Duration::from_secs(5);
/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The health of the services of one gRPC port.
#[derive(Debug)]
pub(super) struct Health {
    reporter: HealthReporter,
    services: &'static [&'static str],
}

impl Health {
    /// Told by this reporter.
    pub(super) fn new(reporter: HealthReporter, services: &'static [&'static str]) -> Self {
        Self { reporter, services }
    }

    async fn tell(&self, status: ServingStatus) {
        for service in self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

/// Looks until told to stop, and flags what it sees; gRPC's health says the same. Then says that
/// nothing new is wanted here, and never returns: answers under way are still sent.
pub(super) async fn watch<R: TraceReader>(
    reader: &R,
    flag: &ReadinessFlag,
    health: &[Health],
    stop: &Stop,
) {
    tokio::select! {
        () = stop.stopped() => {}
        () = look(reader, flag, health) => {}
    }
    flag.not_ready("draining");
    tell(health, ServingStatus::NotServing).await;
    std::future::pending::<()>().await;
}

async fn look<R: TraceReader>(reader: &R, flag: &ReadinessFlag, health: &[Health]) {
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

async fn tell(health: &[Health], status: ServingStatus) {
    for of_port in health {
        of_port.tell(status).await;
    }
}
