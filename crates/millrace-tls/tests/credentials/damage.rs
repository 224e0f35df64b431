//! Documents damaged at random.

use crate::support::{bytes, memory, pair, text};
use millrace_tls::{Credentials, Material};
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_damage_to_a_key_in_pem_puts_its_bytes_into_the_error(
        at in 0..240usize,
        cut in 0..4usize,
        inserted in "[-: \nA-Za-z0-9]{0,6}",
    ) {
        let mut key = text("p-256.key.pem");
        let secret: Vec<String> = key.lines().skip(1).map(|line| line.chars().take(12).collect()).collect();
        key.replace_range(at..(at + cut).min(key.len()), &inserted);
        let material = Material { key: memory(key), ..pair("p-256.crt.pem", "p-256.key.pem") };
        if let Err(error) = Credentials::load(&material) {
            let shown = error.to_string();
            prop_assert!(!secret.iter().any(|part| !part.starts_with('-') && shown.contains(part)), "{}", shown);
        }
    }

    #[test]
    fn damage_to_der_is_an_error_or_harmless_and_never_a_panic(
        name in prop::sample::select(vec![
            "p-256.key.der",
            "p-256.sec1.key.der",
            "rsa-2048.pkcs1.key.der",
            "p-256.crt.der",
            "bare.p12",
            "leaf.ocsp.der",
        ]),
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut der = bytes(name);
        let at = at.index(der.len());
        der[at] = value;
        let leaf = pair("leaf.crt.pem", "leaf.key.pem");
        let material = match name {
            "bare.p12" => Material { pkcs12: memory(der), ..Material::default() },
            "leaf.ocsp.der" => Material { ocsp: memory(der), ..leaf },
            "p-256.crt.der" => Material { certificate: memory(der), ..pair("p-256.crt.pem", "p-256.key.pem") },
            _ => Material { key: memory(der), ..pair("p-256.crt.pem", "p-256.key.pem") },
        };
        if let Err(error) = Credentials::load(&material) {
            prop_assert!(error.to_string().starts_with("ERR_TLS_"));
        }
    }
}
