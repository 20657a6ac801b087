//! Whether hand-written messages have the field numbers and types of their protobuf files.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};

/// Numbers and wire types of a message's fields, as its protobuf file has them.
fn declared(descriptors: &[u8], full_name: &str) -> BTreeSet<(u32, u8)> {
    let set = FileDescriptorSet::decode(descriptors).expect("a set");
    let messages = set.file.iter().flat_map(|file| {
        let of_file = move |message: &DescriptorProto| {
            (
                format!("{}.{}", file.package(), message.name()),
                message.clone(),
            )
        };
        file.message_type.iter().map(of_file)
    });
    let mut messages = messages.filter(|(name, _)| name == full_name);
    let (_, message) = messages
        .next()
        .unwrap_or_else(|| panic!("{full_name} is declared"));
    let wire_type = |kind| match kind {
        Type::Double | Type::Fixed64 => 1,
        Type::Fixed32 => 5,
        Type::String | Type::Bytes | Type::Message => 2,
        _ => 0,
    };
    let fields = message.field.iter();
    fields
        .map(|field| (field.number() as u32, wire_type(field.r#type())))
        .collect()
}

/// Numbers and wire types of the fields of an encoded message.
fn encoded(mut bytes: &[u8]) -> BTreeSet<(u32, u8)> {
    use prost::encoding::{DecodeContext, decode_key, skip_field};
    let mut found = BTreeSet::new();
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(&mut bytes).expect("a key");
        skip_field(wire_type, number, &mut bytes, DecodeContext::default()).expect("a field");
        found.insert((number, wire_type as u8));
    }
    found
}

/// Compares every field of a sample, in which none has its default, with the protobuf file.
pub(crate) fn assert_same(descriptors: &[u8], full_name: &str, sample: &impl Message) {
    assert_same_bytes(descriptors, full_name, &sample.encode_to_vec());
}

/// The same for bytes that hold every field.
pub(crate) fn assert_same_bytes(descriptors: &[u8], full_name: &str, sample: &[u8]) {
    let found = encoded(sample);
    assert_eq!(found, declared(descriptors, full_name), "{full_name}");
}
