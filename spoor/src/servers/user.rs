//! The unprivileged user that Postgres runs as when spoor was started as root.

use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

/// Tried in this order; nothing is added to the machine.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Its name.
    pub(crate) name: String,
    /// Its number.
    pub(crate) uid: u32,
    /// The number of its group.
    pub(crate) gid: u32,
}

impl User {
    /// Whom to run Postgres as: `None` unless this process is root's.
    ///
    /// Errors: the machine has none of the customary users.
    pub(crate) fn for_postgres() -> io::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = std::fs::read_to_string("/etc/passwd")?;
        let found = CANDIDATES.iter().find_map(|name| find(&passwd, name));
        found.map(Some).ok_or_else(|| {
            io::Error::other("Postgres refuses to run as root, and there is neither a user `postgres` nor `nobody`")
        })
    }

    /// Whether the user may pass through every folder up to and including this one.
    pub(crate) fn can_reach(&self, folder: &Path) -> io::Result<bool> {
        for ancestor in folder.canonicalize()?.ancestors() {
            if !self.can_search(&std::fs::metadata(ancestor)?) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn can_search(&self, folder: &std::fs::Metadata) -> bool {
        let bit = if folder.uid() == self.uid {
            0o100
        } else if folder.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        folder.mode() & bit != 0
    }

    /// Gives a folder and all it holds to the user, unless it is the user's already.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        let found = std::fs::symlink_metadata(path)?;
        if found.uid() == self.uid {
            return Ok(());
        }
        if found.is_dir() {
            for entry in std::fs::read_dir(path)? {
                self.own(&entry?.path())?;
            }
        }
        if !found.is_symlink() {
            chown(path, Some(self.uid), Some(self.gid))?;
        }
        Ok(())
    }
}

fn find(passwd: &str, name: &str) -> Option<User> {
    let line = passwd
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User {
        name: name.to_owned(),
        uid,
        gid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "postgresql:x:1:2::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        let user = find(passwd, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
    }
}
