//! The agent's pipeline: one request or datagram, top to bottom.

use std::sync::Arc;

use bumpalo::Bump;
use model::Tenant;

use super::clients::Clients;
use super::outbox::Outbox;
use super::parcel::Parcel;
use crate::account::Account;
use crate::config::EnrichConfig;
use crate::decode::{self, DecodeLimits};
use crate::receive::{Encoding, Export, Ingest, Protocol, Receipt, Refused};
use crate::{encode, enrich};

/// What the stages work with.
pub(super) struct Pipeline {
    pub(super) limits: DecodeLimits,
    pub(super) enrich: EnrichConfig,
    pub(super) outbox: Arc<Outbox>,
    pub(super) clients: Clients,
}

impl Ingest for Pipeline {
    /// receive → **decode → enrich → encode → publish** → answer
    async fn ingest(&self, export: Export) -> Result<Receipt, Refused> {
        let Export {
            protocol,
            encoding,
            body,
            origin,
            mut permit,
        } = export;
        let prepared = self.prepare(protocol, encoding, &body, &origin.tenant);
        let (parcel, mut account) = prepared?;
        permit.exchange(body.len(), parcel.bytes.len());
        drop(body);
        let published = self.outbox.publish(parcel).await;
        if let Ok(rejected) = &published {
            account.leave_out(rejected);
        }
        account.settle(published.map(drop))
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.outbox.has_room(bytes)
    }
}

impl Pipeline {
    /// receive → **decode → enrich → encode → publish**, of what nobody waits for an answer to.
    pub(super) fn take(
        &self,
        protocol: Protocol,
        encoding: Encoding,
        datagram: &[u8],
    ) -> Result<Receipt, Refused> {
        let tenant = self.outbox.tenant_of_datagrams();
        let (parcel, account) = self.prepare(protocol, encoding, datagram, tenant)?;
        account.settle(self.outbox.offer(parcel.spans, &parcel.bytes))
    }

    /// **decode → enrich → encode**. Nothing is validated or mended here: that is the collectors',
    /// who mark what they mend.
    fn prepare(
        &self,
        protocol: Protocol,
        encoding: Encoding,
        body: &[u8],
        tenant: &Tenant,
    ) -> Result<(Parcel, Account), Refused> {
        let arena = Bump::new();
        let mut decoded = decode::spans(encoding, body, &arena, self.limits)?;
        let mut account = Account::open(protocol, tenant, &decoded);
        account.enter(&decoded);
        self.clients.hear(&decoded.batch, decoded.client);
        enrich::spans(&mut decoded.batch, &self.enrich, &arena);
        let mut bytes = Vec::with_capacity(body.len() + body.len() / 4);
        encode::otlp_protobuf::request(&decoded, &mut bytes);
        let parcel = Parcel {
            tenant: tenant.clone(),
            spans: decoded.batch.spans.len() as u32,
            bytes: bytes.into(),
        };
        Ok((parcel, account))
    }
}
