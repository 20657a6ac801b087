//! Protobuf definitions, described for gRPC reflection.

static OTLP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/otlp_descriptor_set.bin"));

static JAEGER_QUERY: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/jaeger_query_descriptor_set.bin"));
static JAEGER_COLLECTOR: &[u8] = include_bytes!(concat!(
    env!("OUT_DIR"),
    "/jaeger_collector_descriptor_set.bin"
));

static JAEGER_STORAGE: &[u8] = include_bytes!(concat!(
    env!("OUT_DIR"),
    "/jaeger_storage_descriptor_set.bin"
));

/// The encoded `google.protobuf.FileDescriptorSet` of OTLP's common, resource, trace and trace
/// collector files with everything they import.
pub fn otlp_descriptor_set() -> &'static [u8] {
    OTLP
}

/// The encoded `google.protobuf.FileDescriptorSet` of Jaeger's two query services with everything
/// they import.
pub fn jaeger_query_descriptor_set() -> &'static [u8] {
    JAEGER_QUERY
}

/// The encoded `google.protobuf.FileDescriptorSet` of Jaeger's two collector services, for spans and
/// for sampling, with everything they import.
pub fn jaeger_collector_descriptor_set() -> &'static [u8] {
    JAEGER_COLLECTOR
}

/// The encoded `google.protobuf.FileDescriptorSet` of Jaeger's remote storage, with OTLP's service
/// that writes to it and everything they import.
pub fn jaeger_storage_descriptor_set() -> &'static [u8] {
    JAEGER_STORAGE
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
        let export = "opentelemetry.proto.collector.trace.v1.TraceService/Export".to_owned();
        assert!(methods(super::otlp_descriptor_set()).contains(&export));
        let post = "jaeger.api_v2.CollectorService/PostSpans".to_owned();
        assert!(methods(super::jaeger_collector_descriptor_set()).contains(&post));
    }

    #[test]
    fn reflection_finds_the_method_that_tells_what_to_sample() {
        let get = "jaeger.api_v2.SamplingManager/GetSamplingStrategy".to_owned();
        assert!(methods(super::jaeger_collector_descriptor_set()).contains(&get));
    }

    #[test]
    fn reflection_finds_every_method_of_both_query_services() {
        let methods = methods(super::jaeger_query_descriptor_set());
        let of = |service: &str| {
            let prefix = format!("jaeger.{service}.QueryService/");
            let names = methods.iter().filter_map(|name| name.strip_prefix(&prefix));
            names.collect::<Vec<_>>().join(" ")
        };
        let v2 = "GetTrace ArchiveTrace FindTraces GetServices GetOperations GetDependencies";
        let v3 = "GetTrace FindTraces GetServices GetOperations GetDependencies FindTraceSummaries";
        assert_eq!((of("api_v2").as_str(), of("api_v3").as_str()), (v2, v3));
    }

    #[test]
    fn reflection_finds_every_method_of_remote_storage() {
        let methods = methods(super::jaeger_storage_descriptor_set());
        let mut of_storage: Vec<&str> = methods
            .iter()
            .filter_map(|name| name.strip_prefix("jaeger.storage.v2."))
            .collect();
        of_storage.sort_unstable();
        let expected = [
            "Capabilities/GetCapabilities",
            "DependencyReader/GetDependencies",
            "TraceReader/FindTraceIDs",
            "TraceReader/FindTraceSummaries",
            "TraceReader/FindTraces",
            "TraceReader/GetOperations",
            "TraceReader/GetServices",
            "TraceReader/GetTraces",
        ];
        assert_eq!(of_storage, expected);
        let export = "opentelemetry.proto.collector.trace.v1.TraceService/Export".to_owned();
        assert!(methods.contains(&export));
    }
}
