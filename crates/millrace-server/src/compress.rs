//! Bodies that are compressed on their way out: whole ones in one job of a worker, streamed ones in a job for whatever
//! has come since the job before.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;

use millrace_batch::layout::coding;
use millrace_batch::outbound::{self, Action, Payload, Record};
use millrace_coding::{Coding, Encoder, Levels, encode};
use millrace_http1::{BodySize, Piece, Rejected};

use crate::answer::{CutShort, Pieces, large, notification, response_head};
use crate::body_buffer::BodyBuffer;
use crate::connection::Connection;
use crate::deferred::{Queued, Worked};
use crate::lane::Chunk;
use crate::room::Room;

/// Bytes that one job compresses of a stream: some ten milliseconds of the slowest coding. What it produces is in
/// memory until the client takes it.
const JOB_BYTES: usize = 256 * 1024;

/// Compressed bytes up to this size are copied behind the answer's head, which is one piece to write then.
const COPIED_BYTES: usize = 16 * 1024;

/// An answer whose body has been compressed.
#[derive(Debug)]
pub(crate) struct Compressed {
    record: Queued,
    body: Vec<u8>,
}

/// A compressor in the middle of its answer.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Nothing once it has finished.
    encoder: Option<Encoder>,
}

/// Pieces of an answer that have been compressed.
#[derive(Debug)]
pub(crate) struct Streamed {
    stream: Box<Stream>,
    body: Vec<u8>,
    done: Vec<Queued>,
    /// What was too much for one job.
    pub(crate) rest: VecDeque<Queued>,
    /// A file could not be read.
    failed: bool,
}

impl Connection {
    /// Has the whole body of an answer compressed, when there is one to compress.
    pub(crate) fn compress_whole(
        &mut self,
        room: &Room,
        record: &Record<'_>,
        pieces: Pieces<'_>,
    ) -> bool {
        let Action::Respond {
            head,
            coding,
            notify,
            ..
        } = record.action
        else {
            return false;
        };
        let (Some(coding), sequence) = (coding_of(coding), record.exchange.sequence) else {
            return false;
        };
        if !self.compresses(sequence, &head) || is_file(&record.action, pieces) {
            return false;
        }
        let mut record = Queued::new(record, pieces);
        let levels = self.server.config.levels;
        if let Some(active) = self.active() {
            // The handler has done its part in time.
            active.conn.set_deadline(sequence, 0);
        }
        self.send_away(room, sequence, notify, true, false, move || {
            let mut body = Vec::new();
            record.settle();
            encode(coding, levels, record.body(), &mut body);
            Worked::Compressed(Compressed { record, body })
        });
        self.server.counters(room.thread).compressed.add(1);
        true
    }

    /// Sends the answer that has come back.
    pub(crate) fn respond_compressed(
        &mut self,
        room: &mut Room,
        sequence: u32,
        notify: Option<u32>,
        compressed: Compressed,
    ) -> Result<(), CutShort> {
        let Compressed { record, mut body } = compressed;
        let Some(Action::Respond { head, coding, .. }) = record.action() else {
            return Err(CutShort);
        };
        let fields = fields_with_coding(&head, coding);
        let size = BodySize::Known(body.len() as u64);
        let head = outbound::Head {
            fields: &fields,
            ..head
        };
        let date = room.date;
        let (active, server) = self.parts();
        let sent = active.map_or(Err(Rejected::Gone), |active| {
            active.conn.respond(
                sequence,
                &response_head(&head, size),
                piece(&mut body),
                &date,
                &server.config.policy,
            )
        });
        if sent.is_ok() {
            server.counters(room.thread).pending.sub(1);
        }
        self.conclude(room, sequence, notify, sent)
    }

    /// Begins an answer whose body is compressed as it comes.
    pub(crate) fn start_compressed(
        &mut self,
        room: &Room,
        sequence: u32,
        head: &outbound::Head<'_>,
        code: u32,
    ) -> Result<(), Rejected> {
        let levels = self.server.config.levels;
        let compresses = self.compresses(sequence, head);
        let fields = fields_with_coding(head, code);
        let head = outbound::Head {
            fields: &fields,
            ..*head
        };
        let (active, server) = self.parts();
        let active = active.ok_or(Rejected::Gone)?;
        active.conn.start(
            sequence,
            &response_head(&head, BodySize::Unknown),
            &room.date,
            &server.config.policy,
        )?;
        if let Some(coding) = coding_of(code)
            && compresses
        {
            server.counters(room.thread).compressed.add(1);
            let stream = Stream::new(coding, levels);
            self.defer_stream(sequence, Box::new(stream));
        }
        Ok(())
    }

