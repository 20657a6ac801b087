//! The columns of a dictionary that is being learnt.

use super::{Count, MIN_SEGMENTS, column_hash};
use crate::payload::dictionary::Entry;
use crate::payload::intern::HashedMap;
use crate::payload::tag;
use crate::payload::varint::{put, put_signed};
use crate::payload::whole::put_text;

/// A number that is rarer in its column than one in so many is shorter as it is.
const INT_SHARE: u32 = 200;
/// Most entries of a column.
const MAX_ENTRIES: usize = 4_096;

/// What was seen of a column.
#[derive(Debug)]
pub(super) struct SeenColumn {
    pub(super) key: String,
    pub(super) tag: u8,
    pub(super) total: u32,
    /// By hash; of templates, in how many segments they occur.
    pub(super) entries: HashedMap<(Entry, Count)>,
}

/// Columns in their order, each with its entries in theirs.
pub(super) struct Columns {
    columns: Vec<(String, u8, Vec<Entry>)>,
    pub(super) numbers: HashedMap<u32>,
    /// Numbers of entries by the hashes of column and value.
    pub(super) entries: HashedMap<u32>,
}

impl Columns {
    pub(super) fn new(seen: HashedMap<SeenColumn>) -> Self {
        let mut seen: Vec<SeenColumn> = seen.into_values().collect();
        seen.sort_by(|a, b| (&a.key, a.tag).cmp(&(&b.key, b.tag)));
        let mut columns = Self {
            columns: Vec::new(),
            numbers: HashedMap::default(),
            entries: HashedMap::default(),
        };
        for column in seen {
            let of = column_hash(&column.key, column.tag);
            let number = columns.columns.len() as u32;
            columns.numbers.insert(of, number);
            let mut entries = Vec::new();
            for (hash, entry) in frequent(&column) {
                columns.entries.insert(hash ^ of, entries.len() as u32);
                entries.push(entry);
            }
            columns.columns.push((column.key, column.tag, entries));
        }
        columns
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put(self.columns.len() as u64, out);
        for (key, tag, entries) in &self.columns {
            put_text(key, out);
            out.push(*tag);
            put(entries.len() as u64, out);
            entries.iter().for_each(|entry| put_entry(entry, out));
        }
    }
}

/// The entries of a column with their hashes, the most frequent one first.
fn frequent(column: &SeenColumn) -> Vec<(u64, Entry)> {
    let least = match column.tag {
        tag::INT => MIN_SEGMENTS.max(column.total / INT_SHARE),
        _ => MIN_SEGMENTS,
    };
    let mut entries: Vec<(u64, &Entry, u32)> = column
        .entries
        .iter()
        .filter(|(_, (_, count))| count.segments >= least)
        .map(|(hash, (entry, count))| (*hash, entry, count.segments))
        .collect();
    entries.sort_by_key(|(hash, _, segments)| (u32::MAX - segments, *hash));
    entries.truncate(MAX_ENTRIES);
    entries
        .into_iter()
        .map(|(hash, entry, _)| (hash, entry.clone()))
        .collect()
}

fn put_entry(entry: &Entry, out: &mut Vec<u8>) {
    match entry {
        Entry::Text(text) => {
            out.push(0);
            put_text(text, out);
        }
        Entry::Template(text) => {
            out.push(1);
            put_text(text, out);
        }
        Entry::Bool(value) => out.push(u8::from(*value)),
        Entry::Int(number) => put_signed(*number, out),
        Entry::Double(bits) => out.extend_from_slice(&bits.to_le_bytes()),
    }
}
