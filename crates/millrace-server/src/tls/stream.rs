//! A stream that speaks TLS.
//!
//! What is sealed of the bytes to be written counts as written only when the system has all of it: until then `Pending` is
//! returned, and the same bytes come again. So a connection whose output is empty has handed everything on, as without
//! TLS, and there is no second queue that its timeouts would have to know.

mod opening;

use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use millrace_tls::{Context as TlsContext, Failure, RECORD_BYTES, Sealed, Session, SessionInfo};

use self::opening::{Asking, Greeting};
use super::TlsRoom;
use super::room::READ_BYTES;
use crate::server::Server;
use crate::socket::{Stream, read_piece};

/// Reads without any plaintext before the thread's others get their turn: a client may send records that are empty, or that
/// change keys.
const FRUITLESS_READS: usize = 4;

/// A stream that speaks TLS.
#[derive(Debug)]
pub(crate) struct TlsStream {
    stream: Stream,
    state: State,
    /// What the handshake is made with, until it is complete: what the client shows is judged by that, and not by what a
    /// reload has put in its place since.
    context: Option<Arc<TlsContext>>,
    /// The name that the client wants a server of.
    server_name: Option<Box<str>>,
    /// Records that the system has not taken yet.
    unsent: Sealed,
    /// How much plaintext that has not been reported as written is in them.
    unreported: usize,
    leave: Leave,
    /// The stream ended, and the client had not said that it would (RFC 8446 6.1).
    is_cut: bool,
    /// What was read last came before the handshake was complete.
    is_early: bool,
    /// What was agreed on with a client that sends early has been taken.
    is_known: bool,
}

#[derive(Debug)]
enum State {
    /// What the client wants is not known yet.
    Greeting(Box<Greeting>),
    /// JavaScript is asked for the credentials of a name.
    Asking(Box<Asking>),
    Running(Session),
    /// It has failed.
    Over,
}

/// How far a stream is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    No,
    /// The sending side is to be closed once everything is sent.
    Wanted,
    Said,
}

