-- What payloads refer to by the hash of its content. Rows are added, and stay for as long as a
-- segment or an archived segment may name them; they are committed before the first such row.

-- Dictionaries, learnt from stored segments. Writers use the newest one.
CREATE TABLE payload_dictionary (
    name      bigint      NOT NULL PRIMARY KEY, -- xxh3 of the body
    learnt_at timestamptz NOT NULL DEFAULT now(),
    segments  integer     NOT NULL,             -- how many it was learnt from
    body      bytea       NOT NULL
);
ALTER TABLE payload_dictionary ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX payload_dictionary_newest ON payload_dictionary (learnt_at, name);

-- Resources that occur often and are in no dictionary yet.
CREATE TABLE payload_resource (
    name    bigint      NOT NULL PRIMARY KEY, -- xxh3 of the body
    seen_at timestamptz NOT NULL DEFAULT now(),
    body    bytea       NOT NULL
);
