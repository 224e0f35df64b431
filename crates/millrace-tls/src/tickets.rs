//! Sessions that clients keep themselves, sealed (RFC 8446 section 4.6.1, RFC 5077).
//!
//! A ticket is the name of a key (16 bytes), a random nonce (12), and under that key, with AES-256-GCM-SIV (RFC 8452):
//! the second of its end (8) and the session. GCM-SIV, because keys that several servers share may seal more tickets
//! than GCM with random nonces is safe for. The second of its end, because keys that are given do not rotate by themselves.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use pkcs8::der::zeroize::Zeroizing;
use rustls::pki_types::UnixTime;
use rustls::server::ProducesTickets;

use crate::session_end::Life;

/// Seals and opens tickets. Each is good until its end, to the second.
pub(crate) struct Tickets {
    keys: Keys,
    life: Life,
}

enum Keys {
    /// The first seals, all open.
    Given(Vec<TicketKey>),
    Own(Arc<OwnKeys>),
}

impl Tickets {
    /// Under keys that others have as well. `context` is what these others must agree in to take each other's tickets.
    pub(crate) fn shared(secrets: &[[u8; 48]], context: &[u8; 32], life: Life) -> Option<Self> {
        let keys: Option<Vec<_>> = secrets
            .iter()
            .map(|secret| TicketKey::new(secret, context))
            .collect();
        Some(Tickets {
            keys: Keys::Given(keys?),
            life,
        })
    }

    /// Under keys that nobody else has: those of `previous` when it has its own, else new ones.
    pub(crate) fn own(previous: Option<&Tickets>, life: Life) -> Option<Self> {
        let keys = match previous.map(|previous| &previous.keys) {
            Some(Keys::Own(keys)) => keys.clone(),
            _ => Arc::new(OwnKeys::new(UnixTime::now().as_secs())?),
        };
        Some(Tickets {
            keys: Keys::Own(keys),
            life,
        })
    }

    fn seal(&self, session: &[u8], now: u64) -> Option<Vec<u8>> {
        let end = self.life.end(session, now)?;
        match &self.keys {
            Keys::Given(keys) => keys.first()?.seal(session, end),
            Keys::Own(own) => own.at(now, self.life.seconds).current.seal(session, end),
        }
    }

    fn open(&self, ticket: &[u8], now: u64) -> Option<Vec<u8>> {
        let open = |key: &TicketKey| key.open(ticket, now);
        match &self.keys {
            Keys::Given(keys) => keys.iter().find_map(open),
            Keys::Own(own) => {
                let generations = own.at(now, self.life.seconds);
                open(&generations.current).or_else(|| generations.previous.as_ref().and_then(open))
            }
        }
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        self.life.seconds
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(plain, UnixTime::now().as_secs())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.open(cipher, UnixTime::now().as_secs())
    }
}

/// A key that seals for one lifetime, opens for another, and is then forgotten: who breaks in later reads nothing older.
struct OwnKeys(RwLock<Generations>);

struct Generations {
    current: TicketKey,
    previous: Option<TicketKey>,
    since: u64,
}

impl OwnKeys {
    fn new(now: u64) -> Option<Self> {
        Some(OwnKeys(RwLock::new(Generations {
            current: TicketKey::random()?,
            previous: None,
            since: now,
        })))
    }

    fn at(&self, now: u64, lifetime_s: u32) -> RwLockReadGuard<'_, Generations> {
        let is_over =
            |generations: &Generations| now >= generations.since.saturating_add(lifetime_s.into());
        let generations = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if !is_over(&generations) {
            return generations;
        }
        drop(generations);
        // Without a new key, which takes a system that has run out of memory, the old one goes on.
        if let Some(next) = TicketKey::random() {
            let mut generations = self.0.write().unwrap_or_else(PoisonError::into_inner);
            // Another thread may have been faster.
            if is_over(&generations) {
                let last = std::mem::replace(&mut generations.current, next);
                let last_ticket_ends = generations.since.saturating_add(2 * u64::from(lifetime_s));
                generations.previous = (now <= last_ticket_ends).then_some(last);
                generations.since = now;
            }
        }
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

struct TicketKey {
    name: [u8; NAME],
    key: RandomizedNonceKey,
}

const NAME: usize = 16;
const NONCE: usize = 12;
const END: usize = 8;

impl TicketKey {
    /// Node.js and OpenSSL give 16 bytes of name, 16 for an HMAC and 16 for AES; the latter 32 are one secret here.
    fn new(secret: &[u8; 48], context: &[u8; 32]) -> Option<Self> {
        let (name, secret) = secret.split_at(NAME);
        let mut key = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, name)
            .extract(secret)
            .expand(&[b"millrace session ticket 1", context], &AES_256_GCM_SIV)
            .and_then(|okm| okm.fill(&mut key[..]))
            .ok()?;
        Some(TicketKey {
            name: name.try_into().ok()?,
            key: RandomizedNonceKey::new(&AES_256_GCM_SIV, &key[..]).ok()?,
        })
    }

