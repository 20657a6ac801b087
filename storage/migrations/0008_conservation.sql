-- What accounts for every span: docs/audit.md tells which sums must be equal.

-- records + offsets_skipped + offsets_lost = watermark + offsets in done_above - base_offset.
ALTER TABLE progress
    ADD COLUMN base_offset     bigint,                    -- where counting began; null: to be set by
                                                          -- the next write of the source
    ADD COLUMN offsets_skipped bigint NOT NULL DEFAULT 0, -- below the watermark, without a record
    ADD COLUMN offsets_lost    bigint NOT NULL DEFAULT 0, -- gone from the log before they were read
    ADD COLUMN spans_untallied bigint NOT NULL DEFAULT 0; -- counted before tallies were kept
UPDATE progress SET spans_untallied = spans_stored + spans_duplicate + spans_dead_lettered;

-- What became of each tenant's records, by consumer. Transactions append to the delta, one worker
-- folds it: the truth is the sum of both, read in one snapshot. An empty tenant is one that could
-- not be told.
CREATE TABLE tally_delta (
    written_at            timestamptz NOT NULL DEFAULT now(),
    witness               uuid,            -- drawn by a transaction that moves no progress
    consumer              text   NOT NULL, -- as in progress; `direct` without one
    tenant                text   NOT NULL,
    records               bigint NOT NULL, -- not counted where there is no log
    records_dead_lettered bigint NOT NULL,
    spans_stored          bigint NOT NULL,
    spans_duplicate       bigint NOT NULL,
    spans_dead_lettered   bigint NOT NULL
);

CREATE TABLE tally (
    consumer              text   NOT NULL,
    tenant                text   NOT NULL,
    records               bigint NOT NULL,
    records_dead_lettered bigint NOT NULL,
    spans_stored          bigint NOT NULL,
    spans_duplicate       bigint NOT NULL,
    spans_dead_lettered   bigint NOT NULL,
    PRIMARY KEY (consumer, tenant)
) WITH (fillfactor = 50);

-- Stored spans that were deleted on purpose, written by the transaction that deletes them.
CREATE TABLE span_removal (
    tenant     text        NOT NULL,
    day        integer     NOT NULL, -- UTC day of their start, in days since 1970
    reason     text        NOT NULL, -- `retention`
    spans      bigint      NOT NULL,
    segments   bigint      NOT NULL,
    removed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, day, reason)
);

-- What a store holds already was stored by nobody whose tally is known.
INSERT INTO tally (consumer, tenant, records, records_dead_lettered, spans_stored, spans_duplicate,
    spans_dead_lettered)
SELECT 'before', tenant, 0, 0, sum(span_count), 0, 0 FROM segment GROUP BY tenant;
