-- Segments of traces that are kept beyond retention: copies, made when somebody asks for it. A
-- segment that was merged since its trace was archived may be here twice in another form: readers
-- take each span once.
CREATE TABLE archived_segment (
    trace_id     uuid        NOT NULL,
    tenant       text        NOT NULL,
    segment_id   bigint      NOT NULL,
    start_ns     bigint      NOT NULL, -- earliest start of its spans
    completeness smallint    NOT NULL, -- as in segment
    codec        smallint    NOT NULL, -- version of the payload's format
    archived_at  timestamptz NOT NULL DEFAULT now(),
    payload      bytea       NOT NULL,
    PRIMARY KEY (trace_id, tenant, segment_id)
);
ALTER TABLE archived_segment ALTER COLUMN payload SET STORAGE EXTERNAL;
