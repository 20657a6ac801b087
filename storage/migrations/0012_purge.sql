-- Counts the purges of the store: what a writer remembers of the time before is void. One row.
CREATE TABLE purge (
    number     integer     PRIMARY KEY CHECK (number = 1),
    generation bigint      NOT NULL, -- grows by one with each purge
    purged_at  timestamptz           -- of the last one; null: never
);
INSERT INTO purge (number, generation) VALUES (1, 0);
