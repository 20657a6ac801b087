//! What is written beside the segments, from spans that come for the first time alone, stored or
//! dropped: RED, edges and the catalogue of operations.

use model::{NANOS_PER_DAY, ServiceNames};
use sqlx::PgConnection;
use uuid::Uuid;

use super::memory::{Memory, SeenOperation};
use super::plan::{Known, Part, Plan};
use crate::copy_binary::{CopyRows, Literals};
use crate::summary::{Bar, EdgeDelta, EdgeKey, Edges, Node, Red, RedDelta, RedKey, operation_key};
use crate::{Day, WriteError};

const COPY_RED: &str = "COPY red_part (minute_ns, tenant, services, operations, kinds, calls, errors, \
     duration_sums, buckets, counts) FROM STDIN (FORMAT binary)";
const COPY_EDGES: &str = "COPY edge_part (minute_ns, tenant, parents, children, calls, errors, \
     duration_sums) FROM STDIN (FORMAT binary)";

/// RED and edges of a batch.
#[derive(Debug, Default)]
pub(super) struct Derived<'x> {
    red: Red<'x>,
    edges: Edges<'x>,
}

impl<'x> Derived<'x> {
    /// Of what is left of the plan, given what was stored or dropped before.
    pub(super) fn of<'a: 'x>(plan: &Plan<'x, 'a>, known: &'x Known) -> Self {
        let mut derived = Self::default();
        let mut by_trace: Vec<&Part> = plan.counted().collect();
        by_trace.sort_by_key(|part| part.trace);
        let mut nodes: Vec<Node<'x>> = Vec::new();
        for of_trace in by_trace.chunk_by(|a, b| a.trace == b.trace) {
            nodes.clear();
            for part in of_trace {
                let of = plan.of(part);
                let (spans, hashes) = part.new_spans();
                derived.red.add(of.tenant.as_str(), of.batch, spans);
                let mut services = ServiceNames::new(of.batch);
                nodes.extend(spans.iter().zip(hashes).map(|(index, hash)| {
                    let span = &of.batch.spans[*index as usize];
                    Node::new(*hash, services.of(span), span)
                }));
            }
            let trace = of_trace[0].trace;
            let tenant = plan.of(of_trace[0]).tenant.as_str();
            derived
                .edges
                .add_trace(tenant, known[trace].as_ref(), &nodes);
        }
        derived
    }

    /// Writes the parts, and the operations that are not known to be there. Returns the latter:
    /// they are known once the transaction is committed.
    pub(super) async fn write(
        &self,
        conn: &mut PgConnection,
        memory: &Memory,
    ) -> Result<Vec<SeenOperation>, WriteError> {
        self.red_rows().send(conn, COPY_RED).await?;
        self.edge_rows().send(conn, COPY_EDGES).await?;
        Ok(self.write_operations(conn, memory).await?)
    }

    /// A row for each tenant and minute.
    fn red_rows(&self) -> CopyRows {
        let mut rows = CopyRows::new(10);
        let histograms = self.red.histograms();
        let sorted = self.red.sorted();
        for part in sorted.chunk_by(|(a, _), (b, _)| (a.tenant, a.minute) == (b.tenant, b.minute)) {
            let texts = |of: fn(&RedKey<'x>) -> &'x str| {
                part.iter().map(|(key, _)| of(key)).collect::<Vec<&str>>()
            };
            let numbers = |of: fn(&RedDelta) -> i64| {
                part.iter()
                    .map(|(_, delta)| of(delta))
                    .collect::<Vec<i64>>()
            };
            let kinds: Vec<i16> = part
                .iter()
                .map(|(key, _)| i16::from(key.kind.number()))
                .collect();
            let of = |number: fn(&Bar) -> u32| {
                let each = part
                    .iter()
                    .map(|(_, delta)| histograms.of(delta).iter().map(number));
                Literals::of(each)
            };
            let (buckets, counts) = (of(|bar| bar.bucket.into()), of(|bar| bar.count));
            rows.row()
                .bigint(part[0].0.minute as i64)
                .text(part[0].0.tenant)
                .texts(&texts(|key| key.service))
                .texts(&texts(|key| key.operation))
                .smallints(&kinds)
                .bigints(&numbers(|delta| delta.calls))
                .bigints(&numbers(|delta| delta.errors))
                .bigints(&numbers(|delta| delta.duration_sum))
                .texts(&buckets.each())
                .texts(&counts.each());
        }
        rows
    }

    /// A row for each tenant and minute.
    fn edge_rows(&self) -> CopyRows {
        let mut rows = CopyRows::new(7);
        let sorted = self.edges.sorted();
        for part in sorted.chunk_by(|(a, _), (b, _)| (a.tenant, a.minute) == (b.tenant, b.minute)) {
            let texts = |of: fn(&EdgeKey<'x>) -> &'x str| {
                part.iter().map(|(key, _)| of(key)).collect::<Vec<&str>>()
            };
            let numbers = |of: fn(&EdgeDelta) -> i64| {
                part.iter()
                    .map(|(_, delta)| of(delta))
                    .collect::<Vec<i64>>()
            };
            rows.row()
                .bigint(part[0].0.minute as i64)
                .text(part[0].0.tenant)
                .texts(&texts(|key| key.parent))
                .texts(&texts(|key| key.child))
                .bigints(&numbers(|delta| delta.calls))
                .bigints(&numbers(|delta| delta.errors))
                .bigints(&numbers(|delta| delta.duration_sum));
        }
        rows
    }

    /// In order of their keys: two transactions that add the same operations take turns.
    async fn write_operations(
        &self,
        conn: &mut PgConnection,
        memory: &Memory,
    ) -> Result<Vec<SeenOperation>, sqlx::Error> {
        let mut new = Vec::new();
        for (key, _) in self.red.sorted() {
            let seen = SeenOperation {
                day: Day((key.minute / NANOS_PER_DAY) as i32),
                key: operation_key(key.tenant, key.service, key.operation, key.kind),
            };
            new.push((seen, key));
        }
        new.sort_unstable_by_key(|(seen, _)| *seen);
        new.dedup_by_key(|(seen, _)| *seen);
        memory.retain_unseen(&mut new);
        if new.is_empty() {
            return Ok(Vec::new());
        }
        sqlx::query(
            "INSERT INTO operation_seen (day, key, tenant, service, operation, kind)
             SELECT * FROM unnest($1::int4[], $2::uuid[], $3::text[], $4::text[], $5::text[],
                                  $6::int2[])
             ON CONFLICT DO NOTHING",
        )
        .bind(new.iter().map(|(seen, _)| seen.day.0).collect::<Vec<i32>>())
        .bind(new.iter().map(|(seen, _)| seen.key).collect::<Vec<Uuid>>())
        .bind(new.iter().map(|(_, key)| key.tenant).collect::<Vec<&str>>())
        .bind(
            new.iter()
                .map(|(_, key)| key.service)
                .collect::<Vec<&str>>(),
        )
        .bind(
            new.iter()
                .map(|(_, key)| key.operation)
                .collect::<Vec<&str>>(),
        )
        .bind(
            new.iter()
                .map(|(_, key)| i16::from(key.kind.number()))
                .collect::<Vec<i16>>(),
        )
        .execute(conn)
        .await?;
        Ok(new.into_iter().map(|(seen, _)| seen).collect())
    }
}
