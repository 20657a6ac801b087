//! What clients are told to sample: Jaeger's remote sampling, from a file or from what ingesters
//! calculate.
//!
//! [`strategies`] reads Jaeger's file of strategies, [`load`] keeps it up to date, [`known`] holds what
//! adaptive sampling has announced, [`render`] writes answers over HTTP. Nothing here asks another
//! server while a client waits: what is known last is what is told.

mod strategies;
mod load;
mod known;
mod render;
pub(crate) mod metrics;

use std::sync::{Arc, PoisonError, RwLock};

use model::Tenant;
use schemas::jaeger_sampling::SamplingStrategyResponse;
use serde::{Deserialize, Serialize};

pub use known::KnownProbabilities;
pub use load::StrategiesError;
pub(crate) use load::follow;
pub(crate) use render::{Enums, baggage_restrictions, strategy_json};
use strategies::Strategies;

use crate::config::SamplingConfig;

/// Where the probabilities come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StrategySource {
    /// A file of strategies, or the default probability without one.
    #[default]
    Static,
    /// What an ingester calculates (`ingester.sampling`).
    Adaptive,
}

/// What is told.
#[derive(Debug)]
pub(crate) struct Sampling {
    config: SamplingConfig,
    strategies: RwLock<Arc<Strategies>>,
    known: KnownProbabilities,
}

/// Why a client is told nothing. It keeps what it was told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the calculated probabilities are not known yet")]
pub(crate) struct NotKnownYet;

impl Sampling {
    /// Reads the file of strategies, if there is one.
    ///
    /// # Errors
    /// If it is a file and cannot be read. What a URL does not give is asked for again later.
    pub(crate) async fn build(config: SamplingConfig) -> Result<Self, StrategiesError> {
        let strategies = load::first(&config).await?;
        Ok(Self {
            config,
            strategies: RwLock::new(Arc::new(strategies)),
            known: KnownProbabilities::default(),
        })
    }

    pub(crate) fn with_probabilities(mut self, known: KnownProbabilities) -> Self {
        self.known = known;
        self
    }

    pub(crate) fn config(&self) -> &SamplingConfig {
        &self.config
    }

    /// Whether the answer depends on the tenant.
    pub(crate) fn is_by_tenant(&self) -> bool {
        self.config.source == StrategySource::Adaptive
    }

    /// What a service is told.
    pub(crate) fn strategy(
        &self,
        tenant: &Tenant,
        service: &str,
    ) -> Result<SamplingStrategyResponse, NotKnownYet> {
        if self.config.source == StrategySource::Adaptive {
            if !self.known.is_complete() {
                return Err(NotKnownYet);
            }
            if let Some(strategy) = self.known.strategy(tenant, service) {
                return Ok(strategy);
            }
        }
        let strategies = self.strategies.read();
        let strategies = strategies.unwrap_or_else(PoisonError::into_inner);
        Ok(strategies.of(service).clone())
    }

    fn replace(&self, strategies: Strategies) {
        let mut current = self
            .strategies
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(strategies);
    }
}
