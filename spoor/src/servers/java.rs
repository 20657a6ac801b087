//! The Java machine that runs Kafka and the registry.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Oldest version that Kafka 4.1 runs on.
const OLDEST: u32 = 17;

/// Why there is no usable Java machine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JavaError {
    /// None found.
    #[error(
        "Java {OLDEST} or newer is needed for Kafka and the schema registry, and there is none in \
         JAVA_HOME or PATH: install one, or use `--deployment direct`, which needs Postgres alone"
    )]
    Missing(#[source] std::io::Error),
    /// Too old.
    #[error(
        "{} is Java {found}, and Kafka needs {OLDEST} or newer: set JAVA_HOME, or use \
         `--deployment direct`, which needs Postgres alone",
        java.display()
    )]
    TooOld {
        /// The program.
        java: PathBuf,
        /// Its version.
        found: u32,
    },
}

/// `$JAVA_HOME/bin/java`, else the one in `PATH`.
pub(crate) fn find() -> Result<PathBuf, JavaError> {
    let java = match std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        Some(home) => Path::new(&home).join("bin/java"),
        None => PathBuf::from("java"),
    };
    let output = Command::new(&java)
        .arg("-version")
        .output()
        .map_err(JavaError::Missing)?;
    match version(&String::from_utf8_lossy(&output.stderr)) {
        Some(found) if found < OLDEST => Err(JavaError::TooOld { java, found }),
        _ => Ok(java),
    }
}

/// The argument by which a program keeps its temporary files in a folder below its own, made empty
/// here: what a killed machine leaves there would otherwise stay on the disk for ever.
pub(super) fn temporary_files(folder: &Path) -> std::io::Result<OsString> {
    let temporary = folder.join("tmp");
    if temporary.exists() {
        std::fs::remove_dir_all(&temporary)?;
    }
    std::fs::create_dir(&temporary)?;
    let mut argument = OsString::from("-Djava.io.tmpdir=");
    argument.push(temporary);
    Ok(argument)
}

/// The argument by which a program whose jars lie in `folder` loads its classes from an archive, or
/// leaves one as it ends; none if there is none and none is wanted.
pub(super) fn class_archive(folder: &Path, make: bool) -> Option<OsString> {
    let archive = folder.join("classes.jsa");
    let option = match (make, archive.exists()) {
        (true, _) => "-XX:ArchiveClassesAtExit=",
        (false, true) => "-XX:SharedArchiveFile=",
        (false, false) => return None,
    };
    let mut argument = OsString::from(option);
    argument.push(archive);
    Some(argument)
}

/// The major version out of `openjdk version "17.0.15" …`; old ones call themselves `1.8.0`.
fn version(text: &str) -> Option<u32> {
    let quoted = text.split('"').nth(1)?;
    let mut numbers = quoted.split(['.', '-', '_', '+']);
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_of_an_earlier_run_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        temporary_files(folder.path()).unwrap();
        let left = folder.path().join("tmp/left");
        std::fs::write(&left, "behind").unwrap();
        let argument = temporary_files(folder.path()).unwrap();
        assert!(!left.exists() && folder.path().join("tmp").is_dir());
        assert!(argument.to_string_lossy().ends_with("/tmp"));
    }

    #[test]
    fn versions_are_read_in_both_styles() {
        assert_eq!(version("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(version("java version \"1.8.0_412\""), Some(8));
        assert_eq!(version("openjdk version \"21-ea\" 2023"), Some(21));
    }
}
