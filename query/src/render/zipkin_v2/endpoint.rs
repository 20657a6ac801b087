//! Both ends of a call, from the attributes that tell of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::{KeyValue, Resource, Span, SpanKind, Value};

/// One end of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Endpoint<'a> {
    pub(super) service: Option<&'a str>,
    pub(super) ipv4: Option<&'a str>,
    pub(super) ipv6: Option<&'a str>,
    pub(super) port: Option<u16>,
}

/// Attributes of several levels, those that hide others first.
type Levels<'l, 'a> = &'l [&'a [KeyValue]];

/// The end that the span belongs to. Receivers of Zipkin's formats put it into the resource.
pub(super) fn local<'a>(resource: &'a Resource, span: &'a Span) -> Endpoint<'a> {
    let levels = [span.attributes.as_slice(), resource.attributes.as_slice()];
    let addresses = ["net.host.ip", "net.host.ipv6", "network.local.address"];
    Endpoint {
        service: Some(resource.service_name()),
        ipv4: address::<Ipv4Addr>(&levels, &addresses),
        ipv6: address::<Ipv6Addr>(&levels, &addresses),
        port: port(&levels, &["net.host.port", "network.local.port"]),
    }
}

/// The other end.
pub(super) fn remote(span: &Span) -> Endpoint<'_> {
    let levels = [span.attributes.as_slice()];
    let names = match span.kind {
        SpanKind::Client | SpanKind::Producer => {
            &["peer.service", "server.address", "net.peer.name"][..]
        }
        _ => &["peer.service"],
    };
    let addresses = ["net.peer.ip", "net.peer.ipv6", "network.peer.address"];
    Endpoint {
        service: names.iter().find_map(|name| text(&levels, name)),
        ipv4: address::<Ipv4Addr>(&levels, &addresses),
        ipv6: address::<Ipv6Addr>(&levels, &addresses),
        port: port(&levels, &["net.peer.port", "network.peer.port"]),
    }
}

/// Whether an attribute of a span says what an endpoint says already, and need not be shown as a tag.
pub(super) fn says(attribute: &KeyValue) -> bool {
    let alone: Levels<'_, '_> = &[std::slice::from_ref(attribute)];
    match attribute.key.as_str() {
        key @ "net.peer.ip" => address::<IpAddr>(alone, &[key]).is_some(),
        key @ "net.peer.ipv6" => address::<Ipv6Addr>(alone, &[key]).is_some(),
        key @ "net.peer.port" => port(alone, &[key]).is_some(),
        key @ "peer.service" => text(alone, key).is_some(),
        _ => says_of_host(attribute),
    }
}

/// The same for an attribute of a resource.
pub(super) fn says_of_host(attribute: &KeyValue) -> bool {
    let alone: Levels<'_, '_> = &[std::slice::from_ref(attribute)];
    match attribute.key.as_str() {
        key @ "net.host.ip" => address::<IpAddr>(alone, &[key]).is_some(),
        key @ "net.host.ipv6" => address::<Ipv6Addr>(alone, &[key]).is_some(),
        key @ "net.host.port" => port(alone, &[key]).is_some(),
        _ => false,
    }
}

fn told<'a>(levels: Levels<'_, 'a>, key: &str) -> Option<&'a KeyValue> {
    let mut levels = levels.iter();
    levels.find_map(|attributes| attributes.iter().find(|of| of.key == key))
}

fn text<'a>(levels: Levels<'_, 'a>, key: &str) -> Option<&'a str> {
    let found = told(levels, key)?;
    found.value.as_str().filter(|text| !text.is_empty())
}

/// The first address of a family.
fn address<'a, Family: std::str::FromStr>(
    levels: Levels<'_, 'a>,
    keys: &[&str],
) -> Option<&'a str> {
    let mut texts = keys.iter().filter_map(|key| text(levels, key));
    texts.find(|text| text.parse::<Family>().is_ok())
}

fn port(levels: Levels<'_, '_>, keys: &[&str]) -> Option<u16> {
    let told = keys.iter().filter_map(|key| told(levels, key));
    let mut ports = told.filter_map(|of| match &of.value {
        Value::Int(number) => u16::try_from(*number).ok(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    });
    ports.find(|port| *port > 0)
}
