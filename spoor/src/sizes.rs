//! `spoor sizes`: what the store takes on disk, by part.

use std::fmt::Write as _;

use clap::Args;
use storage::Sizes;

use crate::config::Config;
use crate::console::say;
use crate::roles::connect;

/// `spoor sizes`
#[derive(Debug, Args)]
pub(crate) struct SizesArgs {
    /// Prints JSON: bytes by part, with the number of spans and segments.
    #[arg(long)]
    json: bool,
}

/// Measures the stores that the configuration names, all together.
pub(crate) async fn run(config: &Config, args: SizesArgs) -> anyhow::Result<()> {
    let stores = connect(config).await?;
    let sizes = stores.sizes().await;
    stores.close().await;
    let sizes = sizes?;
    say(if args.json {
        json(&sizes).to_string()
    } else {
        table(&sizes)
    });
    Ok(())
}

/// The parts, in the order in which people ask for them, under the names of the JSON form.
fn parts(sizes: &Sizes) -> [(&'static str, u64); 8] {
    [
        ("payload", sizes.payload),
        ("rows", sizes.rows),
        ("row_indexes", sizes.row_indexes),
        ("token_index", sizes.token_index),
        ("derived", sizes.derived),
        ("words", sizes.words),
        ("other", sizes.other),
        ("wal_written", sizes.wal),
    ]
}

fn json(sizes: &Sizes) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    object.insert("spans".to_owned(), sizes.spans.into());
    object.insert("segments".to_owned(), sizes.segments.into());
    for (part, bytes) in parts(sizes) {
        object.insert(part.to_owned(), bytes.into());
    }
    object.into()
}

fn table(sizes: &Sizes) -> String {
    let spans = sizes.spans;
    let mut text = format!(
        "{spans} spans in {} segments\n\n{:<12} {:>16} {:>16}",
        sizes.segments, "part", "bytes", "bytes per span"
    );
    for (part, bytes) in parts(sizes) {
        let per_span = bytes as f64 / spans.max(1) as f64;
        // Writing to a string does not fail.
        let _ = write!(text, "\n{part:<12} {bytes:>16} {per_span:>16.1}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Sizes {
        Sizes {
            spans: 100,
            segments: 4,
            payload: 3_280,
            wal: 9_000,
            ..Sizes::default()
        }
    }

    #[test]
    fn every_part_has_its_bytes_per_span() {
        let table = table(&sizes());
        assert!(table.starts_with("100 spans in 4 segments\n"), "{table}");
        let payload = table.lines().find(|line| line.starts_with("payload"));
        assert!(
            payload.is_some_and(|line| line.ends_with("32.8")),
            "{table}"
        );
    }

    #[test]
    fn an_empty_store_is_measured_too() {
        assert!(table(&Sizes::default()).contains("0 spans in 0 segments"));
    }

    #[test]
    fn json_has_the_bytes_of_every_part() {
        let json = json(&sizes());
        assert_eq!(json["payload"], 3_280);
        assert_eq!(json["wal_written"], 9_000);
        assert_eq!(json["spans"], 100);
    }
}
