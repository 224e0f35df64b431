//! The frames of one WebSocket on their way out.
//!
//! The output holds whole frames, so that behind it there always is a place for a control frame. While the client takes
//! what it is sent, messages become frames at once; else they wait as messages, of which some may be dropped, and which
//! are compressed only when their turn comes: what a compressor has seen, the client must see.

mod aside;
mod frames;
mod message;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use millrace_batch::layout::WriteOutcome;
use millrace_batch::outbound::Part;
use millrace_http1::Output;
use millrace_ws::{Agreed, Opcode, write_close, write_frame};

use self::aside::Aside;
pub(crate) use self::message::{Message, Piece};
use super::backlog::{Backlog, Content, Form, Full, Overflow, Waiting};
use super::published::Published;
use super::run::Run;
use super::sent::{Dropped, News, Sent};
use super::shared::{Context, Shared};

/// Above so much output it is time to write, and the backlog gives no more at once, in bytes.
const PORTION_BYTES: u64 = 64 * 1024;

/// What one socket sends.
#[derive(Debug)]
pub(crate) struct Outgoing {
    output: Output,
    /// What waits; none when nothing does.
    backlog: Option<Box<Backlog>>,
    aside: Option<Box<Aside>>,
    /// What the client has of earlier messages, once one was compressed.
    context: Option<Box<Context>>,
    compression: Option<Compression>,
    limit: usize,
    overflow: Overflow,
    /// The last write was not taken whole.
    blocked: bool,
    /// The message under way in the output whose parts are sent one by one.
    streamed: Option<Streamed>,
    end: End,
    want_drain: bool,
    /// What holds for it is not what its route says.
    has_own_overflow: bool,
    /// Since when the client has not taken any of the output, in milliseconds; 0 while there is none.
    pub(super) write_since: u64,
}

/// How a socket's messages are compressed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compression {
    pub(crate) agreed: Agreed,
    pub(crate) level: u32,
    /// Messages with fewer bytes are sent as they are.
    pub(crate) threshold: usize,
}

/// Messages with more bytes are sent as they are: compressing 1 MiB keeps an I/O thread from its other connections for
/// about 20 ms already, and for ten times that at the highest level.
const LARGEST_COMPRESSED: usize = 1024 * 1024;

impl Compression {
    /// Whether a message of so many bytes is to be compressed.
    fn fits(&self, bytes: usize) -> bool {
        (self.threshold..=LARGEST_COMPRESSED).contains(&bytes)
    }
}

/// What is to be done after something was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// Nothing yet.
    Goes,
    /// Much is in the output: it is to be written before more is added.
    Write,
    /// The client is too slow and is to be cut off.
    Full,
}

/// The message that is streamed.
#[derive(Clone, Copy, Debug)]
struct Streamed {
    compressed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    /// A Close frame waits.
    Wanted,
    /// A Close frame is in the output, or has been.
    Put,
}

impl Outgoing {
    pub(crate) fn new(overflow: Overflow, limit: usize, compression: Option<Compression>) -> Self {
        Outgoing {
            output: Output::default(),
            backlog: None,
            aside: None,
            context: None,
            compression,
            limit,
            overflow,
            blocked: false,
            streamed: None,
            end: End::Open,
            want_drain: false,
            has_own_overflow: false,
            write_since: 0,
        }
    }

    /// Makes one that [is at rest](Outgoing::is_at_rest) that of another socket.
    pub(super) fn belong(
        &mut self,
        overflow: Overflow,
        limit: usize,
        compression: Option<Compression>,
    ) {
        (self.overflow, self.limit, self.compression) = (overflow, limit, compression);
    }

    /// Whether nothing is going on, and nothing is to be remembered.
    pub(super) fn is_at_rest(&self) -> bool {
        self.output.is_empty()
            && !self.blocked
            && self.end == End::Open
            && self.backlog.is_none()
            && self.aside.is_none()
            && self.context.is_none()
            && self.streamed.is_none()
            && !self.want_drain
            && !self.has_own_overflow
    }

    /// Adds a message.
    pub(crate) fn send(&mut self, shared: &mut Shared, message: &Message<'_>) -> Verdict {
        if self.end != End::Open {
            self.not_executed(message.notify);
            return Verdict::Goes;
        }
        self.want_drain |= message.want_drain;
        let form = Form {
            binary: message.binary,
            compress: message.compress,
            part: message.part,
            fragment: message.fragment,
        };
        if !self.is_free_for(form.part) {
            return self.wait(Waiting {
                content: Content::Own(message.payload.to_bytes(), form),
                notify: message.notify,
            });
        }
        self.put(shared, message.payload, form, message.notify);
        if form.part == Some(Part::Last) && self.backlog.is_some() {
            // What has waited for the end of the streamed message.
            self.refill(shared);
        }
        self.verdict()
    }

