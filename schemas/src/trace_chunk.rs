//! The schema that this program writes and walks by hand.

use std::sync::LazyLock;

use apache_avro::{Schema, rabin::Rabin, util::max_allocation_bytes};

/// Avro schema of a `TraceChunk`, as it is registered.
pub const TRACE_CHUNK_SCHEMA: &str = include_str!("../avro/trace_chunk.v1.avsc");

/// The registry's subject of the schema, by TopicNameStrategy.
pub const TRACE_CHUNK_SUBJECT: &str = "spoor.spans-value";

/// How many lists and maps may lie within each other in one attribute's value.
pub const MAX_NESTING: usize = 32;

/// Most bytes that apache-avro may allocate at once for what a record claims to hold.
const MAX_ALLOCATION: usize = 16 * 1024 * 1024;

/// Branches of the union in `Value`, in the schema's order.
pub(crate) mod branch {
    pub(crate) const EMPTY: u32 = 0;
    pub(crate) const STRING: u32 = 1;
    pub(crate) const BOOL: u32 = 2;
    pub(crate) const INT: u32 = 3;
    pub(crate) const DOUBLE: u32 = 4;
    pub(crate) const BYTES: u32 = 5;
    pub(crate) const ARRAY: u32 = 6;
    pub(crate) const MAP: u32 = 7;
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    limit_allocations();
    Schema::parse_str(TRACE_CHUNK_SCHEMA).expect("the embedded schema is valid Avro")
});

/// The schema, parsed once.
pub(crate) fn schema() -> &'static Schema {
    &SCHEMA
}

/// Bounds what apache-avro allocates in this process. Only the first call has an effect.
pub(crate) fn limit_allocations() {
    max_allocation_bytes(MAX_ALLOCATION);
}

/// Fingerprint of [`TRACE_CHUNK_SCHEMA`]: see [`fingerprint_of`].
pub fn fingerprint() -> String {
    hex_fingerprint(schema())
}

/// Avro's 64-bit Rabin fingerprint of a schema's parsing canonical form, as 16 hex digits.
/// Equal for schemas that differ in documentation and defaults only: their bytes are the same.
///
/// # Errors
/// If the text is no Avro schema.
pub fn fingerprint_of(schema_json: &str) -> Result<String, crate::SchemaError> {
    crate::decode::parse_schema(schema_json).map(|(_, fingerprint)| fingerprint)
}

pub(crate) fn hex_fingerprint(schema: &Schema) -> String {
    schema.fingerprint::<Rabin>().to_string()
}
