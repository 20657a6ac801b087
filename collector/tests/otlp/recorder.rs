//! Keeps counters and gauges by their series' text, such as `name{label="value"}`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// A metrics recorder for one test. Clones share it.
#[derive(Clone, Default)]
pub struct Series {
    counters: Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>,
    gauges: Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>,
}

impl Series {
    /// The value of a series; zero when it is not there.
    pub fn value(&self, series: &str) -> f64 {
        let find = |all: &Mutex<BTreeMap<String, Arc<AtomicU64>>>| {
            let all = all.lock().expect("no panic");
            all.get(series).map(|value| value.load(Ordering::Relaxed))
        };
        let gauge = || find(&self.gauges).map(f64::from_bits);
        find(&self.counters)
            .map(|count| count as f64)
            .or_else(gauge)
            .unwrap_or(0.0)
    }

    /// The names of all series.
    pub fn names(&self) -> Vec<String> {
        let of = |all: &Mutex<BTreeMap<String, _>>| -> Vec<String> {
            all.lock().expect("no panic").keys().cloned().collect()
        };
        [of(&self.counters), of(&self.gauges)].concat()
    }
}

fn cell(all: &Mutex<BTreeMap<String, Arc<AtomicU64>>>, key: &Key) -> Arc<AtomicU64> {
    let labels: Vec<_> = key
        .labels()
        .map(|label| format!("{}=\"{}\"", label.key(), label.value()))
        .collect();
    let name = match labels.is_empty() {
        true => key.name().to_owned(),
        false => format!("{}{{{}}}", key.name(), labels.join(",")),
    };
    all.lock()
        .expect("no panic")
        .entry(name)
        .or_default()
        .clone()
}

impl Recorder for Series {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(cell(&self.counters, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(cell(&self.gauges, key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
