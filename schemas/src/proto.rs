//! Protobuf definitions, described for gRPC reflection.

static OTLP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/otlp_descriptor_set.bin"));

static JAEGER_COLLECTOR: &[u8] = include_bytes!(concat!(
    env!("OUT_DIR"),
    "/jaeger_collector_descriptor_set.bin"
));

/// The encoded `google.protobuf.FileDescriptorSet` of OTLP's common, resource, trace and trace
/// collector files with everything they import.
pub fn otlp_descriptor_set() -> &'static [u8] {
    OTLP
}

/// The encoded `google.protobuf.FileDescriptorSet` of Jaeger's collector service with everything
/// it imports.
pub fn jaeger_collector_descriptor_set() -> &'static [u8] {
    JAEGER_COLLECTOR
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    fn methods(set: &[u8]) -> Vec<String> {
        let set = FileDescriptorSet::decode(set).expect("it is a set");
        let of_file = |file: prost_types::FileDescriptorProto| {
            let package = file.package().to_owned();
            file.service.into_iter().flat_map(move |service| {
                let full = format!("{package}.{}", service.name());
                let methods = service.method.into_iter();
                methods.map(move |method| format!("{full}/{}", method.name()))
            })
        };
        set.file.into_iter().flat_map(of_file).collect()
    }

    #[test]
    fn reflection_finds_the_methods_that_take_spans() {
        assert_eq!(
            methods(super::otlp_descriptor_set()),
            ["opentelemetry.proto.collector.trace.v1.TraceService/Export"]
        );
        assert_eq!(
            methods(super::jaeger_collector_descriptor_set()),
            ["jaeger.api_v2.CollectorService/PostSpans"]
        );
    }
}
