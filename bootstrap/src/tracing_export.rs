//! The process's own traces, sent by OTLP. Only what reads and maintains: receiving and publishing
//! a span must never make one, or each would make the next.

use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Layer;

/// The modules whose spans are sent.
const TRACED: [&str; 2] = ["query", "storage::maintenance"];

crate::config! {
    /// Spoor's own traces: how its queries and its maintenance of the store spend their time.
    /// Receiving and storing spans is never traced.
    pub struct TracingConfig {
        /// Where to send them by OTLP over gRPC, as in `http://localhost:4317`. Empty: nowhere.
        pub endpoint: String = String::new(),
        /// Share of the queries that are traced, from 0 to 1.
        pub sampling_ratio: f64 = 0.1,
    }
}

/// The running export.
pub(crate) struct Export {
    provider: SdkTracerProvider,
}

impl Export {
    /// Begins, if there is an endpoint. Must be called inside a Tokio runtime.
    pub(crate) fn begin(
        config: &TracingConfig,
        role: &'static str,
    ) -> Result<Option<Self>, ExporterBuildError> {
        if config.endpoint.is_empty() {
            return Ok(None);
        }
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&config.endpoint)
            .build()?;
        let resource = Resource::builder()
            .with_service_name(format!("spoor-{role}"))
            .with_attribute(KeyValue::new("spoor.self", true))
            .build();
        let sampler = Sampler::TraceIdRatioBased(config.sampling_ratio);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(sampler)))
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    /// The layer that turns allowed spans into exported ones.
    pub(crate) fn layer(&self) -> impl Layer<tracing_subscriber::Registry> + Send + Sync + 'static {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("spoor"))
            .with_filter(allowed())
    }

    /// Sends what is left.
    pub(crate) fn finish(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(error = %crate::chain(&error), "Some of spoor's own traces were not sent");
        }
    }
}

/// What the header `traceresponse` of the W3C tells of a span of Spoor's own traces; `None` while
/// they are sent nowhere.
pub fn trace_response(span: &tracing::Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let context = span.span_context();
    context.is_valid().then(|| {
        let (trace, span) = (context.trace_id(), context.span_id());
        format!("00-{trace}-{span}-{:02x}", context.trace_flags().to_u8())
    })
}

/// Lets the spans of [`TRACED`] pass and nothing else.
fn allowed() -> Targets {
    Targets::new().with_targets(TRACED.map(|target| (target, LevelFilter::INFO)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn queries_and_maintenance_are_traced() {
        for target in ["query::api::traces", "storage::maintenance::retention"] {
            assert!(allowed().would_enable(target, &Level::INFO), "{target}");
        }
    }

    #[test]
    fn a_traced_span_is_told_to_the_client_and_another_is_not() {
        use tracing_subscriber::layer::SubscriberExt;
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("spoor"));
        let told =
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                trace_response(&tracing::info_span!("query"))
            });
        let told = told.expect("it is traced");
        let parts: Vec<&str> = told.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        assert_eq!((lengths, parts[3]), (vec![2, 32, 16, 2], "01"), "{told}");
        assert_eq!(trace_response(&tracing::Span::none()), None);
    }

    #[test]
    fn what_receives_and_publishes_spans_is_never_traced() {
        for target in [
            "collector::receive",
            "kafka::producer",
            "ingester::write",
            "storage::writer",
            "tonic",
            "h2",
        ] {
            assert!(!allowed().would_enable(target, &Level::ERROR), "{target}");
        }
    }
}
