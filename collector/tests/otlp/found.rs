//! Inputs by which a fuzzer (`make fuzz`) reached code that no other input had reached: each of them, and
//! what lies near it, goes through every stage.

use std::path::Path;

use collector::Encoding;

use crate::decoding::pass_through;
use crate::doors::mutations::{Random, mutated};

/// Mutations of each input.
const ROUNDS: usize = 50;

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    let lines = std::fs::read_to_string(folder.join(format!("{target}.hex")));
    let byte = |line: &str, at: usize| u8::from_str_radix(&line[at..at + 2], 16).expect("hex");
    lines
        .expect("seeds of the target")
        .lines()
        .map(|line| {
            (0..line.len())
                .step_by(2)
                .map(|at| byte(line, at))
                .collect()
        })
        .collect()
}

#[test]
fn what_a_fuzzer_has_found_comes_out_as_spans_or_an_error() {
    for (target, encoding) in [
        ("otlp-protobuf", Encoding::Protobuf),
        ("otlp-json", Encoding::Json),
        ("jaeger-protobuf", Encoding::JaegerProtobuf),
        ("jaeger-span-protobuf", Encoding::JaegerSpanProtobuf),
        ("jaeger-span-json", Encoding::JaegerSpanJson),
        ("jaeger-thrift", Encoding::JaegerThrift),
        ("agent-compact", Encoding::AgentCompact),
        ("agent-binary", Encoding::AgentBinary),
        ("zipkin-json", Encoding::ZipkinJson),
        ("zipkin-protobuf", Encoding::ZipkinProtobuf),
        ("zipkin-v1-json", Encoding::ZipkinV1Json),
        ("zipkin-v1-thrift", Encoding::ZipkinV1Thrift),
    ] {
        let inputs = inputs(target);
        assert!(inputs.len() >= 20, "{target} has seeds");
        let mut random = Random(0x51_7c_c1_b7_27_22_0a_95);
        for input in &inputs {
            pass_through(encoding, input);
            for _ in 0..ROUNDS {
                pass_through(encoding, &mutated(input, &mut random));
            }
        }
    }
}
