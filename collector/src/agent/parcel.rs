//! What waits and is sent: encoded requests, and several of them as one.

use bytes::Bytes;
use model::Tenant;

/// An encoded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    /// Whose spans they are.
    pub(super) tenant: Tenant,
    /// How many spans.
    pub(super) spans: u32,
    /// An OTLP `ExportTraceServiceRequest`.
    pub(super) bytes: Bytes,
}

/// The bytes of all parcels as one request: OTLP's requests are joined by laying one behind the
/// other.
pub(super) fn joined(parcels: &[Parcel]) -> Bytes {
    if let [one] = parcels {
        return one.bytes.clone();
    }
    let mut all = Vec::with_capacity(parcels.iter().map(|parcel| parcel.bytes.len()).sum());
    for parcel in parcels {
        all.extend_from_slice(&parcel.bytes);
    }
    all.into()
}

/// How many spans all parcels hold.
pub(super) fn spans(parcels: &[Parcel]) -> u64 {
    parcels.iter().map(|parcel| u64::from(parcel.spans)).sum()
}
