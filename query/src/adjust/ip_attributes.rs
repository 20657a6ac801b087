//! Old tracers send IPv4 addresses as numbers.

use std::net::Ipv4Addr;

use model::{KeyValue, Trace, Value};

/// The attributes that hold addresses.
const KEYS: [&str; 2] = ["ip", "peer.ipv4"];

/// Turns numeric addresses of resources and spans into dotted quads.
pub(super) fn adjust(trace: &mut Trace) {
    for of_resource in &mut trace.resources {
        normalize(&mut of_resource.resource.attributes);
    }
    trace
        .spans_mut()
        .for_each(|span| normalize(&mut span.attributes));
}

fn normalize(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if !KEYS.contains(&attribute.key.as_str()) {
            continue;
        }
        // The low 32 bits are the address, in network order.
        let bits = match attribute.value {
            Value::Int(number) => number as u32,
            Value::Double(number) => number as i64 as u32,
            _ => continue,
        };
        attribute.value = Value::String(Ipv4Addr::from_bits(bits).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjust::samples::{span, trace_of};

    #[test]
    fn numeric_addresses_become_dotted_quads() {
        let mut one = span(1);
        one.attributes = vec![
            KeyValue::new("ip", i64::from(1 << 24 | 2 << 16 | 3 << 8 | 4)),
            KeyValue::new("peer.ipv4", 4_278_190_085.0),
            KeyValue::new("ip", "10.0.0.1"),
            KeyValue::new("port", 80i64),
        ];
        let mut trace = trace_of([vec![one]]);
        adjust(&mut trace);
        assert_eq!(
            trace.resources[0].scopes[0].spans[0].attributes,
            [
                KeyValue::new("ip", "1.2.3.4"),
                KeyValue::new("peer.ipv4", "255.0.0.5"),
                KeyValue::new("ip", "10.0.0.1"),
                KeyValue::new("port", 80i64),
            ]
        );
    }
}
