//! Builders with telling defaults.

use std::time::Duration;

use bytes::Bytes;
use ingester::{
    Assigned, BatchTargets, CompletionRules, Decoded, HeldRecord, MemoryBudget, Moment,
    PartitionSettings, RetryPolicy, Running, SpanRecord,
};
use model::{Tenant, TraceId};
use storage::{Owner, Progress, Source};
use uuid::Uuid;

pub const RULES: CompletionRules = CompletionRules {
    idle_with_root: ms(500),
    idle_without_root: ms(3_000),
    hold_at_most: ms(5_000),
    decision_wait: None,
    max_held_spans: 5_000,
};

pub const SETTINGS: PartitionSettings = PartitionSettings {
    completion: RULES,
    targets: BatchTargets {
        traces: 2_000,
        spans: 20_000,
    },
    linger: ms(100),
    leave_undecided: false,
    retry: RetryPolicy {
        first: ms(100),
        longest: ms(5_000),
        operator: ms(15_000),
    },
    max_record_bytes: 1_000,
};

pub const fn ms(millis: u64) -> Moment {
    Duration::from_millis(millis)
}

pub fn trace_id(number: u64) -> TraceId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&(number + 1).to_be_bytes());
    TraceId::new(bytes).expect("not zero")
}

/// A record of a trace; its payload is of no schema, only its length matters.
#[derive(Debug, Clone)]
pub struct Rec {
    pub offset: i64,
    pub trace: u64,
    pub root: bool,
    pub spans: u32,
    pub payload: Bytes,
}

pub fn rec(offset: i64, trace: u64) -> Rec {
    Rec {
        offset,
        trace,
        root: false,
        spans: 1,
        payload: Bytes::from(offset.to_be_bytes().to_vec()),
    }
}

impl Rec {
    pub fn root(self) -> Self {
        Self { root: true, ..self }
    }

    pub fn spans(self, spans: u32) -> Self {
        Self { spans, ..self }
    }

    pub fn bytes(self, len: usize) -> Self {
        let payload = Bytes::from(vec![0; len]);
        Self { payload, ..self }
    }

    pub fn record(self) -> SpanRecord {
        SpanRecord {
            tenant: Tenant::default(),
            trace_id: trace_id(self.trace),
            has_root: self.root,
            held: HeldRecord {
                offset: self.offset,
                timestamp_ms: 0,
                received_at: 0,
                key: None,
                payload: self.payload,
                headers: kafka::Headers::default(),
                spans: self.spans,
            },
        }
    }

    pub fn decoded(self) -> Decoded {
        Decoded::Spans(self.record())
    }
}

pub fn source() -> Source {
    Source {
        consumer: "live".to_owned(),
        topic: "spoor.spans".to_owned(),
        partition: 0,
    }
}

pub fn owner(number: u128) -> Owner {
    Owner(Uuid::from_u128(number))
}

pub fn assigned(budget: &MemoryBudget) -> Assigned {
    Assigned::new(source(), SETTINGS, budget, 1)
}

/// A partition that was claimed for the first time.
pub fn running() -> Running {
    running_from(Progress {
        revision: 1,
        ..Progress::default()
    })
}

pub fn running_from(progress: Progress) -> Running {
    assigned(&MemoryBudget::new(1 << 20)).claimed(owner(1), progress)
}
