-- The product's SQL surface, version 1: documented in docs/sql.md. Columns are added, never changed
-- or removed; what would break a query goes into a schema `spoor_v2` beside this one.
CREATE SCHEMA spoor_v1;

COMMENT ON SCHEMA spoor_v1 IS 'Traces, services, operations, edges and RED series for SQL: see docs/sql.md';

-- Nanoseconds since 1970 as a time; what is below a microsecond is cut off.
CREATE FUNCTION spoor_v1.at(ns bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN to_timestamp(ns / 1000000000) + (ns % 1000000000) / 1000 * interval '1 microsecond';

-- A time as nanoseconds since 1970: for conditions on `_ns` columns, which choose the partitions.
CREATE FUNCTION spoor_v1.ns(at timestamptz) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN (extract(epoch FROM at) * 1000000)::bigint * 1000;

CREATE FUNCTION spoor_v1.kind_name(kind smallint) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN CASE kind WHEN 1 THEN 'internal' WHEN 2 THEN 'server' WHEN 3 THEN 'client'
                     WHEN 4 THEN 'producer' WHEN 5 THEN 'consumer' ELSE 'unspecified' END;

-- Lowest duration of a bucket of a histogram, in nanoseconds.
CREATE FUNCTION spoor_v1.bucket_floor(bucket smallint) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
    RETURN CASE WHEN bucket = 0 THEN 0 ELSE power(2, (bucket - 1) / 8.0::double precision) END;

-- One row per stored segment: the spans of a trace that one transaction wrote for one day.
CREATE VIEW spoor_v1.segments AS
SELECT tenant, trace_id, segment_id, spoor_v1.at(start_ns) AS started_at,
    spoor_v1.at(end_ns) AS ended_at, start_ns, last_start_ns, end_ns,
    end_ns - start_ns AS duration_ns, span_count, error_count, root_service, root_operation,
    services,
    CASE completeness WHEN 1 THEN 'complete' WHEN 2 THEN 'no_root' WHEN 3 THEN 'still_open'
                      ELSE 'unknown' END AS completeness,
    spoor_v1.at(received_first_ns) AS received_first_at,
    spoor_v1.at(received_last_ns) AS received_last_at, octet_length(payload) AS payload_bytes
FROM spoor.segment;

-- One row per trace: its segments together.
CREATE VIEW spoor_v1.traces AS
SELECT tenant, trace_id, spoor_v1.at(min(start_ns)) AS started_at,
    spoor_v1.at(max(end_ns)) AS ended_at, min(start_ns) AS start_ns, max(end_ns) AS end_ns,
    max(end_ns) - min(start_ns) AS duration_ns, sum(span_count)::bigint AS span_count,
    sum(error_count)::bigint AS error_count,
    (array_agg(root_service ORDER BY start_ns, segment_id)
        FILTER (WHERE root_service IS NOT NULL))[1] AS root_service,
    (array_agg(root_operation ORDER BY start_ns, segment_id)
        FILTER (WHERE root_operation IS NOT NULL))[1] AS root_operation,
    bool_or(completeness = 1) AS complete, count(*) AS segments
FROM spoor.segment GROUP BY tenant, trace_id;

CREATE VIEW spoor_v1.operations AS
SELECT tenant, date '1970-01-01' + day AS day, service, operation,
    spoor_v1.kind_name(kind) AS kind
FROM spoor.operation_seen;

CREATE VIEW spoor_v1.services AS
SELECT tenant, service, date '1970-01-01' + min(day) AS first_day,
    date '1970-01-01' + max(day) AS last_day, count(DISTINCT (operation, kind)) AS operations
FROM spoor.operation_seen GROUP BY tenant, service;

-- One row per pair of services and minute of the callee's start.
CREATE VIEW spoor_v1.edges AS
SELECT tenant, spoor_v1.at(minute_ns) AS minute, minute_ns, parent, child,
    sum(calls)::bigint AS calls, sum(errors)::bigint AS errors,
    sum(duration_sum) AS duration_sum_ns
FROM (SELECT minute_ns, tenant, parent, child, calls, errors, duration_sum FROM spoor.edge
      UNION ALL
      SELECT minute_ns, tenant, parent, child, calls, errors, duration_sum FROM spoor.edge_delta
     ) AS parts
GROUP BY tenant, minute_ns, parent, child HAVING sum(calls) > 0;

-- One row per operation and minute: rate, errors, durations.
CREATE VIEW spoor_v1.red AS
SELECT tenant, spoor_v1.at(minute_ns) AS minute, minute_ns, service, operation,
    spoor_v1.kind_name(kind) AS kind, sum(calls)::bigint AS calls, sum(errors)::bigint AS errors,
    sum(duration_sum) AS duration_sum_ns
FROM (SELECT minute_ns, tenant, service, operation, kind, calls, errors, duration_sum
      FROM spoor.red
      UNION ALL
      SELECT minute_ns, tenant, service, operation, kind, calls, errors, duration_sum
      FROM spoor.red_delta) AS parts
GROUP BY tenant, minute_ns, service, operation, kind;

-- The histograms of durations behind `red`: one row per bucket that holds a span.
CREATE VIEW spoor_v1.red_buckets AS
SELECT tenant, spoor_v1.at(minute_ns) AS minute, minute_ns, service, operation,
    spoor_v1.kind_name(kind) AS kind, bucket, spoor_v1.bucket_floor(bucket) AS from_ns,
    spoor_v1.bucket_floor((bucket + 1)::smallint) AS below_ns, sum(spans)::bigint AS spans
FROM (SELECT minute_ns, tenant, service, operation, kind, buckets, counts FROM spoor.red
      UNION ALL
      SELECT minute_ns, tenant, service, operation, kind, buckets, counts FROM spoor.red_delta
     ) AS parts, unnest(buckets, counts) AS bar (bucket, spans)
GROUP BY tenant, minute_ns, service, operation, kind, bucket;
