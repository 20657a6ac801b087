//! Every example of a record that was ever published decodes, for ever, to what it meant.
//!
//! `SPOOR_WRITE_EXAMPLES=1` writes those examples of the present schema that have no file yet.

mod cases;
mod found;

use std::{
    fs,
    path::{Path, PathBuf},
};

use bumpalo::Bump;
use model::{SpanBatch, Tenant, Trace, TraceChunk};
use schemas::{ChunkEncoder, SchemaId, SchemaSet, fingerprint, fingerprint_of};

/// The version of the schema that this program writes: its file and its folder of examples.
const PRESENT: u32 = 1;

/// What each version of the schema looked like, for ever.
const FINGERPRINTS: [(u32, &str); 1] = [(1, "2bc150a67c0fcd3c")];

const RECEIVED_AT: u64 = 1_700_000_000_500_000_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/trace_chunk")
}

fn schema_file(version: u32) -> String {
    let file = format!(
        "{}/avro/trace_chunk.v{version}.avsc",
        env!("CARGO_MANIFEST_DIR")
    );
    fs::read_to_string(file).expect("every version keeps its schema")
}

/// Every schema under the id that its examples carry: its version.
fn every_schema() -> SchemaSet {
    let mut schemas = SchemaSet::new();
    for (version, _) in FINGERPRINTS {
        let announced = schemas.announce(SchemaId(version), &schema_file(version));
        announced.expect("it describes a TraceChunk");
    }
    schemas
}

/// The examples of a version, by name.
fn examples(version: u32) -> Vec<(String, Vec<u8>)> {
    let folder = folder().join(format!("v{version}"));
    let mut found = Vec::new();
    for file in fs::read_dir(folder).expect("every version has examples") {
        let path = file.expect("it can be listed").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "avro")
        {
            let name = path.file_stem().expect("it has a name").to_string_lossy();
            found.push((name.into_owned(), fs::read(&path).expect("it can be read")));
        }
    }
    found.sort();
    found
}

fn encode(trace: &Trace) -> Vec<u8> {
    let batch = SpanBatch::of_trace(trace);
    let spans: Vec<u32> = (0..batch.spans.len() as u32).collect();
    let chunk = TraceChunk {
        tenant: &Tenant::default(),
        received_at: RECEIVED_AT,
        trace_id: trace.id,
        batch: &batch,
        spans: &spans,
    };
    let mut record = Vec::new();
    let encoder = ChunkEncoder::new(SchemaId(PRESENT));
    encoder.encode(&chunk, &mut record).expect("a valid chunk");
    record
}

#[test]
fn every_example_ever_published_decodes_to_its_snapshot() {
    let schemas = every_schema();
    for (version, _) in FINGERPRINTS {
        let folder = folder().join(format!("v{version}"));
        for (name, record) in examples(version) {
            let (arena, mut batch) = (Bump::new(), SpanBatch::default());
            let decoded = schemas.decode(&record, &arena, &mut batch).expect(&name);
            let trace = batch.own_trace(decoded.trace_id, decoded.spans.clone());
            insta::with_settings!(
                {
                    snapshot_path => &folder,
                    prepend_module_to_snapshot => false,
                    omit_expression => true,
                },
                { insta::assert_debug_snapshot!(name.as_str(), (decoded, trace)) }
            );
        }
    }
}

#[test]
fn the_encoder_writes_the_examples_of_the_present_schema() {
    let folder = folder().join(format!("v{PRESENT}"));
    for (name, trace) in cases::all() {
        let file = folder.join(name).with_extension("avro");
        if std::env::var_os("SPOOR_WRITE_EXAMPLES").is_some() && !file.exists() {
            fs::create_dir_all(&folder).expect("the folder can be made");
            fs::write(&file, encode(&trace)).expect("the example can be written");
        }
        let published = fs::read(&file).expect(name);
        assert!(encode(&trace) == published, "{name} is written differently");
    }
}

#[test]
fn every_example_of_the_present_schema_has_its_case() {
    let mut cases: Vec<_> = cases::all().into_iter().map(|(name, _)| name).collect();
    cases.sort_unstable();
    let files = examples(PRESENT);
    let files: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(files, cases);
}

#[test]
fn no_published_schema_was_changed() {
    for (version, pinned) in FINGERPRINTS {
        let schema = fingerprint_of(&schema_file(version)).expect("it is a schema");
        assert_eq!(schema, pinned, "version {version}");
    }
    assert_eq!(fingerprint(), FINGERPRINTS[PRESENT as usize - 1].1);
}
