//! The process's own metrics, and the recorder that all metrics go to.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

/// One time series with value 1 whose labels say what runs.
pub const BUILD: &str = "spoor_process_build_info";
/// Panics of any thread or task.
pub const PANICS: &str = "spoor_process_panics_total";
/// Processor time used.
pub const CPU: &str = "spoor_process_cpu_seconds_total";
/// Memory that the operating system holds for the process.
pub const MEMORY: &str = "spoor_process_resident_memory_bytes";
/// Open files and sockets.
pub const FILES: &str = "spoor_process_open_files";
/// When the process started.
pub const STARTED: &str = "spoor_process_start_timestamp_seconds";

/// Gauges that nobody sets for so long disappear: those of partitions that went elsewhere.
const GAUGE_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// How often histograms are drained into their buckets.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Unit of the processor times in /proc: `USER_HZ`, fixed on Linux.
const TICKS_PER_SECOND: u64 = 100;

/// Describes a crate's metrics: its `metrics::describe`.
pub type Describe = fn();
/// A histogram's name with its bucket limits: an entry of a crate's `metrics::buckets`.
pub type Buckets = (&'static str, Vec<f64>);

/// Describes the metrics of this file.
pub fn describe() {
    describe_gauge!(
        BUILD,
        Unit::Count,
        "Always 1; the labels say which role and version runs."
    );
    describe_counter!(
        PANICS,
        Unit::Count,
        "Panics of any thread or task. More than 0 is a bug."
    );
    describe_counter!(
        CPU,
        Unit::Seconds,
        "Processor time that the process has used."
    );
    describe_gauge!(
        MEMORY,
        Unit::Bytes,
        "Memory that the operating system holds for the process."
    );
    describe_gauge!(FILES, Unit::Count, "Open files and sockets.");
    describe_gauge!(
        STARTED,
        Unit::Seconds,
        "When the process started, in seconds since 1970."
    );
}

/// Installs the recorder for the whole process and describes every metric.
///
/// Errors: another recorder is installed, or a histogram has no bucket.
pub fn install(
    describe_all: &[Describe],
    buckets: &[Buckets],
) -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new()
        .with_recommended_naming(true)
        .idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_IDLE_TIMEOUT));
    for (name, limits) in buckets {
        builder = builder.set_buckets_for_metric(Matcher::Full((*name).to_owned()), limits)?;
    }
    let handle = builder.install_recorder()?;
    describe();
    for describe in describe_all {
        describe();
    }
    counter!(PANICS).increment(0);
    Ok(handle)
}

/// Drains histograms for ever, so that a process nobody scrapes does not grow.
pub(crate) async fn upkeep(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        handle.run_upkeep();
    }
}

/// Counts panics from now on; the earlier hook still prints them.
pub(crate) fn count_panics() {
    let earlier = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        counter!(PANICS).increment(1);
        earlier(panic);
    }));
}

/// What runs.
pub(crate) fn started(role: &'static str, version: &'static str, at: u64) {
    gauge!(BUILD, "role" => role, "version" => version).set(1.0);
    gauge!(STARTED).set(at as f64 / 1e9);
}

/// Reads the process's own figures from /proc. Called for each scrape.
pub(crate) fn observe_process(role: &'static str, version: &'static str, at: u64) {
    started(role, version, at);
    if let Some((ticks, pages)) = std::fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|stat| usage(&stat))
    {
        counter!(CPU).absolute(ticks / TICKS_PER_SECOND);
        gauge!(MEMORY).set((pages * 4096) as f64);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        gauge!(FILES).set(files.count() as f64);
    }
}

/// Processor ticks and resident pages out of `/proc/<pid>/stat`.
fn usage(stat: &str) -> Option<(u64, u64)> {
    let after_name = stat.rsplit_once(") ")?.1;
    let fields: Vec<&str> = after_name.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((number(11)? + number(12)?, number(21)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_spaces_does_not_shift_the_figures() {
        let stat =
            "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 15 25 0 0 20 0 8 0 100 5000000 321 1844";
        assert_eq!(usage(stat), Some((40, 321)));
    }
}
