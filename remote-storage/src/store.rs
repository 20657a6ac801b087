//! The plug-in, and what is known of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Tenant;
use schemas::jaeger_storage as wire;
use storage::{Capabilities, ReadError};
use tokio::time::Instant;

use crate::client::{Client, Method};
use crate::config::RemoteConfig;
use crate::failure::EndpointError;

const CAPABILITIES: Method = Method {
    name: "GetCapabilities",
    path: "/jaeger.storage.v2.Capabilities/GetCapabilities",
};

/// How old what a plug-in has said about itself may be: another version may have taken its place.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// A storage plug-in written for Jaeger. Connects with the first call.
#[derive(Debug)]
pub struct RemoteStore {
    pub(crate) config: RemoteConfig,
    pub(crate) reader: Client,
    pub(crate) writer: Client,
    known: Mutex<Known>,
}

/// What the plug-in has said about itself.
#[derive(Debug, Clone, Copy)]
struct Known {
    without_service: bool,
    same_span: bool,
    dependencies: bool,
    asked_at: Option<Instant>,
}

impl RemoteStore {
    /// A plug-in that may still be away. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If an address or the header is none.
    pub fn new(config: &RemoteConfig) -> Result<Self, EndpointError> {
        Ok(Self {
            reader: Client::new(&config.endpoint, config.read_timeout, config)?,
            writer: Client::new(config.writer(), config.write_timeout, config)?,
            config: config.clone(),
            known: Mutex::new(Known {
                without_service: false,
                same_span: false,
                dependencies: true,
                asked_at: None,
            }),
        })
    }

    /// What is known by now; nothing is claimed for a plug-in that was not asked yet.
    pub(crate) fn known(&self) -> Capabilities {
        let known = *self.lock();
        Capabilities {
            without_service: known.without_service,
            same_span: known.same_span,
            filters: false,
            orders_and_pages: false,
            attributes: false,
            dependencies: known.dependencies,
            red: false,
            archive: false,
        }
    }

    /// Asks the plug-in what it can do, unless it has said so not long ago. One that does not have
    /// the method declares nothing.
    pub(crate) async fn learn(&self, tenant: &Tenant) -> Result<(), ReadError> {
        let asked_at = self.lock().asked_at;
        if asked_at.is_some_and(|at| at.elapsed() < KNOWN_FOR) {
            return Ok(());
        }
        let request = wire::GetCapabilitiesRequest {};
        let told = self.reader.unary(CAPABILITIES, tenant.as_str(), request);
        let told: wire::GetCapabilitiesResponse = match told.await {
            Err(error) if error.is_missing() => wire::GetCapabilitiesResponse::default(),
            told => told?,
        };
        let search = told.search.unwrap_or_default();
        let mut known = self.lock();
        known.without_service = search.without_service_name;
        known.same_span = search.same_span_conjunction;
        known.asked_at = Some(Instant::now());
        Ok(())
    }

    pub(crate) fn has_dependencies(&self, has: bool) {
        self.lock().dependencies = has;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a plug-in that keeps no tenants apart can be asked for this one.
    pub(crate) fn serves(&self, tenant: &Tenant) -> bool {
        self.config.tenancy || tenant.as_str() == Tenant::DEFAULT
    }
}