    /// Adds messages that are published together, unless each needs a look of its own. None when it does.
    #[inline]
    pub(crate) fn deliver_run(&mut self, shared: &mut Shared, run: &Run) -> Option<Verdict> {
        let is_free = self.is_free_for(None) && self.end == End::Open;
        if !is_free || self.compression.is_some() && run.may_be_compressed() {
            return None;
        }
        self.take_memory(shared);
        run.put(&mut self.output);
        Some(self.verdict())
    }

    /// Adds a published message.
    pub(crate) fn deliver(&mut self, shared: &mut Shared, message: &Arc<Published>) -> Verdict {
        if self.is_free_for(None) && self.end == End::Open {
            self.put_published(shared, message);
            return self.verdict();
        }
        if self.end != End::Open {
            return Verdict::Goes;
        }
        self.wait(Waiting {
            content: Content::Published(message.clone()),
            notify: None,
        })
    }

    /// Adds a Ping frame, unless more waits than may.
    pub(crate) fn ping(&mut self, shared: &mut Shared, payload: &[u8]) {
        if self.end != End::Put && !(self.blocked && self.output.buffered() > self.limit) {
            self.take_memory(shared);
            write_frame(self.output.tail(), Opcode::Ping, true, false, payload);
        }
    }

    /// Adds a Pong frame. While the client takes nothing, only the latest waits (RFC 6455 5.5.3).
    pub(crate) fn pong(&mut self, shared: &mut Shared, payload: &[u8]) {
        if self.end == End::Put {
            return;
        }
        if self.blocked {
            let waiting = self.aside().pong.get_or_insert_default();
            waiting.clear();
            waiting.extend_from_slice(payload);
            return;
        }
        self.take_memory(shared);
        write_frame(self.output.tail(), Opcode::Pong, true, false, payload);
    }

    /// Adds a Close frame behind everything that was sent; nothing is sent after it. A streamed message that is under way
    /// remains unfinished, and what waits for its end is dropped.
    pub(crate) fn close(&mut self, shared: &mut Shared, code: Option<u16>, reason: &str) {
        if self.end != End::Open {
            return;
        }
        self.drop_unreachable();
        if !self.blocked && self.backlog.is_none() {
            return self.close_now(shared, code, reason);
        }
        let mut frame = Vec::new();
        write_close(&mut frame, code, reason);
        self.aside().close = Some(frame);
        self.end = End::Wanted;
    }

    /// Adds a Close frame behind what is in the output, and drops what waits.
    pub(crate) fn close_now(&mut self, shared: &mut Shared, code: Option<u16>, reason: &str) {
        if self.end == End::Put {
            return;
        }
        let waited = self.backlog.take();
        for waiting in waited.into_iter().flat_map(|backlog| backlog.drain()) {
            self.not_executed(waiting.notify);
        }
        if let Some(aside) = &mut self.aside {
            aside.pong = None;
            aside.close = None;
        }
        self.take_memory(shared);
        write_close(self.output.tail(), code, reason);
        self.end = End::Put;
    }

    /// Whether a Close frame has been handed to the system with everything before it.
    pub(crate) fn close_is_out(&self) -> bool {
        self.end == End::Put && self.output.is_empty()
    }

    /// Sets another rule for a slow client, and what may wait for it in bytes.
    pub(crate) fn set_overflow(&mut self, overflow: Overflow, limit: usize) {
        (self.overflow, self.limit) = (overflow, limit);
        self.has_own_overflow = true;
        if let Some(backlog) = &mut self.backlog {
            let aside = self.aside.get_or_insert_default();
            backlog.prepare(overflow, |dropped, how| aside.count(&dropped, how));
        }
    }

    /// What is to be written next.
    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// The socket does not take more now.
    pub(crate) fn set_blocked(&mut self) {
        self.blocked = true;
    }

    /// Says that all of the output was written. More may be in it then; if not, the socket is not blocked any more.
    pub(crate) fn drained(&mut self, shared: &mut Shared) -> bool {
        debug_assert!(self.output.is_empty());
        self.blocked = false;
        self.refill(shared);
        if !self.output.is_empty() {
            return true;
        }
        shared.give_buffer(self.output.release());
        false
    }

