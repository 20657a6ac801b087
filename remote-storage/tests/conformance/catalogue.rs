//! Services, operations, calls between services, and whose they are.

use model::{SpanKind, TimeRange};
use storage::{Operation, TraceReader, TraceWriter};

use crate::samples::{SECOND, calls, of_service, start};
use crate::under::Under;
use crate::world;

pub async fn services_are_listed_once_and_sorted<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    assert_eq!(under.services().await, [] as [&str; 0]);
    let of = |service: &str| of_service(service, 2, |_, _| {});
    under.write(&[of("shop"), of("cart"), of("shop")]).await;
    assert_eq!(under.services().await, ["cart", "shop"]);
}

pub async fn operations_are_listed_with_their_kinds<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let kinds = [
        SpanKind::Unspecified,
        SpanKind::Server,
        SpanKind::Client,
        SpanKind::Server,
    ];
    let trace = of_service("shop", 4, |number, span| {
        span.kind = kinds[number as usize];
        span.name = if number == 3 { "pay" } else { "look" }.to_owned();
    });
    under
        .write(&[trace, of_service("cart", 1, |_, _| {})])
        .await;
    let operation = |name: &str, kind| Operation {
        name: name.to_owned(),
        kind,
    };
    let all = [
        operation("look", SpanKind::Unspecified),
        operation("look", SpanKind::Server),
        operation("look", SpanKind::Client),
        operation("pay", SpanKind::Server),
    ];
    assert_eq!(under.operations("shop", None).await, all);
    let servers = under.operations("shop", Some(SpanKind::Server)).await;
    assert_eq!(servers, [all[1].clone(), all[3].clone()]);
    assert_eq!(under.operations("nobody", None).await, []);
}

pub async fn calls_between_services_are_counted<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    if !under.reader.capabilities().dependencies {
        return;
    }
    let traces = [
        calls("shop", "cart", 2),
        calls("shop", "cart", 1),
        calls("cart", "stock", 4),
    ];
    under.write(&traces).await;
    let around = TimeRange {
        start: start() - 3_600 * SECOND,
        end: start() + 3_600 * SECOND,
    };
    let counted = under.dependencies(around).await;
    let counted: Vec<(&str, &str, u64)> = counted
        .iter()
        .map(|of| (of.parent.as_str(), of.child.as_str(), of.calls))
        .collect();
    assert_eq!(counted, [("cart", "stock", 4), ("shop", "cart", 3)]);
    let before = TimeRange {
        start: start() - 7_200 * SECOND,
        end: start() - 3_600 * SECOND,
    };
    assert_eq!(under.dependencies(before).await, []);
}

pub async fn a_tenant_sees_nothing_of_another<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let mine = calls("shop", "cart", 2);
    under.write(std::slice::from_ref(&mine)).await;
    let other = under.another(world::tenant());
    assert_eq!(other.trace(mine.id).await, None);
    assert_eq!(other.with_tags("shop", &[]).await, []);
    assert_eq!(other.services().await, [] as [&str; 0]);
    assert_eq!(other.operations("shop", None).await, []);
    assert_eq!(other.dependencies(TimeRange::ALL).await, []);
    assert!(under.trace(mine.id).await.is_some());
}
