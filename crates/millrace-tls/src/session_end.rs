//! When a session ends, after which nobody resumes it.

use crate::certificate_info::CertificateInfo;

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) seconds: u32,
    /// Whether there may be certificates of clients in them.
    pub(crate) has_certificates: bool,
}

/// Above this, which takes an unusual chain of certificates, a session is not resumed at all: as a ticket it would come
/// back in a ClientHello, which may have 64 KiB.
const LARGEST: usize = 16 << 10;

impl Life {
    /// The last second of a session that begins now; none when it ends at once.
    pub(crate) fn end(self, session: &[u8], now: u64) -> Option<u64> {
        if session.len() > LARGEST {
            return None;
        }
        let end = now.saturating_add(self.seconds.into());
        match self.has_certificates.then(|| end_of(session)).flatten() {
            Some(certificates) => (now <= certificates).then(|| end.min(certificates)),
            None => Some(end),
        }
    }
}

/// The second after which one of the certificates in a session, as rustls writes it, is valid no longer; none when there
/// is no certificate in it.
///
/// Whoever resumes a session is who its certificates say without anybody looking at them again. rustls writes them as
/// they came, each behind its length in three bytes; the rest of what it writes is its own affair.
fn end_of(session: &[u8]) -> Option<u64> {
    let mut end = None;
    let mut at = LENGTH;
    while at < session.len() {
        let Some(certificate) = certificate_at(session, at) else {
            at += 1;
            continue;
        };
        // One that cannot be read could have any end.
        let not_after = CertificateInfo::read(certificate).map_or(0, |info| info.not_after);
        let not_after = u64::try_from(not_after).unwrap_or(0);
        end = Some(end.map_or(not_after, |end: u64| end.min(not_after)));
        at += certificate.len();
    }
    end
}

/// What the length of a certificate takes.
const LENGTH: usize = 3;

/// A sequence of DER at `at` that is as long as the three bytes before say. Certificates of less than 128 bytes, whose
/// length has no byte of its own, there are none.
fn certificate_at(session: &[u8], at: usize) -> Option<&[u8]> {
    let (before, rest) = session.split_at(at);
    let length = number(&before[before.len() - LENGTH..]);
    let header = match rest {
        [0x30, 0x81, one, ..] => 3 + number(&[*one]),
        [0x30, 0x82, two @ ..] => 4 + number(two.get(..2)?),
        _ => return None,
    };
    (length == header).then(|| rest.get(..length)).flatten()
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn a_session_ends_with_the_first_of_its_certificates_that_ends() {
        let (late, early) = (certificate(2030), certificate(2029));
        assert_eq!(end_of(&session(&[&late])), Some(1_893_456_000));
        assert_eq!(end_of(&session(&[&late, &early])), Some(1_861_920_000));
        assert_eq!(end_of(&session(&[&early, &late])), Some(1_861_920_000));
    }

    #[test]
    fn a_session_ends_after_its_lifetime_or_with_its_certificates() {
        let life = |seconds, has_certificates| Life {
            seconds,
            has_certificates,
        };
        let session = session(&[&certificate(2030)]);
        assert_eq!(
            life(100, false).end(&session, 1_893_456_050),
            Some(1_893_456_150)
        );
        assert_eq!(
            life(100, true).end(&session, 1_893_455_800),
            Some(1_893_455_900)
        );
        assert_eq!(
            life(100, true).end(&session, 1_893_455_950),
            Some(1_893_456_000)
        );
        assert_eq!(
            life(100, true).end(&session, 1_893_456_000),
            Some(1_893_456_000)
        );
        assert_eq!(life(100, true).end(&session, 1_893_456_001), None);
    }

    #[test]
    fn a_session_that_is_too_large_ends_at_once() {
        let life = Life {
            seconds: 100,
            has_certificates: false,
        };
        assert_eq!(life.end(&[0; LARGEST], 1000), Some(1100));
        assert_eq!(life.end(&[0; LARGEST + 1], 1000), None);
    }

    #[test]
    fn a_session_without_a_certificate_does_not_end_early() {
        for session in [
            &[][..],
            &[0],
            &[0, 0, 0, 0x30],
            &[0; 500],
            &[0x30; 500],
            &[0x30, 0x82, 0x30, 0x82, 0x30],
        ] {
            assert_eq!(end_of(session), None);
        }
    }

    #[test]
    fn a_session_with_a_certificate_that_cannot_be_read_ends_at_once() {
        let mut certificate = certificate(2030);
        certificate[10] ^= 0xff;
        assert_eq!(end_of(&session(&[&certificate])), Some(0));
        assert_eq!(
            end_of(&session(&[&[&[0x30, 0x81, 130][..], &[0; 130]].concat()])),
            Some(0)
        );
    }

    fn session(certificates: &[&[u8]]) -> Vec<u8> {
        let mut session = vec![7; 60];
        for certificate in certificates {
            session
                .extend_from_slice(&u32::try_from(certificate.len()).unwrap().to_be_bytes()[1..]);
            session.extend_from_slice(certificate);
        }
        session.extend_from_slice(&[9; 20]);
        session
    }

    fn certificate(year: i32) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.not_after = date_time_ymd(year, 1, 1);
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .der()
            .to_vec()
    }
}
