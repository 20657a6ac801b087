//! What describes the library belongs to the resource, where viewers show it once.

use model::{KeyValue, Resource, Span, Trace, Value};

use super::Warnings;

/// The attributes that describe the library.
const KEYS: [&str; 5] = [
    "telemetry.sdk.language",
    "telemetry.sdk.name",
    "telemetry.sdk.version",
    "telemetry.distro.name",
    "telemetry.distro.version",
];

/// Moves the library's attributes from spans to their resource. One that the resource has with
/// another value stays on the span, with a warning.
pub(super) fn adjust(trace: &mut Trace, warnings: &mut Warnings) {
    let mut position = 0;
    for of_resource in &mut trace.resources {
        let resource = &mut of_resource.resource;
        for span in of_resource.scopes.iter_mut().flat_map(|of| &mut of.spans) {
            if span.attributes.iter().any(is_of_library) {
                move_from(span, resource, position, warnings);
            }
            position += 1;
        }
    }
}

fn is_of_library(attribute: &KeyValue) -> bool {
    KEYS.contains(&attribute.key.as_str())
}

fn move_from(span: &mut Span, resource: &mut Resource, position: usize, warnings: &mut Warnings) {
    let (moving, staying): (Vec<_>, Vec<_>) = std::mem::take(&mut span.attributes)
        .into_iter()
        .partition(is_of_library);
    span.attributes = staying;
    for attribute in moving {
        let same_key = |of: &&KeyValue| of.key == attribute.key;
        match resource.attributes.iter().find(same_key) {
            None => resource.attributes.push(attribute),
            Some(existing) if equal_strings(&existing.value, &attribute.value) => {}
            Some(_) => {
                let key = &attribute.key;
                let words = "conflicting values between Span and Resource for attribute";
                warnings.add(position, format!("{words} {key}"));
                span.attributes.push(attribute);
            }
        }
    }
}

/// The semantic conventions define these attributes as strings; anything else is a conflict.
fn equal_strings(a: &Value, b: &Value) -> bool {
    matches!((a, b), (Value::String(a), Value::String(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjust::samples::{of_resource, span, trace};

    fn span_with(attributes: Vec<KeyValue>) -> Span {
        Span {
            attributes,
            ..span(1)
        }
    }

    #[test]
    fn library_attributes_move_to_the_resource() {
        let one = span_with(vec![
            KeyValue::new("telemetry.sdk.name", "otel"),
            KeyValue::new("other", "stays"),
        ]);
        let mut moved = trace(vec![of_resource(&[("service.name", "s")], vec![one])]);
        let mut warnings = Warnings::default();
        adjust(&mut moved, &mut warnings);
        let (resource, _, span) = moved.spans().next().expect("one span");
        assert_eq!(span.attributes, [KeyValue::new("other", "stays")]);
        assert_eq!(
            resource.attributes[1],
            KeyValue::new("telemetry.sdk.name", "otel")
        );
        assert!(warnings.is_empty());
    }

    #[test]
    fn a_conflict_stays_on_the_span_with_a_warning() {
        let conflicting = || vec![KeyValue::new("telemetry.sdk.language", "Go")];
        let spans = vec![span(2), span_with(conflicting())];
        let resource = of_resource(&[("telemetry.sdk.language", "Java")], spans);
        let mut trace = trace(vec![resource]);
        let mut warnings = Warnings::default();
        adjust(&mut trace, &mut warnings);
        assert_eq!(
            trace.resources[0].scopes[0].spans[1].attributes,
            conflicting()
        );
        let words =
            "conflicting values between Span and Resource for attribute telemetry.sdk.language";
        assert_eq!(warnings.of(1), [words]);
        assert!(warnings.of(0).is_empty());
    }
}
