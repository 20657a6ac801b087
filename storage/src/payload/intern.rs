//! Byte strings numbered in order of appearance.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64;

/// A hasher for keys that are hashes, ids or numbers: one multiplication.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// A map by hash, id or number.
pub(crate) type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<Hashed>>;

/// Distinct byte strings, one after the other.
#[derive(Debug, Default)]
pub(super) struct Interner {
    numbers: HashedMap<u32>,
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Interner {
    /// Forgets everything, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.ends.clear();
        self.bytes.clear();
    }

    /// The number of a byte string, new or known.
    pub(super) fn number(&mut self, bytes: &[u8]) -> u32 {
        let hash = xxh3_64(bytes);
        // Of two strings of one hash the second is written each time that it occurs.
        self.find(hash, bytes)
            .unwrap_or_else(|| self.add(hash, bytes))
    }

    /// The number of a byte string with this hash, if it is known.
    pub(super) fn find(&self, hash: u64, bytes: &[u8]) -> Option<u32> {
        let number = self.numbers.get(&hash).copied()?;
        (self.get(number) == bytes).then_some(number)
    }

    /// Adds a byte string with this hash, which was not found.
    pub(super) fn add(&mut self, hash: u64, bytes: &[u8]) -> u32 {
        let number = self.push(bytes);
        self.numbers.entry(hash).or_insert(number);
        number
    }

    fn push(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
        self.ends.len() as u32 - 1
    }

    fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 {
            0
        } else {
            self.ends[number - 1]
        };
        &self.bytes[start..self.ends[number]]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All of them, one after the other.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The length of each.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        self.ends.iter().zip(starts).map(|(end, start)| end - start)
    }
}
