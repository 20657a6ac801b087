//! Services, operations, dependencies.

use model::{SpanKind, Tenant, TimeRange};
use storage::{Capabilities, Dependency, Operation, ReadError, TraceReader};

use super::Question;
use crate::adjust::AdjustPlan;

/// Which services are there?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Services;

impl Question for Services {
    type Found = Vec<String>;
    type Shown = Vec<String>;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Vec<String>, ReadError> {
        reader.services(tenant).await
    }

    fn adjust(self, found: Vec<String>, _: AdjustPlan) -> Vec<String> {
        found
    }
}

/// Which operations does a service have?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationsOf {
    /// The service.
    pub service: String,
    /// Of this kind alone.
    pub kind: Option<SpanKind>,
}

impl Question for OperationsOf {
    type Found = Vec<Operation>;
    type Shown = Vec<Operation>;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Vec<Operation>, ReadError> {
        reader.operations(tenant, &self.service, self.kind).await
    }

    fn adjust(self, found: Vec<Operation>, _: AdjustPlan) -> Vec<Operation> {
        found
    }
}

/// Which services called which?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependenciesIn {
    /// When.
    pub range: TimeRange,
    /// Only calls from or to this service.
    pub service: Option<String>,
}

impl Question for DependenciesIn {
    type Found = Vec<Dependency>;
    type Shown = Vec<Dependency>;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Vec<Dependency>, ReadError> {
        reader.dependencies(tenant, self.range).await
    }

    fn adjust(self, mut found: Vec<Dependency>, _: AdjustPlan) -> Vec<Dependency> {
        if let Some(service) = &self.service {
            found.retain(|edge| edge.parent == *service || edge.child == *service);
        }
        found
    }
}

/// What can the store be asked for?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapabilitiesOfStore;

impl Question for CapabilitiesOfStore {
    type Found = Capabilities;
    type Shown = Capabilities;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        _: &Tenant,
    ) -> Result<Capabilities, ReadError> {
        Ok(reader.capabilities())
    }

    fn adjust(self, found: Capabilities, _: AdjustPlan) -> Capabilities {
        found
    }
}

/// Nothing: the answer does not depend on what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nothing;

impl Question for Nothing {
    type Found = ();
    type Shown = ();

    async fn read<R: TraceReader>(&self, _: &R, _: &Tenant) -> Result<(), ReadError> {
        Ok(())
    }

    fn adjust(self, (): (), _: AdjustPlan) {}
}
