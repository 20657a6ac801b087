//! Encryption and authentication. Secrets are named by file and never held.

use std::path::{Path, PathBuf};

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use super::ConfigError;

/// How connections to the brokers are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurityProtocol {
    /// Neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// TLS; the client authenticates with its certificate, if it has one.
    Ssl,
    /// Authenticated by SASL over an open connection.
    SaslPlaintext,
    /// Authenticated by SASL inside TLS.
    SaslSsl,
}

impl SecurityProtocol {
    fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How a user proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// User name and password as they are: over TLS only.
    #[serde(rename = "PLAIN")]
    Plain,
    /// Salted challenge and response with SHA-256.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// Salted challenge and response with SHA-512.
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
}

impl SaslMechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// Encryption and authentication of the connections to the brokers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityConfig {
    /// `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`.
    pub protocol: SecurityProtocol,
    /// PEM file with the certificate authorities to trust. Without it: the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the client's certificate, for mutual TLS.
    pub certificate_file: Option<PathBuf>,
    /// PEM file with the client's private key.
    pub key_file: Option<PathBuf>,
    /// File with the password of the private key.
    pub key_password_file: Option<PathBuf>,
    /// SASL mechanism.
    pub mechanism: SaslMechanism,
    /// SASL user name.
    pub username: Option<String>,
    /// File with the SASL password; trailing line ends are cut off.
    pub password_file: Option<PathBuf>,
}

impl SecurityConfig {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field, why| Err(ConfigError::Invalid { field, why });
        if self.protocol.has_sasl() && (self.username.is_none() || self.password_file.is_none()) {
            return invalid("security.username", "SASL needs username and password_file");
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return invalid(
                "security.key_file",
                "certificate_file and key_file go together",
            );
        }
        Ok(())
    }

    pub(super) fn apply(&self, client: &mut ClientConfig) -> Result<(), ConfigError> {
        client.set("security.protocol", self.protocol.name());
        let files = [
            ("ssl.ca.location", &self.ca_file),
            ("ssl.certificate.location", &self.certificate_file),
            ("ssl.key.location", &self.key_file),
        ];
        for (property, file) in files {
            if let Some(file) = file {
                client.set(property, file.to_string_lossy());
            }
        }
        if let Some(path) = &self.key_password_file {
            client.set(
                "ssl.key.password",
                secret("security.key_password_file", path)?,
            );
        }
        if self.protocol.has_sasl() {
            client.set("sasl.mechanism", self.mechanism.name());
            client.set(
                "sasl.username",
                self.username.as_deref().unwrap_or_default(),
            );
            if let Some(path) = &self.password_file {
                client.set("sasl.password", secret("security.password_file", path)?);
            }
        }
        Ok(())
    }
}

fn secret(field: &'static str, path: &Path) -> Result<String, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(source) => Err(ConfigError::Unreadable {
            field,
            path: path.to_owned(),
            source,
        }),
    }
}
