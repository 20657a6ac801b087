//! Writes Thrift's binary protocol.

pub const BOOL: u8 = 2;
pub const DOUBLE: u8 = 4;
pub const I32: u8 = 8;
pub const I64: u8 = 10;
pub const STRING: u8 = 11;
pub const STRUCT: u8 = 12;
pub const LIST: u8 = 15;

/// A struct under construction.
#[derive(Default)]
pub struct Struct(Vec<u8>);

impl Struct {
    pub fn field(mut self, kind: u8, id: i16, value: &[u8]) -> Self {
        self.0.push(kind);
        self.0.extend(id.to_be_bytes());
        self.0.extend(value);
        self
    }

    pub fn i32(self, id: i16, value: i32) -> Self {
        self.field(I32, id, &value.to_be_bytes())
    }

    pub fn i64(self, id: i16, value: i64) -> Self {
        self.field(I64, id, &value.to_be_bytes())
    }

    pub fn text(self, id: i16, value: impl AsRef<[u8]>) -> Self {
        self.field(STRING, id, &bytes(value.as_ref()))
    }

    pub fn nested(self, id: i16, value: Self) -> Self {
        self.field(STRUCT, id, &value.finish())
    }

    pub fn list(self, id: i16, items: impl IntoIterator<Item = Self>) -> Self {
        self.field(LIST, id, &list(items))
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.0.push(0);
        self.0
    }
}

pub fn bytes(value: &[u8]) -> Vec<u8> {
    [&(value.len() as i32).to_be_bytes(), value].concat()
}

pub fn list(items: impl IntoIterator<Item = Struct>) -> Vec<u8> {
    let items: Vec<Vec<u8>> = items.into_iter().map(Struct::finish).collect();
    let mut list = vec![STRUCT];
    list.extend((items.len() as i32).to_be_bytes());
    list.extend(items.concat());
    list
}
