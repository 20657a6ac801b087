//! `jaeger.storage.v2.Capabilities`.

use model::UnixNanos;
use schemas::jaeger_storage as wire;
use storage::Capabilities;

use crate::config::QueryLimits;
use crate::parse::Malformed;
use crate::pipeline::Method;
use crate::read::CapabilitiesOfStore;
use crate::render::{Gone, Output, jaeger_storage};

/// What searches can do.
pub struct GetCapabilities;

impl Method for GetCapabilities {
    const PATH: &'static str = "/jaeger.storage.v2.Capabilities/GetCapabilities";
    type Request = wire::GetCapabilitiesRequest;
    type Question = CapabilitiesOfStore;

    fn parse(
        _: wire::GetCapabilitiesRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<CapabilitiesOfStore, Malformed> {
        Ok(CapabilitiesOfStore)
    }

    fn render(able: &Capabilities, out: &mut Output) -> Result<(), Gone> {
        jaeger_storage::capabilities(out, able)
    }
}
