//! Services, operations, dependencies and errors of Jaeger's third API.

use model::SpanKind;
use storage::{Dependency, Operation};

use super::{Gone, Output};
use crate::go::json;

/// `{"services":[…]}`.
pub fn services_v3(out: &mut Output, services: &[String]) -> Result<(), Gone> {
    let buffer = out.buffer();
    buffer.extend_from_slice(b"{\"services\":");
    json::strings(buffer, services.iter().map(String::as_str));
    buffer.push(b'}');
    out.pass_on()
}

/// `{"operations":[{"name":…,"spanKind":…}]}`; a kind that was not told is shown as internal.
pub fn operations_v3(out: &mut Output, operations: &[Operation]) -> Result<(), Gone> {
    let buffer = out.buffer();
    buffer.extend_from_slice(b"{\"operations\":");
    json::list(buffer, operations, |out, operation| {
        out.extend_from_slice(b"{\"name\":");
        json::string(out, &operation.name);
        out.extend_from_slice(b",\"spanKind\":");
        let kind = match operation.kind {
            SpanKind::Unspecified => SpanKind::Internal,
            kind => kind,
        };
        json::string(out, kind.as_str());
        out.push(b'}');
    });
    buffer.push(b'}');
    out.pass_on()
}

/// `{"dependencies":[{"parent":…,"child":…,"callCount":"…"}]}`.
pub fn dependencies_v3(out: &mut Output, dependencies: &[Dependency]) -> Result<(), Gone> {
    let buffer = out.buffer();
    buffer.extend_from_slice(b"{\"dependencies\":");
    json::list(buffer, dependencies, |out, edge| {
        out.extend_from_slice(b"{\"parent\":");
        json::string(out, &edge.parent);
        out.extend_from_slice(b",\"child\":");
        json::string(out, &edge.child);
        out.extend_from_slice(b",\"callCount\":");
        json::quoted_integer(out, edge.calls);
        out.push(b'}');
    });
    buffer.push(b'}');
    out.pass_on()
}

/// `{"error":{"httpCode":…,"message":…}}`.
pub fn failure_v3(code: u16, message: &str) -> Vec<u8> {
    let mut out = b"{\"error\":{\"httpCode\":".to_vec();
    json::integer(&mut out, code);
    out.extend_from_slice(b",\"message\":");
    json::string(&mut out, message);
    out.extend_from_slice(b"}}");
    out
}
