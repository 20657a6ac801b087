//! How a span ended, from the tags that say so.

use model::{SpanKind, StatusCode, ValueRef};

use crate::decode::builder::Builder;

const ERROR: &str = "error";
const CODE: &str = "otel.status_code";
const DESCRIPTION: &str = "otel.status_description";
const HTTP_CODE: &str = "http.status_code";
const HTTP_MESSAGE: &str = "http.status_message";

/// Status and message. An `error` that is true counts first, then OpenTelemetry's code, then that
/// of HTTP. The tags that are fields now are taken away.
pub(super) fn take<'a>(
    to: &mut Builder<'a>,
    begin: usize,
    kind: SpanKind,
) -> (StatusCode, &'a str) {
    if to.waiting(begin, ERROR) == Some(ValueRef::Bool(true)) {
        to.take_waiting(begin, ERROR);
        to.take_text(begin, CODE);
        let message = to.take_text(begin, DESCRIPTION);
        let message = message.or_else(|| text(to, begin, HTTP_MESSAGE));
        return (StatusCode::Error, message.unwrap_or_default());
    }
    if let Some(code) = to.take_text(begin, CODE) {
        let message = to.take_text(begin, DESCRIPTION).unwrap_or_default();
        return (StatusCode::parse(code).unwrap_or_default(), message);
    }
    match http(to, begin, kind) {
        true => {
            let message = text(to, begin, HTTP_MESSAGE);
            (StatusCode::Error, message.unwrap_or_default())
        }
        false => (StatusCode::Unset, ""),
    }
}

fn text<'a>(to: &Builder<'a>, begin: usize, key: &str) -> Option<&'a str> {
    match to.waiting(begin, key) {
        Some(ValueRef::String(text)) => Some(text),
        _ => None,
    }
}

/// Whether HTTP's code tells of a failure: a server's 4xx are the client's fault.
fn http(to: &Builder<'_>, begin: usize, kind: SpanKind) -> bool {
    let code = match to.waiting(begin, HTTP_CODE) {
        Some(ValueRef::Int(code)) => Some(code),
        Some(ValueRef::String(text)) => text.parse().ok(),
        _ => None,
    };
    match code {
        None | Some(100..400) => false,
        Some(400..500) => kind != SpanKind::Server,
        Some(_) => true,
    }
}
