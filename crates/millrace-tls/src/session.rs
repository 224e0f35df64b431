//! TLS of one connection, from the bytes of its socket to plaintext and back.
//!
//! Whoever has the socket reads it into memory that many connections share, behind what [`Session::kept`] says is kept of
//! earlier reads, and hands that to [`receive`](Session::receive). What is to be sent is appended to a [`Sealed`]. Between
//! calls a session that has used everything it was given owns no buffer.

mod sealed;

use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{Error, ServerConfig};

pub use self::sealed::Sealed;
use crate::explain::explain;
use crate::session_info::SessionInfo;

/// The most plaintext of a record (RFC 8446 5.1).
pub const RECORD_BYTES: usize = 16 * 1024;

/// The most bytes of an incomplete record, or of handshake messages that are not complete, that are kept: rustls takes
/// messages of up to 64 KiB, which come in records.
pub const KEPT_BYTES: usize = 68 * 1024;

/// The most plaintext that is sealed in one call: what is sealed must be sent, however slowly the client takes it.
pub const SEAL_BYTES: usize = 4 * RECORD_BYTES;

/// What a record adds to its plaintext at most: header, content type or explicit nonce, and tag.
const RECORD_OVERHEAD: usize = 64;

/// One connection's TLS, from the moment its configuration has been chosen.
pub struct Session {
    connection: UnbufferedServerConnection,
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
    failed: bool,
}

/// Why a session cannot go on. The alert that says so has been sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure(Error);

impl Session {
    /// A session whose handshake is made with `config`, and for which these bytes came already.
    pub fn new(config: Arc<ServerConfig>, kept: Vec<u8>) -> Result<Self, Failure> {
        Ok(Session {
            connection: UnbufferedServerConnection::new(config).map_err(Failure)?,
            has_records: !kept.is_empty(),
            kept,
            spilled: Vec::new(),
            taken: 0,
            early: 0,
            peer_closed: false,
            failed: false,
        })
    }

