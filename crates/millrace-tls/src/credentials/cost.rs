//! What deriving a key from a passphrase costs, told by the document itself, and so refused before it is spent.

use pkcs8::der::asn1::{OctetStringRef, UintRef};
use pkcs8::der::{Decode, Header, SliceReader, Tag};
use pkcs8::pkcs5::pbes2::{Kdf, ScryptParams};

/// Some seconds of PBKDF2, and sixteen times what is advised; `openssl` writes 2048.
const MOST_ITERATIONS: u64 = 10_000_000;
/// What scrypt may go through, 128 · N · r · p bytes: a second's work, and sixteen times what `openssl` writes.
const MOST_SCRYPT_BYTES: u64 = 256 << 20;

/// What a key derivation asks for, or several together.
#[derive(Clone, Copy, Default)]
pub(super) struct Cost {
    iterations: u64,
    scrypt_bytes: u64,
}

impl Cost {
    pub(super) fn of(derivation: &Kdf) -> Self {
        match derivation {
            Kdf::Pbkdf2(parameters) => Cost {
                iterations: parameters.iteration_count.into(),
                scrypt_bytes: 0,
            },
            Kdf::Scrypt(parameters) => Cost::of_scrypt(parameters),
            _ => Cost::default(),
        }
    }

    /// Of everything in a PKCS #12 store that is derived from its passphrase. The parameters are found by the bytes
    /// of their object identifiers: sections nest in octet strings, and a store of many small ones costs as much as
    /// one of a large number.
    pub(super) fn of_store(der: &[u8]) -> Self {
        let mut sum = Cost::default();
        for at in 0..der.len() {
            let cost = if der[at..].starts_with(SCRYPT) {
                first(&der[at + SCRYPT.len()..]).map(|parameters| Cost::of_scrypt(&parameters))
            } else if der[at..].starts_with(PBKDF2) {
                iterations(&der[at + PBKDF2.len()..])
            } else if der[at..].starts_with(PKCS12_PBE) {
                // The last byte of the identifier tells the cipher.
                der.get(at + PKCS12_PBE.len() + 1..).and_then(iterations)
            } else {
                None
            };
            sum.add(cost.unwrap_or_default());
        }
        sum
    }

    /// Why it is too much, when it is.
    pub(super) fn excess(self) -> Option<String> {
        if self.iterations > MOST_ITERATIONS {
            let asked = self.iterations;
            return Some(format!(
                "it asks for {asked} iterations, and {MOST_ITERATIONS} are the most"
            ));
        }
        let (asked, most) = (self.scrypt_bytes >> 20, MOST_SCRYPT_BYTES >> 20);
        (self.scrypt_bytes > MOST_SCRYPT_BYTES)
            .then(|| format!("it asks for {asked} MiB of scrypt, and {most} are the most"))
    }

    fn of_scrypt(parameters: &ScryptParams) -> Self {
        let bytes = u64::from(parameters.block_size)
            .saturating_mul(u64::from(parameters.parallelization))
            .saturating_mul(parameters.cost_parameter)
            .saturating_mul(128);
        Cost {
            iterations: 0,
            scrypt_bytes: bytes,
        }
    }

    fn add(&mut self, other: Cost) {
        self.iterations = self.iterations.saturating_add(other.iterations);
        self.scrypt_bytes = self.scrypt_bytes.saturating_add(other.scrypt_bytes);
    }
}

/// 1.3.6.1.4.1.11591.4.11 (RFC 7914, section 7).
const SCRYPT: &[u8] = b"\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x04\x0b";
/// 1.2.840.113549.1.5.12 (RFC 8018, appendix A.2).
const PBKDF2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";
/// 1.2.840.113549.1.12.1 without its last arc (RFC 7292, appendix C).
const PKCS12_PBE: &[u8] = b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01";

/// The number that follows the salt, in the parameters of PBKDF2 and of PKCS #12's own derivation alike.
fn iterations(der: &[u8]) -> Option<Cost> {
    let mut reader = SliceReader::new(der).ok()?;
    let header = Header::decode(&mut reader).ok()?;
    header.tag().assert_eq(Tag::Sequence).ok()?;
    <&OctetStringRef>::decode(&mut reader).ok()?;
    let number = UintRef::decode(&mut reader).ok()?;
    let iterations = number.as_bytes().iter().fold(0_u64, |sum, byte| {
        sum.saturating_mul(256).saturating_add((*byte).into())
    });
    Some(Cost {
        iterations,
        scrypt_bytes: 0,
    })
}

fn first<'a, T: Decode<'a>>(der: &'a [u8]) -> Option<T> {
    T::decode(&mut SliceReader::new(der).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_iterations_that_no_integer_holds_is_too_much() {
        for length in 1..=20_u8 {
            // A salt of one byte, and the number behind it.
            let number = [0x7f; 20];
            let parameters = [
                &[0x30, 5 + length, 0x04, 1, 0, 0x02, length],
                &number[..length.into()],
            ];
            let store = [PBKDF2, &parameters.concat()].concat();
            let is_too_much = Cost::of_store(&store).excess().is_some();
            assert_eq!(is_too_much, length > 3, "{length}");
        }
    }
}
