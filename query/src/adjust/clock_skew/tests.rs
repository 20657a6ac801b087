//! Clock skew, with times in milliseconds.

use model::{Event, KeyValue, ResourceSpans, Span};

use super::*;
use crate::adjust::samples::{id, of_resource, span, trace};

const MS: u64 = 1_000_000;

/// A span on a host: id, parent (0 for none), start, duration.
fn on(host: &str, number: u64, parent: u64, start: u64, duration: u64) -> ResourceSpans {
    let one = Span {
        parent_span_id: (parent > 0).then(|| id(parent)),
        start: start * MS,
        end: (start + duration) * MS,
        ..span(number)
    };
    of_resource(&[("host.name", host)], vec![one])
}

/// The starts in milliseconds after adjustment, and all warnings.
fn adjusted(spans: Vec<ResourceSpans>, max_skew_ms: u64) -> (Vec<u64>, Vec<String>) {
    let mut trace = trace(spans);
    let mut warnings = Warnings::default();
    adjust(
        &mut trace,
        Duration::from_millis(max_skew_ms),
        &mut warnings,
    );
    let words = (0..trace.span_count()).flat_map(|at| warnings.of(at).to_vec());
    let starts = trace.spans().map(|(_, _, span)| span.start / MS);
    (starts.collect(), words.collect())
}

#[test]
fn what_fits_or_cannot_be_judged_is_left_alone() {
    for (case, child) in [
        (
            "same host, though it starts before its parent",
            on("a", 2, 1, 0, 50),
        ),
        ("fits inside its parent", on("b", 2, 1, 20, 50)),
        (
            "longer than its parent, but starts after it",
            on("b", 2, 1, 20, 150),
        ),
        ("without a host, but fits", on("", 2, 1, 20, 50)),
    ] {
        let start = child.scopes[0].spans[0].start / MS;
        let found = adjusted(vec![on("a", 1, 0, 10, 100), child], 1_000);
        assert_eq!(found, (vec![10, start], vec![]), "{case}");
    }
}

#[test]
fn a_child_that_does_not_fit_is_put_in_the_middle_of_its_parent() {
    let spans = vec![on("a", 1, 0, 10, 100), on("b", 2, 1, 0, 50)];
    let (starts, warnings) = adjusted(spans, 1_000);
    assert_eq!(starts, [10, 35]);
    assert_eq!(warnings, ["This span's timestamps were adjusted by 35ms"]);
}

#[test]
fn a_longer_child_is_moved_only_to_its_parents_start() {
    let spans = vec![on("a", 1, 0, 10, 100), on("b", 2, 1, 0, 150)];
    assert_eq!(adjusted(spans, 1_000).0, [10, 10]);
}

#[test]
fn descendants_on_the_same_host_move_along() {
    let spans = vec![
        on("a", 1, 0, 10, 100),
        on("b", 2, 1, 50, 70),
        on("b", 3, 2, 60, 20),
    ];
    assert_eq!(adjusted(spans, 1_000).0, [10, 25, 35]);
}

#[test]
fn a_sibling_on_another_host_does_not_change_the_shift_of_the_next() {
    let spans = vec![
        on("a", 1, 0, 10, 100),
        on("b", 2, 1, 0, 50),
        on("c", 3, 2, 0, 10),
        on("b", 4, 2, 5, 10),
    ];
    assert_eq!(adjusted(spans, 1_000).0, [10, 35, 55, 40]);
}

#[test]
fn events_move_with_their_span() {
    let mut late = on("b", 2, 1, 0, 50);
    late.scopes[0].spans[0].events = vec![Event {
        time: 5 * MS,
        name: "e".to_owned(),
        attributes: Vec::new(),
        dropped_attributes: 0,
    }];
    let mut trace = trace(vec![on("a", 1, 0, 10, 100), late]);
    adjust(&mut trace, Duration::from_secs(1), &mut Warnings::default());
    assert_eq!(
        trace.resources[1].scopes[0].spans[0].events[0].time,
        40 * MS
    );
}

#[test]
fn a_shift_beyond_the_limit_is_only_told() {
    let spans = || vec![on("a", 1, 0, 10, 100), on("b", 2, 1, 80, 50)];
    let (starts, warnings) = adjusted(spans(), 10);
    assert_eq!(starts, [10, 80]);
    let words =
        "max clock skew adjustment delta of 10ms exceeded; not applying calculated delta of -45ms";
    assert_eq!(warnings, [words]);
    let (starts, warnings) = adjusted(spans(), 0);
    assert_eq!(starts, [10, 80]);
    let words = "clock skew adjustment disabled; not applying calculated delta of -45ms";
    assert_eq!(warnings, [words]);
}

#[test]
fn spans_that_repeat_an_id_and_spans_without_their_parent_say_so() {
    let (_, warnings) = adjusted(vec![on("a", 1, 0x63, 0, 9), on("a", 1, 0, 0, 9)], 0);
    assert_eq!(
        warnings,
        [
            "parent span ID=0000000000000063 is not in the trace; skipping clock skew adjustment",
            "duplicate span IDs; skipping clock skew adjustment",
        ]
    );
}

#[test]
fn a_chain_of_100_000_spans_is_walked_to_its_end() {
    let mut spans = vec![on("a", 1, 0, 10, 100)];
    spans.extend((2..100_000).map(|number| on("a", number, number - 1, 10, 100)));
    spans.push(on("b", 100_000, 99_999, 0, 50));
    let (starts, _) = adjusted(spans, 1_000);
    assert_eq!(starts.last(), Some(&35));
}

#[test]
fn spans_in_a_circle_are_left_alone() {
    let circle = vec![
        on("a", 1, 2, 10, 100),
        on("b", 2, 1, 0, 50),
        on("c", 3, 3, 7, 1),
    ];
    assert_eq!(adjusted(circle, 1_000), (vec![10, 0, 7], vec![]));
}

#[test]
fn a_host_is_known_by_its_id_then_its_first_address_then_its_name() {
    let attribute = |key: &str, value: Value| KeyValue {
        key: key.to_owned(),
        value,
    };
    let ips = |ips: &[&str]| Value::Array(ips.iter().map(|ip| Value::from(*ip)).collect());
    let key = |attributes: &[KeyValue]| {
        host_key(&Resource {
            attributes: attributes.to_vec(),
            ..Resource::default()
        })
    };
    let name = attribute("host.name", "n".into());
    let ip = attribute("host.ip", ips(&["10.0.0.1", "10.0.0.2"]));
    let host_id = attribute("host.id", "i".into());
    assert_eq!(key(&[name.clone(), ip.clone(), host_id]), "i");
    assert_eq!(key(&[name.clone(), ip]), "10.0.0.1");
    assert_eq!(key(&[name.clone(), attribute("host.ip", ips(&[]))]), "n");
    assert_eq!(key(&[name]), "n");
    assert_eq!(key(&[]), "");
}
