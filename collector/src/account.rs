//! The account of one request's spans: received = accepted + rejected + refused, always.

use model::{Refusal, Repair, Tally, Tenant};

use crate::decode::Decoded;
use crate::metrics;
use crate::publish::PublishError;
use crate::receive::{Protocol, Receipt, Refused};

/// What became of the spans of one decoded request. Dropped unsettled, because the client went
/// away or the time to stop is over, its spans count as refused: nobody was told otherwise.
#[derive(Debug)]
pub(crate) struct Account {
    protocol: Protocol,
    tenant: Tenant,
    received: u64,
    rejected: Tally,
    repaired: [u64; Repair::ALL.len()],
    /// Why the spans count as refused; none once they are accepted.
    refusal: Option<Refusal>,
}

impl Account {
    /// Counts the spans of a request as received.
    pub(crate) fn open(protocol: Protocol, tenant: &Tenant, decoded: &Decoded<'_>) -> Self {
        let received = decoded.batch.spans.len() as u64 + decoded.rejected.total();
        metrics::spans_received(protocol, received);
        Self {
            protocol,
            tenant: tenant.clone(),
            received,
            rejected: Tally::default(),
            repaired: [0; Repair::ALL.len()],
            refusal: Some(Refusal::Unavailable),
        }
    }

    /// Enters what was left out and what was mended before publishing.
    pub(crate) fn enter(&mut self, decoded: &Decoded<'_>) {
        self.rejected = decoded.rejected.clone();
        let mended = decoded
            .batch
            .spans
            .iter()
            .filter(|span| !span.repairs.is_empty());
        for repair in mended.flat_map(|span| span.repairs.iter()) {
            self.repaired[repair as usize] += 1;
        }
    }

    /// Enters what the receiver that the spans were passed on to left out.
    pub(crate) fn leave_out(&mut self, rejected: &Tally) {
        for (reason, count) in rejected.iter() {
            self.rejected.add_many(reason, count);
        }
    }

    /// Names the reason for which all spans count as refused.
    pub(crate) fn refuse(&mut self, error: impl Into<Refused>) -> Refused {
        let refused = error.into();
        self.refusal = Some(refused.refusal());
        refused
    }

    /// Closes the account with what publishing said.
    pub(crate) fn settle(
        mut self,
        published: Result<(), PublishError>,
    ) -> Result<Receipt, Refused> {
        if let Err(error) = published {
            return Err(self.refuse(error));
        }
        self.refusal = None;
        let accepted = self.received.saturating_sub(self.rejected.total());
        metrics::spans_accepted(self.protocol, &self.tenant, accepted);
        for (reason, count) in self.rejected.iter() {
            metrics::spans_rejected(reason, count);
        }
        for (repair, count) in Repair::ALL
            .iter()
            .zip(self.repaired)
            .filter(|(_, count)| *count > 0)
        {
            metrics::spans_repaired(*repair, count);
        }
        Ok(Receipt {
            accepted,
            rejected: std::mem::take(&mut self.rejected),
        })
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(refusal) = self.refusal {
            metrics::spans_refused(refusal, self.received);
        }
    }
}
