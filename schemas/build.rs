//! Compiles OTLP's protobufs into the descriptor set that gRPC reflection serves.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

const ROOT: &str = "opentelemetry/proto/collector/trace/v1/trace_service.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile([ROOT], ["proto"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?).join("otlp_descriptor_set.bin");
    fs::write(out, descriptors.encode_to_vec())?;
    Ok(())
}
