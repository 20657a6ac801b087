//! How a run went: as JSON, and as lines for people.

use std::fmt::Write;

use serde::Serialize;

use super::yardstick::Yardstick;

/// How a run went. Times in milliseconds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    pub(super) seed: u64,
    pub(super) spans: u64,
    pub(super) seconds: f64,
    pub(super) spans_per_second: f64,
    pub(super) requests: u64,
    pub(super) retries: u64,
    pub(super) ack_p50_ms: f64,
    pub(super) ack_p99_ms: f64,
    #[serde(flatten)]
    pub(super) found: Option<Found>,
    #[serde(flatten)]
    pub(super) yardstick: Option<Yardstick>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) trace_ids: Vec<String>,
}

/// How soon traces were found whole after their last ack.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) freshness_traces: u64,
    pub(super) freshness_p50_ms: f64,
    pub(super) freshness_p99_ms: f64,
}

impl Summary {
    /// Lines for people; the ids of traces come last, one on each.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "{} spans in {} requests, {:.1} s: {:.0} spans/s; {} retries\n\
             acknowledged: half of the requests within {:.1} ms, 99 of 100 within {:.1} ms",
            self.spans,
            self.requests,
            self.seconds,
            self.spans_per_second,
            self.retries,
            self.ack_p50_ms,
            self.ack_p99_ms,
        );
        if let Some(found) = &self.found {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "\nfound whole after the last ack: half of {} traces within {:.0} ms, 99 of 100 within {:.0} ms",
                found.freshness_traces, found.freshness_p50_ms, found.freshness_p99_ms,
            );
        }
        if let Some(yardstick) = &self.yardstick {
            let _ = write!(
                text,
                "\n{} bytes of requests, {} as one stream of zstd -3",
                yardstick.otlp_bytes, yardstick.zstd_bytes
            );
        }
        for id in &self.trace_ids {
            let _ = write!(text, "\n{id}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            seed: 7,
            spans: 1_000,
            seconds: 2.0,
            spans_per_second: 500.0,
            requests: 4,
            retries: 1,
            ack_p50_ms: 1.25,
            ack_p99_ms: 9.0,
            ..Summary::default()
        }
    }

    #[test]
    fn people_read_lines() {
        let lines = "1000 spans in 4 requests, 2.0 s: 500 spans/s; 1 retries\n\
                     acknowledged: half of the requests within 1.2 ms, 99 of 100 within 9.0 ms";
        assert_eq!(summary().text(), lines);
    }

    #[test]
    fn what_was_measured_besides_has_a_line_of_its_own() {
        let summary = Summary {
            found: Some(Found {
                freshness_traces: 3,
                freshness_p50_ms: 600.4,
                freshness_p99_ms: 1_800.0,
            }),
            trace_ids: vec!["aa".to_owned(), "bb".to_owned()],
            ..summary()
        };
        let text = summary.text();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let found = "found whole after the last ack: half of 3 traces within 600 ms, 99 of 100 within 1800 ms";
        assert_eq!(lines, [found, "aa", "bb"]);
    }

    #[test]
    fn programs_read_the_same_in_one_object() {
        let json = serde_json::to_value(summary()).expect("JSON");
        assert_eq!(json["seed"], 7);
        assert_eq!(json["spans"], 1_000);
        assert_eq!(json.get("freshness_p50_ms"), None);
    }
}
