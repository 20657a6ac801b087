//! Settings of the ingester, a section per stage.

use std::time::Duration;

use bootstrap::ByteSize;
use kafka::{ConsumerConfig, GroupProtocol};
use serde::{Deserialize, Serialize};

use crate::{
    BatchTargets, CompletionRules, FetchLimits, PartitionSettings, PolicyConfig, RetryPolicy,
};

/// What to do when the log no longer has the records that come next, or never had them: it was
/// cut by retention, deleted, or made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OffsetGapPolicy {
    /// Stop this partition, count the gap, and wait for an operator.
    #[default]
    Fail,
    /// Count the gap and go on with the first record there is.
    Skip,
}

impl OffsetGapPolicy {
    /// The label in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// What to do when the topic keeps records for a shorter time than it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShortRetentionPolicy {
    /// Say so in the log, and go on.
    #[default]
    Warn,
    /// End the process.
    Refuse,
}

bootstrap::config! {
    /// The ingester: consume → decode → assemble → summarise → write → commit.
    pub struct IngesterConfig {
        /// Reading from Kafka.
        pub consume: ConsumeConfig,
        /// Holding spans until their trace is complete.
        pub assemble: AssembleConfig,
        /// Tail sampling: which traces are stored.
        pub tail_sampling: TailSamplingConfig,
        /// Writing to Postgres.
        pub write: WriteConfig,
        /// Reading once more what Kafka still has, and what was brought in by `spoor backfill`.
        pub replay: ReplayConfig,
        /// Adaptive sampling: what clients are told to sample.
        pub sampling: AdaptiveSamplingConfig,
        /// The direct deployment, where collectors hand their records over without Kafka.
        pub direct: DirectConfig,
    }

    /// Reading from Kafka.
    pub struct ConsumeConfig {
        /// Topic with the spans.
        pub topic: String = "spoor.spans".to_owned(),
        /// Topic for records that can never be stored.
        pub dead_letter_topic: String = "spoor.spans.dlq".to_owned(),
        /// Name of the consumer group. Ingesters of one group share the partitions. The consumed
        /// position lies in Postgres under the name `live`, whatever the group is called.
        pub group: String = "spoor-ingester".to_owned(),
        /// `classic` (cooperative-sticky) or `consumer` (Kafka 4.0 and later).
        pub protocol: GroupProtocol = GroupProtocol::Classic,
        /// A name for this member that survives restarts, unique in the group. With one, a restart
        /// moves no partition, but a member that leaves for good keeps its partitions idle for
        /// `session_timeout`.
        pub instance_id: Option<String> = None,
        /// How long the group waits for a silent member before its partitions move.
        /// Shorter: a crash delays its spans less. Longer: a short freeze moves nothing.
        pub session_timeout: Duration = Duration::from_secs(45),
        /// How long a partition that moves away may take to finish the write under way.
        /// Shorter than `session_timeout`.
        pub drain_timeout: Duration = Duration::from_secs(15),
        /// Records that librdkafka reads ahead, for each partition. Comes on top of
        /// `assemble.memory`.
        pub prefetch: ByteSize = ByteSize::mib(4),
        /// Most records taken in at once. Larger: less work per record, coarser sharing of the
        /// processor between partitions.
        pub max_records: usize = 500,
        /// What to do when the log no longer has the records that come next: `fail` or `skip`.
        /// `skip` loses what the gap held, and counts it.
        pub on_offset_gap: OffsetGapPolicy = OffsetGapPolicy::Fail,
        /// For how long the topic must keep records at least: how long the store or every ingester
        /// may be away without loss.
        pub lag_budget: Duration = Duration::from_secs(24 * 3600),
        /// What to do when the topic's `retention.ms` is shorter than that: `warn` or `refuse`.
        pub on_short_retention: ShortRetentionPolicy = ShortRetentionPolicy::Warn,
    }

    /// Holding spans until their trace is complete.
    pub struct AssembleConfig {
        /// How long a trace with its root must be quiet before it is written.
        /// Longer: fewer segments for late spans. Shorter: fresher queries, less memory.
        pub idle_with_root: Duration = Duration::from_millis(500),
        /// How long a trace without a root must be quiet before it is written.
        pub idle_without_root: Duration = Duration::from_secs(3),
        /// Longest that any span is held. Longer: long traces in fewer segments.
        pub hold_at_most: Duration = Duration::from_secs(5),
        /// Spans beyond which a trace is written, and goes on in another segment.
        pub max_held_spans: u32 = 5_000,
        /// Bytes of records that all partitions of the process hold together, those being written
        /// included; each has an even share. When a share is used up, its oldest traces are written
        /// early and nothing more is consumed; nothing is dropped.
        pub memory: ByteSize = ByteSize::mib(256),
        /// Largest record to expect: room for one must be left before more are consumed. Not below
        /// the topic's largest record.
        pub max_record: ByteSize = ByteSize::mib(1),
    }

    /// Tail sampling: which traces are stored, decided when they are assembled. Counts of requests,
    /// errors, durations and calls between services are those of all traces. Names are those of
    /// OpenTelemetry's tail sampling processor; `docs/tail-sampling.md` tells what differs.
    pub struct TailSamplingConfig {
        /// Whether traces are sampled. All ingesters should say the same.
        pub enabled: bool = false,
        /// How long after its first record a trace is decided. Without it, when assembly has seen its
        /// end: see `ingester.assemble`. Longer: spans that come late are seen by the policies, and
        /// more memory is held.
        pub decision_wait: Option<Duration> = None,
        /// The policies, each a table with `name`, `type` and a table that is called as the type. A
        /// trace is kept if one of them says so, and none of type `drop` applies.
        pub policies: Vec<PolicyConfig> = Vec::new(),
    }

    /// Writing to Postgres.
    pub struct WriteConfig {
        /// Traces after which a batch is written. Larger: less work per trace, longer transactions.
        pub batch_traces: usize = 2_000,
        /// Spans after which a batch is written.
        pub batch_spans: u64 = 20_000,
        /// Traces that are due are written on beats of this length, those of all partitions together.
        /// Longer: fewer transactions at low rates. Shorter: fresher queries.
        pub linger: Duration = Duration::from_millis(250),
        /// Writes of the process under way at once to each store, of different partitions. Each takes a
        /// connection, and memory for a decoded batch.
        pub concurrency: usize = 4,
        /// Wait after a first failure; doubled with each further one.
        pub retry_first: Duration = Duration::from_millis(100),
        /// Longest wait between tries. They go on for ever.
        pub retry_longest: Duration = Duration::from_secs(5),
        /// Wait between tries while the store needs an operator.
        pub retry_operator: Duration = Duration::from_secs(15),
    }

    /// Reading once more what Kafka still has, and what was brought in by `spoor backfill`. It has
    /// memory, writes and a consumed position of its own, and gives way to new spans.
    pub struct ReplayConfig {
        /// Topic that `spoor backfill` publishes to. Empty: it is not consumed.
        pub topic: String = "spoor.spans.replay".to_owned(),
        /// Partitions of replays that a process works on at once. Each has a client of Kafka.
        pub concurrency: usize = 2,
        /// Writes of replays and backfills under way at once. More: they are done sooner, and new
        /// spans share the store with them.
        pub writes: usize = 1,
        /// Bytes of records that replays and backfills hold, each kind for itself.
        pub memory: ByteSize = ByteSize::mib(64),
        /// How far the oldest new span may be behind before replays and backfills wait. They go on
        /// below half of it.
        pub give_way_at: Duration = Duration::from_secs(30),
        /// How long a partition of a replay rests after the death of its ingester, before another
        /// one goes on with it. Shorter: a frozen ingester loses it sooner.
        pub lease: Duration = Duration::from_secs(10),
        /// How long records wait for others to be written with. Nothing else holds them back: the
        /// traces of a replay are not waited for.
        pub linger: Duration = Duration::from_millis(500),
        /// By how much a range of time is widened on either side to find its offsets. Producers
        /// set the timestamps that Kafka looks for, and their clocks differ. Longer: more records
        /// are read for nothing; shorter than the clocks differ: records are overlooked.
        pub margin: Duration = Duration::from_secs(600),
    }

    /// Adaptive sampling: root spans are counted where they are stored, and one elected ingester
    /// calculates what each operation is to be sampled with. Collectors tell clients when
    /// `collector.sampling.source` is `adaptive`. Names and rules are Jaeger's.
    pub struct AdaptiveSamplingConfig {
        /// Whether root spans are counted and probabilities calculated.
        pub enabled: bool = false,
        /// Traces a second that are wanted of each operation, over all processes of its service.
        pub target_samples_per_second: f64 = 1.0,
        /// How far an operation may be off its target, relative to it, at most before its probability
        /// is changed; less where there are root spans enough to tell. Smaller: changes for chance.
        pub delta_tolerance: f64 = 0.3,
        /// How often probabilities are calculated, from root spans counted by this interval.
        pub calculation_interval: Duration = Duration::from_secs(60),
        /// Intervals after which an operation without root spans is forgotten.
        pub aggregation_buckets: usize = 10,
        /// Intervals that a calculation goes by, the newest heaviest. Fewer: quicker after a change
        /// of traffic, and less exact.
        pub calculation_buckets: usize = 10,
        /// How long after its end an interval counts as complete: the time from a collector's
        /// receipt to the store. It is waited longer while ingesters are further behind.
        pub calculation_delay: Duration = Duration::from_secs(120),
        /// How often clients ask, at most. Root spans that do not tell how they were sampled are not
        /// counted for so long after a change, since they may have been sampled as before.
        pub client_refresh_interval: Duration = Duration::from_secs(60),
        /// Probability of operations that have not been seen.
        pub initial_sampling_probability: f64 = 0.001,
        /// Smallest probability.
        pub min_sampling_probability: f64 = 1e-5,
        /// Traces a second of each operation that each process samples whatever its probability.
        pub min_samples_per_second: f64 = 1.0 / 60.0,
        /// How often the ingester that calculates makes sure that it still may.
        pub leader_lease_refresh_interval: Duration = Duration::from_secs(5),
        /// How often the other ingesters try to become it.
        pub follower_lease_refresh_interval: Duration = Duration::from_secs(60),
    }

    /// The direct deployment, where collectors hand their records over without Kafka.
    pub struct DirectConfig {
        /// How long the first request of a group waits for others to be committed with it.
        /// Longer: fewer commits. It is part of every client's latency.
        pub group_for: Duration = Duration::from_millis(25),
        /// Bytes after which a group is written at once.
        pub group_bytes: ByteSize = ByteSize::mib(8),
        /// Bytes of all requests that wait or are being written. Beyond it clients are turned away,
        /// to try again later.
        pub memory: ByteSize = ByteSize::mib(64),
        /// Groups being written at once, each with a connection of its own.
        pub concurrency: usize = 2,
        /// How long a request is tried while the store is away, before its client is told to try
        /// again. Shorter than the clients' timeout, which is commonly 10 s.
        pub give_up_after: Duration = Duration::from_secs(8),
    }
}

