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
