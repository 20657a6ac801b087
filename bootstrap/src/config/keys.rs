//! Keys held against what the sections know: unknown ones refused, files of secrets read.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use figment::value::{Dict, Value};

use super::document::{Kind, SectionDoc};
use super::error::{ConfigError, Origin};

/// One layer being checked.
pub(super) struct Check<'a> {
    /// The whole document, for suggestions.
    pub(super) root: &'a SectionDoc,
    /// Where the layer comes from.
    pub(super) origin: &'a Origin,
    /// Told to the operator once logging runs.
    pub(super) warnings: &'a mut Vec<String>,
}

impl Check<'_> {
    /// Replaces each `<secret>_file` by the secret and refuses keys that `section` does not have.
    /// `path` is the section's own path, empty for the document.
    pub(super) fn section(
        &mut self,
        keys: &mut Dict,
        section: &SectionDoc,
        path: &str,
    ) -> Result<(), ConfigError> {
        self.read_secret_files(keys, section, path)?;
        for (name, value) in keys.iter_mut() {
            let key = joined(path, name);
            let Some(field) = section.field(name) else {
                return Err(self.unknown(key));
            };
            if let (Kind::Section(below), Value::Dict(_, keys)) = (&field.kind, value) {
                self.section(keys, below, &key)?;
            }
        }
        Ok(())
    }

    fn read_secret_files(
        &mut self,
        keys: &mut Dict,
        section: &SectionDoc,
        path: &str,
    ) -> Result<(), ConfigError> {
        let secrets = section.fields.iter().filter(|field| is_secret(&field.kind));
        for field in secrets {
            let Some(file) = keys.remove(&format!("{}_file", field.name)) else {
                continue;
            };
            let key = joined(path, field.name);
            if keys.contains_key(field.name) {
                let origin = self.origin.clone();
                return Err(ConfigError::SecretTwice { key, origin });
            }
            let file = PathBuf::from(file.as_str().unwrap_or_default());
            let content = self.read_secret(format!("{key}_file"), &file)?;
            keys.insert(field.name.to_owned(), Value::from(content));
        }
        Ok(())
    }

    fn read_secret(&mut self, key: String, path: &Path) -> Result<String, ConfigError> {
        let content = std::fs::read_to_string(path).map_err(|source| ConfigError::SecretFile {
            key: key.clone(),
            origin: self.origin.clone(),
            path: path.to_owned(),
            source,
        })?;
        let mode = std::fs::metadata(path).map_or(0, |data| data.permissions().mode());
        if mode & 0o004 != 0 {
            let path = path.display();
            self.warnings.push(format!(
                "`{key}`: {path} can be read by every user (chmod o-r it)"
            ));
        }
        Ok(content.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn unknown(&self, key: String) -> ConfigError {
        ConfigError::UnknownKey {
            nearest: nearest(&key, self.root.paths()),
            origin: self.origin.clone(),
            key,
        }
    }
}

fn is_secret(kind: &Kind) -> bool {
    matches!(kind, Kind::Value { secret: true, .. })
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The known path that is spelled most like `key`: by its whole, or by its last part alone, so
/// that a key in the wrong section finds the right one.
fn nearest(key: &str, known: Vec<String>) -> Option<String> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let distance = |path: &String| {
        let whole = edit_distance(key, path);
        let part = edit_distance(&last(key), &last(path)) * 2 + 1;
        whole.min(part)
    };
    known.into_iter().min_by_key(distance)
}

/// The name that is spelled most like `name`.
pub fn nearest_name<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let distance = |known: &&str| edit_distance(name, known);
    known.iter().copied().min_by_key(distance)
}

/// Levenshtein's distance in characters.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<String> {
        ["kafka.brokers", "kafka.client_id", "ingester.idle_after"]
            .map(String::from)
            .to_vec()
    }

    #[test]
    fn a_misspelled_key_finds_the_one_that_was_meant() {
        assert_eq!(
            nearest("kafka.borkers", known()).as_deref(),
            Some("kafka.brokers")
        );
    }

    #[test]
    fn a_key_in_the_wrong_section_finds_the_right_section() {
        assert_eq!(
            nearest("collector.publishing.brokers", known()).as_deref(),
            Some("kafka.brokers")
        );
    }

    #[test]
    fn the_distance_counts_single_edits() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