    /// Bytes that wait.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.output.buffered() + self.backlog.as_ref().map_or(0, |backlog| backlog.bytes())
    }

    /// Whether there may be something to tell.
    pub(crate) fn has_news(&self) -> bool {
        self.want_drain || self.aside.is_some()
    }

    /// Tells what has happened since the last time. `low_mark` is what may wait, in bytes, for a socket that has drained.
    pub(crate) fn tell(&mut self, low_mark: usize, mut tell: impl FnMut(News)) {
        let waiting = self.queued_bytes();
        if self.want_drain && waiting <= low_mark {
            self.want_drain = false;
            tell(News::Drained(waiting));
        }
        let Some(aside) = &mut self.aside else {
            return;
        };
        while let Some(sent) = aside.notices.pop_passed(self.output.position()) {
            tell(News::Sent(sent));
        }
        for sent in aside.told.drain(..) {
            tell(News::Sent(sent));
        }
        let dropped = std::mem::take(&mut aside.dropped);
        if dropped != Dropped::default() {
            tell(News::Dropped(dropped));
        }
        if aside.is_done() {
            self.aside = None;
        }
    }

    /// Tells what becomes of all that was not written, and will not be. `cut` is the outcome of a message that was under
    /// way when nothing is wrong with the connection but that it ends.
    pub(crate) fn abandon(
        &mut self,
        outcome: WriteOutcome,
        cut: WriteOutcome,
        mut tell: impl FnMut(News),
    ) {
        self.want_drain = false;
        let position = self.output.position();
        if let Some(aside) = &mut self.aside {
            let notices = &mut aside.notices;
            notices.abandon(position, outcome, cut, |sent| tell(News::Sent(sent)));
        }
        let waited = self.backlog.take();
        let outcome = match outcome {
            WriteOutcome::System(_) => WriteOutcome::NotExecuted,
            outcome => outcome,
        };
        for waiting in waited.into_iter().flat_map(|backlog| backlog.drain()) {
            if let Some(token) = waiting.notify {
                tell(News::Sent(Sent {
                    token,
                    outcome,
                    transferred: 0,
                }));
            }
        }
        self.tell(0, tell);
        self.end = End::Put;
    }

    /// Whether a message, or a part of one, can become a frame at once: nothing that waits is before it.
    #[inline]
    fn is_free_for(&self, part: Option<Part>) -> bool {
        if self.blocked {
            return false;
        }
        match (&self.backlog, part) {
            (None, Some(_)) => true,
            (None, None) => self.streamed.is_none(),
            (Some(_), None) => false,
            (Some(backlog), Some(_)) => {
                !backlog.has_parts() && (self.streamed.is_some() || !backlog.has_messages())
            }
        }
    }

    #[inline]
    fn verdict(&self) -> Verdict {
        match self.output.len() >= PORTION_BYTES {
            true => Verdict::Write,
            false => Verdict::Goes,
        }
    }

    fn wait(&mut self, waiting: Waiting) -> Verdict {
        let room = self.limit.saturating_sub(self.output.buffered());
        let backlog = self.backlog.get_or_insert_default();
        let aside = &mut self.aside;
        let pushed = backlog.push(waiting, self.overflow, room, |dropped, how| {
            aside.get_or_insert_default().count(&dropped, how);
        });
        match pushed {
            Ok(()) => {
                self.forget_empty_backlog();
                Verdict::Goes
            }
            Err(Full(waiting)) => {
                self.not_executed(waiting.notify);
                Verdict::Full
            }
        }
    }

    /// Makes frames of what waits, as long as the output is not large.
    fn refill(&mut self, shared: &mut Shared) {
        if let Some(pong) = self.aside.as_mut().and_then(|aside| aside.pong.take()) {
            self.pong(shared, &pong);
        }
        while let Some(backlog) = &mut self.backlog
            && self.output.len() < PORTION_BYTES
            && let Some(Waiting { content, notify }) = backlog.pop(self.streamed.is_some())
        {
            match content {
                Content::Own(payload, form) => {
                    self.put(shared, Piece::Held(&payload), form, notify);
                }
                Content::Published(message) => self.put_published(shared, &message),
            }
        }
        self.forget_empty_backlog();
        if self.end == End::Wanted
            && self.backlog.is_none()
            && let Some(frame) = self.aside.as_mut().and_then(|aside| aside.close.take())
        {
            self.take_memory(shared);
            self.output.tail().extend_from_slice(&frame);
            self.end = End::Put;
        }
    }

    /// For a Close frame: forgets what could only be sent behind the end of a streamed message that is not to come.
    fn drop_unreachable(&mut self) {
        let is_streaming = self.streamed.is_some();
        let Some(backlog) = &mut self.backlog else {
            return;
        };
        for waiting in backlog.take_unreachable(is_streaming) {
            self.aside
                .get_or_insert_default()
                .not_executed(waiting.notify);
        }
        self.forget_empty_backlog();
    }

    fn forget_empty_backlog(&mut self) {
        if self
            .backlog
            .as_ref()
            .is_some_and(|backlog| backlog.is_empty())
        {
            self.backlog = None;
        }
    }

    fn not_executed(&mut self, notify: Option<u32>) {
        if notify.is_some() {
            self.aside().not_executed(notify);
        }
    }

    fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    /// Sees to it that the output has memory.
    #[inline]
    fn take_memory(&mut self, shared: &mut Shared) {
        if self.output.tail().capacity() == 0 {
            *self.output.tail() = shared.take_buffer();
        }
    }
}
