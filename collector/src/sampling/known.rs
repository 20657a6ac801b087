//! What adaptive sampling has announced.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::Tenant;
use schemas::jaeger_sampling::{
    OperationSamplingStrategy, PerOperationSamplingStrategies, ProbabilisticSamplingStrategy,
    SamplingStrategyResponse,
};
use schemas::{SamplingAnnouncement, SamplingDefaults, ServiceProbabilities};

use super::metrics;

/// The probabilities that hold at present, as far as this process has heard. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct KnownProbabilities(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    complete: bool,
    defaults: Option<SamplingDefaults>,
    services: HashMap<Tenant, HashMap<String, ServiceProbabilities>>,
}

impl KnownProbabilities {
    /// Takes what was announced; something older than what is known changes nothing.
    pub fn hear(&self, announcement: SamplingAnnouncement) {
        let mut known = self.write();
        match announcement {
            SamplingAnnouncement::Defaults(defaults) => known.defaults = Some(defaults),
            SamplingAnnouncement::Service(new) => {
                let of_tenant = known.services.entry(new.tenant.clone()).or_default();
                let held = of_tenant.get(&new.service);
                if held.is_none_or(|held| held.calculated_at <= new.calculated_at) {
                    of_tenant.insert(new.service.clone(), new);
                }
            }
            SamplingAnnouncement::Forgotten { tenant, service } => {
                if let Some(of_tenant) = known.services.get_mut(&tenant) {
                    of_tenant.remove(&service);
                }
            }
        }
        metrics::known(known.services.values().map(HashMap::len).sum());
    }

    /// Forgets what is not among these, and hears these.
    pub fn replace(&self, all: Vec<SamplingAnnouncement>) {
        self.write().services.clear();
        all.into_iter().for_each(|one| self.hear(one));
        self.complete();
    }

    /// Says that everything announced before now has been heard. Until then clients are told nothing,
    /// so that they keep what they were told before.
    pub fn complete(&self) {
        self.write().complete = true;
    }

    pub(super) fn is_complete(&self) -> bool {
        self.read().complete
    }

    /// What a service is told; `None` before anything was ever calculated.
    pub(super) fn strategy(
        &self,
        tenant: &Tenant,
        service: &str,
    ) -> Option<SamplingStrategyResponse> {
        let known = self.read();
        let defaults = known.defaults?;
        let of_service = known.services.get(tenant).and_then(|all| all.get(service));
        let operations = of_service.into_iter().flat_map(|of| &of.operations);
        let operations = operations.map(|(name, probability)| OperationSamplingStrategy {
            operation: name.clone(),
            probabilistic_sampling: Some(ProbabilisticSamplingStrategy {
                sampling_rate: *probability,
            }),
        });
        let per_operation_strategies: Vec<_> = operations.collect();
        // OpenTelemetry's sampler for Java heeds this alone where no operation is named.
        let everything = per_operation_strategies.is_empty();
        let sampling_rate = defaults.default_probability;
        Some(SamplingStrategyResponse {
            probabilistic_sampling: everything
                .then_some(ProbabilisticSamplingStrategy { sampling_rate }),
            operation_sampling: Some(PerOperationSamplingStrategies {
                default_sampling_probability: sampling_rate,
                default_lower_bound_traces_per_second: defaults.lower_bound,
                per_operation_strategies,
                default_upper_bound_traces_per_second: 0.0,
            }),
            ..SamplingStrategyResponse::default()
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(calculated_at: u64, probability: f64) -> SamplingAnnouncement {
        SamplingAnnouncement::Service(ServiceProbabilities {
            tenant: Tenant::default(),
            service: "shop".into(),
            calculated_at,
            operations: [("GET /".to_owned(), probability)].into(),
        })
    }

    fn told(known: &KnownProbabilities, tenant: &str) -> Option<Vec<f64>> {
        let tenant = Tenant::parse(tenant).expect("a name");
        let operations = known.strategy(&tenant, "shop")?.operation_sampling?;
        let rate =
            |one: &OperationSamplingStrategy| one.probabilistic_sampling.map(|p| p.sampling_rate);
        operations
            .per_operation_strategies
            .iter()
            .map(rate)
            .collect()
    }

    fn with_defaults() -> KnownProbabilities {
        let known = KnownProbabilities::default();
        known.hear(SamplingAnnouncement::Defaults(SamplingDefaults {
            default_probability: 0.001,
            lower_bound: 1.0 / 60.0,
        }));
        known
    }

    #[test]
    fn something_older_does_not_replace_what_is_known() {
        let known = with_defaults();
        known.hear(announced(2, 0.2));
        known.hear(announced(1, 0.1));
        assert_eq!(told(&known, "default"), Some(vec![0.2]));
        known.hear(announced(3, 0.3));
        assert_eq!(told(&known, "default"), Some(vec![0.3]));
    }

    #[test]
    fn nothing_is_told_of_another_tenants_services() {
        let known = with_defaults();
        known.hear(announced(1, 0.1));
        assert_eq!(told(&known, "other"), Some(vec![]));
    }

    #[test]
    fn a_service_that_is_gone_is_told_the_defaults() {
        let known = with_defaults();
        known.hear(announced(1, 0.1));
        known.hear(SamplingAnnouncement::Forgotten {
            tenant: Tenant::default(),
            service: "shop".into(),
        });
        assert_eq!(told(&known, "default"), Some(vec![]));
        assert_eq!(told(&KnownProbabilities::default(), "default"), None);
    }
}
