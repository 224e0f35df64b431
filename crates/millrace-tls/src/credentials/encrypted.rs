//! Encrypted PKCS #8 (RFC 5958, section 3), by the schemes of PKCS #5 (RFC 8018).

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::zeroize::Zeroizing;
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::pkcs5::{self, EncryptionScheme};
use pkcs8::spki::AlgorithmIdentifierRef;

use super::cost::Cost;
use crate::{Error, ErrorKind};

/// Whether it is built as `EncryptedPrivateKeyInfo`: a sequence of an algorithm and the encrypted bytes.
pub(super) fn is_encrypted(der: &[u8]) -> bool {
    parts(der).is_some()
}

/// The `PrivateKeyInfo` inside.
pub(super) fn decrypt(
    der: &[u8],
    passphrase: &str,
    names: &str,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let problem = |text: String| Error::new(ErrorKind::Key, format!("{names} {text}"));
    let (algorithm, encrypted) =
        parts(der).ok_or_else(|| problem("is damaged: it cannot be read".into()))?;
    let parameters = match EncryptionScheme::try_from(algorithm) {
        Ok(EncryptionScheme::Pbes2(parameters)) => parameters,
        other => {
            let oid = match other.map_err(|error| error.kind()) {
                Err(pkcs8::der::ErrorKind::OidUnknown { oid }) => oid,
                _ => algorithm.oid,
            };
            return Err(problem(format!(
                "is encrypted in a way that is not supported ({oid}): {ADVICE}"
            )));
        }
    };
    if let Some(cost) = Cost::of(&parameters.kdf).excess() {
        return Err(problem(format!("costs too much to decrypt: {cost}")));
    }
    let key = parameters
        .decrypt(passphrase, encrypted)
        .map(Zeroizing::new);
    match key {
        // By chance one wrong key in some hundred yields padding that seems right.
        Ok(key) if PrivateKeyInfoRef::try_from(&key[..]).is_ok() => Ok(key),
        Ok(_) | Err(pkcs5::Error::DecryptFailed) => {
            let text = format!("{names} cannot be decrypted: the passphrase is wrong");
            Err(Error::new(ErrorKind::Passphrase, text))
        }
        Err(error) => Err(problem(format!("cannot be decrypted: {error}"))),
    }
}

pub(super) const ADVICE: &str = "`openssl pkcs8 -topk8 -v2 aes-256-cbc` rewrites it";

fn parts(der: &[u8]) -> Option<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut reader = SliceReader::new(der).ok()?;
    let parts = reader.sequence(|sequence| -> pkcs8::der::Result<_> {
        let algorithm = AlgorithmIdentifierRef::decode(sequence)?;
        let encrypted = <&OctetStringRef>::decode(sequence)?.as_bytes();
        Ok((algorithm, encrypted))
    });
    reader.is_finished().then_some(parts.ok()?)
}