    fn random() -> Option<Self> {
        let mut secret = Zeroizing::new([0; 48]);
        rand::fill(&mut secret[..]).ok()?;
        TicketKey::new(&secret, &[0; 32])
    }

    fn seal(&self, session: &[u8], end: u64) -> Option<Vec<u8>> {
        let mut sealed = Vec::with_capacity(END + session.len() + 16);
        sealed.extend_from_slice(&end.to_be_bytes());
        sealed.extend_from_slice(session);
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(self.name), &mut sealed)
            .ok()?;
        Some([&self.name[..], nonce.as_ref(), &sealed].concat())
    }

    fn open(&self, ticket: &[u8], now: u64) -> Option<Vec<u8>> {
        let sealed = ticket.strip_prefix(&self.name)?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(self.name), &mut sealed)
            .ok()?;
        let (end, session) = opened.split_first_chunk::<END>()?;
        (now <= u64::from_be_bytes(*end)).then(|| session.to_vec())
    }
}

/// Never the keys.
impl fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tickets")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Life = Life {
        seconds: 100,
        has_certificates: false,
    };
    const SECRETS: [[u8; 48]; 2] = [[1; 48], [2; 48]];

    #[test]
    fn a_ticket_opens_for_its_lifetime_and_not_a_second_longer() {
        for tickets in [Tickets::own(None, LIFE).unwrap(), given(&SECRETS)] {
            let now = UnixTime::now().as_secs();
            let ticket = tickets.seal(b"session", now).unwrap();
            assert_eq!(tickets.open(&ticket, now).as_deref(), Some(&b"session"[..]));
            assert_eq!(
                tickets.open(&ticket, now + 100).as_deref(),
                Some(&b"session"[..])
            );
            assert_eq!(tickets.open(&ticket, now + 101), None);
        }
    }

    #[test]
    fn own_keys_rotate_and_the_one_before_still_opens() {
        let tickets = Tickets::own(None, LIFE).unwrap();
        let start = UnixTime::now().as_secs();
        let first = tickets.seal(b"first", start + 99).unwrap();
        let second = tickets.seal(b"second", start + 101).unwrap();
        assert_ne!(first[..NAME], second[..NAME]);
        assert!(tickets.open(&first, start + 199).is_some());
        let third = tickets.seal(b"third", start + 301).unwrap();
        assert_ne!(second[..NAME], third[..NAME]);
        assert_eq!(tickets.open(&first, start + 301), None);
        assert!(tickets.open(&third, start + 301).is_some());
    }

    #[test]
    fn own_keys_go_on_in_a_successor_and_are_nobody_elses() {
        let tickets = Tickets::own(None, LIFE).unwrap();
        let ticket = tickets.encrypt(b"session").unwrap();
        assert!(
            Tickets::own(Some(&tickets), LIFE)
                .unwrap()
                .decrypt(&ticket)
                .is_some()
        );
        assert!(Tickets::own(None, LIFE).unwrap().decrypt(&ticket).is_none());
        assert!(
            Tickets::own(Some(&given(&SECRETS)), LIFE)
                .unwrap()
                .decrypt(&ticket)
                .is_none()
        );
    }

    #[test]
    fn the_first_given_key_seals_and_all_open() {
        let old = given(&SECRETS[1..]).encrypt(b"session").unwrap();
        let new = given(&SECRETS).encrypt(b"session").unwrap();
        assert_eq!(
            (&old[..NAME], &new[..NAME]),
            (&[2; NAME][..], &[1; NAME][..])
        );
        assert!(given(&SECRETS).decrypt(&old).is_some());
        assert!(given(&SECRETS[1..]).decrypt(&new).is_none());
    }

    #[test]
    fn given_keys_open_only_what_was_sealed_in_the_same_context() {
        let ticket = given(&SECRETS).encrypt(b"session").unwrap();
        let other = Tickets::shared(&SECRETS, &[9; 32], LIFE).unwrap();
        assert!(other.decrypt(&ticket).is_none());
    }

    #[test]
    fn a_ticket_that_was_touched_or_cut_does_not_open() {
        let tickets = given(&SECRETS);
        let ticket = tickets.encrypt(b"session").unwrap();
        for length in 0..ticket.len() {
            assert_eq!(tickets.decrypt(&ticket[..length]), None);
            let mut touched = ticket.clone();
            touched[length] ^= 1;
            assert_eq!(tickets.decrypt(&touched), None);
        }
    }

    #[test]
    fn two_tickets_of_one_session_differ() {
        let tickets = given(&SECRETS);
        assert_ne!(tickets.encrypt(b"session"), tickets.encrypt(b"session"));
    }

    #[test]
    fn printing_tickets_shows_no_key() {
        assert_eq!(
            format!("{:?}", given(&SECRETS)),
            "Tickets { life: Life { seconds: 100, has_certificates: false }, .. }"
        );
    }

    fn given(secrets: &[[u8; 48]]) -> Tickets {
        Tickets::shared(secrets, &[0; 32], LIFE).unwrap()
    }
}
