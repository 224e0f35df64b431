use std::io::Write;
use std::sync::Arc;

use millrace_batch::layout::inbound_flag;
use millrace_tls::Settings;

use super::certificates::{Pair, context, secured, shake_hands, trusting};
use crate::client::{GET, read_answer};
use crate::js::{Event, Js, respond};

#[test]
fn what_a_handshake_agreed_on_is_known_until_its_slot_has_another_one() {
    let pair = Pair::new("a.example");
    let settings = Settings {
        groups: vec!["X25519".into()],
        ..Settings::default()
    };
    let (mut js, listening, address) = Js::serving(secured(context(&[&pair], settings)));
    let mut client = trusting(&[&pair]);
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let client = Arc::new(client);
    let mut ids = Vec::new();
    for resumed in [false, true] {
        let mut stream = shake_hands(address, &client, "a.example").expect("a handshake");
        stream
            .write_all(GET.as_bytes())
            .expect("an open connection");
        let Event::Request { id, flags, .. } = js.next() else {
            panic!("a request should have come");
        };
        assert_eq!(flags & inbound_flag::SECURE, inbound_flag::SECURE);
        js.send(respond(id, ""));
        read_answer(&mut stream);
        stream.conn.send_close_notify();
        drop(stream);
        while js
            .thread
            .connection_info(id.connection, id.generation)
            .is_some()
        {
            std::thread::yield_now();
        }
        let info = js
            .thread
            .tls_info(id.connection, id.generation)
            .expect("facts");
        assert_eq!(info.session.version, 0x0304);
        assert_eq!(info.session.group, Some("X25519"));
        assert_eq!(info.session.alpn.as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(info.session.resumed, resumed);
        assert_eq!(info.server_name.as_deref(), Some("a.example"));
        assert!(!info.authorized && info.authorization_error.is_none());
        assert!(info.session.suite_name.starts_with("TLS_"), "{info:?}");
        ids.push(id);
    }
    let [first, second] = ids[..] else {
        unreachable!("two connections were made");
    };
    assert_eq!(
        first.connection, second.connection,
        "the slot is used again"
    );
    assert_eq!(js.thread.tls_info(first.connection, first.generation), None);
    let stats = js.thread.stats(listening.id).expect("stats");
    assert_eq!((stats.tls_handshakes, stats.tls_resumed), (2, 1));
    assert_eq!((stats.tls_failed, stats.tls_open), (0, 0));
}

#[cfg(target_os = "linux")]
#[test]
fn secrets_that_cannot_be_logged_are_reported_once() {
    let pair = Pair::new("a.example");
    let settings = Settings {
        key_log: Some("/dev/full".into()),
        ..Settings::default()
    };
    let (mut js, listening, address) = Js::serving(secured(context(&[&pair], settings)));
    let client = Arc::new(trusting(&[&pair]));
    for body in ["first", "second"] {
        let mut stream = shake_hands(address, &client, "a.example").expect("a handshake");
        stream
            .write_all(GET.as_bytes())
            .expect("an open connection");
        if body == "first" {
            let Event::Failed(server, text) = js.next() else {
                panic!("that should have been reported");
            };
            assert_eq!(server, listening.id);
            assert!(text.starts_with("ERR_TLS_FILE - "), "{text}");
            assert!(text.contains("/dev/full"), "{text}");
        }
        let id = js.request();
        js.send(respond(id, body));
        assert_eq!(read_answer(&mut stream).body, body);
    }
}
