//! Trace summaries of Jaeger's third API.
//!
//! As proto3 writes JSON, which is what Jaeger's current release does: zero counts and empty
//! names are left out, times are decimal strings. The UI's validator needs `traceId` (32 digits)
//! alone and takes what is missing as zero; `summaries` and `services` are always there.

use super::{Gone, Output};
use crate::go::json;
use crate::read::SummaryPage;
use crate::summarise::{SpanCounts, TraceSummary};

/// Writes `{"summaries":[…]}`, and `"nextPageToken"` if there is a next page.
pub fn summaries(out: &mut Output, page: &SummaryPage) -> Result<(), Gone> {
    let summaries = &page.summaries;
    out.buffer().extend_from_slice(b"{\"summaries\":[");
    for (index, of_trace) in summaries.iter().enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        summary(out.buffer(), of_trace);
        out.pass_on()?;
    }
    out.buffer().push(b']');
    if let Some(token) = &page.next {
        out.buffer().extend_from_slice(b",\"nextPageToken\":");
        json::string(out.buffer(), token);
    }
    out.buffer().push(b'}');
    out.pass_on()
}

fn summary(out: &mut Vec<u8>, summary: &TraceSummary) {
    out.extend_from_slice(b"{\"traceId\":\"");
    json::hex(out, summary.id.as_bytes());
    out.push(b'"');
    if let Some(root) = &summary.root {
        out.extend_from_slice(b",\"rootServiceName\":");
        json::string(out, &root.service);
        out.extend_from_slice(b",\"rootOperationName\":");
        json::string(out, &root.operation);
    }
    time(out, ",\"minStartTimeUnixNano\":", summary.start);
    time(out, ",\"maxEndTimeUnixNano\":", summary.end);
    counts(out, summary.counts);
    count(out, ",\"orphanSpanCount\":", summary.orphans);
    out.extend_from_slice(b",\"services\":");
    services(out, summary);
    out.push(b'}');
}

/// The services of a trace.
pub(super) fn services(out: &mut Vec<u8>, summary: &TraceSummary) {
    json::list(out, &summary.services, |out, (name, of_service)| {
        out.extend_from_slice(b"{\"name\":");
        json::string(out, name);
        counts(out, *of_service);
        out.push(b'}');
    });
}

/// The counts that are not zero.
pub(super) fn counts(out: &mut Vec<u8>, counts: SpanCounts) {
    count(out, ",\"spanCount\":", counts.spans);
    count(out, ",\"errorSpanCount\":", counts.errors);
}

fn count(out: &mut Vec<u8>, name: &str, count: u64) {
    if count > 0 {
        out.extend_from_slice(name.as_bytes());
        json::integer(out, count);
    }
}

fn time(out: &mut Vec<u8>, name: &str, at: u64) {
    if at > 0 {
        out.extend_from_slice(name.as_bytes());
        json::quoted_integer(out, at);
    }
}

#[cfg(test)]
mod tests {
    use model::{Span, StatusCode};

    use super::*;
    use crate::adjust::samples::{child, of_resource, span, trace};
    use crate::summarise;

    fn rendered(all: &[TraceSummary]) -> String {
        let mut out = Output::in_memory();
        let page = SummaryPage {
            summaries: all.to_vec(),
            next: None,
            total: None,
        };
        summaries(&mut out, &page).expect("memory takes everything");
        String::from_utf8(out.into_bytes()).expect("JSON is text")
    }

    #[test]
    fn a_summary_has_every_field_that_is_not_zero() {
        let failed = Span {
            status: StatusCode::Error,
            ..child(2, 9)
        };
        let shop = of_resource(&[("service.name", "shop")], vec![span(1), failed]);
        insta::assert_snapshot!(
            rendered(&[summarise::summary(&trace(vec![shop]))]),
            @r#"{"summaries":[{"traceId":"00000000000000000000000000000001","rootServiceName":"shop","rootOperationName":"op","minStartTimeUnixNano":"1000000000","maxEndTimeUnixNano":"1001000000","spanCount":2,"errorSpanCount":1,"orphanSpanCount":1,"services":[{"name":"shop","spanCount":2,"errorSpanCount":1}]}]}"#
        );
    }

    #[test]
    fn zero_counts_and_empty_names_are_left_out() {
        let shop = of_resource(&[("service.name", "shop")], vec![child(1, 1)]);
        insta::assert_snapshot!(
            rendered(&[summarise::summary(&trace(vec![shop]))]),
            @r#"{"summaries":[{"traceId":"00000000000000000000000000000001","minStartTimeUnixNano":"1000000000","maxEndTimeUnixNano":"1001000000","spanCount":1,"services":[{"name":"shop","spanCount":1}]}]}"#
        );
        assert_eq!(rendered(&[]), r#"{"summaries":[]}"#);
    }
}
