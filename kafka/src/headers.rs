//! A record's headers in one piece of memory: there are few, they are small, and every record has them.

use std::fmt;

use bytes::Bytes;

/// Names and values in their order; a header without a value has an empty one.
///
/// ```text
/// headers = for each: length of the name, length of the value (4 bytes each, little-endian), name, value
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Bytes);

/// Bytes of the two lengths.
const LENGTHS: usize = 8;

impl Headers {
    /// Names and values in their order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(&self.0)
    }

    /// The value of the first header with this name.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        let mut named = self.iter().filter(|(found, _)| *found == name);
        named.next().map(|(_, value)| value)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Bytes of names and values.
    pub fn size(&self) -> usize {
        self.0.len() - LENGTHS * self.len()
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let mut bytes = Vec::new();
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), value.as_ref());
            let lengths = [name.len() as u32, value.len() as u32].map(u32::to_le_bytes);
            bytes.extend_from_slice(lengths.as_flattened());
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(value);
        }
        Self(bytes.into())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'h> IntoIterator for &'h Headers {
    type Item = (&'h str, &'h [u8]);
    type IntoIter = Iter<'h>;

    fn into_iter(self) -> Iter<'h> {
        self.iter()
    }
}

/// Names and values that are left.
#[derive(Debug, Clone)]
pub struct Iter<'h>(&'h [u8]);

impl<'h> Iterator for Iter<'h> {
    type Item = (&'h str, &'h [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (lengths, rest) = self.0.split_first_chunk::<LENGTHS>()?;
        let [a, b, c, d, w, x, y, z] = *lengths;
        let (name, rest) = rest.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes([w, x, y, z]) as usize)?;
        self.0 = rest;
        std::str::from_utf8(name).ok().map(|name| (name, value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_read_back_as_they_were(headers: Vec<(String, Vec<u8>)>) {
            let refs = headers.iter().map(|(name, value)| (&**name, &**value));
            let made: Headers = refs.clone().collect();
            prop_assert!(made.iter().eq(refs.clone()));
            prop_assert_eq!(made.len(), headers.len());
            prop_assert_eq!(made.size(), refs.map(|(name, value)| name.len() + value.len()).sum::<usize>());
        }
    }

    #[test]
    fn of_headers_with_one_name_the_first_is_told() {
        let headers: Headers = [("a", &b"1"[..]), ("b", b"2"), ("b", b"3")]
            .into_iter()
            .collect();
        assert_eq!(
            (headers.first("b"), headers.first("c")),
            (Some(&b"2"[..]), None)
        );
    }
}
