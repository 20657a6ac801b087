-- Tail sampling: what was decided of traces, written by the transaction that stores or drops their
-- spans. Rows are added by later transactions of the same trace, and leave with their day.

CREATE SEQUENCE trace_decision_number;

-- The spans of one trace of one tenant within one day, as one transaction decided of them. Traces
-- without a row were stored without a decision: each of their spans stands for itself.
CREATE TABLE trace_decision (
    start_ns   bigint  NOT NULL, -- earliest start of its spans
    number     bigint  NOT NULL DEFAULT nextval('trace_decision_number'),
    segment_id bigint,           -- where they are stored; null: they were dropped
    trace_id   uuid    NOT NULL,
    weight     double precision, -- how many traces this one stands for; null: not known, or dropped
    span_count integer NOT NULL,
    tenant     text    NOT NULL,
    policy     text    NOT NULL, -- which policy decided; empty: none of them kept it
    dropped    bytea             -- what is remembered of dropped spans; null: they were stored
) PARTITION BY RANGE (start_ns);
CREATE INDEX trace_decision_trace ON trace_decision (trace_id);

-- Whether there ever was a decision since the last purge: as long as not, none is looked for.
ALTER TABLE purge ADD COLUMN decided boolean NOT NULL DEFAULT false;

-- Spans dropped by a policy: one more thing that may become of an accepted span.
ALTER TABLE progress    ADD COLUMN spans_dropped bigint NOT NULL DEFAULT 0;
ALTER TABLE tally_delta ADD COLUMN spans_dropped bigint NOT NULL DEFAULT 0;
ALTER TABLE tally       ADD COLUMN spans_dropped bigint NOT NULL DEFAULT 0;

-- As before, and how many traces each stands for.
CREATE OR REPLACE VIEW spoor_v1.segments AS
SELECT s.tenant, s.trace_id, s.segment_id, spoor_v1.at(s.start_ns) AS started_at,
    spoor_v1.at(s.end_ns) AS ended_at, s.start_ns, s.last_start_ns, s.end_ns,
    s.end_ns - s.start_ns AS duration_ns, s.span_count, s.error_count, s.root_service,
    s.root_operation, s.services,
    CASE s.completeness WHEN 1 THEN 'complete' WHEN 2 THEN 'no_root' WHEN 3 THEN 'still_open'
                        ELSE 'unknown' END AS completeness,
    spoor_v1.at(s.received_first_ns) AS received_first_at,
    spoor_v1.at(s.received_last_ns) AS received_last_at,
    octet_length(s.payload) AS payload_bytes,
    CASE WHEN d.segment_id IS NULL THEN 1 ELSE d.weight END AS weight, d.policy AS kept_by
FROM spoor.segment s
LEFT JOIN spoor.trace_decision d
    ON d.segment_id = s.segment_id AND d.trace_id = s.trace_id AND d.start_ns = s.start_ns;

CREATE OR REPLACE VIEW spoor_v1.traces AS
SELECT s.tenant, s.trace_id, spoor_v1.at(min(s.start_ns)) AS started_at,
    spoor_v1.at(max(s.end_ns)) AS ended_at, min(s.start_ns) AS start_ns, max(s.end_ns) AS end_ns,
    max(s.end_ns) - min(s.start_ns) AS duration_ns, sum(s.span_count)::bigint AS span_count,
    sum(s.error_count)::bigint AS error_count,
    (array_agg(s.root_service ORDER BY s.start_ns, s.segment_id)
        FILTER (WHERE s.root_service IS NOT NULL))[1] AS root_service,
    (array_agg(s.root_operation ORDER BY s.start_ns, s.segment_id)
        FILTER (WHERE s.root_operation IS NOT NULL))[1] AS root_operation,
    bool_or(s.completeness = 1) AS complete, count(*) AS segments,
    max(CASE WHEN d.segment_id IS NULL THEN 1 ELSE d.weight END) AS weight,
    max(d.policy) AS kept_by
FROM spoor.segment s
LEFT JOIN spoor.trace_decision d
    ON d.segment_id = s.segment_id AND d.trace_id = s.trace_id AND d.start_ns = s.start_ns
GROUP BY s.tenant, s.trace_id;

-- What tail sampling decided: one row per trace, UTC day and transaction.
CREATE VIEW spoor_v1.tail_decisions AS
SELECT tenant, trace_id, spoor_v1.at(start_ns) AS started_at, start_ns, segment_id IS NOT NULL AS kept,
    NULLIF(policy, '') AS policy, weight, span_count, segment_id
FROM spoor.trace_decision;
