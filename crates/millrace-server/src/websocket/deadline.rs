//! When a WebSocket is late, and what is done about it. As everywhere, a time in which the server itself did not read is
//! not held against the client.

use std::borrow::Cow;

use millrace_batch::layout::AbortReason;
use millrace_ws::CloseCode;

use super::{Heard, WebSocket};
use crate::connection::{Connection, Fate, LOOK_AFTER};
use crate::room::Room;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    /// The client has been silent for half of its time.
    Quiet,
    /// The client has been silent for too long.
    Idle,
    /// The client takes nothing.
    Write,
    /// The client does not answer a Close frame, or JavaScript does not get to the one that the client sent.
    Close,
    /// The socket has lived long enough.
    Lifetime,
    /// Not the client: it may have gone, and is not read.
    Look,
}

impl WebSocket {
    /// When something will have taken too long, if nothing happens before. `is_stalled`: it is not read because too much
    /// waits for JavaScript. `write_since`: since when the answers before it are not taken; 0 when there are none.
    pub(crate) fn deadline(
        &self,
        is_stalled: bool,
        write_since: u64,
        write_ms: u64,
    ) -> Option<u64> {
        self.deadlines(is_stalled, write_since, write_ms)
            .map(|(at, _)| at)
            .min()
    }

    fn deadlines(
        &self,
        is_stalled: bool,
        write_since: u64,
        write_ms: u64,
    ) -> impl Iterator<Item = (u64, Late)> {
        let settings = &self.settings;
        let heard = self.heard.since();
        let write_since = match &self.outgoing {
            Some(outgoing) => write_since.max(outgoing.write_since),
            None => write_since,
        };
        let (write_ms, closing_since, ends_at, looked) = match &self.aside {
            Some(aside) => (
                aside.write_ms.unwrap_or(write_ms),
                aside.closing_since,
                aside.ends_at,
                aside.looked.max(heard),
            ),
            None => (write_ms, 0, 0, heard),
        };
        let is_read = !is_stalled && !self.is_held() && !self.is_ahead();
        let is_closing = closing_since > 0;
        let after = |since: u64, timeout: u64, late: Late| {
            (since > 0 && timeout > 0).then_some((since + timeout, late))
        };
        let when = |is_so: bool, deadline: Option<(u64, Late)>| deadline.filter(|_| is_so);
        let half = settings.idle_ms.div_ceil(2);
        [
            after(write_since, write_ms, Late::Write),
            when(
                is_read || self.end().is_some(),
                after(closing_since, settings.close_ms, Late::Close),
            ),
            when(
                is_read && !is_closing,
                match settings.ping && !self.heard.is_pinged() {
                    true => after(heard, half, Late::Quiet),
                    false => after(heard, settings.idle_ms, Late::Idle),
                },
            ),
            when(!is_closing, after(ends_at, 1, Late::Lifetime)),
            when(!is_read, after(looked, LOOK_AFTER, Late::Look)),
        ]
        .into_iter()
        .flatten()
    }

    /// Reads no more.
    pub(super) fn pause(&mut self, now: u64) {
        let aside = self.aside();
        aside.paused = true;
        aside.looked = now;
    }

    /// Reads again.
    pub(super) fn resume(&mut self, now: u64) {
        let was_held = self.is_held();
        self.aside.iter_mut().for_each(|aside| aside.paused = false);
        if was_held {
            self.forgive(now);
        }
    }

    /// Whether it is not read because JavaScript wants that. The client's Close frame has to be read.
    pub(super) fn is_held(&self) -> bool {
        self.aside.as_ref().is_some_and(|aside| aside.is_held())
    }

    /// Gives the time back in which the client was not read, and no more: a client that has so much waiting for JavaScript
    /// again and again would never have to answer a Close frame.
    pub(crate) fn forgive(&mut self, now: u64) {
        if let Some(aside) = &mut self.aside
            && aside.closing_since > 0
            && aside.end.is_none()
        {
            let since = self.heard.since().max(aside.closing_since);
            aside.closing_since += now.saturating_sub(since);
        }
        self.heard = Heard::at(now);
    }
}

impl Connection {
    /// Acts on what has taken too long.
    pub(crate) fn expire_websocket(&mut self, room: &mut Room) -> Fate {
        let (now, write_since) = (room.now, self.http_write_since());
        let write_ms = self.server.config.timeouts.write;
        let Some(websocket) = &mut self.websocket else {
            return Fate::Over;
        };
        let late = websocket
            .deadlines(self.stalled, write_since, write_ms)
            .filter(|&(at, _)| at <= now)
            .min_by_key(|&(at, _)| at)
            .map(|(_, late)| late);
        if matches!(late, Some(Late::Idle | Late::Write | Late::Close)) {
            self.server.counters(room.thread).timeouts.add(1);
        }
        match late {
            None => return Fate::Goes(self.deadline()),
            Some(Late::Look) => {
                websocket.aside().looked = now;
                return self.look();
            }
            Some(Late::Write) => return Fate::Cut(AbortReason::WriteTimeout),
            Some(Late::Quiet) => {
                websocket.heard.set_pinged();
                let shared = &mut room.websockets;
                websocket.outgoing(shared).ping(shared, b"");
            }
            Some(Late::Lifetime) => {
                websocket.begin_close(room, Some(CloseCode::GOING_AWAY), "lifetime");
                self.waker.wake_by_ref();
            }
            Some(Late::Idle) => {
                // It may live all the same, and gets to read why.
                let code = Some(CloseCode::GOING_AWAY);
                let shared = &mut room.websockets;
                let outgoing = websocket.outgoing(shared);
                outgoing.close_now(shared, code, "idle timeout");
                websocket.cut(CloseCode::ABNORMAL, Cow::Borrowed(b"idle timeout"));
                return self.flush_and_end(room);
            }
            Some(Late::Close) => {
                websocket.answer_end(room);
                websocket.cut(CloseCode::ABNORMAL, Cow::Borrowed(b"close timeout"));
                return self.flush_and_end(room);
            }
        }
        self.flush_and_settle(room)
    }

    /// Writes what the socket takes at once, and no more.
    fn flush_and_end(&mut self, room: &mut Room) -> Fate {
        match self.flush_and_settle(room) {
            Fate::Goes(_) if self.websocket.is_some() => Fate::Over,
            fate => fate,
        }
    }
}
