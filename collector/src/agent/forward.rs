//! publish, in an agent: a request → any collector, again and again if need be.

mod codec;
mod verdict;

use std::net::SocketAddr;
use std::time::Duration;

use bootstrap::{Stop, chain};
use bytes::Bytes;
use http::uri::PathAndQuery;
use model::{Tally, Tenant};
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};

use self::codec::EncodedCodec;
use self::verdict::{Verdict, judge, left_out};
use super::collectors::{Collectors, Turn};
use super::config::{AgentPublishConfig, Compression};
use super::loss::Loss;
use super::metrics;
use super::parcel::{Parcel, joined, spans};
use crate::publish::PublishError;
use crate::receive::otlp_grpc;

/// Largest answer that is read: OTLP's limit.
const MAX_ANSWER: usize = 4 << 20;

/// Sends requests to collectors.
pub(super) struct Forwarder {
    config: AgentPublishConfig,
    tenant_header: AsciiMetadataKey,
    collectors: Collectors,
}

/// For how long a collector is looked for.
#[derive(Clone, Copy)]
pub(super) enum Patience<'a> {
    /// Until then.
    Until(Instant),
    /// Until the first failure after being told to stop.
    WhileRunning(&'a Stop),
    /// For ever.
    Endless,
}

/// What an attempt came to.
enum Conclusion {
    Taken(Tally),
    Refused(Status),
    Again(Status),
}

