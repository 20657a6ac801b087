//! Traces by what their spans are like.

use model::{KeyValue, SpanKind, SpanPredicate, StatusCode, TimeRange, Trace, TraceQuery};
use storage::{TraceReader, TraceWriter};

use crate::samples::{SECOND, attribute, full, of_every_type, of_service, spans, start, text};
use crate::under::{Under, query};

pub async fn a_search_by_service_finds_that_service_alone<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let (shop, cart) = (
        of_service("shop", 1, |_, _| {}),
        of_service("cart", 1, |_, _| {}),
    );
    under.write(&[shop.clone(), cart]).await;
    assert_eq!(under.with_tags("shop", &[]).await, [shop.id]);
}

pub async fn a_search_by_operation_finds_that_operation_alone<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let named = |name: &'static str| of_service("shop", 1, |_, span| span.name = name.to_owned());
    let (pay, look) = (named("pay"), named("look"));
    under.write(&[pay.clone(), look]).await;
    let asked = query("shop", [SpanPredicate::Operation("pay".to_owned())]);
    assert_eq!(under.found(asked).await, [pay.id]);
}

pub async fn a_search_by_attribute_compares_values_of_any_type_as_texts<
    R: TraceReader,
    W: TraceWriter,
>(
    under: &Under<'_, R, W>,
) {
    let trace = of_service("shop", 1, |_, span| span.attributes = of_every_type());
    under.write(std::slice::from_ref(&trace)).await;
    for (key, value) in [
        ("z.text", "<ü> & \"quoted\""),
        ("http.status_code", "200"),
        ("ok", "true"),
        ("ratio", "72.5"),
        ("large", "-9223372036854775808"),
    ] {
        let found = under.with_tags("shop", &[(key, value)]).await;
        assert_eq!(found, [trace.id], "{key}={value}");
        let other = under.with_tags("shop", &[(key, "another")]).await;
        assert_eq!(other, [], "{key}");
    }
}

pub async fn a_search_by_attribute_looks_at_every_level<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let mut trace = full();
    let at = |level: &str| -> Vec<KeyValue> { vec![attribute(&format!("on.{level}"), text("x"))] };
    let of_resource = &mut trace.resources[0];
    of_resource.resource.attributes.extend(at("resource"));
    let of_scope = &mut of_resource.scopes[0];
    of_scope.scope.attributes.extend(at("scope"));
    let span = &mut of_scope.spans[0];
    span.attributes.extend(at("span"));
    span.events[0].attributes.extend(at("event"));
    span.links[0].attributes.extend(at("link"));
    under.write(std::slice::from_ref(&trace)).await;
    for level in ["resource", "scope", "span", "event", "link"] {
        let key = format!("on.{level}");
        let found = under.with_tags("shop", &[(&key, "x")]).await;
        assert_eq!(found, [trace.id], "{level}");
    }
    let of_resource = [("resource.on.resource", "x")];
    assert_eq!(under.with_tags("shop", &of_resource).await, [trace.id]);
    let of_span = [("resource.on.span", "x")];
    assert_eq!(under.with_tags("shop", &of_span).await, []);
}

pub async fn a_search_tells_errors_kinds_and_scopes<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let failed = of_service("shop", 1, |_, span| {
        span.status = StatusCode::Error;
        span.kind = SpanKind::Server;
    });
    let mut went = of_service("shop", 1, |_, span| {
        span.status = StatusCode::Ok;
        span.kind = SpanKind::Client;
    });
    went.resources[0].scopes[0].scope.name = "other".to_owned();
    went.resources[0].scopes[0].scope.version = "9".to_owned();
    under.write(&[failed.clone(), went.clone()]).await;
    for (key, of_failed, of_went) in [
        ("error", "true", "false"),
        ("span.status", "ERROR", "OK"),
        ("span.kind", "SERVER", "CLIENT"),
        ("scope.name", "lib", "other"),
        ("scope.version", "1.2.3", "9"),
    ] {
        let found = under.with_tags("shop", &[(key, of_failed)]).await;
        assert_eq!(found, [failed.id], "{key}");
        let found = under.with_tags("shop", &[(key, of_went)]).await;
        assert_eq!(found, [went.id], "{key}");
    }
}

