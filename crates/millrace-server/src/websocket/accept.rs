//! From an exchange to a WebSocket (RFC 6455 4.2.2).

use millrace_batch::ExchangeId;
use millrace_batch::outbound::Action;
use millrace_http1::{BodySize, Rejected, ResponseHead};
use millrace_ws::{Agreed, CloseCode, Receiver, accept_value, negotiate};

use super::aside::Aside;
use super::{Heard, WebSocket};
use crate::connection::Connection;
use crate::room::Room;

impl Connection {
    /// Answers a handshake with 101 and makes the connection a WebSocket. One that came too late does nothing: its
    /// handler has been told why. A request that cannot become one costs the connection, as its handler takes it for one
    /// and the client does not.
    pub(crate) fn accept_websocket(
        &mut self,
        room: &mut Room,
        exchange: ExchangeId,
        action: &Action<'_>,
    ) -> Result<(), Rejected> {
        let &Action::Accept {
            settings,
            fields,
            key,
            offers,
        } = action
        else {
            return Ok(());
        };
        let settings = self.server.lane.websocket_settings(settings);
        let settings = settings.ok_or(Rejected::WrongLength)?;
        let active = self.active.as_mut().ok_or(Rejected::Gone)?;
        // RFC 9110 7.8: answers that are missing would have to come first. On routes of WebSockets that has been seen to;
        // here is who was accepted by a handler of another kind.
        let is_alone = active
            .conn
            .pending()
            .all(|pending| pending == exchange.sequence);
        if !is_alone && active.conn.is_pending(exchange.sequence) {
            return Err(Rejected::WrongLength);
        }
        let compression = settings.compression.as_ref();
        let agreed = compression.and_then(|compression| negotiate([offers], &compression.config));
        let extensions = extension_line(agreed);
        let fields = handshake_fields(key, &extensions, fields);
        let head = ResponseHead {
            status: 101,
            reason: None,
            fields: &fields,
            body: BodySize::Unknown,
            close: false,
            has_date: false,
        };
        let policy = &self.server.config.policy;
        active
            .conn
            .tunnel(exchange.sequence, &head, &room.date, policy)
            .map_err(|rejected| match rejected {
                Rejected::OutOfOrder if active.conn.is_pending(exchange.sequence) => {
                    Rejected::WrongLength
                }
                rejected => rejected,
            })?;
        // From here on there are no exchanges, only what is left of their answers.
        active.conn.abandon(|_| {});
        let counters = self.server.counters(room.thread);
        counters.pending.sub(1);
        counters.websockets.add(1);
        counters.websockets_opened.add(1);
        let aside = Aside {
            write_ms: active.own.write,
            ends_at: match settings.lifetime_ms {
                0 => 0,
                lifetime => room.now + lifetime,
            },
            peer_closed: active.peer_closed,
            ..Aside::default()
        };
        let mut websocket = WebSocket {
            settings,
            receiver: Receiver::new(agreed),
            outgoing: None,
            aside: (!aside.is_empty()).then(|| Box::new(aside)),
            heard: Heard::at(room.now),
            unasked: 0,
        };
        room.batch(&self.server.lane)
            .push_opened(exchange, &extensions);
        if self.server.is_closing() {
            websocket.begin_close(room, Some(CloseCode::GOING_AWAY), "");
        }
        self.websocket = Some(Box::new(websocket));
        Ok(())
    }
}

/// The value of `Sec-WebSocket-Extensions`; empty without any.
fn extension_line(agreed: Option<Agreed>) -> Vec<u8> {
    let mut line = Vec::new();
    if let Some(agreed) = agreed {
        agreed.write_to(&mut line);
    }
    line
}

/// The fields of the 101, besides `Connection`.
fn handshake_fields(key: &[u8], extensions: &[u8], own: &[u8]) -> Vec<u8> {
    let accept = accept_value(key);
    let mut fields = Vec::with_capacity(128 + extensions.len() + own.len());
    for part in [
        b"Upgrade: websocket\r\nSec-WebSocket-Accept: ",
        &accept[..],
        b"\r\n",
    ] {
        fields.extend_from_slice(part);
    }
    if !extensions.is_empty() {
        for part in [b"Sec-WebSocket-Extensions: ", extensions, b"\r\n"] {
            fields.extend_from_slice(part);
        }
    }
    fields.extend_from_slice(own);
    fields
}
