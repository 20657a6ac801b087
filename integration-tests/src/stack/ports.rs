//! The ports of one stack.

use crate::ports;

/// The ports of one stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) grpc: u16,
    pub(super) http: u16,
    pub(super) query: u16,
    pub(super) query_grpc: u16,
    pub(super) remote_storage: u16,
    pub(super) admin: u16,
    pub(super) kafka: u16,
    pub(super) controller: u16,
    pub(super) registry: u16,
    pub(super) postgres: u16,
}

impl Ports {
    pub(super) fn free() -> Self {
        let [
            grpc,
            http,
            query,
            query_grpc,
            remote_storage,
            admin,
            kafka,
            controller,
            registry,
            postgres,
        ] = ports::free();
        Self {
            grpc,
            http,
            query,
            query_grpc,
            remote_storage,
            admin,
            kafka,
            controller,
            registry,
            postgres,
        }
    }

    /// What tells the binary of them.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let local = |port: u16| format!("127.0.0.1:{port}");
        vec![
            ("SPOOR__COLLECTOR__OTLP_GRPC__ADDRESS", local(self.grpc)),
            ("SPOOR__COLLECTOR__OTLP_HTTP__ADDRESS", local(self.http)),
            // Any free port: no test of a stack sends to these.
            ("SPOOR__COLLECTOR__JAEGER_GRPC__ADDRESS", local(0)),
            ("SPOOR__COLLECTOR__JAEGER_THRIFT__ADDRESS", local(0)),
            ("SPOOR__COLLECTOR__ZIPKIN__ADDRESS", local(0)),
            ("SPOOR__COLLECTOR__SAMPLING__LISTENER__ADDRESS", local(0)),
            ("SPOOR__QUERY__LISTEN", local(self.query)),
            ("SPOOR__QUERY__GRPC_LISTEN", local(self.query_grpc)),
            (
                "SPOOR__QUERY__REMOTE_STORAGE__LISTEN",
                local(self.remote_storage),
            ),
            ("SPOOR__ADMIN__COLLECTOR", local(self.admin)),
            ("SPOOR__EMBEDDED__KAFKA__PORT", self.kafka.to_string()),
            (
                "SPOOR__EMBEDDED__KAFKA__CONTROLLER_PORT",
                self.controller.to_string(),
            ),
            ("SPOOR__EMBEDDED__REGISTRY__PORT", self.registry.to_string()),
            ("SPOOR__EMBEDDED__POSTGRES__PORT", self.postgres.to_string()),
        ]
    }
}
