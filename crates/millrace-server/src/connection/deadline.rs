//! When a connection is late, and what is done about it.
//!
//! Time runs here and not in JavaScript, so that it runs while JavaScript is busy. A time in which the server itself did
//! not read is not counted.

use std::io;

use millrace_batch::layout::AbortReason;
use millrace_http1::Error;

use super::{Connection, Fate, Phase};
use crate::room::Room;

/// How often a connection that is not read is asked whether it still is one, in milliseconds.
pub(crate) const LOOK_AFTER: u64 = 2000;

impl Connection {
    /// When something will have taken too long, if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<u64> {
        if let Some(websocket) = &self.websocket {
            return websocket.deadline(
                self.stalled,
                self.http_write_since(),
                self.server.config.timeouts.write,
            );
        }
        self.deadlines().map(|(deadline, _)| deadline).min()
    }

    /// Since when the client has not taken any of the answers; 0 when there are none.
    pub(crate) fn http_write_since(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.write_since)
    }

    fn deadlines(&self) -> impl Iterator<Item = (u64, Late)> {
        let timeouts = &self.server.config.timeouts;
        let mut all = [None; 8];
        let after = |since: u64, timeout: u64| (timeout > 0).then_some(since + timeout);
        if self.is_securing && self.phase == Phase::Open {
            all[6] = after(self.since, timeouts.handshake).map(|at| (at, Late::Handshake));
            all[7] = (self.answer_due > 0).then_some((self.answer_due, Late::Name));
        }
        match (&self.active, self.phase) {
            (_, Phase::Closed) => {}
            (_, Phase::Lingering(_)) => {
                all[0] = after(self.since, timeouts.linger.max(1)).map(|at| (at, Late::Linger))
            }
            (None, Phase::Open) if self.stalled || self.is_securing => {}
            (None, Phase::Open) if self.next_sequence == 0 => {
                all[0] = after(self.since, timeouts.headers).map(|at| (at, Late::Silent));
            }
            (None, Phase::Open) => {
                all[0] = after(self.since, timeouts.idle).map(|at| (at, Late::Silent))
            }
            (Some(active), Phase::Open) => {
                let write = active.own.write.unwrap_or(timeouts.write);
                let body = active.own.body.unwrap_or(timeouts.body);
                let body_rate = active.own.body_rate.unwrap_or(timeouts.body_rate);
                if active.write_since > 0 {
                    all[0] = after(active.write_since, write).map(|at| (at, Late::Write));
                }
                if !active.blocked
                    && !self.stalled
                    && active.conn.expects_request()
                    && active.has_begun_head()
                {
                    all[1] = after(active.head_since, timeouts.headers).map(|at| (at, Late::Head));
                }
                if active.conn.awaits_body() && !self.stalled && body > 0 {
                    let silent = active.body.last + body;
                    let slow = active.body.since
                        + body.max(
                            (active.body.bytes * 1000)
                                .checked_div(body_rate)
                                .unwrap_or(0),
                        );
                    let deadline = if body_rate > 0 {
                        silent.min(slow)
                    } else {
                        silent
                    };
                    all[2] = Some((deadline, Late::Body));
                }
                if active.peer_closed
                    && !self.server.config.allow_half_close
                    && !active.conn.is_tunnel()
                {
                    let since = active.gone_since.max(active.write_since);
                    all[4] = after(since, write).map(|at| (at, Late::Gone));
                }
                if active.blocked && !active.peer_closed {
                    all[5] = Some((active.looked + LOOK_AFTER, Late::Look));
                }
                all[3] = active
                    .conn
                    .earliest_deadline()
                    .map(|(_, at)| (at, Late::Handler));
            }
        }
        all.into_iter().flatten()
    }

    /// Acts on what has taken too long.
    pub(crate) fn expire(&mut self, room: &mut Room) -> Fate {
        if self.websocket.is_some() {
            return self.expire_websocket(room);
        }
        let now = room.now;
        let Some((_, late)) = self
            .deadlines()
            .filter(|&(deadline, _)| deadline <= now)
            .min_by_key(|&(at, _)| at)
        else {
            return Fate::Goes(self.deadline());
        };
        if late == Late::Name {
            // Whoever waits for nothing else goes on without the answer.
            self.answer_due = 0;
            return self.drive(room);
        }
        if late == Late::Look {
            if let Some(active) = &mut self.active {
                active.looked = now;
            }
            return self.look();
        }
        if late != Late::Linger && (late != Late::Silent || self.next_sequence == 0) {
            self.server.counters(room.thread).timeouts.add(1);
        }
        match late {
            Late::Linger | Late::Silent | Late::Look | Late::Name => return Fate::Over,
            Late::Handshake => {
                let text = "the handshake took too long";
                return Fate::Lost(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            Late::Write => return Fate::Cut(AbortReason::WriteTimeout),
            Late::Gone => return Fate::Cut(AbortReason::ConnectionLost),
            Late::Head => self.refuse(room, Error::HeadersTimeout),
            Late::Body => self.refuse(room, Error::BodyTimeout),
            Late::Handler => self.give_up_on_handler(room),
        }
        self.flush_and_settle(room)
    }

    /// A client that has gone is not seen by whoever does not read: its handler may wait for nothing else.
    pub(crate) fn look(&mut self) -> Fate {
        if let Ok(Some(error)) = self.socket.take_error() {
            return Fate::Lost(error);
        }
        Fate::Goes(self.deadline())
    }

    fn give_up_on_handler(&mut self, room: &mut Room) {
        let Some(active) = &mut self.active else {
            return;
        };
        let Some((sequence, _)) = active.conn.earliest_deadline() else {
            return;
        };
        active
            .conn
            .refuse_exchange(sequence, Error::HandlerTimeout, &room.date);
        self.server.counters(room.thread).pending.sub(1);
        let id = self.exchange_ids()(sequence);
        room.batch(&self.server.lane)
            .push_abort(id, AbortReason::HandlerTimeout);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    Silent,
    Handshake,
    /// Not the client: JavaScript does not answer for the name that it wants.
    Name,
    /// Not the client: it may have gone, and is not read.
    Look,
    Linger,
    Head,
    Body,
    Handler,
    Write,
    /// The client has closed its side and nothing is written to it.
    Gone,
}
