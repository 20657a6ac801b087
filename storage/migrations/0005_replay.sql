-- Replay: stretches of a topic that are ingested once more, and what retention must leave alone.

-- A job. Its consumed positions lie in `progress`, under the consumer `replay-<id>`.
CREATE TABLE replay_job (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    topic            text        NOT NULL,
    from_ns          bigint      NOT NULL, -- received at or after
    to_ns            bigint      NOT NULL, -- received before
    tenant           text,                 -- null: all
    service          text,                 -- null: all
    spans_per_second bigint,               -- null: as fast as it goes
    state            text        NOT NULL DEFAULT 'running'
                     CHECK (state IN ('running', 'paused', 'cancelled', 'done', 'failed')),
    reason           text                  -- why it waits, or why it failed
);

-- What a job reads of one partition: fixed when it is made. Whoever holds the lease works on it;
-- who may write is decided by the owner in `progress` alone.
CREATE TABLE replay_partition (
    job_id       bigint      NOT NULL REFERENCES replay_job (id) ON DELETE CASCADE,
    partition    integer     NOT NULL,
    start_offset bigint      NOT NULL,
    end_offset   bigint      NOT NULL, -- the one after the last
    leased_by    uuid,
    leased_until timestamptz,
    finished_at  timestamptz,
    PRIMARY KEY (job_id, partition)
) WITH (fillfactor = 50);

-- How far each ingester is behind the live topic: what a replay gives way to.
CREATE TABLE live_lag (
    member      uuid        PRIMARY KEY,
    lag_ms      bigint      NOT NULL,
    observed_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Days past retention that a replay or a backfill has written to, and until when they are kept.
CREATE TABLE retention_hold (
    day        integer     PRIMARY KEY, -- UTC day, in days since 1970
    held_until timestamptz NOT NULL
);
