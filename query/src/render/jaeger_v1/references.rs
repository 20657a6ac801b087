//! References as JSON.

use super::trace_id;
use crate::go::json;
use crate::render::jaeger_model::{RefType, Reference};

pub(super) fn reference(out: &mut Vec<u8>, reference: Reference) {
    let kind = match reference.kind {
        RefType::ChildOf => "CHILD_OF",
        RefType::FollowsFrom => "FOLLOWS_FROM",
    };
    out.extend_from_slice(b"{\"refType\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"traceID\":");
    trace_id(out, &reference.trace_id);
    out.extend_from_slice(b",\"spanID\":\"");
    json::hex(out, reference.span_id.as_bytes());
    out.extend_from_slice(b"\"}");
}
