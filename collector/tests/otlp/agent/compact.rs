//! Writes Thrift's messages, and turns the binary protocol into the compact one.

use crate::doors::thrift_wire::{BOOL, DOUBLE, I32, I64, LIST, STRING, STRUCT, Struct};

pub const ONEWAY: u8 = 4;

/// A call of the binary protocol: the method, and the struct of its arguments.
pub fn binary_call(method: &str, arguments: Struct) -> Vec<u8> {
    let name = crate::doors::thrift_wire::bytes(method.as_bytes());
    [
        &[0x80, 1, 0, ONEWAY][..],
        &name,
        &[0; 4],
        &arguments.finish(),
    ]
    .concat()
}

/// The same call in the compact protocol.
pub fn compact_call(method: &str, arguments: Struct) -> Vec<u8> {
    let mut message = vec![0x82, ONEWAY << 5 | 1, 0, method.len() as u8];
    message.extend(method.as_bytes());
    message.extend(compact(STRUCT, &arguments.finish()));
    message
}

/// `emitBatch` of a `Batch`.
pub fn emit_batch(batch: &[u8]) -> Struct {
    Struct::default().field(STRUCT, 1, batch)
}

/// A value of the binary protocol in the compact one.
fn compact(kind: u8, binary: &[u8]) -> Vec<u8> {
    let (mut left, mut out) = (binary, Vec::new());
    value(kind, &mut left, &mut out);
    assert!(left.is_empty(), "all of it is one value");
    out
}

fn value(kind: u8, left: &mut &[u8], out: &mut Vec<u8>) {
    match kind {
        BOOL => out.push(if take::<1>(left) == [0] { 2 } else { 1 }),
        DOUBLE => out.extend(f64::from_be_bytes(take(left)).to_le_bytes()),
        I32 => zigzag(i32::from_be_bytes(take(left)).into(), out),
        I64 => zigzag(i64::from_be_bytes(take(left)), out),
        6 => zigzag(i16::from_be_bytes(take(left)).into(), out),
        STRING => {
            let length = i32::from_be_bytes(take(left)) as usize;
            varint(length as u64, out);
            out.extend(&left[..length]);
            *left = &left[length..];
        }
        STRUCT => fields(left, out),
        LIST => {
            let [of] = take(left);
            let count = i32::from_be_bytes(take(left)) as usize;
            match count {
                0..15 => out.push((count as u8) << 4 | code(of)),
                _ => {
                    out.push(0xf0 | code(of));
                    varint(count as u64, out);
                }
            }
            (0..count).for_each(|_| value(of, left, out));
        }
        other => panic!("no value of type {other} is written here"),
    }
}

fn fields(left: &mut &[u8], out: &mut Vec<u8>) {
    let mut last = 0;
    loop {
        let [kind] = take(left);
        if kind == 0 {
            return out.push(0);
        }
        let id = i16::from_be_bytes(take(left));
        let code = match (kind, left.first()) {
            (BOOL, Some(0)) => 2,
            (kind, _) => code(kind),
        };
        match id - last {
            difference @ 1..=15 => out.push((difference as u8) << 4 | code),
            _ => {
                out.push(code);
                zigzag(id.into(), out);
            }
        }
        last = id;
        match kind {
            BOOL => drop(take::<1>(left)),
            kind => value(kind, left, out),
        }
    }
}

fn code(binary: u8) -> u8 {
    match binary {
        BOOL => 1,
        DOUBLE => 7,
        6 => 4,
        I32 => 5,
        I64 => 6,
        STRING => 8,
        LIST => 9,
        STRUCT => 12,
        other => panic!("no value of type {other} is written here"),
    }
}

fn zigzag(number: i64, out: &mut Vec<u8>) {
    varint((number << 1 ^ number >> 63) as u64, out);
}

pub fn varint(number: u64, out: &mut Vec<u8>) {
    crate::wire::varint(number, out);
}

fn take<const N: usize>(left: &mut &[u8]) -> [u8; N] {
    let (taken, rest) = left.split_first_chunk().expect("a whole value");
    *left = rest;
    *taken
}