impl TlsStream {
    pub(crate) fn new(stream: Stream, server: Arc<Server>) -> Self {
        TlsStream {
            stream,
            state: State::Greeting(Box::new(Greeting::new(server))),
            context: None,
            server_name: None,
            unsent: Sealed::default(),
            unreported: 0,
            leave: Leave::No,
            is_cut: false,
            is_early: false,
            is_known: false,
        }
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// What was agreed on, once, when the handshake is complete.
    pub(crate) fn take_info(&mut self) -> Option<Box<SessionInfo>> {
        match &mut self.state {
            State::Running(session) => session.take_info(),
            _ => None,
        }
    }

    /// What has been agreed on, once, when something has come before the handshake is complete.
    pub(crate) fn take_early_info(&mut self) -> Option<SessionInfo> {
        match &self.state {
            State::Running(session)
                if self.is_early && !std::mem::replace(&mut self.is_known, true) =>
            {
                Some(session.info())
            }
            _ => None,
        }
    }

    /// What the handshake is made with, until that is taken.
    pub(crate) fn context(&self) -> Option<&Arc<TlsContext>> {
        self.context.as_ref()
    }

    /// What the handshake was made with, once.
    pub(crate) fn take_context(&mut self) -> Option<Arc<TlsContext>> {
        self.context.take()
    }

    /// The name that the client wants a server of, in lower case, until it is taken.
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The name that the client wants a server of, once; in lower case.
    pub(crate) fn take_server_name(&mut self) -> Option<Box<str>> {
        self.server_name.take()
    }

    /// A name that JavaScript has to be asked for, once.
    pub(crate) fn take_question(&mut self) -> Option<&str> {
        match &mut self.state {
            State::Asking(asking) => asking.take_question(),
            _ => None,
        }
    }

    /// When the answer for a name is waited for no longer.
    pub(crate) fn late_at(&self) -> Option<Instant> {
        match &self.state {
            State::Asking(asking) => asking.late_at(),
            _ => None,
        }
    }

    /// Whether the client closed the stream without saying so: what came before may have been cut short by anybody.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether what was read last came before the handshake was complete.
    pub(crate) fn is_early(&self) -> bool {
        self.is_early
    }

    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        memory: &mut [u8],
        room: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        self.begin_read(context, room)?;
        let mut fruitless = 0;
        loop {
            let State::Running(session) = &mut self.state else {
                ready!(self.poll_step(context, room))?;
                continue;
            };
            if session.has_plaintext() {
                self.is_early = session.is_early();
                return Poll::Ready(Ok(session.take_plaintext(memory)));
            }
            if !session.is_open() {
                ready!(self.poll_step(context, room))?;
                continue;
            }
            self.is_early = false;
            if session.has_peer_closed() || self.is_cut {
                return Poll::Ready(Ok(0));
            }
            let fresh = if session.has_records() {
                0
            } else {
                // No more than there is memory for: what spills is copied twice.
                let (kept, most) = (session.kept(), memory.len().min(READ_BYTES));
                let most = most.saturating_sub(kept).max(RECORD_BYTES);
                let fresh = &mut room.received[kept..][..most];
                let fresh = ready!(self.stream.poll_read(context, fresh))?;
                if fresh == 0 {
                    self.is_cut = true;
                    return Poll::Ready(Ok(0));
                }
                fresh
            };
            let count = self.receive(context, room, fresh, memory)?;
            if count > 0 {
                return Poll::Ready(Ok(count));
            }
            fruitless += 1;
            if fruitless == FRUITLESS_READS {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Goes on with the handshake until that is complete, and leaves plaintext to be read where it is.
    pub(crate) fn poll_handshake(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
    ) -> Poll<io::Result<()>> {
        self.begin_read(context, room)?;
        while !self.is_open() {
            ready!(self.poll_step(context, room))?;
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what is unsent where nothing waits to be written that would take it along.
    fn begin_read(&mut self, context: &mut Context<'_>, room: &mut TlsRoom) -> io::Result<()> {
        room.prepare();
        if self.unreported == 0
            && !self.unsent.is_empty()
            && let Poll::Ready(sent) = self.poll_unsent(context, room)
        {
            sent?;
        }
        Ok(())
    }

    pub(crate) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
        room: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        self.poll_seal(context, room, bytes.len(), |session, room| {
            session.seal(bytes, &mut room.sealed).map_err(failed)
        })
    }

    pub(crate) fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        room: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        let most = slices.iter().map(|slice| slice.len()).sum();
        self.poll_seal(context, room, most, |session, room| {
            session
                .seal_slices(slices, &mut room.sealed)
                .map_err(failed)
        })
    }

    pub(crate) fn poll_send_file(
        &mut self,
        context: &mut Context<'_>,
        file: &File,
        range: Range<u64>,
        memory: &mut Vec<u8>,
        room: &mut TlsRoom,
    ) -> Poll<io::Result<usize>> {
        let most = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        self.poll_seal(context, room, most, |session, room| {
            let piece = read_piece(file, &range, memory)?;
            session.seal(piece, &mut room.sealed).map_err(failed)
        })
    }

    fn is_open(&self) -> bool {
        matches!(&self.state, State::Running(session) if session.is_open())
    }

    /// Says that nothing more will be written, and closes the sending side: at once, or when what is unsent is sent.
    pub(crate) fn shutdown_write(&mut self, context: &mut Context<'_>, room: &mut TlsRoom) {
        if self.leave != Leave::No {
            return;
        }
        self.say_farewell(context, room);
        if self.unsent.is_empty() {
            self.leave = Leave::Said;
            self.stream.shutdown_write();
        } else {
            self.leave = Leave::Wanted;
        }
    }

    /// Says that nothing more will be written, as far as the system takes it at once.
    pub(crate) fn take_leave(&mut self, context: &mut Context<'_>, room: &mut TlsRoom) {
        if self.leave == Leave::No {
            self.say_farewell(context, room);
        }
    }

    fn say_farewell(&mut self, context: &mut Context<'_>, room: &mut TlsRoom) {
        let State::Running(session) = &mut self.state else {
            return;
        };
        room.prepare();
        match self.unsent.is_empty() {
            true => session.close_notify(&mut room.sealed),
            false => session.close_notify(&mut self.unsent),
        }
        let _ = self.poll_sealed(context, room);
    }

    /// Seals something, unless something is sealed already, and reports how much plaintext the system has taken of it.
    fn poll_seal(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
        most: usize,
        seal: impl FnOnce(&mut Session, &mut TlsRoom) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        room.prepare();
        while !self.is_open() {
            ready!(self.poll_step(context, room))?;
        }
        ready!(self.poll_unsent(context, room))?;
        if self.unreported == 0 {
            let State::Running(session) = &mut self.state else {
                return Poll::Pending;
            };
            let sealed = seal(session, room);
            if sealed.is_err() {
                // The alert that says why.
                let _ = self.poll_sealed(context, room);
            }
            self.unreported = sealed?;
            ready!(self.poll_sealed(context, room))?;
        }
        let count = std::mem::take(&mut self.unreported);
        if count > most {
            // What was sealed is not what there is to be written, and cannot be taken back.
            return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
        }
        Poll::Ready(Ok(count))
    }

    /// Has the session use what came, and sends what it has to say to that.
    fn receive(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
        fresh: usize,
        memory: &mut [u8],
    ) -> io::Result<usize> {
        let State::Running(session) = &mut self.state else {
            return Ok(0);
        };
        let was_open = session.is_open();
        let sealed = match self.unsent.is_empty() {
            true => &mut room.sealed,
            false => &mut self.unsent,
        };
        let before = sealed.pending().len();
        let begin = (!was_open).then(Instant::now);
        let received = session.receive(&mut room.received, fresh, memory, sealed);
        let has_sealed = sealed.pending().len() > before;
        if let Some(begin) = begin {
            room.count_handshake(begin.elapsed());
        }
        if has_sealed {
            // What the system does not take now is sent by whoever reads or writes next; an error shows there too.
            let _ = self.poll_sealed(context, room);
        }
        received.map_err(|failure| {
            self.state = State::Over;
            failed(failure)
        })
    }

    /// Sends what was just sealed, and keeps what the system does not take.
    fn poll_sealed(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(context, room))?;
        while !room.sealed.is_empty() {
            match self.stream.poll_write(context, room.sealed.pending()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => room.sealed.advance(count),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.unsent = room.take_rest();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what could not be sent before.
    fn poll_unsent(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
    ) -> Poll<io::Result<()>> {
        if self.unsent.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !self.unsent.is_empty() {
            match ready!(self.stream.poll_write(context, self.unsent.pending()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.unsent.advance(count),
            }
        }
        room.give_back(std::mem::take(&mut self.unsent));
        if self.leave == Leave::Wanted {
            self.leave = Leave::Said;
            self.stream.shutdown_write();
        }
        Poll::Ready(Ok(()))
    }
}

fn failed(failure: Failure) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, failure)
}
