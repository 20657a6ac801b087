//! House rules that no compiler checks: what may depend on what, how long things may be, what
//! they are called, and that the documents name files that exist. Needs no server.

mod dependencies;
mod documents;
mod makefile;
mod source;

use std::path::{Path, PathBuf};

/// The root of the workspace.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
}

/// All files below the root that git knows or would add, with `/`-separated relative paths.
fn tracked_files() -> Vec<String> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git lists the files");
    assert!(output.status.success(), "git ls-files failed");
    let listing = String::from_utf8(output.stdout).expect("paths are UTF-8");
    listing
        .lines()
        .map(str::to_owned)
        .filter(|path| root().join(path).is_file())
        .collect()
}

/// The files with this ending.
fn files_ending(ending: &str) -> Vec<String> {
    tracked_files()
        .into_iter()
        .filter(|path| path.ends_with(ending))
        .collect()
}

/// The text of a file of the repository.
fn read(path: &str) -> String {
    let full: PathBuf = root().join(path);
    std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

/// Fails with one line per finding.
fn none_of(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
