//! The files of a queue: numbered segments, the place up to which they are delivered, and a lock.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

/// How the name of a segment ends.
const SUFFIX: &str = ".spans";
/// The file with the place up to which everything is delivered.
const CURSOR: &str = "cursor";
/// The file that an agent holds locked.
const LOCK: &str = "lock";
/// What is in the files is nobody else's business.
const MODE: u32 = 0o600;

/// A place in the queue: a segment and an offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Position {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// The folder of a queue, locked for this process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    cursor: File,
    /// Unlocked when it is closed.
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be and locks it.
    ///
    /// # Errors
    /// When another process has locked it (`WouldBlock`), or it cannot be written.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = options().truncate(false).open(path.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                io::Error::new(io::ErrorKind::WouldBlock, "another process has the folder")
            }
            TryLockError::Error(error) => error,
        })?;
        let cursor = options()
            .read(true)
            .truncate(false)
            .open(path.join(CURSOR))?;
        Ok(Self {
            path: path.to_owned(),
            cursor,
            _lock: lock,
        })
    }

    /// The segments there are, with their lengths.
    pub(super) fn segments(&self) -> io::Result<BTreeMap<u64, u64>> {
        let mut segments = BTreeMap::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                segments.insert(number, entry.metadata()?.len());
            }
        }
        Ok(segments)
    }

    /// Makes a new segment. Its name is durable when this returns.
    pub(super) fn create(&self, number: u64) -> io::Result<File> {
        let file = options().create_new(true).open(self.segment(number))?;
        File::open(&self.path)?.sync_all()?;
        Ok(file)
    }

    /// Some bytes of a segment, fewer if it ends before, none if somebody has removed it.
    pub(super) fn read(&self, at: Position, length: usize) -> io::Result<Vec<u8>> {
        let file = match File::open(self.segment(at.segment)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            file => file?,
        };
        let (mut bytes, mut filled) = (vec![0; length], 0);
        while filled < length {
            match file.read_at(&mut bytes[filled..], at.offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    pub(super) fn remove(&self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.segment(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The place up to which everything is delivered; the beginning, if it cannot be told.
    pub(super) fn cursor(&self) -> Position {
        let mut bytes = [0; 24];
        if self.cursor.read_exact_at(&mut bytes, 0).is_err() {
            return Position::default();
        }
        let number = |at: usize| {
            let bytes = bytes[at..at + 8].first_chunk();
            u64::from_le_bytes(*bytes.expect("eight of them"))
        };
        if xxh3_64(&bytes[..16]) != number(16) {
            return Position::default();
        }
        Position {
            segment: number(0),
            offset: number(8),
        }
    }

    /// Notes the place. It need not be durable: a place that is lost costs sending again.
    pub(super) fn set_cursor(&self, at: Position) -> io::Result<()> {
        let place = [at.segment.to_le_bytes(), at.offset.to_le_bytes()].concat();
        let checksum = xxh3_64(&place).to_le_bytes();
        self.cursor
            .write_all_at(&[&place[..], &checksum].concat(), 0)
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:020}{SUFFIX}"))
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(MODE);
    options
}
