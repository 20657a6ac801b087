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
}
