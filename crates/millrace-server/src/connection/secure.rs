//! A connection before its TLS handshake is complete, and what becomes of that.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use millrace_batch::layout::ServerEvent;
use millrace_tls::rustls::pki_types::UnixTime;
use millrace_tls::{ClientAuth, Context as TlsContext, SessionInfo};

use super::parse::{Filled, remote_text};
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
                } else if let Some(info) = tls.take_early_info() {
                    // Handlers of early requests look it up before the handshake is complete.
                    let name = tls.server_name().map(Box::from);
                    let context = tls.context().cloned();
                    self.put_info(room, info, name, context);
                }
            }
        }
    }

    /// Goes on with the handshake, if there is one, of a connection of which nothing else is wanted: its client must not
    /// look slow because of what the server waits for.
    pub(super) fn secure(&mut self, room: &mut Room) -> io::Result<Filled> {
        if self.is_securing {
            let mut context = Context::from_waker(&self.waker);
            if let Poll::Ready(Err(error)) = self.socket.poll_handshake(&mut context, &mut room.tls)
            {
                return Err(error);
            }
            self.follow_handshake(room);
        }
        Ok(Filled::Waiting)
    }

    /// Counts and reports a handshake that did not come to its end.
    fn fail_handshake(&mut self, room: &mut Room, fate: &Fate) {
        let error = match fate {
            Fate::Lost(error) => Some(error),
            _ => None,
        };
        // Connections that end before they have begun are the probes of load balancers.
        let is_garbage = error.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData);
        if !is_garbage && !self.socket.is_tls() {
            return;
        }
        self.server.counters(room.thread).tls_failed.add(1);
        if let Some(error) = error
            && self.server.config.report_connection_errors
        {
            let remote = remote_text(self.remote);
            let text = match error.kind() {
                io::ErrorKind::ConnectionReset => format!(
                    "ERR_TLS_HANDSHAKE {remote} the client reset the connection during the handshake"
                ),
                _ => format!("ERR_TLS_HANDSHAKE {remote} {error}"),
            };
            self.server.report(room, &text);
        }
    }

    /// Ends what TLS has begun with a connection that comes to its end.
    pub(crate) fn end_secure(&mut self, room: &mut Room, fate: &Fate) {
        if self.is_securing {
            self.fail_handshake(room, fate);
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
        if let Some(tls) = self.socket.tls_mut() {
            let (server_name, context) = (tls.take_server_name(), tls.take_context());
            self.put_info(room, session, server_name, context);
        }
        self.report_key_log(room);
    }

    fn put_info(
        &self,
        room: &mut Room,
        session: SessionInfo,
        server_name: Option<Box<str>>,
        context: Option<Arc<TlsContext>>,
    ) {
        let begin = Instant::now();
        let verdict = match context {
            None => Err(String::new()),
            Some(context) => match context.client_auth() {
                ClientAuth::None => Err(String::new()),
                // The handshake has just judged what was shown in it, and would not be complete.
                ClientAuth::Required if !session.resumed && !self.is_securing => Ok(()),
                _ => context.peer_verdict(&session.peer_chain, UnixTime::now()),
            },
        };
        room.tls.count_handshake(begin.elapsed());
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
            self.server.report(room, &text);
        }
    }
}