impl ConsumeConfig {
    /// What the group's client is told.
    pub fn consumer(&self) -> ConsumerConfig {
        ConsumerConfig {
            group: self.group.clone(),
            topics: vec![self.topic.clone()],
            protocol: self.protocol,
            instance_id: self.instance_id.clone(),
            session_timeout: self.session_timeout,
            drain_timeout: self.drain_timeout,
            prefetch_bytes: self.prefetch.0,
            ..ConsumerConfig::default()
        }
    }
}

impl ReplayConfig {
    /// The settings of an ingester for records that are read once more: nothing is held back, unless
    /// whole traces are to be decided of, and a gap stops.
    pub fn ingester(&self, live: &IngesterConfig) -> IngesterConfig {
        let mut config = live.clone();
        config.consume.topic.clone_from(&self.topic);
        config.consume.group.push_str("-replay");
        if !live.tail_sampling.enabled {
            config.assemble.hold_at_most = Duration::ZERO;
        }
        config.assemble.memory = self.memory;
        config.write.concurrency = self.writes;
        config.write.linger = self.linger;
        config
    }
}

impl WriteConfig {
    /// How to wait after failures.
    pub fn retry(&self) -> RetryPolicy {
        RetryPolicy {
            first: self.retry_first,
            longest: self.retry_longest,
            operator: self.retry_operator,
        }
    }
}

/// Longest wait for a first record, so that a partition looks up now and then.
const FETCH_WAIT: Duration = Duration::from_millis(500);

impl IngesterConfig {
    /// How much is fetched at once.
    pub fn fetch_limits(&self) -> FetchLimits {
        FetchLimits {
            max_records: self.consume.max_records.max(1),
            max_record_bytes: self.assemble.max_record.0,
            max_wait: FETCH_WAIT,
        }
    }

    /// What the state machine of a partition goes by.
    pub fn partition(&self) -> PartitionSettings {
        PartitionSettings {
            completion: CompletionRules {
                idle_with_root: self.assemble.idle_with_root,
                idle_without_root: self.assemble.idle_without_root,
                hold_at_most: self.assemble.hold_at_most,
                decision_wait: self
                    .tail_sampling
                    .decision_wait
                    .filter(|_| self.tail_sampling.enabled),
                max_held_spans: self.assemble.max_held_spans,
            },
            targets: BatchTargets {
                traces: self.write.batch_traces.max(1),
                spans: self.write.batch_spans.max(1),
            },
            linger: self.write.linger,
            leave_undecided: self.tail_sampling.enabled,
            retry: self.write.retry(),
            max_record_bytes: self.assemble.max_record.0,
        }
    }
}
