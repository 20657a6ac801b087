//! Where the servers are that a `spoor all-in-one` on this machine runs: for commands beside it.

use std::io;
use std::path::Path;

use anyhow::{Context, ensure};
use bootstrap::Secret;
use serde::{Deserialize, Serialize};

use super::{Servers, data_dir, postgres, registry};
use crate::config::{Config, Deployment};

/// File in the data folder by which its installation is known.
const NOTE: &str = "installation.json";

/// What a process notes of the servers that it has started in a data folder. A port of 0 is one of a server
/// that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    deployment: Deployment,
    kafka: u16,
    registry: u16,
    postgres: u16,
}

impl Note {
    fn write(self, data: &Path) -> io::Result<()> {
        std::fs::write(data.join(NOTE), serde_json::to_vec(&self)?)
    }

    fn read(data: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(data.join(NOTE))?)?)
    }
}

impl Servers {
    /// Notes where the servers listen that were started, for commands that are told their data folder alone.
    ///
    /// Errors: the folder cannot be written to.
    pub(crate) fn note(&self, deployment: Deployment) -> anyhow::Result<()> {
        let note = Note {
            deployment,
            kafka: self.ports.kafka,
            registry: self.ports.registry,
            postgres: self.ports.postgres,
        };
        note.write(self.data_dir())
            .context("cannot note where the servers are")
    }
}

/// The configuration with the addresses of the servers that run in its data folder. One that names a
/// server stays as it is.
///
/// Errors: it names none, and no servers run there.
pub(crate) fn beside_all_in_one(config: Config) -> anyhow::Result<Config> {
    if names_a_server(&config) {
        return Ok(config);
    }
    let path = match &config.embedded.data_dir {
        Some(path) => path.clone(),
        None => data_dir::default_path()?,
    };
    ensure!(
        data_dir::is_in_use(&path),
        "storage.url is empty, and no spoor all-in-one runs in {}: name the servers, or its folder with --data-dir",
        path.display()
    );
    let found = Note::read(&path).map_err(anyhow::Error::from);
    let found = found.and_then(|note| adopt(config, note, &path));
    found.with_context(|| format!("cannot find the servers that run in {}", path.display()))
}

fn names_a_server(config: &Config) -> bool {
    config.storage.url.is_set() || config.registry.url.is_set() || !config.kafka.brokers.is_empty()
}

/// The same for a command that destroys: it takes no installation because it lies in the usual place.
///
/// Errors: as above, and if neither a server nor a folder is named.
pub(crate) fn named_all_in_one(config: Config) -> anyhow::Result<Config> {
    ensure!(
        names_a_server(&config) || config.embedded.data_dir.is_some(),
        "say which installation: name its servers, or the folder of an all-in-one with --data-dir"
    );
    beside_all_in_one(config)
}

fn adopt(mut config: Config, note: Note, data: &Path) -> anyhow::Result<Config> {
    config.deployment = note.deployment;
    if note.postgres != 0 {
        config.storage.url = postgres::url_of(data, note.postgres)?;
    }
    if note.kafka != 0 {
        config.kafka.brokers = vec![format!("127.0.0.1:{}", note.kafka)];
    }
    if note.registry != 0 {
        config.registry.url = Secret::new(registry::url(note.registry));
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::super::data_dir::DataDir;
    use super::*;

    const NOTE_OF_DIRECT: Note = Note {
        deployment: Deployment::Direct,
        kafka: 0,
        registry: 0,
        postgres: 5,
    };

    /// A data folder as an all-in-one leaves it.
    fn folder(note: Note) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("postgres")).unwrap();
        std::fs::write(folder.path().join("postgres/password"), "secret").unwrap();
        note.write(folder.path()).unwrap();
        folder
    }

    fn config(folder: &tempfile::TempDir) -> Config {
        let mut config = Config::default();
        config.embedded.data_dir = Some(folder.path().to_owned());
        config
    }

    #[test]
    fn what_destroys_wants_an_installation_named() {
        let error = named_all_in_one(Config::default()).unwrap_err();
        assert!(error.to_string().contains("which installation"), "{error}");
    }

    #[test]
    fn servers_are_found_by_the_folder_of_their_data() {
        let folder = folder(Note {
            deployment: Deployment::Kafka,
            kafka: 3,
            registry: 4,
            postgres: 5,
        });
        let _running = DataDir::open(folder.path()).unwrap();
        let found = beside_all_in_one(config(&folder)).unwrap();
        let url = "postgres://postgres:secret@127.0.0.1:5/spoor";
        assert_eq!(found.storage.url.expose(), url);
        assert_eq!(found.kafka.brokers, ["127.0.0.1:3"]);
        assert_eq!(found.registry.url.expose(), registry::url(4));
    }

    #[test]
    fn the_deployment_is_that_of_the_installation() {
        let folder = folder(NOTE_OF_DIRECT);
        let _running = DataDir::open(folder.path()).unwrap();
        let found = beside_all_in_one(config(&folder)).unwrap();
        assert_eq!(found.deployment, Deployment::Direct);
        assert!(found.kafka.brokers.is_empty());
    }

    #[test]
    fn a_folder_in_which_nothing_runs_is_refused() {
        let folder = folder(NOTE_OF_DIRECT);
        let error = beside_all_in_one(config(&folder)).unwrap_err().to_string();
        assert!(error.contains("--data-dir"), "{error}");
    }

    #[test]
    fn whoever_names_a_server_is_beside_no_all_in_one() {
        let folder = folder(NOTE_OF_DIRECT);
        let _running = DataDir::open(folder.path()).unwrap();
        let mut named = config(&folder);
        named.storage.url = Secret::new("postgres://db/spoor");
        let found = beside_all_in_one(named).unwrap();
        assert_eq!(found.storage.url.expose(), "postgres://db/spoor");
        assert_eq!(found.deployment, Deployment::Kafka);
    }
}
