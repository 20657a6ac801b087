//! The names that spans are found by, also where the client sent none.
//!
//! What was sent is stored as it was sent; these names stand in when it is catalogued, searched
//! and shown. They are Jaeger's (`internal/jptrace/sanitizer`).

use crate::{Resource, ResourceRef, SpanBatch, SpanRef, Value, ValueRef};

/// The resource attribute that names the service.
pub const SERVICE_NAME: &str = "service.name";
/// The service of a resource without `service.name`.
pub const MISSING_SERVICE: &str = "missing-service-name";
/// The service of a resource whose `service.name` is not a string.
pub const WRONG_TYPE_SERVICE: &str = "service-name-wrong-type";
/// The service of a resource whose `service.name` is the empty string.
pub const EMPTY_SERVICE: &str = "empty-service-name";
/// The operation of a span without a name.
pub const EMPTY_SPAN_NAME: &str = "empty-span-name";

impl<'a> SpanBatch<'a> {
    /// The service that a resource stands for.
    pub fn service_name(&self, resource: &ResourceRef<'a>) -> &'a str {
        match self.attribute(resource.attributes, SERVICE_NAME) {
            None => MISSING_SERVICE,
            Some(ValueRef::String("")) => EMPTY_SERVICE,
            Some(ValueRef::String(name)) => name,
            Some(_) => WRONG_TYPE_SERVICE,
        }
    }
}

/// Names of the services of spans. One that follows another of the same scope costs no search.
#[derive(Debug)]
pub struct ServiceNames<'b, 'a> {
    batch: &'b SpanBatch<'a>,
    /// The last span's scope, and its service.
    last: Option<(u32, &'a str)>,
}

impl<'b, 'a> ServiceNames<'b, 'a> {
    /// Names of the services in a batch.
    pub fn new(batch: &'b SpanBatch<'a>) -> Self {
        Self { batch, last: None }
    }

    /// The service of a span of the batch.
    pub fn of(&mut self, span: &SpanRef<'a>) -> &'a str {
        match self.last {
            Some((scope, service)) if scope == span.scope => service,
            _ => {
                let service = self.batch.service_name(self.batch.resource(span));
                self.last = Some((span.scope, service));
                service
            }
        }
    }
}

impl<'a> SpanRef<'a> {
    /// The operation that the span stands for.
    pub fn operation_name(&self) -> &'a str {
        if self.name.is_empty() {
            EMPTY_SPAN_NAME
        } else {
            self.name
        }
    }
}

impl Resource {
    /// The service that the resource stands for.
    pub fn service_name(&self) -> &str {
        match self
            .attributes
            .iter()
            .rev()
            .find(|attribute| attribute.key == SERVICE_NAME)
        {
            None => MISSING_SERVICE,
            Some(attribute) => match &attribute.value {
                Value::String(name) if name.is_empty() => EMPTY_SERVICE,
                Value::String(name) => name,
                _ => WRONG_TYPE_SERVICE,
            },
        }
    }
}
