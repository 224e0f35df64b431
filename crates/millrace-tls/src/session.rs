//! TLS of one connection, from the bytes of its socket to plaintext and back.
//!
//! Whoever has the socket reads it into memory that many connections share, behind what [`Session::kept`] says is kept of
//! earlier reads, and hands that to [`receive`](Session::receive). What is to be sent is appended to a [`Sealed`]. Between
//! calls a session that has used everything it was given owns no buffer.

mod handshake;
mod keys;
mod record;
mod sealed;
#[cfg(test)]
mod tests;
mod traffic;

use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

use rustls::crypto::cipher::OutboundChunks;
use rustls::{Error, ServerConfig};

use self::handshake::Handshake;
use self::record::Header;
pub use self::sealed::Sealed;
use self::traffic::{Came, Traffic, alert_for};
use crate::explain::explain;
use crate::session_info::SessionInfo;

/// The most plaintext of a record (RFC 8446 5.1).
pub const RECORD_BYTES: usize = 16 * 1024;

/// The most bytes of an incomplete record, or of handshake messages that are not complete, that are kept: rustls takes
/// messages of up to 64 KiB, which come in records.
pub const KEPT_BYTES: usize = 68 * 1024;

/// The most plaintext that is sealed in one call: what is sealed must be sent, however slowly the client takes it.
pub const SEAL_BYTES: usize = 4 * RECORD_BYTES;

/// Slices that are sealed together at most.
const SLICES: usize = 32;

/// One connection's TLS, from the moment its configuration has been chosen.
pub struct Session {
    state: State,
    /// What came and could not be used: more has to come first, or there was no memory for its plaintext.
    kept: Vec<u8>,
    /// There may be whole records in `kept`.
    has_records: bool,
    /// Plaintext for which there was no memory.
    spilled: Vec<u8>,
    /// How much of it has been taken since.
    taken: usize,
    /// How much of what is spilled came before the handshake was complete (RFC 8446 2.3).
    early: usize,
    peer_closed: bool,
}

enum State {
    Handshake(Box<Handshake>),
    Open(Traffic, Option<Box<SessionInfo>>),
    Failed(Failure),
}

/// Why a session cannot go on. The alert that says so has been sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure(Error);

impl Session {
    /// A session whose handshake is made with `config`, and for which these bytes came already.
    pub fn new(config: Arc<ServerConfig>, kept: Vec<u8>) -> Result<Self, Failure> {
        let handshake = Handshake::new(config).map_err(Failure)?;
        Ok(Session {
            state: State::Handshake(Box::new(handshake)),
            has_records: !kept.is_empty(),
            kept,
            spilled: Vec::new(),
            taken: 0,
            early: 0,
            peer_closed: false,
        })
    }

