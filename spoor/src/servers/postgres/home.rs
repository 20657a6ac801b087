//! Where the cluster and the programs of Postgres lie: in places that its user can reach.
//!
//! Started by root, Postgres runs as another user, who may not pass through a closed folder such
//! as `/root`. Then the cluster lies under [`ELSEWHERE`], under a name drawn with the data folder
//! and linked from there, and the programs are copied beside it.

use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::servers::data_dir::DataDir;
use crate::servers::user::User;

/// Open to all users on every machine.
const ELSEWHERE: &str = "/var/lib/spoor-postgres";

/// The places.
#[derive(Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    programs: PathBuf,
}

impl Home {
    /// Finds or makes the places for this user; `None` is the user of this process.
    pub(crate) fn prepare(
        data: &DataDir,
        programs: &Path,
        user: Option<&User>,
    ) -> anyhow::Result<Self> {
        let link = data.path().join("postgres");
        let Some(user) = user else {
            std::fs::create_dir_all(&link)?;
            let folder = link.canonicalize()?;
            ours(&folder)?;
            return Ok(Self {
                folder,
                programs: programs.to_owned(),
            });
        };
        let folder = place(data, &link, user).with_context(|| {
            format!("cannot make a folder that the user {} can reach", user.name)
        })?;
        user.own(&folder)
            .with_context(|| format!("cannot give {} to {}", folder.display(), user.name))?;
        let programs = reachable_programs(programs, user).with_context(|| {
            format!(
                "cannot copy Postgres to where the user {} can reach it",
                user.name
            )
        })?;
        Ok(Self { folder, programs })
    }

    /// The folder that holds the cluster and its password.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The cluster.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// `bin`, `lib` and `share`.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }
}

fn ours(folder: &Path) -> anyhow::Result<()> {
    let owner = std::fs::metadata(folder)?.uid();
    if owner != rustix::process::geteuid().as_raw() {
        bail!(
            "{} belongs to user {owner}: run spoor as before, or give it another --data-dir",
            folder.display()
        );
    }
    Ok(())
}

fn place(data: &DataDir, link: &Path, user: &User) -> io::Result<PathBuf> {
    if link.exists() {
        return link.canonicalize();
    }
    let_pass(data.path())?;
    if user.can_reach(data.path())? {
        std::fs::create_dir_all(link)?;
        return link.canonicalize();
    }
    let folder = Path::new(ELSEWHERE).join(data.id());
    std::fs::create_dir_all(&folder)?;
    let_pass(Path::new(ELSEWHERE))?;
    symlink(&folder, link)?;
    tracing::info!(
        "Postgres keeps its data in {}: its user {} cannot reach {}",
        folder.display(),
        user.name,
        data.path().display()
    );
    Ok(folder)
}

/// Lets other users pass through a folder of ours, without letting them look into it.
fn let_pass(folder: &Path) -> io::Result<()> {
    let mut permissions = std::fs::metadata(folder)?.permissions();
    permissions.set_mode(permissions.mode() | 0o011);
    std::fs::set_permissions(folder, permissions)
}

fn reachable_programs(programs: &Path, user: &User) -> io::Result<PathBuf> {
    if user.can_reach(&programs.join("bin"))? {
        return Ok(programs.to_owned());
    }
    // Named by size and time of the server, so that another version gets another copy.
    let server = std::fs::metadata(programs.join("bin/postgres"))?;
    let copy =
        Path::new(ELSEWHERE).join(format!("programs-{:x}-{:x}", server.len(), server.mtime()));
    if copy.exists() {
        return Ok(copy);
    }
    std::fs::create_dir_all(ELSEWHERE)?;
    let_pass(Path::new(ELSEWHERE))?;
    let unfinished = copy.with_extension(std::process::id().to_string());
    let status = Command::new("cp")
        .arg("-a")
        .arg(programs)
        .arg(&unfinished)
        .status()?;
    if !status.success() {
        return Err(io::Error::other(format!("cp ended with {status}")));
    }
    match std::fs::rename(&unfinished, &copy) {
        Err(_) if copy.exists() => std::fs::remove_dir_all(&unfinished)?,
        renamed => renamed?,
    }
    Ok(copy)
}
