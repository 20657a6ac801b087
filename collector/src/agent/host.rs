//! What machine and environment say of where the agent runs, by OpenTelemetry's names.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::fs;

use super::config::AgentEnrichConfig;

/// Where Linux tells the name.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// The variable in which OpenTelemetry's SDKs are told attributes: `key=value,key=value`, values
/// percent-encoded.
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// What a service says of itself; the agent's own name is nobody else's.
const OF_SERVICES: &str = "service.";

/// Variables that a pod's manifest fills from its own fields, as OpenTelemetry's detectors name them.
const KUBERNETES: [(&str, &str); 5] = [
    ("K8S_CLUSTER_NAME", "k8s.cluster.name"),
    ("K8S_NAMESPACE_NAME", "k8s.namespace.name"),
    ("K8S_NODE_NAME", "k8s.node.name"),
    ("K8S_POD_NAME", "k8s.pod.name"),
    ("K8S_POD_UID", "k8s.pod.uid"),
];

/// What every resource is given: what is configured, then what the environment says, then the
/// machine's attributes, as far as they are wanted. What cannot be told is left out.
pub(super) fn attributes(
    config: &AgentEnrichConfig,
    variable: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if config.host {
        all.extend(of_machine());
    }
    if config.environment {
        all.extend(of_environment(variable));
    }
    let configured = config.resource_attributes.iter();
    all.extend(configured.map(|(key, value)| (key.clone(), value.clone())));
    all
}

fn of_machine() -> BTreeMap<String, String> {
    let name = fs::read_to_string(HOSTNAME).unwrap_or_default();
    let known = [
        ("host.name", name.trim()),
        ("host.arch", arch(ARCH)),
        ("os.type", os_type(OS)),
    ];
    let told = known.into_iter().filter(|(_, value)| !value.is_empty());
    told.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn of_environment(variable: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (name, key) in KUBERNETES {
        if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
            all.insert(key.to_owned(), value);
        }
    }
    let told = variable(RESOURCE_ATTRIBUTES).unwrap_or_default();
    match pairs(&told) {
        Some(mut pairs) => {
            pairs.retain(|key, _| !key.starts_with(OF_SERVICES));
            all.extend(pairs);
        }
        None => tracing::warn!(
            variable = RESOURCE_ATTRIBUTES,
            "Ignored a variable that is no list of attributes"
        ),
    }
    all
}

/// Reads `key=value,key=value`. None if any of it cannot be read: then all of it is doubtful.
fn pairs(told: &str) -> Option<BTreeMap<String, String>> {
    let each = told.split(',').filter(|pair| !pair.trim().is_empty());
    each.map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let key = key.trim();
        (!key.is_empty()).then_some(())?;
        Some((unescaped(key)?, unescaped(value.trim())?))
    })
    .collect()
}

/// Replaces `%41` by the byte of that number.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Rust's name of an architecture in the words of OpenTelemetry's conventions.
fn arch(rust: &str) -> &str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// Rust's name of an operating system in the words of OpenTelemetry's conventions.
fn os_type(rust: &str) -> &str {
    match rust {
        "macos" => "darwin",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    /// What is told where these variables are set, and the machine is not asked.
    fn told(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let config = AgentEnrichConfig {
            host: false,
            ..AgentEnrichConfig::default()
        };
        let set = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        attributes(&config, set).into_iter().collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn the_machine_is_described_in_the_conventions_words() {
        let told = attributes(&AgentEnrichConfig::default(), nothing);
        assert_eq!(told["os.type"], "linux");
        assert!(["amd64", "arm64"].contains(&told["host.arch"].as_str()));
        assert!(!told["host.name"].is_empty());
    }

    #[test]
    fn what_is_configured_wins_over_the_environment_and_that_over_the_machine() {
        let set = |name: &str| {
            let is_it = name == RESOURCE_ATTRIBUTES;
            is_it.then(|| "host.name=pod-1,os.type=plan9".to_owned())
        };
        let config = AgentEnrichConfig {
            resource_attributes: [("host.name".to_owned(), "node-1".to_owned())].into(),
            ..AgentEnrichConfig::default()
        };
        let all = attributes(&config, set);
        assert_eq!((&*all["host.name"], &*all["os.type"]), ("node-1", "plan9"));
        let alone = AgentEnrichConfig {
            host: false,
            environment: false,
            ..config
        };
        assert_eq!(attributes(&alone, set).len(), 1);
    }

    #[test]
    fn a_list_of_attributes_is_read_as_sdks_read_it() {
        let told = told(&[(
            RESOURCE_ATTRIBUTES,
            "team = shop ,owner=Zo%C3%AB%2C%20Ann,empty=,service.name=agent,service.version=1",
        )]);
        let expected = [("empty", ""), ("owner", "Zoë, Ann"), ("team", "shop")];
        assert_eq!(told, owned(&expected));
    }

    #[test]
    fn a_list_that_cannot_be_read_in_full_is_ignored() {
        for list in ["a=1,b", "=1,a=1", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(told(&[(RESOURCE_ATTRIBUTES, list)]), [], "{list}");
        }
    }

    #[test]
    fn a_pod_tells_where_it_runs_by_variables() {
        let told = told(&[
            ("K8S_NODE_NAME", "node-7"),
            ("K8S_NAMESPACE_NAME", "shop"),
            ("K8S_POD_NAME", ""),
        ]);
        let expected = [("k8s.namespace.name", "shop"), ("k8s.node.name", "node-7")];
        assert_eq!(told, owned(&expected));
    }
}
