//! Messages of gRPC, framed: an answer is any number of them.

use prost::Message;

use super::{Gone, Output};

/// About how large a message of a stream becomes before the next one is begun. Clients take 4 MiB
/// at most unless told otherwise.
pub(super) const MESSAGE: usize = 256 * 1024;

/// Writes one message, not compressed.
pub fn message(out: &mut Output, message: &impl Message) -> Result<(), Gone> {
    let buffer = out.buffer();
    let len = u32::try_from(message.encoded_len()).map_err(|_| Gone)?;
    buffer.push(0);
    buffer.extend_from_slice(&len.to_be_bytes());
    message.encode(buffer).expect("a vector grows");
    out.pass_on()
}
