-- Dead letters of the topic that were given back to the topic they came from. A row is written
-- before its record is produced and says how it ended afterwards: what a redrive that died has done
-- is found in the log, from the noted ends on.
CREATE TABLE redrive (
    letter         text        PRIMARY KEY, -- first origin of the record and its attempt
    dead_topic     text        NOT NULL,
    dead_partition integer     NOT NULL,
    dead_offset    bigint      NOT NULL,
    origin_topic   text        NOT NULL,
    origin_ends    bigint[]    NOT NULL,    -- of its partitions, before producing; empty once done
    begun_by       text        NOT NULL,
    begun_at       timestamptz NOT NULL,
    done_at        timestamptz
);
CREATE INDEX redrive_begun ON redrive (dead_topic) WHERE done_at IS NULL;

-- The same for letters that are rows. One that fails again is marked and followed by another row.
ALTER TABLE dead_letter
    ADD COLUMN attempt     integer     NOT NULL DEFAULT 1,
    ADD COLUMN decided_by  text        NOT NULL DEFAULT '',
    ADD COLUMN redriven_at timestamptz;
