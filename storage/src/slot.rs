//! Which of the store's 256 slots a trace belongs to: whoever writes spans of a trace holds the
//! lock of its slot, so that nobody else looks for what is there at the same time.

use model::TraceId;

/// Slots of a store. Partition counts of a topic are powers of two, so that slots and partitions
/// are both low bits of the same hash, and writers of different partitions never meet.
pub(crate) const SLOTS: u32 = 256;

/// The slot of a trace.
pub(crate) fn slot(trace: TraceId) -> i32 {
    (murmur2(trace.as_bytes()) % SLOTS) as i32
}

/// The hash that Kafka's Java clients partition keys by, sign bit cleared.
pub(crate) fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mix = |k: u32| {
        let k = k.wrapping_mul(M);
        (k ^ (k >> 24)).wrapping_mul(M)
    };
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let word = word
            .iter()
            .rev()
            .fold(0u32, |k, byte| k << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(M) ^ mix(word);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        hash ^= rest
            .iter()
            .rev()
            .fold(0u32, |k, byte| k << 8 | u32::from(*byte));
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    (hash ^ (hash >> 15)) & 0x7fff_ffff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_one_of_kafkas_own_clients() {
        for (key, expected) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("abc", 479_470_107),
        ] {
            assert_eq!(
                murmur2(key.as_bytes()),
                (expected as u32) & 0x7fff_ffff,
                "{key}"
            );
        }
    }
}
