//! A metric family as protobuf writes it in JSON.

use super::{Gone, Output};
use crate::go::{json, time};
use crate::red::{MetricFamily, Series};

/// Writes `{"name":…,"type":"GAUGE","help":…,"metrics":[…]}`, without an envelope.
pub fn metric_family(out: &mut Output, family: &MetricFamily) -> Result<(), Gone> {
    let buffer = out.buffer();
    buffer.extend_from_slice(b"{\"name\":");
    json::string(buffer, &family.request.name());
    buffer.extend_from_slice(b",\"type\":\"GAUGE\",\"help\":");
    json::string(buffer, &family.request.help());
    buffer.extend_from_slice(b",\"metrics\":[");
    let with_points = family.series().filter(|series| !series.points.is_empty());
    for (index, series) in with_points.enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        metric(out.buffer(), &series);
        out.pass_on()?;
    }
    out.buffer().extend_from_slice(b"]}");
    out.pass_on()
}

fn metric(out: &mut Vec<u8>, series: &Series) {
    out.extend_from_slice(b"{\"labels\":[");
    label(out, "service_name", &series.service);
    if let Some(operation) = &series.operation {
        out.push(b',');
        label(out, "operation", operation);
    }
    out.extend_from_slice(b"],\"metricPoints\":");
    json::list(out, &series.points, |out, (at, value)| {
        out.extend_from_slice(b"{\"gaugeValue\":{\"doubleValue\":");
        json::double(out, *value);
        out.extend_from_slice(b"},\"timestamp\":");
        json::string(out, &time::format_rfc3339(*at));
        out.push(b'}');
    });
    out.push(b'}');
}

fn label(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(b"{\"name\":");
    json::string(out, name);
    out.extend_from_slice(b",\"value\":");
    json::string(out, value);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use model::{NANOS_PER_MINUTE, SpanKind, TimeRange};
    use storage::{DurationHistogram, RedPoint};

    use super::*;
    use crate::red::{Measure, RedRequest};

    fn rendered(by_operation: bool, minutes: Vec<RedPoint>) -> String {
        let request = RedRequest {
            measure: Measure::Calls,
            services: vec!["checkout".to_owned()],
            kinds: vec![SpanKind::Server],
            by_operation,
            range: TimeRange {
                start: NANOS_PER_MINUTE,
                end: NANOS_PER_MINUTE,
            },
            step: NANOS_PER_MINUTE,
            rate_per: NANOS_PER_MINUTE,
        };
        let mut out = Output::in_memory();
        metric_family(&mut out, &MetricFamily::new(request, minutes)).expect("memory takes all");
        String::from_utf8(out.into_bytes()).expect("JSON is text")
    }

    #[test]
    fn a_family_has_labels_and_points() {
        let minute = RedPoint {
            minute: NANOS_PER_MINUTE,
            service: "checkout".to_owned(),
            operation: "GET /".to_owned(),
            calls: 750,
            errors: 0,
            duration_sum: 0,
            histogram: DurationHistogram::default(),
        };
        insta::assert_snapshot!(rendered(true, vec![minute]), @r#"{"name":"service_operation_call_rate","type":"GAUGE","help":"calls/sec, grouped by service \u0026 operation","metrics":[{"labels":[{"name":"service_name","value":"checkout"},{"name":"operation","value":"GET /"}],"metricPoints":[{"gaugeValue":{"doubleValue":12.5},"timestamp":"1970-01-01T00:01:00Z"}]}]}"#);
    }

    #[test]
    fn without_data_the_list_of_metrics_is_empty() {
        insta::assert_snapshot!(rendered(false, vec![]), @r#"{"name":"service_call_rate","type":"GAUGE","help":"calls/sec, grouped by service","metrics":[]}"#);
    }
}
