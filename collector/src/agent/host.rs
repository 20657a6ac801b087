//! What the machine says of itself, by OpenTelemetry's names.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::fs;

use super::config::AgentEnrichConfig;

/// Where Linux tells the name.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// What every resource is given: what is configured, and the machine's attributes if they are
/// wanted. A name that cannot be told is left out.
pub(super) fn attributes(config: &AgentEnrichConfig) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if config.host {
        let name = fs::read_to_string(HOSTNAME).unwrap_or_default();
        if !name.trim().is_empty() {
            all.insert("host.name".to_owned(), name.trim().to_owned());
        }
        all.insert("host.arch".to_owned(), arch(ARCH).to_owned());
        all.insert("os.type".to_owned(), os_type(OS).to_owned());
    }
    let configured = config.resource_attributes.iter();
    all.extend(configured.map(|(key, value)| (key.clone(), value.clone())));
    all
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

    #[test]
    fn the_machine_is_described_in_the_conventions_words() {
        let told = attributes(&AgentEnrichConfig::default());
        assert_eq!(told["os.type"], "linux");
        assert!(["amd64", "arm64"].contains(&told["host.arch"].as_str()));
        assert!(!told["host.name"].is_empty());
    }

    #[test]
    fn what_is_configured_wins() {
        let config = AgentEnrichConfig {
            resource_attributes: [("host.name".to_owned(), "node-1".to_owned())].into(),
            ..AgentEnrichConfig::default()
        };
        assert_eq!(attributes(&config)["host.name"], "node-1");
        let alone = AgentEnrichConfig {
            host: false,
            ..config
        };
        assert_eq!(attributes(&alone).len(), 1);
    }
}