/// Why a request was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// It is not what it should be, and never will be.
    #[error("a collector refuses the spans for good")]
    Refused(#[source] Status),
    /// No collector took it within the time.
    #[error("no collector takes spans")]
    Away(#[source] Option<Status>),
}

impl Forwarder {
    /// `tenant_header` is the metadata that names the tenant.
    pub(super) fn new(config: AgentPublishConfig, tenant_header: AsciiMetadataKey) -> Self {
        Self {
            collectors: Collectors::new(config.clone()),
            config,
            tenant_header,
        }
    }

    pub(super) fn collectors(&self) -> &Collectors {
        &self.collectors
    }

    /// Sends what a client waits for. What the collector left out is told.
    pub(super) async fn send_now(&self, parcel: &Parcel) -> Result<Tally, PublishError> {
        let patience = Patience::Until(Instant::now() + self.config.patience);
        let sent = self.send(&parcel.tenant, &parcel.bytes, patience).await;
        if let Ok(rejected) = &sent {
            metrics::spans_delivered(parcel.spans.into(), rejected);
        }
        sent.map_err(|error| match error {
            SendError::Refused(status) if verdict::is_too_large(&status) => {
                PublishError::TooLarge {
                    source: status.into(),
                }
            }
            SendError::Refused(status) => PublishError::Refused {
                source: status.into(),
            },
            error @ SendError::Away(_) => PublishError::Unavailable {
                source: error.into(),
            },
        })
    }

    /// Sends parcels of one tenant as one request. If it is refused for good it is halved, so that
    /// one bad parcel takes no other with it.
    ///
    /// Errors: none, apart from nobody being there.
    pub(super) async fn deliver(
        &self,
        parcels: &[Parcel],
        patience: Patience<'_>,
    ) -> Result<(), SendError> {
        let mut left = vec![parcels];
        while let Some(parcels) = left.pop() {
            let Some(first) = parcels.first() else {
                continue;
            };
            match self.send(&first.tenant, &joined(parcels), patience).await {
                Ok(rejected) => metrics::spans_delivered(spans(parcels), &rejected),
                Err(SendError::Refused(_)) if parcels.len() > 1 => {
                    let (one, other) = parcels.split_at(parcels.len() / 2);
                    left.extend([other, one]);
                }
                Err(SendError::Refused(status)) => drop_refused(parcels, &status),
                Err(away @ SendError::Away(_)) => return Err(away),
            }
        }
        Ok(())
    }

    /// Sends bytes until a collector takes or refuses them, or patience is over.
    async fn send(
        &self,
        tenant: &Tenant,
        bytes: &Bytes,
        patience: Patience<'_>,
    ) -> Result<Tally, SendError> {
        let mut last = None;
        while !patience.is_over() {
            let (address, channel) = match self.collectors.turn() {
                Turn::Now(address, channel) => (address, channel),
                Turn::Later(at) if patience.lasts_until(at).await => continue,
                Turn::Later(_) | Turn::Nobody => return Err(SendError::Away(last)),
            };
            let started = Instant::now();
            let attempt = self.attempt(channel, tenant, bytes.clone());
            let answer = match tokio::time::timeout(self.limit(patience), attempt).await {
                Ok(answer) => answer,
                Err(_) => Err(Status::deadline_exceeded("no answer in time")),
            };
            match self.conclude(address, answer, started.elapsed()) {
                Conclusion::Taken(rejected) => return Ok(rejected),
                Conclusion::Refused(status) => return Err(SendError::Refused(status)),
                Conclusion::Again(status) => last = Some(status),
            }
        }
        Err(SendError::Away(last))
    }

    /// How long one attempt may take.
    fn limit(&self, patience: Patience<'_>) -> Duration {
        match patience {
            Patience::Until(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                left.min(self.config.timeout)
            }
            Patience::WhileRunning(_) | Patience::Endless => self.config.timeout,
        }
    }

    /// What an answer means: for the request, for whose turn it is, for the operator.
    fn conclude(
        &self,
        address: SocketAddr,
        answer: Result<Tally, Status>,
        took: Duration,
    ) -> Conclusion {
        let status = match answer {
            Ok(rejected) => {
                self.collectors.succeeded(address);
                let outcome = if rejected.is_empty() { "ok" } else { "partial" };
                metrics::requested(outcome, took);
                return Conclusion::Taken(rejected);
            }
            Err(status) => status,
        };
        match judge(&status) {
            Verdict::Refused => {
                self.collectors.succeeded(address);
                metrics::requested("refused", took);
                Conclusion::Refused(status)
            }
            Verdict::Again(asked) => {
                self.collectors.failed(address, asked);
                metrics::requested("retryable", took);
                let error = chain(&status).to_string();
                tracing::debug!(collector.address = %address, error, "A collector did not take spans");
                Conclusion::Again(status)
            }
        }
    }

    async fn attempt(
        &self,
        channel: Channel,
        tenant: &Tenant,
        bytes: Bytes,
    ) -> Result<Tally, Status> {
        let mut grpc = Grpc::new(channel).max_decoding_message_size(MAX_ANSWER);
        match self.config.compression {
            Compression::None => {}
            Compression::Gzip => grpc = grpc.send_compressed(CompressionEncoding::Gzip),
            Compression::Zstd => grpc = grpc.send_compressed(CompressionEncoding::Zstd),
        }
        grpc.ready()
            .await
            .map_err(|error| Status::from_error(error.into()))?;
        let mut request = Request::new(bytes);
        if *tenant != Tenant::default() {
            let name = AsciiMetadataValue::try_from(tenant.as_str());
            let name = name.map_err(|error| Status::from_error(error.into()))?;
            request
                .metadata_mut()
                .insert(self.tenant_header.clone(), name);
        }
        let path = PathAndQuery::from_static(otlp_grpc::EXPORT);
        let response = grpc.unary(request, path, EncodedCodec).await?;
        Ok(left_out(response.get_ref()))
    }
}

impl Patience<'_> {
    /// Whether no time is left for an answer.
    fn is_over(self) -> bool {
        matches!(self, Self::Until(deadline) if Instant::now() >= deadline)
    }

    /// Waits until then, unless patience is over before.
    async fn lasts_until(self, at: Instant) -> bool {
        match self {
            Self::Until(deadline) if at > deadline => false,
            Self::Until(_) | Self::Endless => {
                tokio::time::sleep_until(at).await;
                true
            }
            Self::WhileRunning(stop) => tokio::select! {
                biased;
                () = stop.stopped() => false,
                () = tokio::time::sleep_until(at) => true,
            },
        }
    }
}

/// Counts what no collector will ever take.
fn drop_refused(parcels: &[Parcel], status: &Status) {
    let count = spans(parcels);
    metrics::spans_dropped(Loss::Refused, count);
    let error = chain(status).to_string();
    tracing::error!(
        drop.reason = %Loss::Refused, drop.spans = count, error,
        "Dropped spans that a collector refuses for good",
    );
}
