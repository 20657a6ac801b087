//! Attributes of one owner: keys, duplicates, counts, lengths.

use std::collections::HashSet;

use model::{AttributeRef, Extent, Repair, Repairs, SpanBatch, ValueRef};

use super::cut_text;
use super::size::cut_value;
use crate::config::LimitsConfig;

/// The owner's attributes with keys that are not empty, not too long and occur once, with values
/// within the limit, and not too many of them. Never more than there were.
pub(super) fn tidy<'a>(
    batch: &mut SpanBatch<'a>,
    extent: Extent,
    limits: &LimitsConfig,
    repairs: &mut Repairs,
) -> Extent {
    if is_tidy(batch.attributes(extent), limits) {
        return extent;
    }
    for index in extent.range() {
        let AttributeRef { key, value } = batch.attributes[index];
        let key = cut_text(key, limits.key_bytes, Repair::TextTruncated, repairs);
        let value = tidy_nested(batch, value, limits, repairs);
        let value = cut_value(batch, value, limits.value_bytes.as_usize(), repairs).0;
        batch.attributes[index] = AttributeRef { key, value };
    }
    let mut kept = keep_named_and_last(batch, extent, repairs);
    if super::keep_first(&mut kept, limits.attributes, &mut 0) {
        repairs.insert(Repair::AttributesDropped);
    }
    kept
}

/// Keys of maps within values follow the same rules, apart from their number.
fn tidy_nested<'a>(
    batch: &mut SpanBatch<'a>,
    value: ValueRef<'a>,
    limits: &LimitsConfig,
    repairs: &mut Repairs,
) -> ValueRef<'a> {
    match value {
        ValueRef::Array(extent) => {
            for index in extent.range() {
                let item = batch.values[index];
                batch.values[index] = tidy_nested(batch, item, limits, repairs);
            }
            value
        }
        ValueRef::Map(extent) => {
            for index in extent.range() {
                let AttributeRef { key, value } = batch.attributes[index];
                let key = cut_text(key, limits.key_bytes, Repair::TextTruncated, repairs);
                let value = tidy_nested(batch, value, limits, repairs);
                batch.attributes[index] = AttributeRef { key, value };
            }
            ValueRef::Map(keep_named_and_last(batch, extent, repairs))
        }
        scalar => scalar,
    }
}

/// Moves the attributes that have a key, of duplicates the last one, to the front of their run.
fn keep_named_and_last(batch: &mut SpanBatch<'_>, extent: Extent, repairs: &mut Repairs) -> Extent {
    let run = &mut batch.attributes[extent.range()];
    let mut seen = HashSet::with_capacity(run.len());
    // From the end, so that the last one is met first; the kept ones gather at the end.
    let mut first_kept = run.len();
    for index in (0..run.len()).rev() {
        let attribute = run[index];
        if attribute.key.is_empty() {
            repairs.insert(Repair::EmptyKeyDropped);
        } else if !seen.insert(attribute.key) {
            repairs.insert(Repair::DuplicateKeyDropped);
        } else {
            first_kept -= 1;
            run[first_kept] = attribute;
        }
    }
    Extent {
        start: extent.start + first_kept as u32,
        len: extent.len - first_kept as u32,
    }
}

/// Whether there is nothing to do, which is nearly always so. Nested values are left to the
/// thorough path.
fn is_tidy(attributes: &[AttributeRef<'_>], limits: &LimitsConfig) -> bool {
    let most = limits.value_bytes.as_usize();
    let fits = |attribute: &AttributeRef<'_>| {
        let key = attribute.key.len();
        let value = match attribute.value {
            ValueRef::Empty | ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::Double(_) => true,
            ValueRef::String(text) => text.len() <= most,
            ValueRef::Bytes(bytes) => bytes.len() <= most,
            ValueRef::Array(_) | ValueRef::Map(_) => false,
        };
        value && key > 0 && key <= limits.key_bytes
    };
    attributes.len() <= limits.attributes && attributes.iter().all(fits) && are_distinct(attributes)
}

/// Whether no key occurs twice. Keys are compared only where a filter of 256 bits, filled from
/// length and ends of the keys, cannot rule it out.
fn are_distinct(attributes: &[AttributeRef<'_>]) -> bool {
    let mut filter = [0u64; 4];
    for (index, attribute) in attributes.iter().enumerate() {
        let print = fingerprint(attribute.key.as_bytes());
        let (word, bit) = (usize::from(print >> 6), 1u64 << (print & 63));
        let earlier = &attributes[..index];
        if filter[word] & bit != 0 && earlier.iter().any(|other| other.key == attribute.key) {
            return false;
        }
        filter[word] |= bit;
    }
    true
}

fn fingerprint(key: &[u8]) -> u8 {
    let eight = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let ends = if key.len() >= 8 {
        eight(key.first_chunk()) ^ eight(key.last_chunk()).rotate_left(23)
    } else {
        key.iter()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    ((ends ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{KeyValue, Value};

    fn tidied(attributes: &[KeyValue]) -> (Vec<KeyValue>, Vec<Repair>) {
        let limits = LimitsConfig {
            attributes: 3,
            key_bytes: 8,
            value_bytes: bootstrap::ByteSize(32),
            ..LimitsConfig::default()
        };
        let (mut batch, mut repairs) = (SpanBatch::default(), Repairs::NONE);
        let extent = batch.push_attributes(attributes);
        let kept = tidy(&mut batch, extent, &limits, &mut repairs);
        (batch.own_attributes(kept), repairs.iter().collect())
    }

    #[test]
    fn of_duplicate_keys_the_last_one_wins() {
        let (kept, repairs) = tidied(&[
            KeyValue::new("a", 1i64),
            KeyValue::new("b", 2i64),
            KeyValue::new("a", 3i64),
        ]);
        assert_eq!(kept, [KeyValue::new("b", 2i64), KeyValue::new("a", 3i64)]);
        assert_eq!(repairs, [Repair::DuplicateKeyDropped]);
    }

    #[test]
    fn attributes_without_a_key_are_dropped() {
        let (kept, repairs) = tidied(&[KeyValue::new("", "x"), KeyValue::new("__proto__", "y")]);
        assert_eq!(kept, [KeyValue::new("__proto_", "y")]);
        assert_eq!(repairs, [Repair::EmptyKeyDropped, Repair::TextTruncated]);
    }

    #[test]
    fn the_first_ones_within_the_limit_are_kept() {
        let many: Vec<_> = (0..5i64)
            .map(|n| KeyValue::new(format!("k{n}"), n))
            .collect();
        let (kept, repairs) = tidied(&many);
        assert_eq!(kept, many[..3]);
        assert_eq!(repairs, [Repair::AttributesDropped]);
    }

    #[test]
    fn maps_within_values_follow_the_same_rules() {
        let inner = vec![
            KeyValue::new("", 1i64),
            KeyValue::new("x", 2i64),
            KeyValue::new("x", 3i64),
        ];
        let (kept, repairs) = tidied(&[KeyValue::new("map", Value::Map(inner))]);
        let expected = Value::Map(vec![KeyValue::new("x", 3i64)]);
        assert_eq!(kept, [KeyValue::new("map", expected)]);
        assert_eq!(
            repairs,
            [Repair::EmptyKeyDropped, Repair::DuplicateKeyDropped]
        );
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let (kept, repairs) = tidied(&[KeyValue::new("k", "ü".repeat(20))]);
        assert_eq!(kept, [KeyValue::new("k", "ü".repeat(16))]);
        assert_eq!(repairs, [Repair::ValueTruncated]);
    }
}
