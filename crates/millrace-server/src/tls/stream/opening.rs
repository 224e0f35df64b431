//! What comes before a stream is secure: what the client wants, and the handshake for that.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use millrace_tls::{Choice, Hello, HelloReader, Named, Refusal, Session};

use super::{State, TlsStream, failed};
use crate::server::Server;
use crate::tls::room::READ_BYTES;
use crate::tls::{Found, Question, TlsRoom};

/// A client of which the first message is still to come.
pub(super) struct Greeting {
    server: Arc<Server>,
    reader: HelloReader,
    /// What has come: the session begins with it.
    came: Vec<u8>,
}

/// A client that waits for what there is for its name.
pub(super) struct Asking {
    server: Arc<Server>,
    hello: Hello,
    came: Vec<u8>,
    question: Arc<Question<Named>>,
    /// JavaScript has to be told of it.
    is_new: bool,
    /// It will be woken by the answer.
    waits: bool,
}

impl Greeting {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Greeting {
            server,
            reader: HelloReader::new(),
            came: Vec::new(),
        }
    }
}

impl Asking {
    /// The name, once: JavaScript has to be told of it.
    pub(super) fn take_question(&mut self) -> Option<&str> {
        let is_new = std::mem::take(&mut self.is_new);
        (is_new || self.question.take_turn())
            .then_some(self.hello.server_name.as_deref())
            .flatten()
    }

    /// When the answer is waited for no longer.
    pub(super) fn late_at(&self) -> Option<Instant> {
        self.question.late_at()
    }
}

impl TlsStream {
    /// Takes the handshake a step on.
    pub(super) fn poll_step(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
    ) -> Poll<io::Result<()>> {
        if !room.has_time_for_handshakes() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match &mut self.state {
            State::Greeting(greeting) => {
                let memory = &mut room.received[..READ_BYTES];
                let fresh = ready!(self.stream.poll_read(context, memory))?;
                if fresh == 0 {
                    return Poll::Ready(Err(gone()));
                }
                let fresh = &room.received[..fresh];
                greeting.came.extend_from_slice(fresh);
                match greeting.reader.read(&mut &*fresh) {
                    Ok(None) => Poll::Ready(Ok(())),
                    Ok(Some(hello)) => Poll::Ready(self.choose(context, room, hello)),
                    Err(refusal) => Poll::Ready(Err(self.refuse(context, room, refusal))),
                }
            }
            State::Asking(asking) => {
                let answer = match asking.question.answer() {
                    Some(answer) => answer,
                    None if asking.question.is_late(Instant::now()) => None,
                    None => {
                        if !std::mem::replace(&mut asking.waits, true) {
                            asking.question.wait(context.waker());
                        }
                        return Poll::Pending;
                    }
                };
                let (hello, came) = (&asking.hello, std::mem::take(&mut asking.came));
                let Some(tls) = &asking.server.tls else {
                    return Poll::Ready(Err(io::ErrorKind::Unsupported.into()));
                };
                // Answers are of the context of now: those of the one before were forgotten with it.
                let made_with = Arc::clone(&tls.context());
                let choice = match answer {
                    Some(named) => Choice::Config(named.choose(hello)),
                    None => made_with.unanswered(hello),
                };
                self.context = Some(made_with);
                Poll::Ready(self.go_on(context, room, choice, came))
            }
            State::Running(session) => {
                let fresh = if session.has_records() {
                    0
                } else {
                    let memory = &mut room.received[session.kept()..][..READ_BYTES];
                    match ready!(self.stream.poll_read(context, memory))? {
                        0 => return Poll::Ready(Err(gone())),
                        fresh => fresh,
                    }
                };
                Poll::Ready(self.receive(context, room, fresh, &mut []).map(drop))
            }
            State::Over => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Decides what the handshake is made with.
    fn choose(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
        hello: Hello,
    ) -> io::Result<()> {
        let State::Greeting(greeting) = std::mem::replace(&mut self.state, State::Over) else {
            return Ok(());
        };
        let Greeting { server, came, .. } = *greeting;
        self.server_name = hello.server_name.as_deref().map(Box::from);
        let Some(tls) = &server.tls else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let made_with = Arc::clone(&tls.context());
        let choice = match made_with.choose(&hello) {
            Choice::Ask(name) => match tls.find_name(&name, Instant::now()) {
                Found::Known(named) => Choice::Config(named.choose(&hello)),
                Found::Unknown => made_with.unanswered(&hello),
                Found::Asked(asked) => {
                    self.state = State::Asking(Box::new(Asking {
                        hello,
                        came,
                        question: asked.question,
                        is_new: asked.is_new,
                        waits: false,
                        server,
                    }));
                    return Ok(());
                }
            },
            choice => choice,
        };
        self.context = Some(made_with);
        self.go_on(context, room, choice, came)
    }

    /// Goes on with a handshake as has been decided.
    fn go_on(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
        choice: Choice,
        came: Vec<u8>,
    ) -> io::Result<()> {
        match choice {
            Choice::Config(config) => {
                self.state = State::Running(Session::new(config, came).map_err(failed)?);
                Ok(())
            }
            Choice::Refuse(refusal) => Err(self.refuse(context, room, refusal)),
            Choice::Ask(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Tells the client that it is refused.
    fn refuse(
        &mut self,
        context: &mut Context<'_>,
        room: &mut TlsRoom,
        refusal: Refusal,
    ) -> io::Error {
        self.state = State::Over;
        room.sealed.extend(&refusal.alert);
        // As far as the system takes it at once, which a fresh connection's does.
        let _ = self.poll_sealed(context, room);
        io::Error::new(io::ErrorKind::InvalidData, refusal.text)
    }
}

fn gone() -> io::Error {
    let text = "the client closed the connection during the handshake";
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

impl fmt::Debug for Greeting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Greeting")
            .field("came", &self.came.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Asking")
            .field("name", &self.hello.server_name)
            .field("came", &self.came.len())
            .finish_non_exhaustive()
    }
}
