//! Compiles the protobufs into the descriptor sets that gRPC reflection serves.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

/// The roots of each set.
const SETS: &[(&str, &[&str])] = &[
    (
        "otlp_descriptor_set.bin",
        &["opentelemetry/proto/collector/trace/v1/trace_service.proto"],
    ),
    (
        "jaeger_query_descriptor_set.bin",
        &[
            "jaeger/api_v2/query.proto",
            "jaeger/api_v3/query_service.proto",
        ],
    ),
    (
        "jaeger_collector_descriptor_set.bin",
        &[
            "jaeger/api_v2/collector.proto",
            "jaeger/api_v2/sampling.proto",
        ],
    ),
    (
        "jaeger_storage_descriptor_set.bin",
        &[
            "jaeger/storage/v2/trace_storage.proto",
            "jaeger/storage/v2/dependency_storage.proto",
            "jaeger/storage/v2/capabilities.proto",
            "opentelemetry/proto/collector/trace/v1/trace_service.proto",
        ],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for (name, roots) in SETS {
        let descriptors = protox::compile(*roots, ["proto"])?;
        fs::write(out.join(name), descriptors.encode_to_vec())?;
    }
    Ok(())
}
