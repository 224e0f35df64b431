//! The end of a WebSocket (RFC 6455 7). Whatever it is, JavaScript is told once.
//!
//! When the client closes, or breaks the protocol, what it sent before may still be on its way through JavaScript. The
//! Close frame is sent when that has been dispatched, so that it comes behind the answers to it.

use std::borrow::Cow;

use millrace_batch::SocketId;
use millrace_batch::layout::{AbortReason, WriteOutcome};
use millrace_ws::CloseCode;

use super::WebSocket;
use super::flush::report;
use crate::connection::{Connection, Fate, cut_short};
use crate::room::Room;
use crate::server::Server;

/// How a socket ends.
#[derive(Debug)]
pub(super) struct End {
    /// What JavaScript is told.
    code: u16,
    reason: Cow<'static, [u8]>,
    /// The client has sent a Close frame.
    closed_by_client: bool,
    /// Our Close frame waits until JavaScript has dispatched what came before.
    pub(super) awaits_javascript: bool,
}

impl Connection {
    /// Decides what comes next, and by when.
    pub(super) fn settle_websocket(&mut self, room: &mut Room) -> Fate {
        let Some(websocket) = &mut self.websocket else {
            return Fate::Over;
        };
        match websocket.end() {
            None if websocket.is_closed_by_peer() => Fate::Over,
            Some(end) if !end.awaits_javascript && websocket.close_is_out() => {
                self.finish_websocket(room)
            }
            _ => Fate::Goes(self.deadline()),
        }
    }

    /// Ends the connection of a socket that has sent its Close frame. The server closes first (RFC 6455 7.1.1).
    fn finish_websocket(&mut self, room: &mut Room) -> Fate {
        let websocket = self.websocket.as_ref();
        let is_alone = websocket.is_some_and(|websocket| websocket.is_closed_by_peer());
        let closed_by_client = websocket
            .and_then(|websocket| websocket.end())
            .is_some_and(|end| end.closed_by_client);
        self.end_websocket(room, AbortReason::ConnectionLost, WriteOutcome::NotExecuted);
        // Behind its Close frame a client sends nothing. From any other the system must not discard unread bytes, because
        // that discards the Close frame too.
        if is_alone || closed_by_client && self.has_nothing_to_read(room) {
            return Fate::Over;
        }
        self.begin_to_linger(room)
    }

    /// Tells JavaScript that the socket is over, if there is one.
    pub(crate) fn end_websocket(
        &mut self,
        room: &mut Room,
        reason: AbortReason,
        outcome: WriteOutcome,
    ) {
        let id = self.socket_id();
        let Some(mut websocket) = self.websocket.take() else {
            return;
        };
        let is_sent = websocket.close_is_out();
        if let Some(outgoing) = &mut websocket.outgoing {
            outgoing.abandon(outcome, cut_short(reason), |news| {
                report(news, id, room, &self.server);
            });
        }
        self.server.counters(room.thread).websockets.sub(1);
        room.infos.set_queued(self.slot(), 0);
        let batch = room.batch(&self.server.lane);
        match websocket.aside.and_then(|aside| aside.end) {
            Some(end) => {
                let is_clean = end.closed_by_client && !end.awaits_javascript && is_sent;
                batch.push_closed(id, is_clean, end.code, &end.reason);
            }
            None => batch.push_closed(id, false, CloseCode::ABNORMAL, cut_reason(reason)),
        }
    }
}

impl WebSocket {
    /// Sends a Close frame behind all that was sent before; then the client has its time to answer. A paused socket has to
    /// be driven after this, as it is read again.
    pub(crate) fn begin_close(&mut self, room: &mut Room, code: Option<u16>, reason: &str) {
        let aside = self.aside();
        if aside.closing_since == 0 {
            aside.closing_since = room.now;
        }
        let shared = &mut room.websockets;
        self.outgoing(shared).close(shared, code, reason);
    }

    /// Whether a Close frame has been handed to the system.
    fn close_is_out(&self) -> bool {
        let outgoing = self.outgoing.as_ref();
        outgoing.is_some_and(|outgoing| outgoing.close_is_out())
    }

    /// The client has sent a Close frame.
    pub(super) fn client_closes(
        &mut self,
        id: SocketId,
        room: &mut Room,
        server: &Server,
        code: Option<u16>,
        reason: &[u8],
    ) {
        let code = code.unwrap_or(CloseCode::NO_STATUS);
        let reason = Cow::Owned(reason.to_vec());
        self.begin_end(id, room, server, code, reason, true);
    }

    /// The client has broken the protocol (RFC 6455 7.1.7).
    pub(super) fn fail(
        &mut self,
        id: SocketId,
        room: &mut Room,
        server: &Server,
        code: u16,
        reason: &'static str,
    ) {
        let reason = Cow::Borrowed(reason.as_bytes());
        self.begin_end(id, room, server, code, reason, false);
    }

    /// More waits than the client may have waiting.
    pub(super) fn overflowed(&mut self, room: &mut Room, server: &Server) {
        server.counters(room.thread).websockets_slow.add(1);
        let outgoing = self.outgoing.as_ref();
        let waiting = outgoing.map_or(0, |outgoing| outgoing.queued_bytes());
        let reason = format!("too slow: {waiting} bytes wait").into_bytes();
        self.cut(CloseCode::POLICY, Cow::Owned(reason));
    }

    /// Says what is told of a socket that is cut now.
    pub(super) fn cut(&mut self, code: u16, reason: Cow<'static, [u8]>) {
        self.aside().end.get_or_insert_with(|| {
            Box::new(End {
                code,
                reason,
                closed_by_client: false,
                awaits_javascript: false,
            })
        });
    }

    fn begin_end(
        &mut self,
        id: SocketId,
        room: &mut Room,
        server: &Server,
        code: u16,
        reason: Cow<'static, [u8]>,
        closed_by_client: bool,
    ) {
        let aside = self.aside();
        let awaits_javascript = aside.closing_since == 0;
        if awaits_javascript {
            aside.closing_since = room.now;
            aside.asked += 1;
            room.batch(&server.lane).push_barrier(id);
        }
        aside.end = Some(Box::new(End {
            code,
            reason,
            closed_by_client,
            awaits_javascript,
        }));
    }

    /// Sends the Close frame that answers the client's, or says what it did wrong.
    pub(super) fn answer_end(&mut self, room: &mut Room) {
        let shared = &mut room.websockets;
        let Some(end) = self.aside.as_mut().and_then(|aside| aside.end.as_mut()) else {
            return;
        };
        let outgoing = self.outgoing.get_or_insert_with(|| {
            shared.take_outgoing(&self.settings, self.receiver.compression())
        });
        end.awaits_javascript = false;
        let code = (end.code != CloseCode::NO_STATUS).then_some(end.code);
        let reason = std::str::from_utf8(&end.reason).unwrap_or_default();
        if end.closed_by_client {
            outgoing.close(shared, code, reason);
        } else {
            // Nothing that waits is worth the time of a client that breaks the protocol.
            outgoing.close_now(shared, code, reason);
        }
    }
}

/// What JavaScript is told of a connection that was cut.
fn cut_reason(reason: AbortReason) -> &'static [u8] {
    match reason {
        AbortReason::WriteTimeout => b"write timeout",
        AbortReason::ServerClosed => b"server closed",
        _ => b"",
    }
}
