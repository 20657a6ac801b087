//! Files below the folder of a UI.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::parse::params::decode_segment;

/// A file, read whole.
pub(super) struct Asset {
    pub(super) content: Vec<u8>,
    pub(super) kind: &'static str,
    /// Changes whenever the file does.
    pub(super) tag: String,
    /// Whether its name changes whenever it does.
    pub(super) is_named_by_content: bool,
}

/// Reads the file that a path of a request names; `None` when there is none below the folder.
pub(super) async fn read(folder: &Path, requested: &str) -> Option<Asset> {
    let path = below(folder, requested)?;
    let facts = tokio::fs::metadata(&path).await.ok()?;
    if !facts.is_file() {
        return None;
    }
    let content = tokio::fs::read(&path).await.ok()?;
    let changed = facts.modified().ok()?;
    let changed = changed.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let name = path.file_name()?.to_str()?;
    Some(Asset {
        tag: format!("\"{:x}-{:x}\"", content.len(), changed.as_nanos()),
        kind: kind(name),
        is_named_by_content: has_hash(name),
        content,
    })
}

/// The path below the folder: nothing that leads out of it.
fn below(folder: &Path, requested: &str) -> Option<PathBuf> {
    let decoded = decode_segment(requested)?;
    let mut path = folder.to_owned();
    for part in decoded.split('/').filter(|part| !part.is_empty()) {
        if part.starts_with('.') || part.contains(['\\', '\0', ':']) {
            return None;
        }
        path.push(part);
    }
    Some(path)
}

/// Whether a name ends with a hash, as builds write it: `index-DvR3kx9A.js`, `main.1f9a2b3c.css`.
fn has_hash(name: &str) -> bool {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    let dashed = stem.rsplit_once('-').map(|(_, hash)| hash);
    let dotted = name
        .split('.')
        .nth(1)
        .filter(|_| name.matches('.').count() > 1);
    [dashed, dotted].into_iter().flatten().any(|hash| {
        hash.len() >= 8
            && hash
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && hash
                .bytes()
                .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    })
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let folder = Path::new("/ui");
        let found = |path: &str| below(folder, path);
        assert_eq!(found("/static//a.js"), Some("/ui/static/a.js".into()));
        assert_eq!(found("/a%20b.js"), Some("/ui/a b.js".into()));
        for path in [
            "/../etc/passwd",
            "/%2e%2e/etc/passwd",
            "/static/..%2f..%2fetc/passwd",
            "/.git/config",
            "/a%00.js",
            "/c:%5cwindows",
            "/%ff",
        ] {
            let leads = found(path);
            assert_eq!(leads, None, "{path}");
        }
    }

    #[test]
    fn names_with_a_hash_are_known() {
        for name in [
            "index-DvR3kx9A.js",
            "main.1f9a2b3c.css",
            "a-b-0123abcd.woff2",
        ] {
            assert!(has_hash(name), "{name}");
        }
        for name in [
            "index.html",
            "jaeger-logo.svg",
            "favicon.ico",
            "my-component.js",
            "a.min.js",
        ] {
            assert!(!has_hash(name), "{name}");
        }
    }
}
