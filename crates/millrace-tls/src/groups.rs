//! Groups that keys are agreed on in (RFC 8446 section 4.2.7), by the names they go by.

use rustls::NamedGroup;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::{DEFAULT_KX_GROUPS, kx_group};

use crate::settings::{Settings, Version};
use crate::suites::Suites;
use crate::{Error, ErrorKind};

/// The groups of a server, the preferred first; those that are usual when the settings name none.
pub(crate) fn groups(
    settings: &Settings,
    suites: &Suites,
) -> Result<Vec<&'static dyn SupportedKxGroup>, Error> {
    let mut groups: Vec<&'static dyn SupportedKxGroup> = Vec::new();
    for name in &settings.groups {
        let group = by_name(name)?;
        if groups.iter().all(|known| known.name() != group.name()) {
            groups.push(group);
        }
    }
    if groups.is_empty() {
        groups.extend(DEFAULT_KX_GROUPS);
    }
    if !suites.speak(Version::Tls13) {
        groups.retain(|group| !needs_tls13(group.name()));
    }
    if groups.is_empty() {
        let named = settings.groups.join(", ");
        let text = format!(
            "the groups {named} need TLSv1.3, which these versions and cipher suites leave out"
        );
        return Err(Error::new(ErrorKind::Option, text));
    }
    Ok(groups)
}

/// Those with ML-KEM in them are defined for TLS 1.3 only.
pub(crate) fn needs_tls13(group: NamedGroup) -> bool {
    matches!(
        group,
        NamedGroup::X25519MLKEM768
            | NamedGroup::secp256r1MLKEM768
            | NamedGroup::MLKEM768
            | NamedGroup::MLKEM1024
    )
}

/// Each with its IANA name first, then the others that OpenSSL and Node.js know it by.
static ALL: [(&dyn SupportedKxGroup, &[&str]); 7] = [
    (kx_group::X25519MLKEM768, &["X25519MLKEM768"]),
    (kx_group::SECP256R1MLKEM768, &["SecP256r1MLKEM768"]),
    (kx_group::X25519, &["X25519"]),
    (
        kx_group::SECP256R1,
        &["P-256", "secp256r1", "prime256v1", "P256"],
    ),
    (kx_group::SECP384R1, &["P-384", "secp384r1", "P384"]),
    (kx_group::MLKEM768, &["MLKEM768"]),
    (kx_group::MLKEM1024, &["MLKEM1024"]),
];

fn by_name(name: &str) -> Result<&'static dyn SupportedKxGroup, Error> {
    let is_name = |known: &&str| known.eq_ignore_ascii_case(name.trim());
    let found = ALL.iter().find(|(_, names)| names.iter().any(is_name));
    found.map(|(group, _)| *group).ok_or_else(|| {
        let possible: Vec<_> = ALL.iter().map(|(_, names)| names[0]).collect();
        let text = format!(
            "the group {name:?} is not possible. Possible are {}",
            possible.join(", ")
        );
        Error::new(ErrorKind::Option, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_all_their_names_and_kept_in_order_once() {
        let found = named(
            &[
                "prime256v1",
                "x25519",
                "P-256",
                "secp256r1",
                "x25519mlkem768",
                "secp384r1",
            ],
            Version::Tls13,
        );
        let names: Vec<_> = found.unwrap().iter().map(|group| group.name()).collect();
        let expected = [
            NamedGroup::secp256r1,
            NamedGroup::X25519,
            NamedGroup::X25519MLKEM768,
            NamedGroup::secp384r1,
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn impossible_groups_are_refused_with_the_possible_ones() {
        for name in ["P-521", "ffdhe2048", "X448", "auto"] {
            assert_eq!(
                named(&[name], Version::Tls13).unwrap_err().to_string(),
                format!(
                    "ERR_TLS_OPTION - the group {name:?} is not possible. Possible are X25519MLKEM768, SecP256r1MLKEM768, X25519, \
                     P-256, P-384, MLKEM768, MLKEM1024"
                )
            );
        }
    }

    #[test]
    fn groups_that_need_the_newest_version_are_refused_without_it() {
        let text = "ERR_TLS_OPTION - the groups X25519MLKEM768 need TLSv1.3, which these versions and cipher suites leave out";
        assert_eq!(
            named(&["X25519MLKEM768"], Version::Tls12)
                .unwrap_err()
                .to_string(),
            text
        );
        let rest = named(&["X25519MLKEM768", "X25519"], Version::Tls12).unwrap();
        assert_eq!(
            rest.iter().map(|group| group.name()).collect::<Vec<_>>(),
            [NamedGroup::X25519]
        );
    }

    #[test]
    fn the_usual_groups_begin_with_the_post_quantum_hybrid() {
        assert_eq!(
            named(&[], Version::Tls13).unwrap()[0].name(),
            NamedGroup::X25519MLKEM768
        );
        assert_eq!(
            named(&[], Version::Tls12).unwrap()[0].name(),
            NamedGroup::X25519
        );
    }

    fn named(
        names: &[&str],
        max_version: Version,
    ) -> Result<Vec<&'static dyn SupportedKxGroup>, Error> {
        let settings = Settings {
            groups: names.iter().map(|name| (*name).to_owned()).collect(),
            max_version,
            ..Settings::default()
        };
        groups(&settings, &Suites::new(&settings)?)
    }
}