    /// Whether the handshake is complete.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open(..))
    }

    /// Whether plaintext can be had without anything more from the socket.
    pub fn has_plaintext(&self) -> bool {
        self.taken < self.spilled.len()
    }

    /// Whether [`receive`](Session::receive) has something to do without anything fresh.
    pub fn has_records(&self) -> bool {
        self.has_records
    }

    /// How many bytes it keeps of what came. Fresh ones are to be put that far into the memory for
    /// [`receive`](Session::receive).
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Whether the client has said that nothing more comes from it (RFC 8446 6.1).
    pub fn has_peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// Whether the plaintext that is taken next came before the handshake was complete, and so may have been sent by
    /// somebody who had overheard it (RFC 8446 8). What came later is not taken together with it.
    pub fn is_early(&self) -> bool {
        self.early > 0
    }

    /// What has been agreed on so far.
    pub fn info(&self) -> SessionInfo {
        match &self.state {
            State::Handshake(handshake) => handshake.info(),
            State::Open(_, Some(info)) => (**info).clone(),
            State::Open(_, None) | State::Failed(_) => SessionInfo::default(),
        }
    }

    /// What was agreed on in the handshake, once: it is not kept any longer.
    pub fn take_info(&mut self) -> Option<Box<SessionInfo>> {
        match &mut self.state {
            State::Open(_, info) => info.take(),
            _ => None,
        }
    }

    /// Takes plaintext that waits.
    pub fn take_plaintext(&mut self, memory: &mut [u8]) -> usize {
        let waiting = match self.early {
            0 => &self.spilled[self.taken..],
            early => &self.spilled[self.taken..][..early],
        };
        let count = waiting.len().min(memory.len());
        memory[..count].copy_from_slice(&waiting[..count]);
        self.taken += count;
        self.early = self.early.saturating_sub(count);
        if self.taken == self.spilled.len() {
            self.spilled = Vec::new();
            self.taken = 0;
        }
        count
    }

    /// Uses `fresh` bytes that have been put into `memory` behind room for those kept, and returns how much plaintext there
    /// is now. It goes to `plaintext`; that of the last record which does not fit spills, and records behind it stay as
    /// they came.
    pub fn receive(
        &mut self,
        memory: &mut [u8],
        fresh: usize,
        plaintext: &mut [u8],
        sealed: &mut Sealed,
    ) -> Result<usize, Failure> {
        if let State::Failed(failure) = &self.state {
            return Err(failure.clone());
        }
        let input = &mut memory[..self.kept.len() + fresh];
        input[..self.kept.len()].copy_from_slice(&self.kept);
        let filled = match self.is_early() {
            true => 0,
            false => self.take_plaintext(plaintext),
        };
        self.has_records = false;
        let used = match self.shake_hands(input, sealed) {
            Ok(used) => used,
            Err(error) => return Err(self.fail(error, sealed)),
        };
        let mut sink = Sink {
            plaintext,
            filled,
            spilled: &mut self.spilled,
            is_early: self.early > 0,
        };
        let opened = match &mut self.state {
            State::Open(traffic, _) if !self.peer_closed => {
                open(traffic, &mut input[used..], &mut sink, sealed)
            }
            _ => Ok(Opened::default()),
        };
        let filled = sink.filled;
        match opened {
            Ok(opened) => {
                self.peer_closed |= opened.peer_closed;
                self.has_records |= opened.has_records;
                self.keep(&input[used + opened.used..]);
                if !self.has_records && self.kept.len() > KEPT_BYTES {
                    return Err(self.fail(Error::PeerSentOversizedRecord, sealed));
                }
                Ok(filled)
            }
            Err(error) => Err(self.fail(error, sealed)),
        }
    }

    /// Seals as much of `plaintext` as one call does, and returns how much that is: nothing before the handshake is complete.
    pub fn seal(&mut self, plaintext: &[u8], sealed: &mut Sealed) -> Result<usize, Failure> {
        self.seal_slices(&[IoSlice::new(plaintext)], sealed)
    }

    /// Seals as much of the slices as one call does. Small ones share a record. What more there are than some slices is left.
    pub fn seal_slices(
        &mut self,
        slices: &[IoSlice<'_>],
        sealed: &mut Sealed,
    ) -> Result<usize, Failure> {
        let traffic = match &mut self.state {
            State::Open(traffic, _) => traffic,
            State::Handshake(_) => return Ok(0),
            State::Failed(failure) => return Err(failure.clone()),
        };
        if traffic.has_ended() {
            return Ok(0);
        }
        let mut chunks: [&[u8]; SLICES] = [&[]; SLICES];
        for (chunk, slice) in chunks.iter_mut().zip(slices) {
            *chunk = slice;
        }
        let mut rest = OutboundChunks::new(&chunks[..slices.len().min(SLICES)]);
        let mut done = 0;
        while done < SEAL_BYTES && !rest.is_empty() {
            let (record, behind) = rest.split_at(RECORD_BYTES);
            let count = record.len();
            if let Err(error) = traffic.seal(record, sealed) {
                return Err(self.fail(error, sealed));
            }
            done += count;
            rest = behind;
        }
        Ok(done)
    }

    /// Seals the alert that says that nothing more is sent. Before the handshake is complete there is none.
    pub fn close_notify(&mut self, sealed: &mut Sealed) {
        if let State::Open(traffic, _) = &mut self.state {
            traffic.close_notify(sealed);
        }
    }

    /// Goes on with the handshake, and returns how much of `input` that takes.
    fn shake_hands(&mut self, input: &mut [u8], sealed: &mut Sealed) -> Result<usize, Error> {
        let State::Handshake(handshake) = &mut self.state else {
            return Ok(0);
        };
        let progress = handshake.go_on(input, &mut self.spilled, sealed)?;
        self.early += progress.early;
        self.has_records = progress.has_records;
        if progress.is_complete {
            self.open()?;
        }
        Ok(progress.used)
    }

    /// The handshake is complete.
    fn open(&mut self) -> Result<(), Error> {
        let failed = State::Failed(Failure(Error::HandshakeNotComplete));
        if let State::Handshake(handshake) = std::mem::replace(&mut self.state, failed) {
            let info = handshake.info();
            let traffic = Traffic::new(handshake.into_connection())?;
            self.state = State::Open(traffic, Some(Box::new(info)));
        }
        Ok(())
    }

    /// Keeps what could not be used. Only what has come is reserved, whatever length it declares.
    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() || self.peer_closed {
            self.kept = Vec::new();
            self.has_records = false;
            return;
        }
        self.kept.clear();
        self.kept.extend_from_slice(rest);
    }

    fn fail(&mut self, error: Error, sealed: &mut Sealed) -> Failure {
        self.kept = Vec::new();
        self.has_records = false;
        match &mut self.state {
            State::Handshake(handshake) => handshake.fail(sealed),
            State::Open(traffic, _) => {
                if let Some(alert) = alert_for(&error) {
                    traffic.fail(alert, sealed);
                }
            }
            State::Failed(_) => {}
        }
        let failure = Failure(error);
        self.state = State::Failed(failure.clone());
        failure
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("is_open", &self.is_open())
            .field("kept", &self.kept.len())
            .field("spilled", &self.spilled.len())
            .finish_non_exhaustive()
    }
}

