//! Every metric of every crate: for the recorder, and for the reference page.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use bootstrap::metrics::{Buckets, Describe};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Where metrics come from, in data-path order.
const CRATES: [(&str, Describe); 6] = [
    ("Kafka", kafka::metrics::describe),
    ("Collector", collector::metrics::describe),
    ("Ingester", ingester::metrics::describe),
    ("Storage", storage::metrics::describe),
    ("Storage plug-in", remote_storage::metrics::describe),
    ("Query", query::metrics::describe),
];

/// Each crate's `metrics::describe`.
pub(crate) fn describe_all() -> Vec<Describe> {
    CRATES.iter().map(|(_, describe)| *describe).collect()
}

/// The limits of every histogram's buckets.
pub(crate) fn buckets() -> Vec<Buckets> {
    [
        kafka::metrics::buckets(),
        collector::metrics::buckets(),
        ingester::metrics::buckets(),
        storage::metrics::buckets(),
        remote_storage::metrics::buckets(),
        query::metrics::buckets(),
    ]
    .concat()
}

/// The reference page in Markdown.
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Metrics\n\nEach role answers `/metrics` on its admin port, in Prometheus' text format. \
         No metric carries a service, an operation or a trace id as a label.\n",
    );
    let crates = CRATES
        .into_iter()
        .chain([("Process", bootstrap::metrics::describe as Describe)])
        .chain([("Canary", crate::canary::describe as Describe)]);
    for (title, describe) in crates {
        let capture = Capture::default();
        metrics::with_local_recorder(&capture, describe);
        // Writing to a string cannot fail.
        let _ = write!(
            page,
            "\n## {title}\n\n| metric | type | unit | meaning |\n|---|---|---|---|\n"
        );
        let rows = capture
            .0
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            let _ = writeln!(
                page,
                "| `{}` | {} | {} | {} |",
                row.name, row.kind, row.unit, row.help
            );
        }
    }
    page
}

struct Row {
    name: String,
    kind: &'static str,
    unit: &'static str,
    help: String,
}

/// A recorder that remembers descriptions and records nothing.
#[derive(Default)]
struct Capture(Mutex<Vec<Row>>);

impl Capture {
    fn add(&self, kind: &'static str, name: &KeyName, unit: Option<Unit>, help: &SharedString) {
        let row = Row {
            name: name.as_str().to_owned(),
            kind,
            unit: unit.map_or("", |unit| unit.as_str()),
            help: help.replace('|', "\\|"),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(row);
    }
}

impl Recorder for Capture {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.add("counter", &name, unit, &help);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.add("gauge", &name, unit, &help);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, help: SharedString) {
        self.add("histogram", &name, unit, &help);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let capture = Capture::default();
        metrics::with_local_recorder(&capture, || {
            CRATES.iter().for_each(|(_, describe)| describe());
        });
        capture.0.into_inner().unwrap()
    }

    fn names(rows: impl Iterator<Item = Row>) -> Vec<String> {
        rows.map(|row| row.name).collect()
    }

    #[test]
    fn every_metric_is_named_for_its_service_and_explained() {
        let services = [
            "kafka",
            "agent",
            "collector",
            "ingester",
            "storage",
            "query",
        ];
        let wrong = rows().into_iter().filter(|row| {
            let service = row
                .name
                .strip_prefix("spoor_")
                .and_then(|rest| rest.split('_').next());
            let known = service.is_some_and(|service| services.contains(&service));
            !known || row.help.is_empty() || row.unit.is_empty()
        });
        assert_eq!(names(wrong), [] as [&str; 0]);
    }

    #[test]
    fn counters_and_nothing_else_end_with_total() {
        let wrong = rows()
            .into_iter()
            .filter(|row| (row.kind == "counter") != row.name.ends_with("_total"));
        assert_eq!(names(wrong), [] as [&str; 0]);
    }

    #[test]
    fn every_histogram_has_buckets() {
        let with_buckets: Vec<&str> = buckets().into_iter().map(|(name, _)| name).collect();
        let without = rows()
            .into_iter()
            .filter(|row| row.kind == "histogram" && !with_buckets.contains(&row.name.as_str()));
        assert_eq!(names(without), [] as [&str; 0]);
    }
}
