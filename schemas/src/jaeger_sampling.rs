//! `jaeger/api_v2/sampling.proto`: what a client is told to sample, and how it asks.

use prost::{Enumeration, Message};

/// Full name of the service.
pub const SAMPLING_MANAGER: &str = "jaeger.api_v2.SamplingManager";
/// Path of its only method.
pub const GET_SAMPLING_STRATEGY: &str = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";

/// Which of a response's samplers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum SamplingStrategyType {
    /// `probabilistic_sampling`, or `operation_sampling`.
    Probabilistic = 0,
    /// `rate_limiting_sampling`.
    RateLimiting = 1,
}

impl SamplingStrategyType {
    /// The enum's name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Probabilistic => "PROBABILISTIC",
            Self::RateLimiting => "RATE_LIMITING",
        }
    }
}

/// Samples a part of all traces.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ProbabilisticSamplingStrategy {
    /// Between 0 and 1.
    #[prost(double, tag = "1")]
    pub sampling_rate: f64,
}

/// Samples so many traces and no more.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct RateLimitingSamplingStrategy {
    /// Of each process of the service.
    #[prost(int32, tag = "1")]
    pub max_traces_per_second: i32,
}

/// What is sampled of the traces that begin with one operation.
#[derive(Clone, PartialEq, Message)]
pub struct OperationSamplingStrategy {
    /// Name of the root span.
    #[prost(string, tag = "1")]
    pub operation: String,
    /// How much.
    #[prost(message, optional, tag = "2")]
    pub probabilistic_sampling: Option<ProbabilisticSamplingStrategy>,
}

/// What is sampled by the operation that a trace begins with.
#[derive(Clone, PartialEq, Message)]
pub struct PerOperationSamplingStrategies {
    /// For operations that are not listed.
    #[prost(double, tag = "1")]
    pub default_sampling_probability: f64,
    /// So many traces of each operation are sampled whatever its probability.
    #[prost(double, tag = "2")]
    pub default_lower_bound_traces_per_second: f64,
    /// The listed operations.
    #[prost(message, repeated, tag = "3")]
    pub per_operation_strategies: Vec<OperationSamplingStrategy>,
    /// Zero: no bound.
    #[prost(double, tag = "4")]
    pub default_upper_bound_traces_per_second: f64,
}

/// What a service is told.
#[derive(Clone, PartialEq, Message)]
pub struct SamplingStrategyResponse {
    /// Which of the others counts.
    #[prost(enumeration = "SamplingStrategyType", tag = "1")]
    pub strategy_type: i32,
    /// One probability for all operations.
    #[prost(message, optional, tag = "2")]
    pub probabilistic_sampling: Option<ProbabilisticSamplingStrategy>,
    /// A rate.
    #[prost(message, optional, tag = "3")]
    pub rate_limiting_sampling: Option<RateLimitingSamplingStrategy>,
    /// A probability by operation; goes before `probabilistic_sampling` in clients that know it.
    #[prost(message, optional, tag = "4")]
    pub operation_sampling: Option<PerOperationSamplingStrategies>,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SamplingStrategyParameters {
    /// The service that traces begin in.
    #[prost(string, tag = "1")]
    pub service_name: String,
}

impl SamplingStrategyResponse {
    /// The same probability for everything.
    pub fn probabilistic(sampling_rate: f64) -> Self {
        Self {
            strategy_type: SamplingStrategyType::Probabilistic as i32,
            probabilistic_sampling: Some(ProbabilisticSamplingStrategy { sampling_rate }),
            ..Self::default()
        }
    }

    /// So many traces per second.
    pub fn rate_limiting(max_traces_per_second: i32) -> Self {
        Self {
            strategy_type: SamplingStrategyType::RateLimiting as i32,
            rate_limiting_sampling: Some(RateLimitingSamplingStrategy {
                max_traces_per_second,
            }),
            ..Self::default()
        }
    }
}
