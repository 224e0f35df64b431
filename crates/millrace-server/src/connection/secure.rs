//! A connection before its TLS handshake is complete, and what becomes of that.

use std::io;
use std::task::Context;

use millrace_batch::layout::ServerEvent;
use millrace_tls::rustls::pki_types::UnixTime;
use millrace_tls::{ClientAuth, SessionInfo};

use super::parse::remote_text;
use super::{Connection, Fate};
use crate::room::Room;
use crate::socket::Socket;
use crate::tls::TlsInfo;

impl Connection {
    /// Whether it is to speak TLS and its handshake is not complete.
    pub(crate) fn is_securing(&self) -> bool {
        self.is_securing
    }

    /// Sees how far the handshake is after a look at the socket.
    pub(super) fn follow_handshake(&mut self, room: &mut Room) {
        match &mut self.socket {
            Socket::Fresh(_) => {}
            Socket::Plain(_) => self.end_handshake(room),
            Socket::Tls(tls) => {
                if let Some(name) = tls.take_question() {
                    let counters = self.server.counters(room.thread);
                    counters.tls_names_asked.add(1);
                    let batch = room.batch(&self.server.lane);
                    batch.push_server(self.server.id, ServerEvent::NameWanted, name.as_bytes());
                }
                let late_at = tls.late_at();
                self.answer_due = late_at.map_or(0, |at| room.milliseconds(at));
                if let Some(info) = tls.take_info() {
                    self.note_session(room, *info);
                } else if let Some(session) = tls.early_session() {
                    // Handlers of early requests look it up before the handshake is complete.
                    let (info, name) = (session.info(), tls.server_name().map(Box::from));
                    self.put_info(room, info, name);
                }
            }
        }
    }

    /// Counts and reports a handshake that failed with this error.
    pub(super) fn fail_handshake(&mut self, room: &mut Room, error: &io::Error) {
        // Connections that end before they have begun are the probes of load balancers.
        let has_begun = self.socket.is_tls() || error.kind() == io::ErrorKind::InvalidData;
        if !has_begun {
            return;
        }
        self.server.counters(room.thread).tls_failed.add(1);
        if self.server.config.report_connection_errors {
            let remote = remote_text(self.remote);
            let text = match error.kind() {
                io::ErrorKind::ConnectionReset => format!(
                    "ERR_TLS_HANDSHAKE {remote} the client reset the connection during the handshake"
                ),
                _ => format!("ERR_TLS_HANDSHAKE {remote} {error}"),
            };
            let batch = room.batch(&self.server.lane);
            batch.push_server(
                self.server.id,
                ServerEvent::ConnectionError,
                text.as_bytes(),
            );
        }
    }

    /// Ends what TLS has begun with a connection that comes to its end.
    pub(crate) fn end_secure(&mut self, room: &mut Room, fate: &Fate) {
        if self.is_securing {
            self.end_handshake(room);
        } else if matches!(fate, Fate::Over) {
            let mut context = Context::from_waker(&self.waker);
            self.socket.take_leave(&mut context, &mut room.tls);
        }
    }

    fn end_handshake(&mut self, room: &mut Room) {
        self.is_securing = false;
        self.answer_due = 0;
        self.server.counters(room.thread).tls_open.sub(1);
    }

    fn note_session(&mut self, room: &mut Room, session: SessionInfo) {
        self.end_handshake(room);
        self.since = room.now;
        let counters = self.server.counters(room.thread);
        counters.tls_handshakes.add(1);
        counters.tls_resumed.add(u64::from(session.resumed));
        let server_name = self.socket.tls_mut().and_then(|tls| tls.take_server_name());
        self.put_info(room, session, server_name);
        self.report_key_log(room);
    }

    fn put_info(&self, room: &mut Room, session: SessionInfo, server_name: Option<Box<str>>) {
        let verdict = match &self.server.tls {
            Some(tls) if tls.context().client_auth() != ClientAuth::None => {
                let now = UnixTime::now();
                tls.context().peer_verdict(&session.peer_chain, now)
            }
            _ => Err(String::new()),
        };
        let info = TlsInfo {
            authorized: verdict.is_ok(),
            authorization_error: verdict.err().filter(|_| !session.peer_chain.is_empty()),
            session,
            server_name,
        };
        room.tls_infos.put(self.slot(), self.generation, info);
    }

    /// Says once that secrets of connections cannot be logged, which whoever wants to read captured traffic should know.
    fn report_key_log(&self, room: &mut Room) {
        let tls = self.server.tls.as_ref();
        if let Some(text) = tls.and_then(|tls| tls.context().take_key_log_error()) {
            let text = format!("ERR_TLS_FILE - {text}");
            let batch = room.batch(&self.server.lane);
            batch.push_server(
                self.server.id,
                ServerEvent::ConnectionError,
                text.as_bytes(),
            );
        }
    }
}
