-- RED series and edges of a transaction as one row per tenant and minute instead of one per series:
-- columns of equal length, an element per series. One worker folds them, as it does rows of
-- red_delta and edge_delta, which servers of an earlier version write until they are replaced.

CREATE TABLE red_part (
    minute_ns     bigint     NOT NULL, -- start of the minute that the spans start in
    tenant        text       NOT NULL,
    services      text[]     NOT NULL,
    operations    text[]     NOT NULL,
    kinds         smallint[] NOT NULL, -- OTLP's numbers
    calls         bigint[]   NOT NULL,
    errors        bigint[]   NOT NULL,
    duration_sums bigint[]   NOT NULL, -- nanoseconds
    buckets       text[]     NOT NULL, -- of the histograms of durations, each as a literal of smallint[]
    counts        text[]     NOT NULL  -- one per bucket, each as a literal of bigint[]
) PARTITION BY RANGE (minute_ns);

CREATE TABLE edge_part (
    minute_ns     bigint   NOT NULL,
    tenant        text     NOT NULL,
    parents       text[]   NOT NULL,
    children      text[]   NOT NULL,
    calls         bigint[] NOT NULL, -- may be negative
    errors        bigint[] NOT NULL,
    duration_sums bigint[] NOT NULL  -- nanoseconds, of the children
) PARTITION BY RANGE (minute_ns);

-- All rows whose sum is the truth, folded or not.
CREATE VIEW red_series AS
SELECT minute_ns, tenant, service, operation, kind, calls, errors, duration_sum, buckets, counts
FROM red
UNION ALL
SELECT p.minute_ns, p.tenant, s.service, s.operation, s.kind, s.calls, s.errors, s.duration_sum,
    s.buckets::smallint[], s.counts::bigint[]
FROM red_part p, unnest(p.services, p.operations, p.kinds, p.calls, p.errors, p.duration_sums,
                        p.buckets, p.counts)
    AS s (service, operation, kind, calls, errors, duration_sum, buckets, counts)
UNION ALL
SELECT minute_ns, tenant, service, operation, kind, calls, errors, duration_sum, buckets, counts
FROM red_delta;

CREATE VIEW edge_series AS
SELECT minute_ns, tenant, parent, child, calls, errors, duration_sum FROM edge
UNION ALL
SELECT p.minute_ns, p.tenant, s.parent, s.child, s.calls, s.errors, s.duration_sum
FROM edge_part p, unnest(p.parents, p.children, p.calls, p.errors, p.duration_sums)
    AS s (parent, child, calls, errors, duration_sum)
UNION ALL
SELECT minute_ns, tenant, parent, child, calls, errors, duration_sum FROM edge_delta;

CREATE OR REPLACE VIEW spoor_v1.edges AS
SELECT tenant, spoor_v1.at(minute_ns) AS minute, minute_ns, parent, child,
    sum(calls)::bigint AS calls, sum(errors)::bigint AS errors,
    sum(duration_sum) AS duration_sum_ns
FROM spoor.edge_series
GROUP BY tenant, minute_ns, parent, child HAVING sum(calls) > 0;

CREATE OR REPLACE VIEW spoor_v1.red AS
SELECT tenant, spoor_v1.at(minute_ns) AS minute, minute_ns, service, operation,
    spoor_v1.kind_name(kind) AS kind, sum(calls)::bigint AS calls, sum(errors)::bigint AS errors,
    sum(duration_sum) AS duration_sum_ns
FROM spoor.red_series
GROUP BY tenant, minute_ns, service, operation, kind;

CREATE OR REPLACE VIEW spoor_v1.red_buckets AS
SELECT tenant, spoor_v1.at(minute_ns) AS minute, minute_ns, service, operation,
    spoor_v1.kind_name(kind) AS kind, bucket, spoor_v1.bucket_floor(bucket) AS from_ns,
    spoor_v1.bucket_floor((bucket + 1)::smallint) AS below_ns, sum(spans)::bigint AS spans
FROM spoor.red_series, unnest(buckets, counts) AS bar (bucket, spans)
GROUP BY tenant, minute_ns, service, operation, kind, bucket;
