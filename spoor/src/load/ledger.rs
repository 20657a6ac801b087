//! What was acknowledged, one JSON line per request, written as the answers come in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::traffic::Recipe;

/// One acknowledged request.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Entry {
    /// Number of the window.
    pub window: u64,
    /// The window's base time, nanoseconds since 1970.
    pub base: u64,
    /// Number of the request within the window.
    pub request: usize,
    /// Spans it carried.
    pub spans: usize,
}

/// Writes a ledger; each entry is in the file before the next is taken.
pub struct Ledger {
    file: Option<BufWriter<File>>,
}

impl Ledger {
    /// Starts a ledger, or none. Its first line is what the traffic can be made again from.
    pub fn create(path: Option<&Path>, recipe: &Recipe) -> anyhow::Result<Self> {
        let Some(path) = path else {
            return Ok(Self { file: None });
        };
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut ledger = Self {
            file: Some(BufWriter::new(file)),
        };
        ledger.line(recipe)?;
        Ok(ledger)
    }

    /// Notes an acknowledged request.
    pub fn acknowledged(&mut self, entry: &Entry) -> anyhow::Result<()> {
        self.line(entry)
    }

    fn line(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        if let Some(file) = &mut self.file {
            serde_json::to_writer(&mut *file, value)?;
            file.write_all(b"\n")?;
            file.flush()?;
        }
        Ok(())
    }
}

/// The acknowledged requests of one window.
#[derive(Debug, Clone, Default)]
pub struct AckedWindow {
    /// Base time.
    pub base: u64,
    /// Numbers of the requests.
    pub requests: Vec<usize>,
}

/// Reads a ledger back.
pub fn read(path: &Path) -> anyhow::Result<(Recipe, BTreeMap<u64, AckedWindow>)> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().context("the ledger is empty")??;
    let recipe = serde_json::from_str(&first).context("the first line tells no seed")?;
    let mut windows: BTreeMap<u64, AckedWindow> = BTreeMap::new();
    for line in lines {
        let line = line?;
        let entry: Entry = serde_json::from_str(&line).with_context(|| format!("entry {line}"))?;
        let window = windows.entry(entry.window).or_default();
        window.base = entry.base;
        window.requests.push(entry.request);
    }
    Ok((recipe, windows))
}
