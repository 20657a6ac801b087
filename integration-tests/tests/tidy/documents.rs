//! The documents name files and folders that exist.

use crate::{files_ending, none_of, read, root};

/// Words in backticks that look like a path of the repository.
fn paths_in(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| is_path(word)).collect()
}

fn is_path(word: &str) -> bool {
    let first = word.split('/').next().unwrap_or_default();
    let plain = word
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    plain && word.contains('/') && !first.is_empty() && root().join(first).is_dir()
}

#[test]
fn every_path_in_a_document_exists() {
    let findings = files_ending(".md").into_iter().flat_map(|document| {
        let text = read(&document);
        let missing = paths_in(&text).into_iter().filter(|path| {
            !path.starts_with("target/") && !root().join(path.trim_end_matches('/')).exists()
        });
        missing
            .map(|path| format!("{document} names {path}"))
            .collect::<Vec<_>>()
    });
    none_of(findings.collect());
}

#[test]
fn every_relative_link_in_a_document_leads_somewhere() {
    let findings = files_ending(".md").into_iter().flat_map(|document| {
        let text = read(&document);
        let folder = root()
            .join(&document)
            .parent()
            .expect("a file has a folder")
            .to_owned();
        let targets = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#']).next());
        let local = targets.filter(|target| !target.is_empty() && !target.contains("://"));
        let broken = local.filter(|target| !folder.join(target).exists());
        broken
            .map(|target| format!("{document} links to {target}"))
            .collect::<Vec<_>>()
    });
    none_of(findings.collect());
}

#[test]
fn every_package_is_described_where_newcomers_look() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let members = manifest["workspace"]["members"]
        .as_array()
        .expect("members are a list");
    let mut findings = Vec::new();
    for member in members.iter().filter_map(|member| member.as_str()) {
        for document in ["README.md", "docs/ARCHITECTURE.md"] {
            if !read(document).contains(&format!("`{member}/`")) {
                findings.push(format!("{document} does not tell what {member}/ is"));
            }
        }
    }
    none_of(findings);
}
