//! A session whose handshake is complete: records, and the few messages that may still come between them.
//!
//! The handshake is rustls' part, and so are the ciphers. This is not, because rustls keeps for the whole of a connection
//! what only its handshake needs, about 2 KiB, and copies each record that comes into memory of its own.

use rustls::crypto::cipher::{InboundOpaqueMessage, OutboundChunks, OutboundPlainMessage};
use rustls::kernel::KernelConnection;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::{
    AlertDescription, ContentType, Error, InvalidMessage, PeerMisbehaved, ProtocolVersion,
    SupportedCipherSuite,
};

use super::Sealed;
use super::keys::{Opener, Sealer};
use super::record::{HEADER_BYTES, Header};

/// Empty records in a row, which cost a client less than they cost a server.
const MOST_EMPTY: u8 = 32;

/// Changes of keys without data in between.
const MOST_KEY_UPDATES: u8 = 32;

/// Warnings in the life of a session.
const MOST_WARNINGS: u8 = 4;

/// Requests to renegotiate, each of which is answered with a warning.
const MOST_RENEGOTIATIONS: u8 = 1;

/// The longest message of a handshake that is read, which is as much as rustls reads.
const MESSAGE_BYTES: usize = 0xffff;

/// Sequence numbers never come near to repeating themselves, whatever the suite allows.
const MOST_RECORDS: u64 = u64::MAX - (1 << 16);

const CLIENT_HELLO: u8 = 1;
const KEY_UPDATE: u8 = 24;

/// An open session.
pub(super) struct Traffic {
    suite: SupportedCipherSuite,
    opener: Opener,
    sealer: Sealer,
    /// Changes the keys; there is no such thing in TLS 1.2.
    keys: Option<Box<KernelConnection<ServerConnectionData>>>,
    /// The begin of a message that comes in more than one record.
    message: Vec<u8>,
    /// How much is still to come of a message that is not read.
    skip: usize,
    /// How many records the suite's keys are good for.
    most_records: u64,
    /// The client wants the server's keys changed as well, before anything else is sent with them.
    owes_key_update: bool,
    /// Nothing more is sent: that has been said, or why not.
    has_ended: bool,
    empty: u8,
    key_updates: u8,
    warnings: u8,
    renegotiations: u8,
}

/// What a record was.
pub(super) enum Came<'a> {
    Plaintext(&'a [u8]),
    /// The client sends nothing more.
    End,
    /// Nothing that plaintext comes of.
    Nothing,
}

impl Traffic {
    /// Goes on behind a complete handshake of which everything has been sent.
    pub(super) fn new(connection: UnbufferedServerConnection) -> Result<Self, Error> {
        let (secrets, kernel) = connection.dangerous_into_kernel_connection()?;
        let suite = kernel.negotiated_cipher_suite();
        Ok(Traffic {
            suite,
            opener: Opener::new(suite, secrets.rx)?,
            sealer: Sealer::new(suite, secrets.tx)?,
            keys: matches!(suite, SupportedCipherSuite::Tls13(_)).then(|| Box::new(kernel)),
            message: Vec::new(),
            skip: 0,
            most_records: most_records(suite),
            owes_key_update: false,
            has_ended: false,
            empty: 0,
            key_updates: 0,
            warnings: 0,
            renegotiations: 0,
        })
    }

