//! A parcel → the pipeline, and what of it can never be stored → dead letters, for as long as it
//! takes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka::{Record, TopicPartition};
use model::Tenant;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::DeadLetterTopic;
use super::letters::Flaw;
use super::parcel::{Parcel, payload};
use crate::enrich::Origin;
use crate::metrics;
use crate::receive::{Encoding, Export, Ingest, Protocol, Refused, Shared};

/// Wait after a first failure; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How often room is asked for.
const ROOM_POLL: Duration = Duration::from_millis(10);

/// The way of the parcels of one partition.
pub(super) struct Delivery<P> {
    pub(super) shared: Arc<Shared<P>>,
    pub(super) letters: Arc<DeadLetterTopic>,
    pub(super) at: TopicPartition,
    /// How a record alone is encoded.
    pub(super) encoding: Encoding,
    pub(super) longest_pause: Duration,
    /// The partition moves away, or the process stops: nothing is tried again.
    pub(super) letting_go: CancellationToken,
}

/// What became of a body.
enum Taken {
    /// All of its spans are durable.
    Whole,
    /// Some or all of it can never be stored; what can is durable, unless it is refused as a whole.
    Flawed(Flaw),
    /// It is not known to be durable: whoever has the partition next reads it again.
    GivenUp,
}

impl<P: Ingest> Delivery<P> {
    /// Takes a parcel to its end. The offsets that need not be read again: all of them, unless the
    /// partition was let go meanwhile.
    pub(super) async fn deliver(&self, parcel: Parcel) -> Vec<i64> {
        if let (Ok(tenant), [_, _, ..]) = (&parcel.tenant, parcel.records.as_slice()) {
            let (encoding, body) = parcel.joined();
            match self.ingest(encoding, body, tenant).await {
                Taken::Whole => return parcel.records.iter().map(|one| one.offset).collect(),
                Taken::GivenUp => return Vec::new(),
                // Which of them it is shows when each goes alone. Those that are durable already
                // are found to be so when they are stored.
                Taken::Flawed(_) => {}
            }
        }
        let mut done = Vec::with_capacity(parcel.records.len());
        for record in &parcel.records {
            let taken = match &parcel.tenant {
                Ok(tenant) => self.ingest(self.encoding, payload(record), tenant).await,
                Err(unknown) => Taken::Flawed(Flaw::of_tenant(unknown)),
            };
            let is_done = match taken {
                Taken::Whole => true,
                Taken::Flawed(flaw) => self.keep(record, &flaw).await,
                Taken::GivenUp => false,
            };
            if !is_done {
                break;
            }
            done.push(record.offset);
        }
        done
    }

    async fn ingest(&self, encoding: Encoding, body: Bytes, tenant: &Tenant) -> Taken {
        let mut pauses = Pauses::up_to(self.longest_pause);
        loop {
            if !self.has_room_in_time(body.len()).await {
                return Taken::GivenUp;
            }
            let receive = async { self.export(encoding, &body, tenant) };
            match self.shared.handle(Protocol::Kafka, receive).await {
                Ok(receipt) => {
                    return Flaw::of_spans(&receipt.rejected).map_or(Taken::Whole, Taken::Flawed);
                }
                Err(refused) if !refused.is_retryable() => {
                    return Taken::Flawed(Flaw::of_refusal(&refused));
                }
                Err(Refused::Draining) => return Taken::GivenUp,
                Err(_) => {
                    if !self.pause(pauses.next()).await {
                        return Taken::GivenUp;
                    }
                }
            }
        }
    }

    /// A request as a socket's receiver would have made it.
    fn export(&self, encoding: Encoding, body: &Bytes, tenant: &Tenant) -> Result<Export, Refused> {
        let limit = self.shared.config.limits.request_bytes.as_usize();
        if body.len() > limit {
            return Err(Refused::BodyTooLarge { limit });
        }
        let mut permit = self.shared.admission.permit();
        permit.grow(body.len()).map_err(|_| Refused::Overloaded)?;
        metrics::request_size(Protocol::Kafka, body.len(), body.len());
        Ok(Export {
            protocol: Protocol::Kafka,
            encoding,
            body: body.clone(),
            origin: Origin {
                tenant: tenant.clone(),
                received_at: bootstrap::clock::now(),
            },
            permit,
        })
    }

    /// Waits until there is room: a record can wait where it is, unlike a client. `false` when the
    /// partition is let go first.
    async fn has_room_in_time(&self, bytes: usize) -> bool {
        while self.shared.check_room(bytes).is_err() {
            // One that never fits is refused for its size.
            if bytes > self.shared.config.limits.request_bytes.as_usize() {
                return true;
            }
            if !self.pause(ROOM_POLL).await {
                return false;
            }
        }
        true
    }

    /// Keeps a dead letter, for as long as it takes. `false` when the partition is let go first.
    async fn keep(&self, record: &Record, flaw: &Flaw) -> bool {
        let mut pauses = Pauses::up_to(self.longest_pause);
        while let Err(error) = self.letters.keep(&self.at, record, flaw).await {
            let pause = pauses.next();
            tracing::warn!(
                kafka.topic = %self.at.topic, kafka.partition = self.at.partition,
                kafka.offset = record.offset, error = %bootstrap::chain(&error),
                "A dead letter was not acknowledged; tried again in {pause:?}",
            );
            if !self.pause(pause).await {
                return false;
            }
        }
        true
    }

    /// `false` when the partition is let go first.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.letting_go.cancelled() => false,
            () = sleep(time) => true,
        }
    }
}

/// Waits that double up to a longest one.
struct Pauses {
    next: Duration,
    longest: Duration,
}

impl Pauses {
    fn up_to(longest: Duration) -> Self {
        Self {
            next: FIRST_PAUSE.min(longest),
            longest,
        }
    }

    fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut pauses = Pauses::up_to(Duration::from_millis(300));
        let taken: Vec<u128> = (0..4).map(|_| pauses.next().as_millis()).collect();
        assert_eq!(taken, [100, 200, 300, 300]);
    }
}
