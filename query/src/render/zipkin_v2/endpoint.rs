//! Both ends of a call, from the attributes that tell of them.

use std::net::IpAddr;

use model::{KeyValue, Resource, Span, SpanKind, Value};

/// One end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Endpoint<'a> {
    pub(super) service: Option<&'a str>,
    address: Option<&'a str>,
    pub(super) port: Option<u16>,
}

impl<'a> Endpoint<'a> {
    /// The address if it is one of the family, `ipv4` or `ipv6`.
    pub(super) fn ip(&self, family: &str) -> Option<&'a str> {
        let is_v4 = |text: &&str| matches!(text.parse(), Ok(IpAddr::V4(_)));
        self.address
            .filter(|text| is_v4(text) == (family == "ipv4"))
    }
}

/// The end that the span belongs to.
pub(super) fn local<'a>(resource: &'a Resource, span: &'a Span) -> Endpoint<'a> {
    let attributes = &span.attributes;
    Endpoint {
        service: Some(resource.service_name()),
        address: address(attributes, &["net.host.ip", "network.local.address"]),
        port: port(attributes, &["net.host.port", "network.local.port"]),
    }
}

/// The other end.
pub(super) fn remote(span: &Span) -> Endpoint<'_> {
    let attributes = &span.attributes;
    let names = match span.kind {
        SpanKind::Client | SpanKind::Producer => {
            &["peer.service", "server.address", "net.peer.name"][..]
        }
        _ => &["peer.service"],
    };
    Endpoint {
        service: names.iter().find_map(|name| text(attributes, name)),
        address: address(attributes, &["net.peer.ip", "network.peer.address"]),
        port: port(attributes, &["net.peer.port", "network.peer.port"]),
    }
}

/// Whether an attribute says what an endpoint says already, and need not be shown as a tag.
pub(super) fn says(attribute: &KeyValue) -> bool {
    let alone = std::slice::from_ref(attribute);
    match attribute.key.as_str() {
        key @ ("net.host.ip" | "net.peer.ip") => address(alone, &[key]).is_some(),
        key @ ("net.host.port" | "net.peer.port") => port(alone, &[key]).is_some(),
        key @ "peer.service" => text(alone, key).is_some(),
        _ => false,
    }
}

fn text<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|of| of.key == key)?;
    found.value.as_str().filter(|text| !text.is_empty())
}

fn address<'a>(attributes: &'a [KeyValue], keys: &[&str]) -> Option<&'a str> {
    let texts = keys.iter().filter_map(|key| text(attributes, key));
    let mut addresses = texts.filter(|text| text.parse::<IpAddr>().is_ok());
    addresses.next()
}

fn port(attributes: &[KeyValue], keys: &[&str]) -> Option<u16> {
    let told = |key: &&str| attributes.iter().find(|of| of.key == *key);
    let mut ports = keys
        .iter()
        .filter_map(told)
        .filter_map(|of| match &of.value {
            Value::Int(number) => u16::try_from(*number).ok(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        });
    ports.find(|port| *port > 0)
}