    /// Opens one record, which is decrypted where it is.
    pub(super) fn open<'a>(
        &mut self,
        header: Header,
        record: &'a mut [u8],
        sealed: &mut Sealed,
    ) -> Result<Came<'a>, Error> {
        let typ = header.typ;
        let is_sealed = match self.keys {
            Some(_) => typ == ContentType::ApplicationData,
            None => typ != ContentType::ChangeCipherSpec,
        };
        if !is_sealed {
            return Err(unexpected(typ));
        }
        let opaque = InboundOpaqueMessage::new(typ, header.version, &mut record[HEADER_BYTES..]);
        let opener = &mut self.opener;
        let plain = opener.cipher.decrypt(opaque, opener.sequence)?;
        opener.sequence += 1;
        if opener.sequence >= MOST_RECORDS {
            return Err(Error::DecryptError);
        }
        self.empty = match plain.payload {
            [] if self.empty == MOST_EMPTY => {
                return Err(PeerMisbehaved::TooManyEmptyFragments.into());
            }
            [] => self.empty + 1,
            _ => 0,
        };
        let is_within = !self.message.is_empty() || self.skip > 0;
        if is_within && plain.typ != ContentType::Handshake {
            return Err(PeerMisbehaved::MessageInterleavedWithHandshakeMessage.into());
        }
        match plain.typ {
            // RFC 8446 5.4, and RFC 5246 6.2.1.
            typ @ (ContentType::Alert | ContentType::Handshake) if plain.payload.is_empty() => {
                Err(unexpected(typ))
            }
            ContentType::ApplicationData => {
                if !plain.payload.is_empty() {
                    self.key_updates = 0;
                }
                Ok(Came::Plaintext(plain.payload))
            }
            ContentType::Alert => self.alerted(plain.payload),
            ContentType::Handshake => {
                let skipped = plain.payload.len().min(self.skip);
                self.skip -= skipped;
                self.message.extend_from_slice(&plain.payload[skipped..]);
                self.read_messages(sealed)?;
                Ok(Came::Nothing)
            }
            typ => Err(unexpected(typ)),
        }
    }

    /// Seals plaintext that fits into one record.
    pub(super) fn seal(
        &mut self,
        plaintext: OutboundChunks<'_>,
        sealed: &mut Sealed,
    ) -> Result<(), Error> {
        if self.has_ended {
            return Err(Error::EncryptError);
        }
        if self.owes_key_update || self.sealer.sequence + 1 >= self.most_records {
            self.update_keys(sealed)?;
        }
        self.seal_record(ContentType::ApplicationData, plaintext, sealed)
    }

    /// Says that nothing more is sent.
    pub(super) fn close_notify(&mut self, sealed: &mut Sealed) {
        self.end(WARNING, AlertDescription::CloseNotify, sealed);
    }

    /// Says why nothing more is sent.
    pub(super) fn fail(&mut self, alert: AlertDescription, sealed: &mut Sealed) {
        self.end(FATAL, alert, sealed);
    }

    /// Whether it speaks TLS 1.3.
    pub(super) fn is_tls13(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether nothing more is sent.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// How much of messages is kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.message.capacity()
    }

    /// Lets the keys be good for no more than this.
    #[cfg(test)]
    pub(super) fn limit(&mut self, records: u64) {
        self.most_records = records;
    }

    fn end(&mut self, level: u8, alert: AlertDescription, sealed: &mut Sealed) {
        if !std::mem::replace(&mut self.has_ended, true) {
            // Who cannot even say so any more is closed all the same.
            let _ = self.seal_record(
                ContentType::Alert,
                OutboundChunks::Single(&[level, alert.into()]),
                sealed,
            );
        }
    }

    /// RFC 8446 6, RFC 5246 7.2.
    fn alerted<'a>(&mut self, payload: &[u8]) -> Result<Came<'a>, Error> {
        let &[level, description] = payload else {
            return Err(InvalidMessage::MessageTooShort.into());
        };
        let alert = AlertDescription::from(description);
        match (level, alert) {
            (WARNING | FATAL, AlertDescription::CloseNotify) => Ok(Came::End),
            (FATAL, _) => Err(Error::AlertReceived(alert)),
            (WARNING, _) if self.warnings == MOST_WARNINGS => {
                Err(PeerMisbehaved::TooManyWarningAlertsReceived.into())
            }
            (WARNING, AlertDescription::UserCanceled) => {
                self.warnings += 1;
                Ok(Came::Nothing)
            }
            (WARNING, _) if self.keys.is_none() => {
                self.warnings += 1;
                Ok(Came::Nothing)
            }
            // There are no other warnings in TLS 1.3.
            (WARNING, _) => Err(Error::AlertReceived(alert)),
            _ => Err(InvalidMessage::MessageTooShort.into()),
        }
    }

    /// Reads the messages that are there; what is left is the begin of one.
    fn read_messages(&mut self, sealed: &mut Sealed) -> Result<(), Error> {
        while let &[typ, high, middle, low, ..] = &self.message[..] {
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            let is_known = match typ {
                KEY_UPDATE => self.keys.is_some(),
                CLIENT_HELLO => self.keys.is_none(),
                _ => false,
            };
            if !is_known {
                return Err(unexpected(ContentType::Handshake));
            }
            if length > MESSAGE_BYTES {
                return Err(InvalidMessage::HandshakePayloadTooLarge.into());
            }
            if typ == KEY_UPDATE && length != 1 {
                return Err(InvalidMessage::InvalidKeyUpdate.into());
            }
            if typ == KEY_UPDATE {
                if self.message.len() < 4 + length {
                    return Ok(());
                }
                // What follows is sealed with other keys, and so nothing follows in this record.
                let &[_, _, _, _, request] = &self.message[..] else {
                    return Err(PeerMisbehaved::KeyEpochWithPendingFragment.into());
                };
                self.message = Vec::new();
                return self.key_update(request);
            }
            let read = self.message.len().min(4 + length);
            self.skip = 4 + length - read;
            self.message = self.message.split_off(read);
            self.refuse_renegotiation(sealed)?;
        }
        Ok(())
    }

    /// RFC 8446 4.6.3.
    fn key_update(&mut self, request: u8) -> Result<(), Error> {
        if self.key_updates == MOST_KEY_UPDATES {
            return Err(PeerMisbehaved::TooManyKeyUpdateRequests.into());
        }
        self.key_updates += 1;
        match request {
            0 => {}
            // However often it is asked before something is sent: one answer is enough.
            1 => self.owes_key_update = true,
            _ => return Err(InvalidMessage::InvalidKeyUpdate.into()),
        }
        if let Some(keys) = &mut self.keys {
            self.opener = Opener::new(self.suite, keys.update_rx_secret()?)?;
        }
        Ok(())
    }

    /// Changes the keys that are sealed with, and says so with the old ones.
    fn update_keys(&mut self, sealed: &mut Sealed) -> Result<(), Error> {
        self.owes_key_update = false;
        if self.keys.is_none() {
            return Err(Error::EncryptError);
        }
        self.seal_record(
            ContentType::Handshake,
            OutboundChunks::Single(&[KEY_UPDATE, 0, 0, 1, 0]),
            sealed,
        )?;
        if let Some(keys) = &mut self.keys {
            self.sealer = Sealer::new(self.suite, keys.update_tx_secret()?)?;
        }
        Ok(())
    }

    /// A session of TLS 1.2 goes on as it began (RFC 5246 7.2.2).
    fn refuse_renegotiation(&mut self, sealed: &mut Sealed) -> Result<(), Error> {
        if self.renegotiations == MOST_RENEGOTIATIONS {
            return Err(PeerMisbehaved::TooManyRenegotiationRequests.into());
        }
        self.renegotiations += 1;
        if self.has_ended {
            return Ok(());
        }
        let alert = [WARNING, AlertDescription::NoRenegotiation.into()];
        self.seal_record(ContentType::Alert, OutboundChunks::Single(&alert), sealed)
    }

    fn seal_record(
        &mut self,
        typ: ContentType,
        payload: OutboundChunks<'_>,
        sealed: &mut Sealed,
    ) -> Result<(), Error> {
        let sealer = &mut self.sealer;
        if sealer.sequence >= MOST_RECORDS {
            return Err(Error::EncryptError);
        }
        let plain = OutboundPlainMessage {
            typ,
            version: ProtocolVersion::TLSv1_2,
            payload,
        };
        let opaque = sealer.cipher.encrypt(plain, sealer.sequence)?;
        sealer.sequence += 1;
        sealed.extend(&opaque.encode());
        Ok(())
    }
}

