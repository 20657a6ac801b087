//! Sizes of values, and cutting them.
//!
//! Cutting never copies: texts are sliced, lists and maps lose their tail. The weight of a thing is
//! an upper bound of its size in a record.

use model::{AttributeRef, Extent, Repair, Repairs, SpanBatch, ValueRef};

use super::cut_text;

/// What a value weighs beside its content: its type, its length, the ends of its list.
const VALUE_OVERHEAD: usize = 12;

/// Lengths to which values are cut, one after the other, until their owner fits.
const STEPS: [usize; 4] = [16 << 10, 4 << 10, 1 << 10, 256];

/// Cuts a value to weigh at most `most` and its overhead. Returns it with its weight.
pub(super) fn cut_value<'a>(
    batch: &mut SpanBatch<'a>,
    value: ValueRef<'a>,
    most: usize,
    repairs: &mut Repairs,
) -> (ValueRef<'a>, usize) {
    match value {
        ValueRef::Empty | ValueRef::Bool(_) | ValueRef::Int(_) | ValueRef::Double(_) => {
            (value, VALUE_OVERHEAD)
        }
        ValueRef::String(text) => {
            let text = cut_text(text, most, Repair::ValueTruncated, repairs);
            (ValueRef::String(text), text.len() + VALUE_OVERHEAD)
        }
        ValueRef::Bytes(bytes) if bytes.len() > most => {
            repairs.insert(Repair::ValueTruncated);
            (ValueRef::Bytes(&bytes[..most]), most + VALUE_OVERHEAD)
        }
        ValueRef::Bytes(bytes) => (value, bytes.len() + VALUE_OVERHEAD),
        ValueRef::Array(extent) => {
            let (extent, weight) = cut_array(batch, extent, most, repairs);
            (ValueRef::Array(extent), weight + VALUE_OVERHEAD)
        }
        ValueRef::Map(extent) => {
            let (extent, weight) = cut_map(batch, extent, most, repairs);
            (ValueRef::Map(extent), weight + VALUE_OVERHEAD)
        }
    }
}

fn cut_array(
    batch: &mut SpanBatch<'_>,
    extent: Extent,
    most: usize,
    repairs: &mut Repairs,
) -> (Extent, usize) {
    let mut weight = 0;
    for index in extent.range() {
        let room = most.saturating_sub(weight + VALUE_OVERHEAD);
        if room == 0 {
            repairs.insert(Repair::ValueTruncated);
            return (Extent::since(extent.start as usize, index), weight);
        }
        let (item, of_item) = cut_value(batch, batch.values[index], room, repairs);
        batch.values[index] = item;
        weight += of_item;
    }
    (extent, weight)
}

fn cut_map(
    batch: &mut SpanBatch<'_>,
    extent: Extent,
    most: usize,
    repairs: &mut Repairs,
) -> (Extent, usize) {
    let mut weight = 0;
    for index in extent.range() {
        let AttributeRef { key, value } = batch.attributes[index];
        weight += key.len() + VALUE_OVERHEAD;
        let room = most.saturating_sub(weight + VALUE_OVERHEAD);
        if room == 0 {
            repairs.insert(Repair::ValueTruncated);
            weight -= key.len() + VALUE_OVERHEAD;
            return (Extent::since(extent.start as usize, index), weight);
        }
        let (value, of_value) = cut_value(batch, value, room, repairs);
        batch.attributes[index] = AttributeRef { key, value };
        weight += of_value;
    }
    (extent, weight)
}

/// Cuts each of an owner's values to `most`. Returns what all attributes weigh together.
fn cut_attributes(
    batch: &mut SpanBatch<'_>,
    extent: Extent,
    most: usize,
    repairs: &mut Repairs,
) -> usize {
    let mut weight = 0;
    for index in extent.range() {
        let AttributeRef { key, value } = batch.attributes[index];
        let (value, of_value) = cut_value(batch, value, most, repairs);
        batch.attributes[index] = AttributeRef { key, value };
        weight += key.len() + VALUE_OVERHEAD + of_value;
    }
    weight
}

/// Cuts an owner's longest values, further and further, until all its attributes together weigh
/// at most `most`; then drops from the end.
pub(super) fn shrink_attributes(
    batch: &mut SpanBatch<'_>,
    extent: Extent,
    most: usize,
    repairs: &mut Repairs,
) -> Extent {
    for step in std::iter::once(usize::MAX).chain(STEPS) {
        if cut_attributes(batch, extent, step, repairs) <= most {
            return extent;
        }
    }
    let (kept, _) = cut_map(batch, extent, most, repairs);
    kept
}

/// Cuts the values of a span, its events and its links to the `attempt`-th of ever shorter
/// lengths. Returns false when there is no shorter one.
pub(crate) fn shrink_span(batch: &mut SpanBatch<'_>, index: usize, attempt: usize) -> bool {
    let Some(&most) = STEPS.get(attempt) else {
        return false;
    };
    let mut span = batch.spans[index];
    let mut repairs = span.repairs;
    span.status_message = cut_text(
        span.status_message,
        most,
        Repair::TextTruncated,
        &mut repairs,
    );
    cut_attributes(batch, span.attributes, most, &mut repairs);
    for event in span.events.range() {
        cut_attributes(batch, batch.events[event].attributes, most, &mut repairs);
    }
    for link in span.links.range() {
        cut_attributes(batch, batch.links[link].attributes, most, &mut repairs);
    }
    span.repairs = repairs;
    batch.spans[index] = span;
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{KeyValue, Value};

    fn cut(value: Value, most: usize) -> (Value, usize, Repairs) {
        let attributes = [KeyValue::new("k", value)];
        let (mut batch, mut repairs) = (SpanBatch::default(), Repairs::NONE);
        let extent = batch.push_attributes(&attributes);
        let value = batch.attributes(extent)[0].value;
        let (cut, weight) = cut_value(&mut batch, value, most, &mut repairs);
        (batch.own_value(&cut), weight, repairs)
    }

    #[test]
    fn a_long_list_loses_its_tail() {
        let (list, weight, repairs) = cut(Value::Array(vec![7i64.into(); 100_000]), 64 << 10);
        let Value::Array(items) = list else {
            panic!("still a list")
        };
        assert!((5_000..6_000).contains(&items.len()), "{}", items.len());
        assert!(weight <= (64 << 10) + VALUE_OVERHEAD);
        assert!(repairs.contains(Repair::ValueTruncated));
    }

    #[test]
    fn what_fits_is_left_alone() {
        let value = Value::Map(vec![KeyValue::new("x", Value::Array(vec!["y".into()]))]);
        let (kept, _, repairs) = cut(value.clone(), 100);
        assert_eq!((kept, repairs), (value, Repairs::NONE));
    }

    #[test]
    fn a_heavy_owner_is_shrunk_until_it_fits() {
        let attributes: Vec<_> = (0..128)
            .map(|n| KeyValue::new(format!("key-{n}"), "x".repeat(64 << 10)))
            .collect();
        let (mut batch, mut repairs) = (SpanBatch::default(), Repairs::NONE);
        let extent = batch.push_attributes(&attributes);
        let kept = shrink_attributes(&mut batch, extent, 128 << 10, &mut repairs);
        let bytes: usize = batch
            .own_attributes(kept)
            .iter()
            .map(|a| a.value.as_str().map_or(0, str::len))
            .sum();
        assert_eq!((kept.len, bytes), (128, 128 * 256));
    }
}