impl Failure {
    /// Whether it came of an alert that the client has sent.
    pub fn is_alert(&self) -> bool {
        matches!(self.0, Error::AlertReceived(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&explain(&self.0))
    }
}

impl std::error::Error for Failure {}

/// Where plaintext goes.
struct Sink<'a> {
    plaintext: &'a mut [u8],
    filled: usize,
    spilled: &'a mut Vec<u8>,
    /// Early data waits to be taken, by itself.
    is_early: bool,
}

/// What became of records.
#[derive(Default)]
struct Opened {
    used: usize,
    /// There are more, and no memory for their plaintext.
    has_records: bool,
    peer_closed: bool,
}

impl Sink<'_> {
    fn put(&mut self, payload: &[u8]) {
        let room = match self.spilled.is_empty() {
            true => self.plaintext.len() - self.filled,
            false => 0,
        };
        let (fits, rest) = payload.split_at(payload.len().min(room));
        self.plaintext[self.filled..self.filled + fits.len()].copy_from_slice(fits);
        self.filled += fits.len();
        self.spilled.extend_from_slice(rest);
    }

    fn is_full(&self) -> bool {
        self.is_early || self.filled == self.plaintext.len() && !self.spilled.is_empty()
    }
}

/// Opens the records that there are, as far as there is memory for their plaintext.
fn open(
    traffic: &mut Traffic,
    input: &mut [u8],
    sink: &mut Sink<'_>,
    sealed: &mut Sealed,
) -> Result<Opened, Error> {
    let mut opened = Opened::default();
    while !opened.peer_closed {
        let next = &mut input[opened.used..];
        let Some(header) = Header::read(next, traffic.is_tls13())? else {
            break;
        };
        if header.length > next.len() {
            break;
        }
        // One of them goes on in any case: whoever asks again and again gets somewhere.
        if sink.is_full() && opened.used > 0 {
            opened.has_records = true;
            break;
        }
        match traffic.open(header, &mut next[..header.length], sealed)? {
            Came::Plaintext(payload) => sink.put(payload),
            Came::End => opened.peer_closed = true,
            Came::Nothing => {}
        }
        opened.used += header.length;
    }
    Ok(opened)
}
