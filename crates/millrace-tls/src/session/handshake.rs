//! The handshake of a session, which is rustls'.

use std::sync::Arc;

use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{ContentType, Error, ServerConfig};

use super::record::{EXPANSION, HEADER_BYTES};
use super::{RECORD_BYTES, Sealed};
use crate::session_info::SessionInfo;

/// A handshake under way.
pub(super) struct Handshake {
    connection: UnbufferedServerConnection,
    /// How much of what comes next rustls has seen: it is the begin of a message, and may be decrypted where it is.
    seen: usize,
}

/// How far a handshake has got.
#[derive(Default)]
pub(super) struct Progress {
    /// How much of the input is not needed any more.
    pub(super) used: usize,
    /// How much plaintext has come before it was complete.
    pub(super) early: usize,
    /// There are more records, for when that plaintext is taken.
    pub(super) has_records: bool,
    pub(super) is_complete: bool,
}

impl Handshake {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Handshake {
            connection: UnbufferedServerConnection::new(config)?,
            seen: 0,
        })
    }

    /// What has been agreed on so far.
    pub(super) fn info(&self) -> SessionInfo {
        SessionInfo::of(&self.connection)
    }

    /// The connection, once the handshake is complete.
    pub(super) fn into_connection(self) -> UnbufferedServerConnection {
        self.connection
    }

    /// Goes on until it is complete or more has to come. What is not used of `input` has to be its begin the next time.
    ///
    /// Records are handed over one by one, so that rustls has none of those behind the last. Early data that is not wanted is
    /// the exception: each call counts all of what is skipped anew, and the client is to get away with more than a few. (A
    /// client that sends its last message in pieces and changes its keys right behind it, to a server that gives no tickets,
    /// looks the same, and its connection breaks. None does.)
    pub(super) fn go_on(
        &mut self,
        input: &mut [u8],
        spilled: &mut Vec<u8>,
        sealed: &mut Sealed,
    ) -> Result<Progress, Error> {
        let mut progress = Progress::default();
        let mut skips = false;
        while !progress.is_complete {
            let seen = progress.used + self.seen;
            let Some(mut end) = next_record(input, seen) else {
                break;
            };
            while skips && let Some(later) = next_record(input, end) {
                end = later;
            }
            let before = (progress.used, progress.early);
            let connection = &mut self.connection;
            step(
                connection,
                &mut input[..end],
                spilled,
                sealed,
                &mut progress,
            )?;
            self.seen = end - progress.used;
            skips = progress.used == before.0;
            progress.is_complete = is_complete(connection);
            if progress.early > before.1 && end < input.len() {
                // It is taken by itself, and there is a limit to how much of it waits.
                progress.has_records = true;
                break;
            }
        }
        Ok(progress)
    }

    /// Seals what the client is told of an error.
    pub(super) fn fail(&mut self, sealed: &mut Sealed) {
        // The alert is the last of what it still has to send; it takes no input.
        while self.connection.wants_write() {
            match self.connection.process_tls_records(&mut []).state {
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, sealed),
                _ => break,
            }
        }
    }
}

/// Where the record ends that begins at `start`, when all of it is there. What declares to be none is handed over at once,
/// with all behind it: what the client is told of it is rustls' to say.
fn next_record(input: &[u8], start: usize) -> Option<usize> {
    let &[typ, _, _, high, low, ..] = &input[start..] else {
        return None;
    };
    let payload = usize::from(u16::from_be_bytes([high, low]));
    let is_unknown = matches!(ContentType::from(typ), ContentType::Unknown(_));
    if is_unknown || payload > RECORD_BYTES + EXPANSION {
        return Some(input.len());
    }
    let end = start + HEADER_BYTES + payload;
    (end <= input.len()).then_some(end)
}

/// Lets rustls do what it can with `input`, but no more than to complete the handshake.
fn step(
    connection: &mut UnbufferedServerConnection,
    input: &mut [u8],
    spilled: &mut Vec<u8>,
    sealed: &mut Sealed,
    progress: &mut Progress,
) -> Result<(), Error> {
    while !is_complete(connection) {
        let UnbufferedStatus { discard, state } =
            connection.process_tls_records(&mut input[progress.used..]);
        progress.used += discard;
        match state? {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(Ok(record)) = traffic.next_record() {
                    spilled.extend_from_slice(record.payload);
                    progress.used += record.discard;
                }
            }
            ConnectionState::ReadEarlyData(mut traffic) => {
                while let Some(Ok(record)) = traffic.next_record() {
                    spilled.extend_from_slice(record.payload);
                    progress.early += record.payload.len();
                    progress.used += record.discard;
                }
            }
            ConnectionState::EncodeTlsData(data) => encode(data, sealed),
            // It is in `sealed`, from where it is sent before anything that comes later.
            ConnectionState::TransmitTlsData(data) => data.done(),
            _ => break,
        }
    }
    Ok(())
}

/// Whether nothing of a handshake is left, on either side.
fn is_complete(connection: &UnbufferedServerConnection) -> bool {
    !connection.is_handshaking() && !connection.wants_write()
}

fn encode(mut data: EncodeTlsData<'_, ServerConnectionData>, sealed: &mut Sealed) {
    let mut room = 0;
    loop {
        match data.encode(sealed.spare(room)) {
            Ok(count) => return sealed.filled(count),
            Err(EncodeError::InsufficientSize(size)) => room = size.required_size,
            Err(EncodeError::AlreadyEncoded) => return,
        }
    }
}
