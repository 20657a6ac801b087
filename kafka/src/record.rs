//! Records and where they lie.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use rdkafka::message::{BorrowedMessage, Headers as _, Message};

use crate::Headers;

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Names a partition.
    pub fn new(topic: impl Into<Arc<str>>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition,
        }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A record to be produced. Its partition follows from the key (`murmur2_random`).
#[derive(Debug, Clone, Copy)]
pub struct OutboundRecord<'a> {
    /// Topic.
    pub topic: &'a str,
    /// Key. An empty one is sent as no key at all: such a record goes to a random partition.
    pub key: &'a [u8],
    /// Payload. An empty one is sent as none: a tombstone in a compacted topic.
    pub payload: &'a [u8],
    /// Headers, in this order.
    pub headers: &'a [(&'a str, &'a [u8])],
}

impl OutboundRecord<'_> {
    /// Bytes that count against the producer's queue: key, payload and headers.
    pub fn size(&self) -> usize {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        self.key.len() + self.payload.len() + headers
    }
}

/// A record as it was consumed, copied out of the client's buffers once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Offset in its partition.
    pub offset: i64,
    /// Broker's append time (or the producer's, by the topic's setting) in Unix milliseconds;
    /// -1 when there is none.
    pub timestamp_ms: i64,
    /// Key.
    pub key: Option<Bytes>,
    /// Payload; `None` is a tombstone.
    pub payload: Option<Bytes>,
    /// Headers.
    pub headers: Headers,
}

impl Record {
    /// Copies a record out of the client's buffers.
    pub(crate) fn copy_of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| {
            let borrowed = headers.iter();
            let borrowed = borrowed.map(|header| (header.key, header.value.unwrap_or_default()));
            borrowed.collect()
        });
        Self {
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key().map(Bytes::copy_from_slice),
            payload: message.payload().map(Bytes::copy_from_slice),
            headers: headers.unwrap_or_default(),
        }
    }

    /// Value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.first(name)
    }

    /// Bytes of key, payload and headers.
    pub fn size(&self) -> usize {
        let key = self.key.as_ref().map_or(0, Bytes::len);
        key + self.payload.as_ref().map_or(0, Bytes::len) + self.headers.size()
    }
}
