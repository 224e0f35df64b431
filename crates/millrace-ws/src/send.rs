//! Messages as frames.

use crate::frame::{Opcode, header_len, write_frame, write_header};

/// Appends a whole message: one frame, or frames of `fragment` bytes and a last one of what is left (RFC 6455 5.4) when
/// `fragment` is not 0. `rsv1` says that `payload` is compressed, which the first frame tells (RFC 7692 6.1).
#[inline]
pub fn write_message(out: &mut Vec<u8>, binary: bool, rsv1: bool, payload: &[u8], fragment: usize) {
    let opcode = match binary {
        true => Opcode::Binary,
        false => Opcode::Text,
    };
    if fragment == 0 || payload.len() <= fragment {
        return write_frame(out, opcode, true, rsv1, payload);
    }
    write_fragments(out, opcode, rsv1, payload, fragment);
}

fn write_fragments(out: &mut Vec<u8>, opcode: Opcode, rsv1: bool, payload: &[u8], fragment: usize) {
    let count = payload.len().div_ceil(fragment);
    out.reserve(payload.len() + count * header_len(fragment as u64));
    for (index, piece) in payload.chunks(fragment).enumerate() {
        let opcode = if index == 0 {
            opcode
        } else {
            Opcode::Continuation
        };
        let (fin, rsv1) = (index + 1 == count, rsv1 && index == 0);
        write_header(out, opcode, fin, rsv1, piece.len() as u64);
        out.extend_from_slice(piece);
    }
}
