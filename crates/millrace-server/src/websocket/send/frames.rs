//! From messages to frames.

use millrace_batch::outbound::Part;
use millrace_ws::{Opcode, write_frame, write_header, write_message};

use super::{Outgoing, Piece, Streamed};
use crate::websocket::backlog::Form;
use crate::websocket::published::{Published, opcode};
use crate::websocket::sent::Notice;
use crate::websocket::shared::{Context, HELD_BYTES, Shared};

/// What a part of a compressed message ends with that is not its last (RFC 7692 7.2.1).
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];

impl Outgoing {
    /// Appends the frames of a message, or of a part of one.
    pub(super) fn put(
        &mut self,
        shared: &mut Shared,
        piece: Piece<'_>,
        form: Form,
        notify: Option<u32>,
    ) {
        self.take_memory(shared);
        let start = self.end_of_output();
        let payload = piece.bytes().len();
        let mut in_frames = payload;
        let fragment = form.fragment as usize;
        if form.part.is_some() {
            self.put_part(shared, piece, form);
        } else if self.compress_message(shared, form, piece.bytes()) {
            in_frames = shared.compressed().len();
            if in_frames > HELD_BYTES {
                let compressed = shared.take_compressed();
                self.put_whole(Piece::Held(&compressed), form.binary, true, fragment);
            } else {
                let compressed = Piece::Lent(shared.compressed());
                self.put_whole(compressed, form.binary, true, fragment);
            }
        } else {
            self.put_whole(piece, form.binary, false, fragment);
        }
        if let Some(token) = notify {
            let is_split = form.part.is_none() && in_frames > fragment;
            let end = self.end_of_output();
            self.aside().notices.push(Notice {
                token,
                start,
                end,
                payload,
                fragment: if is_split { fragment } else { 0 },
            });
        }
    }

    /// Appends the frame of a published message.
    #[inline]
    pub(super) fn put_published(&mut self, shared: &mut Shared, message: &Published) {
        self.take_memory(shared);
        if message.may_be_compressed()
            && let Some(compression) = self.compression
            && compression.fits(message.payload_bytes())
        {
            let window = compression.agreed.server_window_bits;
            if let Some(frame) = message.compressed(shared, window, compression.level) {
                if let Some(context) = &mut self.context {
                    context.pass_over(message.payload());
                }
                return frame.put(&mut self.output);
            }
        }
        message.plain().put(&mut self.output);
    }

    fn put_whole(&mut self, piece: Piece<'_>, binary: bool, compressed: bool, fragment: usize) {
        let payload = piece.bytes();
        let length = payload.len();
        let frame = match fragment {
            1.. if length > fragment => fragment,
            _ => length,
        };
        match piece {
            // Smaller frames are not worth a piece each.
            Piece::Held(held) if frame > HELD_BYTES => {
                for start in (0..length).step_by(frame) {
                    let end = length.min(start + frame);
                    let is_first = start == 0;
                    let opcode = match is_first {
                        true => opcode(binary),
                        false => Opcode::Continuation,
                    };
                    let rsv1 = compressed && is_first;
                    let tail = self.output.tail();
                    write_header(tail, opcode, end == length, rsv1, (end - start) as u64);
                    self.output.hold(held.slice(start..end));
                }
            }
            _ => write_message(self.output.tail(), binary, compressed, payload, fragment),
        }
    }

    fn put_part(&mut self, shared: &mut Shared, piece: Piece<'_>, form: Form) {
        let is_first = self.streamed.is_none();
        let is_last = form.part == Some(Part::Last);
        let streamed = self.streamed.unwrap_or(Streamed {
            compressed: form.compress && self.compression.is_some(),
        });
        self.streamed = (!is_last).then_some(streamed);
        let opcode = match is_first {
            true => opcode(form.binary),
            false => Opcode::Continuation,
        };
        let payload = piece.bytes();
        if streamed.compressed {
            self.compress(shared, payload);
            if !is_last {
                shared.compressed().extend_from_slice(&FLUSHED);
            }
            let compressed = shared.compressed();
            write_frame(self.output.tail(), opcode, is_last, is_first, compressed);
            return shared.rest();
        }
        let length = payload.len() as u64;
        write_header(self.output.tail(), opcode, is_last, false, length);
        match piece {
            Piece::Held(held) if held.len() > HELD_BYTES => self.output.hold(held.clone()),
            _ => self.output.tail().extend_from_slice(payload),
        }
    }

    /// Compresses a whole message, and says whether it is to be sent so.
    fn compress_message(&mut self, shared: &mut Shared, form: Form, payload: &[u8]) -> bool {
        let Some(compression) = self.compression else {
            return false;
        };
        if !form.compress || !compression.fits(payload.len()) {
            return false;
        }
        self.compress(shared, payload);
        // What a compressor with context has seen must be sent, what one without has need not.
        !compression.agreed.server_no_context_takeover || shared.compressed().len() < payload.len()
    }

    /// Compresses to [`Shared::compressed`].
    fn compress(&mut self, shared: &mut Shared, payload: &[u8]) {
        let Some(compression) = self.compression else {
            return;
        };
        let (window, level) = (compression.agreed.server_window_bits, compression.level);
        if compression.agreed.server_no_context_takeover {
            shared.compress(window, level, payload);
        } else {
            let context = self
                .context
                .get_or_insert_with(|| Box::new(Context::new(window, level)));
            shared.compress_after(context, window, level, payload);
        }
    }

    fn end_of_output(&self) -> u64 {
        self.output.position() + self.output.len()
    }
}
