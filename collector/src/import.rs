//! Files instead of requests: the same stages, for spans of any age and files of any size.

use std::time::Duration;

use bootstrap::ByteSize;
use schemas::ChunkEncoder;
use tokio::time::sleep;

use crate::config::CollectorConfig;
use crate::encode::SpanRecord;
use crate::enrich::Origin;
use crate::pipeline::prepare;
use crate::publish::{self, Publish, PublishError};
use crate::receive::{Encoding, Protocol, Receipt, Refused};

/// Records that are published at once: what a request would have.
const RECORDS: usize = 500;
/// How often a publication is tried, with a growing pause in between.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// decode → validate → enrich → encode → publish, for what an operator brings in.
pub struct Importer<P> {
    config: CollectorConfig,
    encoder: ChunkEncoder,
    publisher: P,
}

impl<P: Publish> Importer<P> {
    /// An importer by the collector's own settings, except that old spans stay where they are and
    /// a file may be larger than a request.
    pub fn new(config: &CollectorConfig, encoder: ChunkEncoder, publisher: P) -> Self {
        let mut config = config.clone();
        config.times.max_age = Duration::MAX;
        config.limits.spans = usize::MAX;
        config.limits.items = usize::MAX;
        config.limits.encoded_bytes = ByteSize(u64::MAX);
        Self {
            config,
            encoder,
            publisher,
        }
    }

    /// Takes a body to its end; returns once all of it is durable.
    ///
    /// # Errors
    /// When it cannot be decoded, or its records are not acknowledged. Some may be durable then;
    /// to bring it in once more stores nothing twice.
    pub async fn import(
        &self,
        encoding: Encoding,
        body: &[u8],
        origin: &Origin,
    ) -> Result<Receipt, Refused> {
        let (config, encoder) = (&self.config, &self.encoder);
        let prepared = prepare(config, encoder, Protocol::File, encoding, body, origin);
        let (mut records, account) = prepared?;
        let mut published = Ok(());
        while !records.is_empty() && published.is_ok() {
            let rest = records.split_off(records.len().min(RECORDS));
            published = self.publish(std::mem::replace(&mut records, rest)).await;
        }
        account.settle(published)
    }

    async fn publish(&self, records: Vec<SpanRecord>) -> Result<(), PublishError> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match publish::records(&self.publisher, records.clone()).await {
                Err(PublishError::Overloaded { .. } | PublishError::Unavailable { .. }) => {
                    sleep(pause).await;
                    pause *= 2;
                }
                done => return done,
            }
        }
        publish::records(&self.publisher, records).await
    }
}