    /// Whether the handshake is complete.
    pub fn is_open(&self) -> bool {
        !self.connection.is_handshaking()
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

    /// What was agreed on in the handshake.
    pub fn info(&self) -> SessionInfo {
        SessionInfo::of(&self.connection)
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
        let end = self.kept.len() + fresh;
        memory[..self.kept.len()].copy_from_slice(&self.kept);
        let filled = match self.is_early() {
            true => 0,
            false => self.take_plaintext(plaintext),
        };
        let mut sink = Sink {
            plaintext,
            filled,
            spilled: &mut self.spilled,
        };
        let input = &mut memory[..end];
        let mut used = 0;
        let stopped = loop {
            let UnbufferedStatus { discard, state } =
                self.connection.process_tls_records(&mut input[used..]);
            used += discard;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        sink.put(record.payload);
                        used += record.discard;
                    }
                }
                Ok(ConnectionState::ReadEarlyData(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        sink.spilled.extend_from_slice(record.payload);
                        self.early += record.payload.len();
                        used += record.discard;
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, sealed),
                // It is in `sealed`, from where it is sent before anything that comes later.
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.peer_closed = true,
                Ok(_) => break Ok(false),
                Err(error) => break Err(error),
            }
            if (sink.is_full() || self.early > 0) && used < input.len() {
                break Ok(true);
            }
        };
        let filled = sink.filled;
        match stopped {
            Ok(has_records) => {
                self.has_records = has_records;
                self.keep(&input[used..]);
                if !has_records && self.kept.len() > KEPT_BYTES {
                    return Err(self.fail(Error::PeerSentOversizedRecord, sealed));
                }
                Ok(filled)
            }
            Err(error) => Err(self.fail(error, sealed)),
        }
    }

    /// Seals as much of `plaintext` as one call does, and returns how much that is: nothing before the handshake is complete.
    pub fn seal(&mut self, plaintext: &[u8], sealed: &mut Sealed) -> Result<usize, Failure> {
        let most = plaintext.len().min(SEAL_BYTES);
        self.write(sealed, |traffic, sealed| {
            seal(traffic, &plaintext[..most], sealed).map(|()| most)
        })
    }

    /// Seals as much of the slices as one call does. Small ones share a record; for that they are copied together in `memory`,
    /// which is of [`RECORD_BYTES`].
    pub fn seal_slices(
        &mut self,
        slices: &[IoSlice<'_>],
        memory: &mut [u8],
        sealed: &mut Sealed,
    ) -> Result<usize, Failure> {
        self.write(sealed, |traffic, sealed| {
            let mut done = 0;
            let mut slices = slices.iter().map(|slice| &slice[..]);
            let mut rest: &[u8] = &[];
            while done < SEAL_BYTES {
                if rest.is_empty() {
                    match slices.next() {
                        Some(slice) => rest = slice,
                        None => break,
                    }
                }
                let whole = rest.len().min(SEAL_BYTES - done) / RECORD_BYTES * RECORD_BYTES;
                if whole > 0 {
                    seal(traffic, &rest[..whole], sealed)?;
                    rest = &rest[whole..];
                    done += whole;
                    continue;
                }
                let most = RECORD_BYTES.min(SEAL_BYTES - done);
                let mut gathered = 0;
                loop {
                    let count = rest.len().min(most - gathered);
                    memory[gathered..gathered + count].copy_from_slice(&rest[..count]);
                    gathered += count;
                    rest = &rest[count..];
                    if gathered == most {
                        break;
                    }
                    match slices.next() {
                        Some(slice) => rest = slice,
                        None => break,
                    }
                }
                seal(traffic, &memory[..gathered], sealed)?;
                done += gathered;
            }
            Ok(done)
        })
    }

    /// Seals the alert that says that nothing more is sent. Before the handshake is complete there is none.
    pub fn close_notify(&mut self, sealed: &mut Sealed) {
        if self.failed {
            return;
        }
        // A connection that cannot say so any more is closed all the same.
        let _ = self.write(sealed, |traffic, sealed| {
            let mut room = RECORD_OVERHEAD;
            loop {
                match traffic.queue_close_notify(sealed.spare(room)) {
                    Ok(count) => {
                        sealed.filled(count);
                        return Ok(0);
                    }
                    Err(EncryptError::InsufficientSize(size)) => room = size.required_size,
                    Err(EncryptError::EncryptExhausted) => return Ok(0),
                }
            }
        });
    }

    /// Lets `act` write, once what the session has to send before that is sealed.
    fn write(
        &mut self,
        sealed: &mut Sealed,
        act: impl FnOnce(&mut Traffic<'_>, &mut Sealed) -> Result<usize, Error>,
    ) -> Result<usize, Failure> {
        if self.failed || !self.is_open() {
            return Ok(0);
        }
        let mut used = 0;
        let written = loop {
            // Records that wait for memory stay as they are; the begin of a handshake message has to be there.
            let input = match self.has_records {
                true => &mut [],
                false => &mut self.kept[used..],
            };
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(input);
            used += discard;
            match state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => break act(&mut traffic, sealed),
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, sealed),
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                Ok(ConnectionState::PeerClosed) => self.peer_closed = true,
                Ok(_) => break Ok(0),
                Err(error) => break Err(error),
            }
        };
        self.kept.drain(..used);
        written.map_err(|error| self.fail(error, sealed))
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
        self.failed = true;
        self.kept = Vec::new();
        self.has_records = false;
        // The alert is the last of what it still has to send; it takes no input.
        while self.connection.wants_write() {
            match self.connection.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, sealed),
                _ => break,
            }
        }
        Failure(error)
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

type Traffic<'c> = WriteTraffic<'c, ServerConnectionData>;

/// Where plaintext goes.
struct Sink<'a> {
    plaintext: &'a mut [u8],
    filled: usize,
    spilled: &'a mut Vec<u8>,
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
        self.filled == self.plaintext.len() && !self.spilled.is_empty()
    }
}

fn encode(mut data: EncodeTlsData<'_, ServerConnectionData>, sealed: &mut Sealed) {
    let mut room = RECORD_OVERHEAD;
    loop {
        match data.encode(sealed.spare(room)) {
            Ok(count) => return sealed.filled(count),
            Err(EncodeError::InsufficientSize(size)) => room = size.required_size,
            Err(EncodeError::AlreadyEncoded) => return,
        }
    }
}

fn seal(traffic: &mut Traffic<'_>, plaintext: &[u8], sealed: &mut Sealed) -> Result<(), Error> {
    let records = plaintext.len().div_ceil(RECORD_BYTES) + 1;
    let mut room = plaintext.len() + records * RECORD_OVERHEAD;
    loop {
        match traffic.encrypt(plaintext, sealed.spare(room)) {
            Ok(count) => {
                sealed.filled(count);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(size)) => room = size.required_size,
            Err(EncryptError::EncryptExhausted) => return Err(Error::EncryptError),
        }
    }
}
