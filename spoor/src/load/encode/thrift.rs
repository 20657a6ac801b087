//! Thrift's binary protocol.

pub(super) const BOOL: u8 = 2;
pub(super) const DOUBLE: u8 = 4;
const I32: u8 = 8;
const I64: u8 = 10;
const STRING: u8 = 11;
pub(super) const STRUCT: u8 = 12;
const LIST: u8 = 15;

/// Writes in place.
#[derive(Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// What was written.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    /// Begins a field.
    pub(super) fn begin(&mut self, kind: u8, id: i16) {
        self.0.push(kind);
        self.0.extend(id.to_be_bytes());
    }

    /// The bytes of a value.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    /// Ends a struct.
    pub(super) fn end(&mut self) {
        self.0.push(0);
    }

    pub(super) fn i32(&mut self, id: i16, value: i32) {
        self.begin(I32, id);
        self.0.extend(value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, id: i16, value: i64) {
        self.begin(I64, id);
        self.0.extend(value.to_be_bytes());
    }

    /// Eight bytes as a number; an absent id is zero.
    pub(super) fn id(&mut self, id: i16, bytes: &[u8]) {
        self.i64(id, i64::from_be_bytes(bytes.try_into().unwrap_or_default()));
    }

    pub(super) fn text(&mut self, id: i16, bytes: &[u8]) {
        self.begin(STRING, id);
        self.0.extend((bytes.len() as i32).to_be_bytes());
        self.0.extend(bytes);
    }

    /// Structs, each of which `write` ends.
    pub(super) fn list<T>(
        &mut self,
        id: i16,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Self, T),
    ) {
        self.begin(LIST, id);
        self.structs(items, write);
    }

    /// The same without a field around it.
    pub(super) fn structs<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Self, T),
    ) {
        self.0.push(STRUCT);
        let length = self.0.len();
        self.0.extend([0; 4]);
        let mut count: i32 = 0;
        for item in items {
            write(self, item);
            count += 1;
        }
        self.0[length..length + 4].copy_from_slice(&count.to_be_bytes());
    }
}
