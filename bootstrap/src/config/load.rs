//! Reads the configuration document from its layers.

use std::path::PathBuf;

use figment::Figment;
use serde::de::DeserializeOwned;

use super::document::Documented;
use super::error::ConfigError;
use super::keys::Check;
use super::layers::{ENVIRONMENT_PREFIX, from_environment, from_file, from_flags};

/// Where to read a configuration from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A TOML or YAML file.
    pub file: Option<PathBuf>,
    /// Environment variables; those that start with `SPOOR__` count.
    pub environment: Vec<(String, String)>,
    /// Texts like `section.key=value`.
    pub flags: Vec<String>,
}

impl Sources {
    /// A file, the environment of this process, and flags.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<String>) -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self {
            file,
            environment: std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
                .collect(),
            flags,
        }
    }
}

/// A configuration, and what the operator should be told about it once logging runs.
#[derive(Debug, Clone)]
pub struct Loaded<C> {
    /// The document.
    pub config: C,
    /// Sentences, without secrets.
    pub warnings: Vec<String>,
}

/// Reads a document: defaults → file → environment → flags, later ones win.
///
/// Errors: the first key or file that is wrong, never with a secret in the message.
pub fn load<C: Documented + DeserializeOwned>(sources: &Sources) -> Result<Loaded<C>, ConfigError> {
    let document = C::document();
    let mut layers = Vec::new();
    if let Some(path) = &sources.file {
        layers.push(from_file(path)?);
    }
    layers.push(from_environment(&sources.environment, &document));
    layers.push(from_flags(&sources.flags, &document)?);

    let mut warnings = Vec::new();
    let mut figment = Figment::new();
    for mut layer in layers {
        let mut check = Check {
            root: &document,
            origin: &layer.origin,
            warnings: &mut warnings,
        };
        check.section(&mut layer.keys, &document, "")?;
        figment = figment.merge(layer);
    }
    let config = figment.extract().map_err(invalid)?;
    Ok(Loaded { config, warnings })
}

fn invalid(error: figment::Error) -> ConfigError {
    ConfigError::Invalid {
        key: error.path.join("."),
        origin: error.metadata.as_ref().map_or_else(
            || "the configuration".to_owned(),
            |origin| origin.name.to_string(),
        ),
        message: error.kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteSize, Secret};
    use std::time::Duration;

    crate::config! {
        /// All.
        struct Document {
            /// Brokers.
            pub kafka: Kafka,
        }

        /// Kafka.
        struct Kafka {
            /// Addresses.
            pub brokers: Vec<String> = Vec::new(),
            /// A wait.
            pub timeout: Duration = Duration::from_secs(5),
            /// A size.
            pub buffer: ByteSize = ByteSize::mib(1),
            /// A secret.
            pub password: Secret = Secret::none(),
            /// A number.
            pub partitions: u32 = 8,
        }
    }

    fn read(sources: Sources) -> Result<Kafka, String> {
        match load::<Document>(&sources) {
            Ok(loaded) => Ok(loaded.config.kafka),
            Err(error) => Err(crate::chain(&error).to_string()),
        }
    }

    fn file(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn flags(flags: &[&str]) -> Sources {
        Sources {
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..Sources::default()
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let (_folder, path) = file(
            "spoor.toml",
            "[kafka]\npartitions = 1\ntimeout = \"1s\"\nbuffer = \"1 KiB\"",
        );
        let kafka = read(Sources {
            file: Some(path),
            environment: vec![
                ("SPOOR__KAFKA__PARTITIONS".into(), "2".into()),
                ("SPOOR__KAFKA__TIMEOUT".into(), "2s".into()),
            ],
            flags: vec!["kafka.partitions=3".into()],
        });
        let kafka = kafka.unwrap();
        assert_eq!(kafka.partitions, 3);
        assert_eq!(kafka.timeout, Duration::from_secs(2));
        assert_eq!(kafka.buffer, ByteSize::kib(1));
    }

    #[test]
    fn yaml_is_read_like_toml() {
        let (_folder, path) = file("spoor.yaml", "kafka:\n  brokers: [a:1, b:2]\n");
        let kafka = read(Sources {
            file: Some(path),
            ..Sources::default()
        })
        .unwrap();
        assert_eq!(kafka.brokers, ["a:1", "b:2"]);
    }

    #[test]
    fn an_empty_file_leaves_the_defaults() {
        let (_folder, path) = file("spoor.yaml", "");
        let kafka = read(Sources {
            file: Some(path),
            ..Sources::default()
        })
        .unwrap();
        assert_eq!(kafka.partitions, 8);
    }

    #[test]
    fn a_list_in_a_flag_is_separated_by_commas() {
        let kafka = read(flags(&["kafka.brokers=a:1, b:2"])).unwrap();
        assert_eq!(kafka.brokers, ["a:1", "b:2"]);
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_nearest_known_one_named() {
        assert_eq!(
            read(flags(&["kafka.partitons=3"])).unwrap_err(),
            "unknown key `kafka.partitons` in --set; the nearest known one is `kafka.partitions`"
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_with_its_path() {
        let error = read(flags(&["kafka.partitions=many"])).unwrap_err();
        assert!(
            error.starts_with("`kafka.partitions` in --set: "),
            "{error}"
        );
    }

    #[test]
    fn a_section_given_a_value_is_refused_with_its_path() {
        let error = read(flags(&["kafka=3"])).unwrap_err();
        assert!(error.starts_with("`kafka` in --set: "), "{error}");
    }

    #[test]
    fn a_password_of_digits_stays_text() {
        let kafka = read(flags(&["kafka.password=007"])).unwrap();
        assert_eq!(kafka.password.expose(), "007");
    }

    #[test]
    fn a_secret_is_read_from_its_file_without_the_line_break() {
        let (_folder, path) = file("password", "hunter2\n");
        let kafka = read(flags(&[&format!("kafka.password_file={}", path.display())])).unwrap();
        assert_eq!(kafka.password.expose(), "hunter2");
    }

    #[test]
    fn a_secret_file_that_all_can_read_is_warned_about() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, path) = file("password", "hunter2");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        let flag = format!("kafka.password_file={}", path.display());
        let warnings = load::<Document>(&flags(&[&flag])).unwrap().warnings;
        assert!(warnings[0].contains("kafka.password_file"), "{warnings:?}");
    }

    #[test]
    fn a_missing_secret_file_is_refused_with_its_key() {
        let error = read(flags(&["kafka.password_file=/does/not/exist"])).unwrap_err();
        assert!(
            error.starts_with("`kafka.password_file` in --set: cannot read"),
            "{error}"
        );
    }

    #[test]
    fn no_message_shows_what_stands_in_a_broken_file() {
        for (name, content) in [
            ("a.toml", "[kafka]\npassword = \"hunter2"),
            ("b.yaml", "kafka:\n  password: [hunter2"),
            ("c.toml", "[kafka]\npassword = { hunter2 = 1 }"),
            ("d.yaml", "kafka: hunter2: x"),
        ] {
            let (_folder, path) = file(name, content);
            let error = read(Sources {
                file: Some(path),
                ..Sources::default()
            })
            .unwrap_err();
            assert!(!error.contains("hunter2"), "{name}: {error}");
        }
    }
}
