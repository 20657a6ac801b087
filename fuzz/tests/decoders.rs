//! No bytes make a decoder panic, take more memory or more time than its input deserves: libFuzzer looks
//! for such bytes, from the seeds on, guided by which code an input reaches.
//!
//! For SPOOR_FUZZ_SECONDS each (`make fuzz` has minutes); SPOOR_FUZZ_TARGETS, names between blanks, says
//! which. What was found stays in `target/fuzz`, with the inputs that reach new code, from which a
//! later run goes on.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds for each decoder if nothing else is said.
const SECONDS: &str = "1";
/// Of an input: bytes, seconds; and of the process that decodes it: megabytes at once, and in all.
const LIMITS: [&str; 4] = [
    "-max_len=65536",
    "-timeout=10",
    "-malloc_limit_mb=64",
    "-rss_limit_mb=700",
];

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds")
}

/// The decoders that have seeds.
fn targets() -> Vec<String> {
    if let Ok(chosen) = std::env::var("SPOOR_FUZZ_TARGETS") {
        let chosen: Vec<String> = chosen.split_whitespace().map(str::to_owned).collect();
        if !chosen.is_empty() {
            return chosen;
        }
    }
    let files = fs::read_dir(seeds()).expect("a folder of seeds");
    let names = files.map(|file| file.expect("a file").path());
    let mut names: Vec<String> = names
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Writes each line of a file of seeds as a file of its own.
fn unpack(target: &str, corpus: &Path) {
    fs::create_dir_all(corpus).expect("a folder for the corpus");
    let lines = seeds().join(target).with_extension("hex");
    let lines = fs::read_to_string(lines).expect("seeds");
    for (number, line) in lines.split_whitespace().enumerate() {
        let bytes: Vec<u8> = (0..line.len() / 2)
            .map(|at| u8::from_str_radix(&line[2 * at..2 * at + 2], 16).expect("hexadecimal"))
            .collect();
        fs::write(corpus.join(format!("seed-{number}")), bytes).expect("a seed");
    }
}

/// What libFuzzer says if it finds something; else how much it tried.
fn fuzz(target: &str, seconds: &str) -> Result<String, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz");
    let corpus = folder.join("corpus").join(target);
    unpack(target, &corpus);
    let log = folder.join(format!("{target}.log"));
    let output = File::create(&log).expect("a log");
    let status = Command::new(env!("CARGO_BIN_EXE_fuzz"))
        .args(LIMITS)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/{target}-", folder.display()))
        .arg(&corpus)
        .env("SPOOR_FUZZ_TARGET", target)
        .stdout(output.try_clone().expect("a second handle"))
        .stderr(output)
        .status();
    let said = fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    if status.expect("the fuzzer runs").success() {
        let done = lines.iter().rev().find(|line| line.contains("DONE"));
        return Ok(done.copied().unwrap_or_default().to_owned());
    }
    let last = &lines[lines.len().saturating_sub(40)..];
    Err(format!("{target}: {}\n{}", log.display(), last.join("\n")))
}

#[test]
fn no_bytes_are_too_much_for_a_decoder() {
    let seconds = std::env::var("SPOOR_FUZZ_SECONDS").unwrap_or_else(|_| SECONDS.to_owned());
    let mut found = Vec::new();
    for target in targets() {
        match fuzz(&target, &seconds) {
            Ok(done) => eprintln!("{target}: {done}"),
            Err(said) => found.push(said),
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
