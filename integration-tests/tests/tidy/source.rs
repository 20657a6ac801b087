//! How long files and functions may be, what they are called, and words that have one place.

use crate::{files_ending, none_of, read};

/// Most lines of a source file.
const MAX_FILE_LINES: usize = 450;
/// Most lines of a function.
const MAX_FUNCTION_LINES: usize = 60;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "common", "helpers", "helper", "misc", "manager",
];

fn rust_files() -> Vec<String> {
    files_ending(".rs")
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.starts_with("integration-tests/")
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let silent = |path: &String| !read(path).starts_with("//!");
    none_of(rust_files().into_iter().filter(silent).collect());
}

#[test]
fn no_source_file_is_too_long() {
    let too_long = |path: String| {
        let lines = read(&path).lines().count();
        (lines > MAX_FILE_LINES).then(|| format!("{path}: {lines} lines"))
    };
    none_of(rust_files().into_iter().filter_map(too_long).collect());
}

#[test]
fn no_function_is_too_long() {
    let findings = rust_files().into_iter().flat_map(|path| {
        let text = read(&path);
        let functions = function_lengths(&text).into_iter();
        let long = functions.filter(|(_, lines)| *lines > MAX_FUNCTION_LINES);
        long.map(|(name, lines)| format!("{path}: {name} has {lines} lines"))
            .collect::<Vec<_>>()
    });
    none_of(findings.collect());
}

/// Names and lengths of the functions of a formatted source file: a body ends at the closing
/// brace in the column where its `fn` line begins.
fn function_lengths(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let of_line = |(start, line): (usize, &&str)| {
        let code = line.trim_start();
        let name = function_name(code)?;
        let opening = lines[start..]
            .iter()
            .find(|line| line.ends_with(['{', '}', ';']))?;
        if !opening.ends_with('{') {
            return None;
        }
        let closing = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[start..].iter().position(|line| *line == closing)?;
        Some((name.to_owned(), length + 1))
    };
    lines.iter().enumerate().filter_map(of_line).collect()
}

fn function_name(code: &str) -> Option<&str> {
    let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "];
    let mut rest = code;
    while let Some(shorter) = words.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = shorter;
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(['(', '<']).next()
}

#[test]
fn modules_lie_beside_their_folder_and_have_telling_names() {
    let bad = |path: &String| {
        let stem = path
            .rsplit('/')
            .next()
            .and_then(|file| file.strip_suffix(".rs"));
        let mod_file = stem == Some("mod") && !path.contains("/tests/");
        mod_file || stem.is_some_and(|stem| EMPTY_NAMES.contains(&stem))
    };
    none_of(rust_files().into_iter().filter(bad).collect());
}

#[test]
fn metrics_are_recorded_in_metrics_files_alone() {
    let macros = ["counter!(", "gauge!(", "histogram!("];
    let stray = |path: &String| {
        let home = path.ends_with("metrics.rs") || is_test(path);
        !home && macros.iter().any(|name| read(path).contains(name))
    };
    none_of(rust_files().into_iter().filter(stray).collect());
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    let call = ["SystemTime", "now("].join("::");
    let stray = |path: &String| {
        path != "bootstrap/src/clock.rs" && !is_test(path) && read(path).contains(&call)
    };
    none_of(rust_files().into_iter().filter(stray).collect());
}

#[test]
fn no_test_is_switched_off_and_nothing_is_left_to_do() {
    let words = [
        ["#[", "ignore"].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
    ];
    let findings = rust_files().into_iter().filter(|path| {
        let text = read(path);
        words.iter().any(|word| text.contains(word.as_str()))
    });
    none_of(findings.collect());
}
