//! Offers of permessage-deflate and their answers (RFC 7692 7.1).

use millrace_ws::{Agreed, Config, is_well_formed, negotiate};
use proptest::prelude::*;

const ALL: Config = Config {
    context_takeover_server: true,
    context_takeover_client: true,
    server_window_bits: 15,
    client_window_bits: 15,
    level: 1,
};

fn answer_of(agreed: Agreed) -> String {
    let mut out = Vec::new();
    agreed.write_to(&mut out);
    String::from_utf8(out).expect("answers are ASCII")
}

fn answer(offer: &str, config: &Config) -> Option<String> {
    negotiate([offer.as_bytes()], config).map(answer_of)
}

#[test]
fn a_bare_offer_is_answered_by_what_the_configuration_wants() {
    let cases = [
        (ALL, "permessage-deflate"),
        (
            Config::default(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            Config {
                context_takeover_server: false,
                ..ALL
            },
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            Config {
                server_window_bits: 10,
                ..ALL
            },
            "permessage-deflate; server_max_window_bits=10",
        ),
        // The client has not said that it understands client_max_window_bits.
        (
            Config {
                client_window_bits: 10,
                ..ALL
            },
            "permessage-deflate; client_no_context_takeover",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(
            answer("permessage-deflate", &config).as_deref(),
            Some(expected),
            "{config:?}"
        );
    }
}

#[test]
fn what_is_asked_for_is_answered_by_the_same_or_less() {
    let small = Config {
        server_window_bits: 11,
        client_window_bits: 12,
        ..ALL
    };
    let cases = [
        (
            "server_no_context_takeover",
            ALL,
            "; server_no_context_takeover",
        ),
        (
            "client_no_context_takeover",
            ALL,
            "; client_no_context_takeover",
        ),
        (
            "server_max_window_bits=8",
            ALL,
            "; server_max_window_bits=8",
        ),
        (
            "server_max_window_bits=15",
            ALL,
            "; server_max_window_bits=15",
        ),
        (
            "server_max_window_bits=9",
            small,
            "; client_no_context_takeover; server_max_window_bits=9",
        ),
        (
            "server_max_window_bits=15",
            small,
            "; client_no_context_takeover; server_max_window_bits=11",
        ),
        ("client_max_window_bits", ALL, ""),
        (
            "client_max_window_bits=10",
            ALL,
            "; client_max_window_bits=10",
        ),
        ("client_max_window_bits=15", ALL, ""),
        (
            "client_max_window_bits",
            small,
            "; server_max_window_bits=11; client_max_window_bits=12",
        ),
        (
            "client_max_window_bits=9",
            small,
            "; server_max_window_bits=11; client_max_window_bits=9",
        ),
        (
            "client_max_window_bits=14",
            small,
            "; server_max_window_bits=11; client_max_window_bits=12",
        ),
    ];
    for (asked, config, expected) in cases {
        let offer = format!("permessage-deflate; {asked}");
        assert_eq!(
            answer(&offer, &config),
            Some(format!("permessage-deflate{expected}")),
            "{asked}"
        );
    }
}

#[test]
fn a_window_without_an_answer_is_the_largest() {
    let config = Config {
        client_window_bits: 10,
        context_takeover_client: false,
        ..ALL
    };
    let agreed = negotiate([&b"permessage-deflate"[..]], &config).expect("agreed");
    assert_eq!(agreed.client_window_bits, 15);
    assert_eq!(agreed.server_window_bits, 15);
    assert!(agreed.inflater().is_none());
    let agreed = negotiate([&b"permessage-deflate; client_max_window_bits"[..]], &ALL);
    assert_eq!(agreed.expect("agreed").client_window_bits, 15);
}

#[test]
fn parameters_that_may_not_be_there_decline_the_offer() {
    for parameters in [
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits=10; client_max_window_bits",
        "server_no_context_takeover=true",
        "client_no_context_takeover=\"1\"",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=010",
        "server_max_window_bits=1",
        "server_max_window_bits=100",
        "server_max_window_bits=10x",
        "server_max_window_bits=+9",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=0",
        "client_max_window_bits=9.5",
        "Server_No_Context_Takeover",
        "unknown",
        "unknown=1",
    ] {
        let offer = format!("permessage-deflate; {parameters}");
        assert_eq!(answer(&offer, &ALL), None, "{parameters}");
        let fallback = format!("{offer}, permessage-deflate; server_max_window_bits=9");
        assert_eq!(
            answer(&fallback, &ALL).as_deref(),
            Some("permessage-deflate; server_max_window_bits=9"),
            "{parameters}"
        );
        assert!(is_well_formed([fallback.as_bytes()]), "{parameters}");
    }
}

#[test]
fn malformed_offers_are_declined_up_to_their_comma() {
    for malformed in [
        "permessage-deflate;",
        "permessage-deflate; =10",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; client_max_window_bits=\"\"",
        "permessage-deflate; client_max_window_bits=\"1 0\"",
        "permessage-deflate; client_max_window_bits=\"10\"x",
        "permessage-deflate client_max_window_bits",
        "permessage-deflate; a b",
        "permessage-deflate; a=\"b,c\"",
        "; a",
        "=",
        "\"permessage-deflate, permessage-deflate\"",
        "permessage@deflate",
        "permessage-deflate\u{e9}",
    ] {
        assert_eq!(answer(malformed, &ALL), None, "{malformed}");
        assert!(!is_well_formed([malformed.as_bytes()]), "{malformed}");
        let followed = format!("{malformed}, permessage-deflate");
        assert_eq!(
            answer(&followed, &ALL).as_deref(),
            Some("permessage-deflate"),
            "{malformed}"
        );
    }
    assert_eq!(
        answer("a; b=\"c, permessage-deflate", &ALL),
        None,
        "a quote that never ends"
    );
    assert_eq!(answer("a; b=\"c\\", &ALL), None, "a backslash at the end");
}

#[test]
fn values_may_be_quoted_and_white_space_is_free() {
    for offer in [
        "permessage-deflate; server_max_window_bits=\"10\"",
        "permessage-deflate; server_max_window_bits=\"1\\0\"",
        "permessage-deflate;server_max_window_bits=10",
        " ,\t, permessage-deflate \t;\t server_max_window_bits = 10 \t,",
        "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=10",
        "x; a=\"1\"; b, permessage-deflate; server_max_window_bits=10, permessage-deflate",
    ] {
        assert_eq!(
            answer(offer, &ALL).as_deref(),
            Some("permessage-deflate; server_max_window_bits=10"),
            "{offer}"
        );
        assert!(is_well_formed([offer.as_bytes()]), "{offer}");
    }
}

#[test]
fn offers_go_on_over_several_lines() {
    let lines = [
        "foo",
        "permessage-deflate; bar",
        "permessage-deflate; server_max_window_bits=12",
    ];
    let agreed = negotiate(lines.map(str::as_bytes), &ALL).map(answer_of);
    assert_eq!(
        agreed.as_deref(),
        Some("permessage-deflate; server_max_window_bits=12")
    );
    assert_eq!(negotiate([], &ALL), None);
    assert_eq!(answer("", &ALL), None);
    assert_eq!(answer("permessage-deflate2", &ALL), None);
    assert_eq!(answer("permessage-deflat", &ALL), None);
}

#[test]
fn the_default_is_what_an_answer_without_parameters_means() {
    let agreed = negotiate([&b"permessage-deflate"[..]], &ALL);
    assert_eq!(agreed, Some(Agreed::default()));
}

fn config() -> impl Strategy<Value = Config> {
    (any::<bool>(), any::<bool>(), 9u8..=15, 9u8..=15).prop_map(|(server, client, own, others)| {
        Config {
            context_takeover_server: server,
            context_takeover_client: client,
            server_window_bits: own,
            client_window_bits: others,
            level: 1,
        }
    })
}

proptest! {
    #[test]
    fn any_bytes_are_answered_or_not(
        value in prop::collection::vec(prop::sample::select(&b"permssage-dfl; ,=\"\\_10\t\xff\0"[..]), 0..60),
        config in config(),
    ) {
        let agreed = negotiate([&value[..]], &config);
        prop_assert!(agreed.is_none() || value.windows(18).any(|part| part == b"permessage-deflate"));
    }

    #[test]
    fn an_answer_has_nothing_that_the_offer_and_the_configuration_do_not_allow(
        offer in "permessage-deflate(; (client_max_window_bits(=(8|9|10|15))?|server_max_window_bits=(8|11|15)|(client|server)_no_context_takeover)){0,4}",
        config in config(),
    ) {
        let parameters: Vec<&str> = offer.split("; ").skip(1).collect();
        let named = |name: &str| parameters.iter().filter(|of| of.split('=').next() == Some(name)).count();
        let value = |name: &str| {
            let of = parameters.iter().find_map(|of| of.strip_prefix(name)?.strip_prefix('='));
            of.map_or(15, |value| value.parse().expect("digits"))
        };
        let names = [
            "client_max_window_bits",
            "server_max_window_bits",
            "client_no_context_takeover",
            "server_no_context_takeover",
        ];
        let agreed = negotiate([offer.as_bytes()], &config);
        prop_assert_eq!(agreed.is_some(), names.iter().all(|name| named(name) < 2));
        let Some(agreed) = agreed else {
            return Ok(());
        };
        let answer = answer_of(agreed);
        // RFC 7692 7.1.1.1, 7.1.2.1 and 7.1.2.2.
        prop_assert!(named(names[3]) == 0 || answer.contains(names[3]));
        prop_assert!(named(names[1]) == 0 || answer.contains(names[1]));
        prop_assert!(named(names[0]) == 1 || !answer.contains(names[0]));
        prop_assert_eq!(agreed.server_window_bits, config.server_window_bits.min(value(names[1])));
        prop_assert!(agreed.client_window_bits <= value(names[0]));
        let kept = !agreed.client_no_context_takeover;
        prop_assert!(!kept || agreed.client_window_bits <= config.client_window_bits);
        prop_assert_eq!(agreed.inflater().is_some(), kept);
        prop_assert!(config.context_takeover_server || agreed.server_no_context_takeover);
        prop_assert!(config.context_takeover_client || agreed.client_no_context_takeover);
    }
}
