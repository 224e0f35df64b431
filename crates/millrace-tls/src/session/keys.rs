//! The keys of an open session, as its suite uses them.

use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundPlainMessage,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion, SupportedCipherSuite};

/// Opens what the client sends, one record after the other.
pub(super) struct Opener {
    pub(super) cipher: Box<dyn MessageDecrypter>,
    /// The number of the next record.
    pub(super) sequence: u64,
}

/// Seals what is sent to the client.
pub(super) struct Sealer {
    pub(super) cipher: Box<dyn MessageEncrypter>,
    /// The number of the next record.
    pub(super) sequence: u64,
}

impl Opener {
    pub(super) fn new(
        suite: SupportedCipherSuite,
        (sequence, secrets): (u64, ConnectionTrafficSecrets),
    ) -> Result<Self, Error> {
        let (key, iv) = parts(secrets)?;
        let cipher = match suite {
            SupportedCipherSuite::Tls13(suite) => suite.aead_alg.decrypter(key, iv),
            SupportedCipherSuite::Tls12(suite) => {
                let shape = suite.aead_alg.key_block_shape();
                let (fixed, _) = iv.as_ref().split_at(shape.fixed_iv_len);
                suite.aead_alg.decrypter(key, fixed)
            }
        };
        Ok(Opener { cipher, sequence })
    }
}

impl Sealer {
    pub(super) fn new(
        suite: SupportedCipherSuite,
        (sequence, secrets): (u64, ConnectionTrafficSecrets),
    ) -> Result<Self, Error> {
        let (key, iv) = parts(secrets)?;
        let mut cipher = match suite {
            SupportedCipherSuite::Tls13(suite) => suite.aead_alg.encrypter(key, iv),
            SupportedCipherSuite::Tls12(suite) => {
                let shape = suite.aead_alg.key_block_shape();
                let (fixed, explicit) = iv.as_ref().split_at(shape.fixed_iv_len);
                suite.aead_alg.encrypter(key, fixed, explicit)
            }
        };
        if sequence > 0 {
            // Ciphers that refuse a nonce twice take the first one that they see for that of record 0. What is sealed
            // with it here goes nowhere.
            cipher.encrypt(empty(), 0)?;
        }
        Ok(Sealer { cipher, sequence })
    }
}

fn empty() -> OutboundPlainMessage<'static> {
    OutboundPlainMessage {
        typ: ContentType::ApplicationData,
        version: ProtocolVersion::TLSv1_2,
        payload: OutboundChunks::new_empty(),
    }
}

fn parts(secrets: ConnectionTrafficSecrets) -> Result<(AeadKey, Iv), Error> {
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => Ok((key, iv)),
        _ => Err(Error::General("the cipher suite is not supported".into())),
    }
}
