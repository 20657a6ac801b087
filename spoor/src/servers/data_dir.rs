//! The one folder that holds all data of the child servers, used by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// Another process holds the lock.
    #[error(
        "another spoor{} uses {}: stop it, or give this one its own folder with --data-dir",
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
        /// Who holds it.
        pid: Option<u32>,
    },
    /// A folder or file cannot be made.
    #[error("cannot use {}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Nothing says where the user's data home is.
    #[error("neither XDG_DATA_HOME nor HOME is set: say where to keep data with --data-dir")]
    Homeless,
}

/// `$XDG_DATA_HOME/spoor`, else `~/.local/share/spoor`.
pub(crate) fn default_path() -> Result<PathBuf, DataDirError> {
    let folder = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty());
    if let Some(data_home) = folder("XDG_DATA_HOME") {
        return Ok(Path::new(&data_home).join("spoor"));
    }
    let home = folder("HOME").ok_or(DataDirError::Homeless)?;
    Ok(Path::new(&home).join(".local/share/spoor"))
}

/// The folder, locked until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    id: String,
    _lock: File,
}

impl DataDir {
    /// Makes the folder if need be and takes its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        create(path)?;
        let path = path.canonicalize().map_err(at(path))?;
        let lock = lock(&path)?;
        create(&path.join("logs"))?;
        let id = identity(&path.join("id")).map_err(at(&path))?;
        Ok(Self {
            path,
            id,
            _lock: lock,
        })
    }

    /// The folder's absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A random name given to the folder when it was made.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A folder inside, made if need be.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, DataDirError> {
        let path = self.path.join(name);
        create(&path)?;
        Ok(path)
    }

    /// The log file of a server.
    pub(crate) fn log(&self, server: &str) -> PathBuf {
        self.path.join("logs").join(format!("{server}.log"))
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, source }
}

fn create(path: &Path) -> Result<(), DataDirError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .map_err(at(path))
}

fn lock(folder: &Path) -> Result<File, DataDirError> {
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => {
            let written = file
                .set_len(0)
                .and_then(|()| write!(file, "{}", std::process::id()));
            written.map_err(at(&path))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(DataDirError::Locked {
            path: folder.to_owned(),
            pid: holder(&mut file),
        }),
        Err(TryLockError::Error(source)) => Err(DataDirError::Io { path, source }),
    }
}

/// Whether a process holds the folder.
pub(crate) fn is_in_use(folder: &Path) -> bool {
    let file = File::open(folder.join("lock"));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn identity(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(id) if !id.trim().is_empty() => return Ok(id.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let id = uuid::Uuid::new_v4().simple().to_string();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(path)?;
    file.write_all(id.as_bytes())?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_refused_and_its_user_named() {
        let folder = tempfile::tempdir().unwrap();
        let _held = DataDir::open(folder.path()).unwrap();
        let error = DataDir::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains(&format!("process {}", std::process::id())),
            "{error}"
        );
    }

    #[test]
    fn a_folder_is_in_use_for_as_long_as_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_in_use(folder.path()));
        let held = DataDir::open(folder.path()).unwrap();
        assert!(is_in_use(folder.path()));
        drop(held);
        assert!(!is_in_use(folder.path()));
    }

    #[test]
    fn a_folder_keeps_its_identity() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path()).unwrap().id().to_owned();
        assert_eq!(DataDir::open(folder.path()).unwrap().id(), first);
    }
}
