//! What lies on the disks, per span.

use std::collections::BTreeMap;

use super::{Cluster, Sent};

/// What the store counts beside bytes.
const COUNTS: [&str; 2] = ["spans", "segments"];
const WRITTEN: &str = "wal_written";

/// Bytes of the store by part, and of Kafka, at one moment.
pub(super) struct Sizes {
    store: BTreeMap<String, u64>,
    kafka: u64,
}

impl Sizes {
    pub(super) fn of(cluster: &Cluster) -> anyhow::Result<Self> {
        Ok(Self {
            store: cluster.sizes()?,
            kafka: cluster.bytes_in_kafka(),
        })
    }

    /// What the spans that were sent since an earlier moment added, by part, in bytes per span;
    /// and the sums as multiples of the same spans in a stream of `zstd -3`.
    pub(super) fn per_span(&self, before: &Self, sent: &Sent) -> BTreeMap<String, f64> {
        let spans = sent.spans.max(1) as f64;
        let compressed = sent.compressed.max(1) as f64;
        let grown = |part: &String, bytes: u64| {
            bytes.saturating_sub(before.store.get(part).copied().unwrap_or_default()) as f64
        };
        let of_store = self.store.iter();
        let parts: Vec<(&String, f64)> = of_store
            .filter(|(part, _)| !COUNTS.contains(&part.as_str()))
            .map(|(part, bytes)| (part, grown(part, *bytes)))
            .collect();
        let (written, at_rest): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(part, _)| *part == WRITTEN);
        let sum: f64 = at_rest.iter().map(|(_, bytes)| bytes).sum();
        let log: f64 = written.iter().map(|(_, bytes)| bytes).sum();
        let of_parts = at_rest
            .iter()
            .map(|(part, bytes)| (format!("store: {part}"), bytes / spans));
        let kafka = self.kafka.saturating_sub(before.kafka) as f64;
        of_parts
            .chain([
                ("store, sum".to_owned(), sum / spans),
                (
                    "store, sum, as a multiple of zstd -3".to_owned(),
                    sum / compressed,
                ),
                ("write-ahead log written".to_owned(), log / spans),
                (
                    "write-ahead log, as a multiple of zstd -3".to_owned(),
                    log / compressed,
                ),
                ("kafka".to_owned(), kafka / spans),
                ("the spans as OTLP".to_owned(), sent.bytes as f64 / spans),
                ("the spans in zstd -3".to_owned(), compressed / spans),
            ])
            .collect()
    }
}
