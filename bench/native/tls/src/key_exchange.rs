//! X25519 with one key pair for all connections.
//!
//! A server makes one for each handshake, as it should; a client that did so as well would be at its limit first.

use std::sync::LazyLock;

use aws_lc_rs::agreement::{self, PrivateKey, PublicKey, UnparsedPublicKey};
use rustls::crypto::{ActiveKeyExchange, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

pub(crate) static X25519: &dyn SupportedKxGroup = &Group;

#[derive(Debug)]
struct Group;

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(Box::new(Started(&PAIR)))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Started(&'static Pair);

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let peer = UnparsedPublicKey::new(&agreement::X25519, peer);
        let refused = Error::from(PeerMisbehaved::InvalidKeyShare);
        agreement::agree(&self.0.private, peer, refused, |secret| {
            Ok(SharedSecret::from(secret))
        })
    }

    fn pub_key(&self) -> &[u8] {
        self.0.public.as_ref()
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct Pair {
    private: PrivateKey,
    public: PublicKey,
}

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let private = PrivateKey::generate(&agreement::X25519).expect("random numbers");
    let public = private.compute_public_key().expect("the key's other half");
    Pair { private, public }
});
