//! Series from minutes, times in minutes.

use storage::DurationHistogram;

use super::*;

fn minute(at: u64, service: &str, calls: u64, errors: u64) -> RedPoint {
    let mut histogram = DurationHistogram::default();
    (0..calls).for_each(|_| histogram.add(10_000_000));
    RedPoint {
        minute: at * NANOS_PER_MINUTE,
        service: service.to_owned(),
        operation: String::new(),
        calls,
        errors,
        duration_sum: 0,
        histogram,
    }
}

fn request(measure: Measure) -> RedRequest {
    RedRequest {
        measure,
        services: vec!["s".to_owned()],
        kinds: vec![SpanKind::Server],
        by_operation: false,
        range: TimeRange {
            start: 10 * NANOS_PER_MINUTE,
            end: 13 * NANOS_PER_MINUTE,
        },
        step: NANOS_PER_MINUTE,
        rate_per: 2 * NANOS_PER_MINUTE,
    }
}

fn values(measure: Measure, minutes: Vec<RedPoint>) -> Vec<(u64, f64)> {
    let family = MetricFamily::new(request(measure), minutes);
    let series: Vec<Series> = family.series().collect();
    assert_eq!(series.len(), 1);
    let in_minutes = |(at, value): &(u64, f64)| (at / NANOS_PER_MINUTE, *value);
    series[0].points.iter().map(in_minutes).collect()
}

#[test]
fn a_call_rate_is_what_started_in_the_window_by_its_seconds() {
    let minutes = vec![minute(9, "s", 60, 0), minute(11, "s", 120, 0)];
    assert_eq!(
        values(Measure::Calls, minutes),
        [(10, 0.5), (11, 1.0), (12, 1.0), (13, 0.0)]
    );
}

#[test]
fn an_error_rate_is_a_share_and_left_out_where_nothing_was_called() {
    let minutes = vec![minute(9, "s", 4, 1), minute(12, "s", 3, 0)];
    assert_eq!(
        values(Measure::Errors, minutes),
        [(10, 0.25), (12, 0.0), (13, 0.0)]
    );
}

#[test]
fn a_latency_is_in_milliseconds_and_left_out_where_there_is_none() {
    let found = values(Measure::Latencies(0.5), vec![minute(12, "s", 100, 0)]);
    let times: Vec<u64> = found.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [12, 13]);
    assert!(found.iter().all(|(_, ms)| (ms / 10.0 - 1.0).abs() < 0.1));
}

#[test]
fn the_store_is_asked_for_every_minute_that_some_window_covers() {
    let range = request(Measure::Calls).query().range;
    assert!(!range.contains(8 * NANOS_PER_MINUTE));
    assert!(range.contains(9 * NANOS_PER_MINUTE));
    assert!(range.contains(13 * NANOS_PER_MINUTE));
}

#[test]
fn a_window_is_never_narrower_than_a_minute() {
    let narrow = RedRequest {
        rate_per: 1,
        ..request(Measure::Calls)
    };
    let family = MetricFamily::new(narrow, vec![minute(11, "s", 60, 0)]);
    let series = family.series().next().expect("one series");
    let rates: Vec<f64> = series.points.iter().map(|(_, rate)| *rate).collect();
    assert_eq!(rates, [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn names_and_helps_are_jaegers() {
    let by_operation = |measure| RedRequest {
        by_operation: true,
        ..request(measure)
    };
    for (request, name, help) in [
        (
            request(Measure::Latencies(0.95)),
            "service_latencies",
            "0.95th quantile latency, grouped by service",
        ),
        (
            request(Measure::Calls),
            "service_call_rate",
            "calls/sec, grouped by service",
        ),
        (
            by_operation(Measure::Errors),
            "service_operation_error_rate",
            "error rate, computed as a fraction of errors/sec over calls/sec, grouped by service & operation",
        ),
    ] {
        assert_eq!(
            (request.name().as_str(), request.help().as_str()),
            (name, help)
        );
    }
}
