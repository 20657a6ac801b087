//! Answers of Spoor's own API.

use storage::{AttributeCount, AttributeCounts};

use super::summaries::{counts, services};
use super::{Gone, Output};
use crate::go::{json, time};
use crate::read::SummaryPage;
use crate::summarise::TraceSummary;

/// `{"traces":[…],"total":…,"nextPage":"…"}`: no total if it is not known, no next page without one.
pub fn trace_page(out: &mut Output, page: &SummaryPage) -> Result<(), Gone> {
    out.buffer().extend_from_slice(b"{\"traces\":[");
    for (index, summary) in page.summaries.iter().enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        trace(out.buffer(), summary);
        out.pass_on()?;
    }
    let buffer = out.buffer();
    buffer.push(b']');
    if let Some(total) = page.total {
        buffer.extend_from_slice(b",\"total\":");
        json::integer(buffer, total);
    }
    if let Some(token) = &page.next {
        buffer.extend_from_slice(b",\"nextPage\":");
        json::string(buffer, token);
    }
    buffer.push(b'}');
    out.pass_on()
}

fn trace(out: &mut Vec<u8>, summary: &TraceSummary) {
    out.extend_from_slice(b"{\"traceId\":\"");
    json::hex(out, summary.id.as_bytes());
    out.push(b'"');
    if let Some(root) = &summary.root {
        out.extend_from_slice(b",\"rootService\":");
        json::string(out, &root.service);
        out.extend_from_slice(b",\"rootOperation\":");
        json::string(out, &root.operation);
    }
    out.extend_from_slice(b",\"start\":");
    json::string(out, &time::format_rfc3339(summary.start));
    out.extend_from_slice(b",\"durationNanos\":");
    json::quoted_integer(out, summary.end.saturating_sub(summary.start));
    counts(out, summary.counts);
    out.extend_from_slice(b",\"complete\":");
    let complete = summary.incomplete.is_empty();
    out.extend_from_slice(if complete { b"true" } else { b"false" });
    if !complete {
        let reasons = summary.incomplete.iter().map(|reason| reason.as_str());
        out.extend_from_slice(b",\"incomplete\":");
        json::strings(out, reasons);
    }
    out.extend_from_slice(b",\"services\":");
    services(out, summary);
    out.push(b'}');
}

/// `{"counts":[{"key":…,"level":…,"spans":…}],"spans":…,"all":…}`, or with `value`.
pub fn attribute_counts(
    out: &mut Output,
    name: &'static str,
    counts: &AttributeCounts,
) -> Result<(), Gone> {
    let buffer = out.buffer();
    buffer.extend_from_slice(b"{\"counts\":");
    json::list(buffer, &counts.counts, |out, count: &AttributeCount| {
        out.push(b'{');
        json::name(out, name);
        json::string(out, &count.text);
        out.extend_from_slice(b",\"level\":");
        json::string(out, count.level.as_str());
        out.extend_from_slice(b",\"spans\":");
        json::integer(out, count.spans);
        out.push(b'}');
    });
    buffer.extend_from_slice(b",\"spans\":");
    json::integer(buffer, counts.spans);
    buffer.extend_from_slice(b",\"all\":");
    buffer.extend_from_slice(if counts.all { b"true}" } else { b"false}" });
    out.pass_on()
}