fn most_records(suite: SupportedCipherSuite) -> u64 {
    let common = match suite {
        SupportedCipherSuite::Tls13(suite) => &suite.common,
        SupportedCipherSuite::Tls12(suite) => &suite.common,
    };
    common.confidentiality_limit.min(MOST_RECORDS)
}

const WARNING: u8 = 1;
const FATAL: u8 = 2;

/// What to tell a client because of an error; nothing when the error is what it told.
pub(super) fn alert_for(error: &Error) -> Option<AlertDescription> {
    Some(match error {
        Error::AlertReceived(_) => return None,
        Error::DecryptError => AlertDescription::BadRecordMac,
        Error::PeerSentOversizedRecord => AlertDescription::RecordOverflow,
        Error::InvalidMessage(InvalidMessage::InvalidKeyUpdate) => {
            AlertDescription::IllegalParameter
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            AlertDescription::UnexpectedMessage
        }
        Error::InvalidMessage(_) => AlertDescription::DecodeError,
        Error::PeerMisbehaved(_) | Error::InappropriateMessage { .. } => {
            AlertDescription::UnexpectedMessage
        }
        _ => AlertDescription::InternalError,
    })
}

fn unexpected(typ: ContentType) -> Error {
    Error::InappropriateMessage {
        expect_types: vec![ContentType::ApplicationData],
        got_type: typ,
    }
}