pub async fn all_conditions_hold_for_one_single_span<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    if !under.reader.capabilities().same_span {
        return;
    }
    let together = of_service("shop", 1, |_, span| {
        span.attributes = vec![attribute("a", text("1")), attribute("b", text("2"))];
    });
    let apart = of_service("shop", 2, |number, span| {
        let key = if number == 0 { "a" } else { "b" };
        let value = if number == 0 { "1" } else { "2" };
        span.attributes = vec![attribute(key, text(value))];
    });
    under.write(&[together.clone(), apart]).await;
    let found = under.with_tags("shop", &[("a", "1"), ("b", "2")]).await;
    assert_eq!(found, [together.id]);
}

pub async fn a_search_finds_spans_that_start_in_its_range_both_ends_included<
    R: TraceReader,
    W: TraceWriter,
>(
    under: &Under<'_, R, W>,
) {
    let at = start() + 5 * SECOND;
    let trace = of_service("shop", 1, |_, span| (span.start, span.end) = (at, at + 9));
    under.write(std::slice::from_ref(&trace)).await;
    for (range, is_in) in [
        ((at, at), true),
        ((at - 1, at + 1), true),
        ((at - SECOND, at - 1), false),
        ((at + 1, at + SECOND), false),
    ] {
        let asked = TraceQuery {
            start: TimeRange {
                start: range.0,
                end: range.1,
            },
            ..query("shop", [])
        };
        assert_eq!(
            under.found(asked).await.len(),
            usize::from(is_in),
            "{range:?}"
        );
    }
}

pub async fn a_search_finds_durations_to_the_nanosecond_both_ends_included<
    R: TraceReader,
    W: TraceWriter,
>(
    under: &Under<'_, R, W>,
) {
    let trace = of_service("shop", 1, |_, span| span.end = span.start + 4_501);
    under.write(std::slice::from_ref(&trace)).await;
    for (least, most, is_in) in [
        (Some(4_501), Some(4_501), true),
        (Some(4_500), None, true),
        (None, Some(4_502), true),
        (Some(4_502), None, false),
        (None, Some(4_500), false),
    ] {
        let asked = TraceQuery {
            duration_min: least,
            duration_max: most,
            ..query("shop", [])
        };
        let found = under.found(asked).await.len();
        assert_eq!(found, usize::from(is_in), "{least:?} to {most:?}");
    }
}

pub async fn a_search_without_a_match_is_empty<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    under.write(&[full()]).await;
    assert_eq!(under.with_tags("nobody", &[]).await, []);
    assert_eq!(under.with_tags("shop", &[("no.such.key", "x")]).await, []);
}

pub async fn the_newest_traces_come_first_and_no_more_than_asked_for<
    R: TraceReader,
    W: TraceWriter,
>(
    under: &Under<'_, R, W>,
) {
    let at = |minutes: u64| {
        of_service("shop", 2, |number, span| {
            span.start = start() + minutes * 60 * SECOND + number;
            span.end = span.start + 10;
        })
    };
    let traces: Vec<Trace> = [2, 0, 3, 1].map(at).into();
    under.write(&traces).await;
    let newest = [traces[2].id, traces[0].id, traces[3].id, traces[1].id];
    assert_eq!(under.with_tags("shop", &[]).await, newest);
    let two = TraceQuery {
        limit: 2,
        ..query("shop", [])
    };
    assert_eq!(under.found(two).await, newest[..2]);
}

pub async fn found_traces_are_whole<R: TraceReader, W: TraceWriter>(under: &Under<'_, R, W>) {
    let trace = of_service("shop", 9, |number, span| {
        span.name = format!("operation {number}");
    });
    under.write(std::slice::from_ref(&trace)).await;
    let one = query("shop", [SpanPredicate::Operation("operation 4".to_owned())]);
    let found = under.search(&one).await;
    assert_eq!(found.iter().map(spans).collect::<Vec<_>>(), [spans(&trace)]);
}

pub async fn a_search_need_not_name_a_service<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    if !under.reader.capabilities().without_service {
        return;
    }
    let (shop, cart) = (
        of_service("shop", 1, |_, _| {}),
        of_service("cart", 1, |_, span| span.start += 1),
    );
    under.write(&[shop.clone(), cart.clone()]).await;
    assert_eq!(under.found(TraceQuery::any(9)).await, [cart.id, shop.id]);
}
