//! What every gRPC receiver offers beside its method: health and reflection.

use tonic::service::Routes;
use tonic_health::server::HealthReporter;

/// Health, and reflection over this descriptor set.
///
/// # Errors
/// When the descriptors for reflection cannot be read.
pub(super) fn services(
    descriptors: &'static [u8],
) -> Result<(Routes, HealthReporter), tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok((routes, reporter))
}