    /// Sends what has come back of a stream, and returns its compressor unless it has finished or come to nothing.
    pub(crate) fn send_compressed(
        &mut self,
        room: &mut Room,
        sequence: u32,
        streamed: Streamed,
    ) -> Result<Option<Box<Stream>>, CutShort> {
        let Streamed {
            stream,
            mut body,
            done,
            failed,
            ..
        } = streamed;
        let mut sent = match self.active() {
            Some(active) => active.conn.send(sequence, piece(&mut body)),
            None => Err(Rejected::Gone),
        };
        if failed {
            sent = Err(Rejected::WrongLength);
        }
        let mut finished = sent.is_err();
        let mut cut = Ok(());
        for queued in done {
            let Some(action) = queued.action() else {
                continue;
            };
            let (active, server) = self.parts();
            if let (Ok(()), Some(active)) = (sent, active) {
                match action {
                    Action::Chunk {
                        want_drain: true, ..
                    } => active.conn.want_drain(sequence),
                    Action::End { trailers, .. } => {
                        finished = true;
                        sent = active
                            .conn
                            .finish(sequence, trailers, &server.config.policy);
                        if sent.is_ok() {
                            server.counters(room.thread).pending.sub(1);
                        }
                    }
                    _ => {}
                }
            }
            cut = cut.and(self.conclude(room, sequence, notification(&action), sent));
        }
        if failed {
            cut = Err(CutShort);
        }
        cut.map(|()| (!finished).then_some(stream))
    }

    /// Whether there is a body to compress. An answer to HEAD and one that has no body by its status have none.
    fn compresses(&mut self, sequence: u32, head: &outbound::Head<'_>) -> bool {
        self.active()
            .is_some_and(|active| active.conn.takes_content(sequence, head.status))
    }
}

impl Stream {
    fn new(coding: Coding, levels: Levels) -> Self {
        Stream {
            encoder: Some(Encoder::new(coding, levels)),
        }
    }

    /// Compresses the pieces in `queue`, as many as a job does.
    pub(crate) fn compress(mut self: Box<Self>, mut queue: VecDeque<Queued>) -> Streamed {
        let (mut body, mut done) = (Vec::new(), Vec::new());
        let mut room = JOB_BYTES;
        let mut failed = false;
        while room > 0
            && let Some(queued) = queue.front_mut()
            && let Some(encoder) = &mut self.encoder
        {
            match compress_some(encoder, queued, &mut room, &mut body) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => {
                    failed = true;
                    break;
                }
            }
            if let Some(Action::End { .. }) = queued.action()
                && let Some(encoder) = self.encoder.take()
            {
                encoder.finish(&mut body);
            }
            done.extend(queue.pop_front());
        }
        Streamed {
            stream: self,
            body,
            done,
            rest: queue,
            failed,
        }
    }
}

/// Compresses a record's payload, and says whether that was all of it.
fn compress_some(
    encoder: &mut Encoder,
    queued: &mut Queued,
    room: &mut usize,
    body: &mut Vec<u8>,
) -> io::Result<bool> {
    queued.settle();
    let (Some(Action::Chunk { data, flush, .. }), piece) = queued.parts() else {
        return Ok(true);
    };
    let whole = match (data, piece) {
        (Payload::Large(_), Some(Chunk::Bytes(bytes))) => {
            let some = bytes.split_to(bytes.len().min(*room));
            encoder.write(&some, body);
            *room -= some.len();
            bytes.is_empty()
        }
        (Payload::Large(_), Some(Chunk::File(range))) => {
            while *room > 0 && range.length() > 0 {
                let mut buffer = BodyBuffer::take();
                let most = buffer.memory().len().min(*room);
                let count = range.take_some(&mut buffer.memory()[..most])?;
                encoder.write(&buffer.memory()[..count], body);
                *room -= count;
            }
            range.length() == 0
        }
        (Payload::Large(_), Some(Chunk::Lent(_)) | None) => true,
        (Payload::Inline(bytes), _) => {
            encoder.write(bytes, body);
            *room = room.saturating_sub(bytes.len());
            true
        }
    };
    if whole && flush {
        encoder.flush(body);
    }
    Ok(whole)
}

fn coding_of(code: u32) -> Option<Coding> {
    match code {
        coding::GZIP => Some(Coding::Gzip),
        coding::BROTLI => Some(Coding::Brotli),
        coding::ZSTD => Some(Coding::Zstd),
        _ => None,
    }
}

/// The head's fields, and `Content-Encoding` where the status has a representation that can be encoded.
pub(crate) fn fields_with_coding<'a>(head: &outbound::Head<'a>, code: u32) -> Cow<'a, [u8]> {
    match coding_of(code) {
        Some(coding) if !matches!(head.status, 100..200 | 204 | 205 | 304) => {
            let line = ["Content-Encoding: ", coding.token(), "\r\n"];
            [head.fields, line.concat().as_bytes()].concat().into()
        }
        _ => head.fields.into(),
    }
}

fn piece(body: &mut Vec<u8>) -> Piece<'_> {
    match body.len() {
        0..=COPIED_BYTES => Piece::Slice(body),
        _ => Piece::Held(std::mem::take(body).into()),
    }
}

/// A file may be of any size, and what is compressed as a whole is in memory as a whole.
fn is_file(action: &Action<'_>, pieces: Pieces<'_>) -> bool {
    let piece = large(action).and_then(|index| pieces.get(index));
    matches!(piece, Some(Chunk::File(_)))
}
