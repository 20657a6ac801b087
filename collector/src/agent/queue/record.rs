//! One parcel as it lies in a file: length and checksum, then tenant, count and bytes.
//!
//! ```text
//! u32 length of the body | u64 checksum of length and body | body
//! body: u8 length of the tenant's name | name | u32 spans | OTLP request
//! ```
//! Numbers are little-endian. What was written in part, or was damaged, fails its checksum.

use bytes::Bytes;
use model::Tenant;
use xxhash_rust::xxh3::Xxh3;

use crate::agent::parcel::Parcel;

/// Bytes before the body.
pub(super) const HEAD: usize = 12;

/// How many bytes a parcel takes.
pub(super) fn size(parcel: &Parcel) -> usize {
    HEAD + 1 + parcel.tenant.as_str().len() + 4 + parcel.bytes.len()
}

/// Adds a record. A tenant's name is never longer than 255 bytes.
pub(super) fn write(parcel: &Parcel, to: &mut Vec<u8>) {
    let tenant = parcel.tenant.as_str().as_bytes();
    let head = to.len();
    to.extend([0; HEAD]);
    to.push(tenant.len() as u8);
    to.extend_from_slice(tenant);
    to.extend(parcel.spans.to_le_bytes());
    to.extend_from_slice(&parcel.bytes);
    let length = ((to.len() - head - HEAD) as u32).to_le_bytes();
    let checksum = checksum(length, &to[head + HEAD..]).to_le_bytes();
    to[head..head + 4].copy_from_slice(&length);
    to[head + 4..head + HEAD].copy_from_slice(&checksum);
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A parcel, and how many bytes it takes.
    Whole(Parcel, usize),
    /// A record of this many bytes, of which there are fewer.
    Longer(usize),
    /// No record.
    Torn,
}

/// Looks at the beginning of some bytes.
pub(super) fn read(bytes: &Bytes) -> Found {
    let Some(head) = bytes.first_chunk::<HEAD>() else {
        return Found::Longer(HEAD);
    };
    let ([a, b, c, d], told) = ([head[0], head[1], head[2], head[3]], &head[4..]);
    let length = [a, b, c, d];
    let size = HEAD + u32::from_le_bytes(length) as usize;
    if bytes.len() < size {
        return Found::Longer(size);
    }
    let body = bytes.slice(HEAD..size);
    if checksum(length, &body).to_le_bytes() != told {
        return Found::Torn;
    }
    match parcel(&body) {
        Some(parcel) => Found::Whole(parcel, size),
        None => Found::Torn,
    }
}

fn parcel(body: &Bytes) -> Option<Parcel> {
    let (length, rest) = body.split_first()?;
    let (tenant, rest) = rest.split_at_checked(usize::from(*length))?;
    let (spans, rest) = rest.split_first_chunk()?;
    Some(Parcel {
        tenant: Tenant::parse(std::str::from_utf8(tenant).ok()?).ok()?,
        spans: u32::from_le_bytes(*spans),
        bytes: body.slice_ref(rest),
    })
}

fn checksum(length: [u8; 4], body: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(&length);
    hasher.update(body);
    hasher.digest()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_parcel() -> impl Strategy<Value = Parcel> {
        let bytes = prop::collection::vec(any::<u8>(), 0..200);
        ("[a-z0-9]{1,20}", any::<u32>(), bytes).prop_map(|(tenant, spans, bytes)| Parcel {
            tenant: Tenant::parse(&tenant).expect("a name"),
            spans,
            bytes: bytes.into(),
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(parcels in prop::collection::vec(any_parcel(), 1..5)) {
            let mut written = Vec::new();
            parcels.iter().for_each(|parcel| write(parcel, &mut written));
            prop_assert_eq!(written.len(), parcels.iter().map(size).sum::<usize>());
            let mut left = Bytes::from(written);
            for parcel in parcels {
                let size = size(&parcel);
                prop_assert_eq!(read(&left), Found::Whole(parcel, size));
                left = left.slice(size..);
            }
        }

        #[test]
        fn what_was_written_in_part_or_altered_is_no_record(
            parcel in any_parcel(),
            place in any::<prop::sample::Index>(),
            change in 1..=255u8,
        ) {
            let mut written = Vec::new();
            write(&parcel, &mut written);
            let part = Bytes::copy_from_slice(&written[..place.index(written.len())]);
            prop_assert!(matches!(read(&part), Found::Longer(_)));
            let place = place.index(written.len());
            written[place] ^= change;
            prop_assert!(!matches!(read(&written.into()), Found::Whole(..)));
        }

        #[test]
        fn any_bytes_are_looked_at_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            read(&bytes.into());
        }
    }

    #[test]
    fn zeros_are_no_record() {
        assert_eq!(read(&vec![0; 4096].into()), Found::Torn);
    }
}
