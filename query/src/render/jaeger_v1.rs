//! The JSON of Jaeger's first HTTP API: envelope, catalogues and traces, to the byte.

mod tags;
mod references;
mod span;
mod trace;

use model::TraceId;
use storage::{Dependency, Operation};

use super::{Gone, Output};
use crate::adjust::Adjusted;
use crate::go::json;

/// One element of an envelope's `errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorEntry {
    /// HTTP status; left out when 0.
    pub code: u16,
    /// What happened.
    pub message: String,
    /// The trace that it happened to.
    pub trace_id: Option<TraceId>,
}

/// What goes around the data: `{"data":…,"total":…,"limit":0,"offset":0,"errors":…}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// How many items there are, told for services and operations alone.
    pub total: usize,
    /// What went wrong.
    pub errors: Vec<ErrorEntry>,
}

impl Envelope {
    /// Writes what comes before the data.
    pub fn open(out: &mut Vec<u8>) {
        json_object(out, "data");
    }

    /// Writes what comes after the data.
    pub fn close(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"total\":");
        json::integer(out, self.total as u64);
        out.extend_from_slice(b",\"limit\":0,\"offset\":0,\"errors\":");
        if self.errors.is_empty() {
            out.extend_from_slice(b"null");
        } else {
            json::list(out, &self.errors, error_entry);
        }
        out.push(b'}');
    }

    /// The body of a failed request: no data, one error.
    pub fn failure(code: u16, message: String) -> Vec<u8> {
        let mut out = Vec::new();
        Self::open(&mut out);
        out.extend_from_slice(b"null");
        let entry = ErrorEntry {
            code,
            message,
            trace_id: None,
        };
        let envelope = Self {
            total: 0,
            errors: vec![entry],
        };
        envelope.close(&mut out);
        out
    }
}

fn json_object(out: &mut Vec<u8>, first: &str) {
    out.push(b'{');
    json::name(out, first);
}

fn error_entry(out: &mut Vec<u8>, entry: &ErrorEntry) {
    out.push(b'{');
    if entry.code != 0 {
        json::name(out, "code");
        json::integer(out, entry.code);
        out.push(b',');
    }
    json::name(out, "msg");
    json::string(out, &entry.message);
    if let Some(id) = &entry.trace_id {
        out.extend_from_slice(b",\"traceID\":");
        trace_id(out, id);
    }
    out.push(b'}');
}

/// A trace id in quotes: 16 digits when its high half is zero.
fn trace_id(out: &mut Vec<u8>, id: &TraceId) {
    out.push(b'"');
    let bytes = id.as_bytes();
    json::hex(out, if id.is_short() { &bytes[8..] } else { bytes });
    out.push(b'"');
}

/// A number.
pub fn number(out: &mut Output, number: u64) -> Result<(), Gone> {
    let buffer = out.buffer();
    Envelope::open(buffer);
    json::integer(buffer, number);
    Envelope::default().close(buffer);
    out.pass_on()
}

/// What says that a trace is kept: no data, and no errors.
pub fn archived(out: &mut Output) -> Result<(), Gone> {
    let answer = br#"{"data":[],"total":0,"limit":0,"offset":0,"errors":[]}"#;
    out.buffer().extend_from_slice(answer);
    out.pass_on()
}

/// The list of services.
pub fn services(out: &mut Output, services: &[String]) -> Result<(), Gone> {
    names(out, services.iter().map(String::as_str).collect())
}

/// The names of operations, each once.
pub fn operation_names(out: &mut Output, operations: &[Operation]) -> Result<(), Gone> {
    let mut unique: Vec<&str> = operations.iter().map(|of| of.name.as_str()).collect();
    unique.dedup();
    names(out, unique)
}

fn names(out: &mut Output, names: Vec<&str>) -> Result<(), Gone> {
    let buffer = out.buffer();
    Envelope::open(buffer);
    let total = names.len();
    json::strings(buffer, names);
    Envelope {
        total,
        errors: Vec::new(),
    }
    .close(buffer);
    out.pass_on()
}

/// Operations with their kinds.
pub fn operations(out: &mut Output, operations: &[Operation]) -> Result<(), Gone> {
    let buffer = out.buffer();
    Envelope::open(buffer);
    json::list(buffer, operations, |out, operation| {
        out.extend_from_slice(b"{\"name\":");
        json::string(out, &operation.name);
        out.extend_from_slice(b",\"spanKind\":");
        let kind = match operation.kind {
            model::SpanKind::Unspecified => "",
            kind => kind.as_str(),
        };
        json::string(out, kind);
        out.push(b'}');
    });
    Envelope {
        total: operations.len(),
        errors: Vec::new(),
    }
    .close(buffer);
    out.pass_on()
}

/// Calls between services.
pub fn dependencies(out: &mut Output, dependencies: &[Dependency]) -> Result<(), Gone> {
    let buffer = out.buffer();
    Envelope::open(buffer);
    json::list(buffer, dependencies, |out, edge| {
        out.extend_from_slice(b"{\"parent\":");
        json::string(out, &edge.parent);
        out.extend_from_slice(b",\"child\":");
        json::string(out, &edge.child);
        out.extend_from_slice(b",\"callCount\":");
        json::integer(out, edge.calls);
        out.push(b'}');
    });
    Envelope::default().close(buffer);
    out.pass_on()
}

/// Traces, and the ids that were asked for and not found.
pub fn traces(out: &mut Output, traces: &[Adjusted], missing: &[TraceId]) -> Result<(), Gone> {
    Envelope::open(out.buffer());
    out.buffer().push(b'[');
    for (index, adjusted) in traces.iter().enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        trace::trace(out, adjusted)?;
    }
    out.buffer().push(b']');
    let not_found = |id: &TraceId| ErrorEntry {
        code: 0,
        message: "trace not found".to_owned(),
        trace_id: Some(*id),
    };
    Envelope {
        total: 0,
        errors: missing.iter().map(not_found).collect(),
    }
    .close(out.buffer());
    out.pass_on()
}

#[cfg(test)]
mod tests;
