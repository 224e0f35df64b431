//! The OCSP response that is stapled to a certificate.

use pkcs8::der::{Decode, Encode, Header, Length, Reader, SliceReader, Tag};
use x509_cert::Certificate;

use crate::material::Blob;
use crate::{Error, ErrorKind};

/// The response as it is sent. Its signature is for clients to judge; that it is one, and for this certificate, is
/// checked, since a client that is stapled nonsense ends the handshake.
pub(super) fn read(blob: &Blob, leaf: &[u8]) -> Result<Vec<u8>, Error> {
    let document = blob.open("the OCSP response", "ocsp")?;
    let problem =
        |why: &str| Error::new(ErrorKind::Certificate, format!("{} {why}", document.place));
    match status(&document.bytes) {
        None => Err(problem("is not an OCSP response in DER")),
        Some(0) if is_about(&document.bytes, leaf) => Ok(document.bytes.to_vec()),
        Some(0) => Err(problem("is an OCSP response for another certificate")),
        Some(status) => Err(problem(&format!(
            "is an OCSP response without an answer: its status is {status}"
        ))),
    }
}

/// `responseStatus`, the first member of an `OCSPResponse` (RFC 6960, section 4.2.1).
fn status(der: &[u8]) -> Option<u8> {
    let mut reader = SliceReader::new(der).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    let whole = header.tag() == Tag::Sequence && header.length() == reader.remaining_len();
    let status = reader.read_slice(Length::new(3)).ok()?;
    match status {
        [0x0a, 0x01, status] if whole => Some(*status),
        _ => None,
    }
}

/// Whether the certificate's serial number is in it. That it is in the right place, and that the issuer is the same,
/// is not looked at: mistaking one file for another is what this is against.
fn is_about(response: &[u8], leaf: &[u8]) -> bool {
    let serial = Certificate::from_der(leaf)
        .and_then(|certificate| certificate.tbs_certificate().serial_number().to_der());
    serial.is_ok_and(|serial| {
        response
            .windows(serial.len())
            .any(|window| window == serial)
    })
}
