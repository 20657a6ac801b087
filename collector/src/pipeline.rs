//! The pipeline: one export request, top to bottom.

use bumpalo::Bump;
use schemas::ChunkEncoder;

use crate::account::Account;
use crate::config::CollectorConfig;
use crate::encode::SpanRecord;
use crate::enrich::Origin;
use crate::publish::Publish;
use crate::receive::{Encoding, Export, Ingest, Protocol, Receipt, Refused};
use crate::{decode, encode, enrich, publish, validate};

/// What the stages work with.
pub(crate) struct Pipeline<P> {
    config: CollectorConfig,
    encoder: ChunkEncoder,
    publisher: P,
}

impl<P: Publish> Pipeline<P> {
    pub(crate) fn new(config: CollectorConfig, encoder: ChunkEncoder, publisher: P) -> Self {
        Self {
            config,
            encoder,
            publisher,
        }
    }

    pub(crate) fn publisher(&self) -> &P {
        &self.publisher
    }
}

impl<P: Publish> Ingest for Pipeline<P> {
    /// receive → **decode → validate → enrich → encode → publish** → answer
    async fn ingest(&self, export: Export) -> Result<Receipt, Refused> {
        let Export {
            protocol,
            encoding,
            body,
            origin,
            mut permit,
        } = export;
        let prepared = prepare(
            &self.config,
            &self.encoder,
            protocol,
            encoding,
            &body,
            &origin,
        );
        let (records, account) = prepared?;
        permit.exchange(
            body.len(),
            records.iter().map(|record| record.payload.len()).sum(),
        );
        drop(body);
        let published = publish::records(&self.publisher, records).await;
        account.settle(published)
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.publisher.has_room(bytes)
    }
}

/// **decode → validate → enrich → encode**. Everything that borrows from the body ends here, so
/// that only records wait for the ack.
pub(crate) fn prepare(
    config: &CollectorConfig,
    encoder: &ChunkEncoder,
    protocol: Protocol,
    encoding: Encoding,
    body: &[u8],
    origin: &Origin,
) -> Result<(Vec<SpanRecord>, Account), Refused> {
    let arena = Bump::new();
    let mut decoded = decode::spans(encoding, body, &arena, (&config.limits).into())?;
    let mut account = Account::open(protocol, &origin.tenant, &decoded);
    validate::spans(
        &mut decoded,
        &config.limits,
        &config.times,
        origin.received_at,
    );
    enrich::spans(&mut decoded.batch, &config.enrich, &arena);
    let encoded = encode::records(&mut decoded, origin, encoder, &config.limits);
    let records = encoded.map_err(|error| account.refuse(error))?;
    account.enter(&decoded);
    Ok((records, account))
}
