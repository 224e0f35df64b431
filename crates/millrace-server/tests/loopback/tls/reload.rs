use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use millrace_server::{Config, RouteTarget};
use millrace_tls::rustls::ClientConfig;
use millrace_tls::rustls::sign::SingleCertAndKey;
use millrace_tls::{ClientAuth, Settings};

use super::certificates::{Pair, context, open, secured, shake_hands, shows, trusting};
use crate::client::{GET, read_answer};
use crate::js::{Js, fixed, respond, route};

/// A server that answers by itself.
fn serving(pair: &Pair) -> (Js, u32, SocketAddr) {
    let config = Config {
        io_threads: 2,
        ..secured(context(&[pair], Settings::default()))
    };
    let routes = vec![route("GET", "/", RouteTarget::Fixed(fixed("fixed")))];
    let (js, listening, address) = Js::routing(config, routes);
    (js, listening.id, address)
}

#[test]
fn connections_go_on_with_what_they_have_and_new_ones_get_what_is_new() {
    let (old, new) = (Pair::new("a.example"), Pair::new("a.example"));
    let client = Arc::new(trusting(&[&old, &new]));
    let (js, server, address) = serving(&old);
    let mut before = shake_hands(address, &client, "a.example").expect("a handshake");
    assert!(shows(&before, &old));
    js.thread
        .reload_tls(server, context(&[&new], Settings::default()));
    let fresh = Arc::new(trusting(&[&old, &new]));
    let after = shake_hands(address, &fresh, "a.example").expect("a handshake");
    assert!(shows(&after, &new));
    for _ in 0..2 {
        before
            .write_all(GET.as_bytes())
            .expect("an open connection");
        assert_eq!(read_answer(&mut before).body, "fixed");
    }
}

#[test]
fn certificates_of_clients_are_judged_by_what_their_handshake_began_with() {
    let (pair, own) = (Pair::new("a.example"), Pair::new("b.example"));
    let judged_by = |roots: &[&Pair]| {
        let settings = Settings {
            client: ClientAuth::Asked,
            roots: roots
                .iter()
                .filter_map(|pair| pair.material.certificate.clone())
                .collect(),
            ..Settings::default()
        };
        context(&[&pair], settings)
    };
    let (mut js, listening, address) = Js::serving(secured(judged_by(&[])));
    let mut client = trusting(&[&pair]);
    client.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(
        own.credentials().certified().as_ref().clone(),
    ));
    let client = Arc::new(client);
    let mut stream = open(address, &client, "a.example");
    stream.conn.write_tls(&mut stream.sock).expect("a socket");
    while stream.conn.is_handshaking() {
        stream.conn.read_tls(&mut stream.sock).expect("a flight");
        stream.conn.process_new_packets().expect("a good one");
    }
    // It has still to send its certificate.
    js.thread.reload_tls(listening.id, judged_by(&[&pair]));
    let mut errors = Vec::new();
    for mut stream in [stream, open(address, &client, "a.example")] {
        stream
            .write_all(GET.as_bytes())
            .expect("an open connection");
        let id = js.request();
        let info = js.thread.tls_info(id.connection, id.generation);
        let info = info.expect("facts");
        assert_eq!(info.session.peer_chain.first(), Some(&own.certificate));
        errors.push(info.authorization_error.clone().expect("an error"));
        js.send(respond(id, ""));
        read_answer(&mut stream);
    }
    assert!(errors[0].contains("names no authority"), "{errors:?}");
    assert!(!errors[1].contains("names no authority"), "{errors:?}");
}

#[test]
fn no_request_fails_while_certificates_change_under_load() {
    const RELOADS: usize = 30;
    let pairs = [Pair::new("a.example"), Pair::new("a.example")];
    let (js, server, address) = serving(&pairs[0]);
    let contexts: [_; 2] =
        std::array::from_fn(|index| context(&[&pairs[index]], Settings::default()));
    let stop = AtomicBool::new(false);
    let requests = thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| keep_asking(address, &pairs, &stop)))
            .collect();
        for number in 0..RELOADS {
            js.thread
                .reload_tls(server, contexts[(number + 1) % 2].clone());
            let fresh = Arc::new(trusting(&[&pairs[0], &pairs[1]]));
            let stream = shake_hands(address, &fresh, "a.example").expect("a handshake");
            assert!(shows(&stream, &pairs[(number + 1) % 2]));
        }
        stop.store(true, Ordering::Relaxed);
        let requests = clients
            .into_iter()
            .map(|client| client.join().expect("no failure"));
        requests.sum::<usize>()
    });
    assert!(requests >= 3, "{requests}");
    let stats = js.thread.stats(server).expect("stats");
    assert_eq!((stats.tls_failed, stats.aborted), (0, 0));
}

/// Connects and asks twice, again and again, and counts the answers; each failure is one of the test.
fn keep_asking(address: SocketAddr, pairs: &[Pair; 2], stop: &AtomicBool) -> usize {
    let client: Arc<ClientConfig> = Arc::new(trusting(&[&pairs[0], &pairs[1]]));
    let mut answers = 0;
    while !stop.load(Ordering::Relaxed) || answers == 0 {
        let mut stream = shake_hands(address, &client, "a.example").expect("a handshake");
        for _ in 0..2 {
            stream
                .write_all(GET.as_bytes())
                .expect("an open connection");
            assert_eq!(read_answer(&mut stream).body, "fixed");
            answers += 1;
        }
    }
    answers
}
