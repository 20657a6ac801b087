//! OTLP's protobuf definitions, described for gRPC reflection.

static OTLP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/otlp_descriptor_set.bin"));

/// The encoded `google.protobuf.FileDescriptorSet` of `proto/`: OTLP's common, resource, trace and
/// trace collector files with everything they import.
pub fn otlp_descriptor_set() -> &'static [u8] {
    OTLP
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    #[test]
    fn reflection_finds_the_export_method() {
        let set = FileDescriptorSet::decode(super::otlp_descriptor_set()).expect("it is a set");
        let mut methods = set.file.iter().flat_map(|file| {
            let package = file.package();
            file.service.iter().flat_map(move |service| {
                let name = service.name();
                let full = move |method| format!("{package}.{name}/{method}");
                service
                    .method
                    .iter()
                    .map(move |method| full(method.name().to_owned()))
            })
        });
        let export = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert!(methods.any(|method| method == export));
    }
}
