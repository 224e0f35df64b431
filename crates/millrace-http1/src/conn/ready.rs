//! Answers that are the same each time but for their date.

use bytes::Bytes;
use memchr::memmem;

use super::exchange::Phase;
use super::{Conn, Piece, Policy, Rejected};
use crate::encode::{BodySize, Encoder, RequestInfo, ResponseHead};
use crate::head::Version;
use crate::output::Output;

/// A body up to this size, in bytes, is copied with its head: that costs less than a piece of its own.
const COPIED_BYTES: usize = 16 * 1024;

/// An answer that has been encoded ahead, so that sending it is one copy.
#[derive(Clone, Debug)]
pub struct Ready {
    status: u16,
    reason: Option<Box<[u8]>>,
    fields: Box<[u8]>,
    body: Bytes,
    /// What the head declares, also of a body that is not sent.
    length: BodySize,
    has_date: bool,
    /// The head for a client of HTTP/1.1 that stays, and behind it the body when that is small.
    encoded: Box<[u8]>,
    head_length: usize,
    /// Where the date goes in `encoded`.
    date_at: Option<usize>,
}

impl Ready {
    /// Encodes an answer. Of `head` everything counts but the body's length and `close`.
    pub fn new(head: &ResponseHead<'_>, body: Bytes) -> Self {
        /// A value that no checked field has.
        const PLACE: [u8; 29] = [0; 29];
        let head = ResponseHead {
            body: BodySize::Known(body.len() as u64),
            close: false,
            ..*head
        };
        let info = RequestInfo {
            version: Version::Http11,
            is_head: false,
            is_connect: false,
            persistent: true,
        };
        let mut encoded = Vec::new();
        let encoder = Encoder::start(info, &head, &PLACE, &mut encoded);
        let head_length = encoded.len();
        let date_at = memmem::rfind(&encoded, &PLACE);
        let body = if encoder.carries_body() {
            body
        } else {
            Bytes::new()
        };
        if body.len() <= COPIED_BYTES {
            encoded.extend_from_slice(&body);
        }
        Ready {
            status: head.status,
            reason: head.reason.map(Box::from),
            fields: head.fields.into(),
            body,
            length: head.body,
            has_date: head.has_date,
            encoded: encoded.into(),
            head_length,
            date_at,
        }
    }

    fn append_to(&self, output: &mut Output, is_head: bool, date: &[u8; 29]) {
        let tail = output.tail();
        let start = tail.len();
        if is_head {
            tail.extend_from_slice(&self.encoded[..self.head_length]);
        } else {
            tail.extend_from_slice(&self.encoded);
        }
        if let Some(at) = self.date_at {
            tail[start + at..start + at + date.len()].copy_from_slice(date);
        }
        if !is_head && self.body.len() > COPIED_BYTES {
            output.hold(self.body.clone());
        }
    }

    fn head(&self) -> ResponseHead<'_> {
        ResponseHead {
            status: self.status,
            reason: self.reason.as_deref(),
            fields: &self.fields,
            body: self.length,
            close: false,
            has_date: self.has_date,
        }
    }
}

impl Conn {
    /// Answers an exchange completely with what is ready.
    pub fn respond_ready(
        &mut self,
        sequence: u32,
        ready: &Ready,
        date: &[u8; 29],
        policy: &Policy,
    ) -> Result<(), Rejected> {
        let index = self.index(sequence).ok_or(Rejected::Gone)?;
        let exchange = &self.exchanges[index];
        let info = exchange.info;
        let is_usual = matches!(exchange.phase, Phase::Waiting)
            && matches!(info.version, Version::Http11)
            && !info.is_connect
            && !exchange.must_close
            && !exchange.continue_owed
            && !self.leaves_too_much_body(index, policy);
        if !is_usual {
            let body = Piece::Held(ready.body.clone());
            return self.respond(sequence, &ready.head(), body, date, policy);
        }
        ready.append_to(self.output_of(index), info.is_head, date);
        let exchange = &mut self.exchanges[index];
        exchange.status = ready.status;
        if !info.is_head {
            exchange.content = ready.body.len() as u64;
        }
        self.complete(index, true);
        Ok(())
    }
}
