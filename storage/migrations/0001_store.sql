-- Tables of the store, in the schema `spoor`. Days are UTC days of a span's start, in days since
-- 1970; `_ns` is nanoseconds since 1970. Partitioned tables have one partition a day, named
-- `<table>_<YYYYMMDD>`, made ahead and dropped behind by maintenance.

-- Numbers of segments: a transaction takes blocks of 4,096, so that its segments are neighbours.
CREATE SEQUENCE segment_block;

-- The spans of one trace of one tenant within one day, as one transaction wrote them.
CREATE TABLE segment (
    start_ns          bigint   NOT NULL, -- earliest start of its spans
    last_start_ns     bigint   NOT NULL, -- latest start of its spans
    end_ns            bigint   NOT NULL, -- latest end of its spans
    segment_id        bigint   NOT NULL, -- block << 12 | ordinal
    received_first_ns bigint   NOT NULL, -- when a collector received the earliest of them
    received_last_ns  bigint   NOT NULL, -- and the latest
    trace_id          uuid     NOT NULL,
    span_count        integer  NOT NULL,
    error_count       integer  NOT NULL,
    completeness      smallint NOT NULL, -- 0 unknown, 1 complete, 2 no root, 3 still open
    codec             smallint NOT NULL, -- version of the payload's format
    tenant            text     NOT NULL,
    root_service      text,              -- null without a root
    root_operation    text,
    services          text[]   NOT NULL, -- sorted, distinct
    payload           bytea    NOT NULL
) PARTITION BY RANGE (start_ns);
ALTER TABLE segment ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX segment_trace ON segment (trace_id);
CREATE INDEX segment_number ON segment (segment_id);

-- How far each source has been consumed: moved by the transaction that writes its spans.
CREATE TABLE progress (
    consumer              text        NOT NULL,
    topic                 text        NOT NULL,
    partition             integer     NOT NULL,
    owner                 uuid        NOT NULL,
    revision              bigint      NOT NULL,
    watermark             bigint      NOT NULL DEFAULT 0,
    done_above            bytea       NOT NULL DEFAULT ''::bytea, -- portable Roaring treemap
    records               bigint      NOT NULL DEFAULT 0,
    records_dead_lettered bigint      NOT NULL DEFAULT 0,
    spans_stored          bigint      NOT NULL DEFAULT 0,
    spans_duplicate       bigint      NOT NULL DEFAULT 0,
    spans_dead_lettered   bigint      NOT NULL DEFAULT 0,
    claimed_at            timestamptz NOT NULL DEFAULT now(),
    written_at            timestamptz,
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);

-- Services and operations with spans on a day. `key` hashes tenant, service, operation and kind:
-- names may be longer than an index row.
CREATE TABLE operation_seen (
    day       integer  NOT NULL,
    key       uuid     NOT NULL,
    tenant    text     NOT NULL,
    service   text     NOT NULL,
    operation text     NOT NULL,
    kind      smallint NOT NULL, -- OTLP's number
    PRIMARY KEY (day, key)
) PARTITION BY RANGE (day);

-- Rate, errors and durations by minute. Transactions append to the delta, one worker folds it:
-- the truth is the sum of both, read in one snapshot.
CREATE TABLE red_delta (
    minute_ns    bigint     NOT NULL, -- start of the minute that the spans start in
    duration_sum bigint     NOT NULL, -- nanoseconds
    calls        bigint     NOT NULL,
    errors       bigint     NOT NULL,
    kind         smallint   NOT NULL, -- OTLP's number
    tenant       text       NOT NULL,
    service      text       NOT NULL,
    operation    text       NOT NULL,
    buckets      smallint[] NOT NULL, -- of the histogram of durations, ascending
    counts       bigint[]   NOT NULL  -- one per bucket
) PARTITION BY RANGE (minute_ns);

CREATE TABLE red (
    minute_ns    bigint     NOT NULL,
    duration_sum bigint     NOT NULL,
    calls        bigint     NOT NULL,
    errors       bigint     NOT NULL,
    key          uuid       NOT NULL, -- hash of tenant, service, operation and kind
    kind         smallint   NOT NULL,
    tenant       text       NOT NULL,
    service      text       NOT NULL,
    operation    text       NOT NULL,
    buckets      smallint[] NOT NULL,
    counts       bigint[]   NOT NULL,
    PRIMARY KEY (minute_ns, key)
) PARTITION BY RANGE (minute_ns);

-- Calls from service to service by minute of the child's start: delta and fold as above. A delta
-- may be negative: a late span can turn out to be the nearer parent.
CREATE TABLE edge_delta (
    minute_ns    bigint NOT NULL,
    duration_sum bigint NOT NULL, -- nanoseconds, of the children
    calls        bigint NOT NULL,
    errors       bigint NOT NULL,
    tenant       text   NOT NULL,
    parent       text   NOT NULL,
    child        text   NOT NULL
) PARTITION BY RANGE (minute_ns);

CREATE TABLE edge (
    minute_ns    bigint NOT NULL,
    duration_sum bigint NOT NULL,
    calls        bigint NOT NULL,
    errors       bigint NOT NULL,
    key          uuid   NOT NULL, -- hash of tenant, parent and child
    tenant       text   NOT NULL,
    parent       text   NOT NULL,
    child        text   NOT NULL,
    PRIMARY KEY (minute_ns, key)
) PARTITION BY RANGE (minute_ns);

-- Records that can never be stored, of installations without a dead-letter topic.
CREATE TABLE dead_letter (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    written_at  timestamptz NOT NULL DEFAULT now(),
    received_ns bigint      NOT NULL,
    tenant      text        NOT NULL,
    reason      text        NOT NULL,
    error       text        NOT NULL,
    spans       integer     NOT NULL,
    record      bytea       NOT NULL
);
