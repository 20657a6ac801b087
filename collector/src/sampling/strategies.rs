//! Jaeger's file of strategies: what it says of a service, and of each of its operations.
//!
//! It is read as Go reads JSON: unknown names are passed over, names match whatever their case, and
//! `null` is as good as nothing.

use std::collections::{HashMap, HashSet};

use schemas::jaeger_sampling::{
    OperationSamplingStrategy, PerOperationSamplingStrategies, SamplingStrategyResponse,
    SamplingStrategyType,
};
use serde_json::{Map, Value};

/// The strategies of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strategies {
    default: SamplingStrategyResponse,
    services: HashMap<String, SamplingStrategyResponse>,
}

/// Why a text is no file of strategies.
#[derive(Debug, thiserror::Error)]
pub enum SyntaxError {
    /// It is not JSON.
    #[error("not JSON")]
    Json(#[from] serde_json::Error),
    /// A value has the wrong type.
    #[error("`{name}` must be {expected}")]
    Type {
        /// Name of the value.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
}

impl Strategies {
    /// One probability for everything.
    pub(super) fn of_default(probability: f64) -> Self {
        Self {
            default: SamplingStrategyResponse::probabilistic(probability),
            services: HashMap::new(),
        }
    }

    /// Reads a file. `default_probability` holds where it says nothing.
    pub(super) fn parse(text: &[u8], default_probability: f64) -> Result<Self, SyntaxError> {
        let mut read = Self::of_default(default_probability);
        let value: Value = serde_json::from_slice(text)?;
        let Some(file) = object("the file", Some(&value))? else {
            return Ok(read);
        };
        if let Some(default) = object("default_strategy", field(file, "default_strategy"))? {
            read.default = of_service(default, default_probability)?;
        }
        for service in objects("service_strategies", field(file, "service_strategies"))? {
            let name = text_of("service", field(service, "service"))?.to_owned();
            let mut strategy = of_service(service, default_probability)?;
            read.add_operations_of_default(&mut strategy);
            read.services.insert(name, strategy);
        }
        Ok(read)
    }

    /// What a service is told.
    pub(super) fn of(&self, service: &str) -> &SamplingStrategyResponse {
        self.services.get(service).unwrap_or(&self.default)
    }

    /// The operations of the default strategy hold for every service that does not list them itself.
    fn add_operations_of_default(&self, strategy: &mut SamplingStrategyResponse) {
        let Some(default) = &self.default.operation_sampling else {
            return;
        };
        match &mut strategy.operation_sampling {
            None => {
                let mut operations = default.clone();
                if let Some(own) = strategy.probabilistic_sampling {
                    operations.default_sampling_probability = own.sampling_rate;
                }
                strategy.operation_sampling = Some(operations);
            }
            Some(own) => {
                let listed: HashSet<String> = own
                    .per_operation_strategies
                    .iter()
                    .map(|one| one.operation.clone())
                    .collect();
                let others = default.per_operation_strategies.iter();
                let others = others.filter(|one| !listed.contains(&one.operation));
                own.per_operation_strategies.extend(others.cloned());
            }
        }
    }
}

fn of_service(
    service: &Map<String, Value>,
    default_probability: f64,
) -> Result<SamplingStrategyResponse, SyntaxError> {
    let mut strategy = sampler(service, default_probability)?;
    let listed = objects(
        "operation_strategies",
        field(service, "operation_strategies"),
    )?;
    if listed.is_empty() {
        return Ok(strategy);
    }
    let own = strategy.probabilistic_sampling;
    let mut operations = PerOperationSamplingStrategies {
        default_sampling_probability: own.map_or(default_probability, |own| own.sampling_rate),
        ..PerOperationSamplingStrategies::default()
    };
    for listed in listed {
        let operation = text_of("operation", field(listed, "operation"))?.to_owned();
        let of_operation = sampler(listed, default_probability)?;
        if of_operation.strategy_type() == SamplingStrategyType::RateLimiting {
            tracing::warn!(
                sampling.operation = operation,
                "A sampling strategy limits the rate of one operation, which clients cannot do: left out"
            );
            continue;
        }
        operations
            .per_operation_strategies
            .push(OperationSamplingStrategy {
                operation,
                probabilistic_sampling: of_operation.probabilistic_sampling,
            });
    }
    strategy.operation_sampling = Some(operations);
    Ok(strategy)
}

/// A sampler by its type; one of an unknown type is the default.
fn sampler(
    of: &Map<String, Value>,
    default_probability: f64,
) -> Result<SamplingStrategyResponse, SyntaxError> {
    let kind = text_of("type", field(of, "type"))?;
    let param = match field(of, "param") {
        None | Some(Value::Null) => 0.0,
        Some(value) => value.as_f64().ok_or(SyntaxError::Type {
            name: "param",
            expected: "a number",
        })?,
    };
    Ok(match kind {
        "probabilistic" => SamplingStrategyResponse::probabilistic(param),
        "ratelimiting" => SamplingStrategyResponse::rate_limiting(param as i32),
        unknown => {
            tracing::warn!(
                sampling.r#type = unknown,
                "A sampling strategy has an unknown type: the default probability is told"
            );
            SamplingStrategyResponse::probabilistic(default_probability)
        }
    })
}

/// The member of that name, or failing that the last one of it in another case.
fn field<'v>(of: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let in_any_case = || {
        let mut members = of.iter().rev();
        members.find(|(found, _)| found.eq_ignore_ascii_case(name))
    };
    of.get(name)
        .or_else(|| in_any_case().map(|(_, value)| value))
}

fn object<'v>(
    name: &'static str,
    value: Option<&'v Value>,
) -> Result<Option<&'v Map<String, Value>>, SyntaxError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(SyntaxError::Type {
            name,
            expected: "an object",
        }),
    }
}

fn objects<'v>(
    name: &'static str,
    value: Option<&'v Value>,
) -> Result<Vec<&'v Map<String, Value>>, SyntaxError> {
    let wrong = || SyntaxError::Type {
        name,
        expected: "a list of objects",
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            let objects = list.iter().map(|one| one.as_object().ok_or_else(wrong));
            objects.collect()
        }
        Some(_) => Err(wrong()),
    }
}

fn text_of<'v>(name: &'static str, value: Option<&'v Value>) -> Result<&'v str, SyntaxError> {
    match value {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(SyntaxError::Type {
            name,
            expected: "a text",
        }),
    }
}

#[cfg(test)]
mod tests;
