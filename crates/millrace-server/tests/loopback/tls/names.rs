use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use millrace_server::{Config, Tls};
use millrace_tls::rustls::ClientConfig;
use millrace_tls::{Settings, UnknownName};

use super::certificates::{Pair, Stream, context, open, secured, shake_hands, shows, trusting};
use crate::js::{Event, Js};

/// Long enough for a program that answers.
const HOUR_MS: u64 = 3_600_000;

/// A server that has one certificate and asks for the others.
struct Asking {
    js: Js,
    server: u32,
    address: SocketAddr,
    own: Pair,
}

impl Asking {
    fn new(settings: Settings, name_ms: u64) -> Self {
        let own = Pair::new("own.example");
        let settings = Settings {
            asks_names: true,
            ..settings
        };
        let config = secured(context(&[&own], settings));
        let tls = config.tls.map(|tls| Tls { name_ms, ..tls });
        let (js, listening, address) = Js::serving(Config {
            tls,
            io_threads: 2,
            ..config
        });
        Asking {
            js,
            server: listening.id,
            address,
            own,
        }
    }

    fn client(&self, others: &[&Pair]) -> Arc<ClientConfig> {
        Arc::new(trusting(&[&[&self.own], others].concat()))
    }

    /// The name that JavaScript is asked for next.
    fn wanted(&mut self) -> String {
        match self.js.next() {
            Event::NameWanted(server, name) if server == self.server => name,
            other => panic!("a name should be asked for, not {other:?}"),
        }
    }

    fn answer(&self, name: &str, pair: Option<&Pair>, keep_ms: u64) {
        let credentials = pair.map(Pair::credentials);
        let thread = &self.js.thread;
        thread.name_resolved(self.server, name, credentials.as_ref(), keep_ms);
    }

    fn asked(&self) -> u64 {
        let stats = self.js.thread.stats(self.server);
        stats.expect("stats").tls_names_asked
    }
}

/// Makes a handshake on a thread of its own.
fn handshake(
    address: SocketAddr,
    client: &Arc<ClientConfig>,
    name: &'static str,
) -> JoinHandle<std::io::Result<Stream>> {
    let client = client.clone();
    thread::spawn(move || shake_hands(address, &client, name))
}

#[test]
fn a_name_is_asked_for_once_however_many_connections_of_all_threads_wait_for_it() {
    let (pair, mut server) = (
        Pair::new("new.example"),
        Asking::new(Settings::default(), 0),
    );
    let client = server.client(&[&pair]);
    let waiting: Vec<_> = (0..8)
        .map(|_| handshake(server.address, &client, "new.example"))
        .collect();
    assert_eq!(server.wanted(), "new.example");
    server.answer("new.example", Some(&pair), HOUR_MS);
    for stream in waiting {
        let stream = stream.join().expect("no panic").expect("a handshake");
        assert!(shows(&stream, &pair));
    }
    let later = shake_hands(server.address, &client, "new.example").expect("a handshake");
    assert!(shows(&later, &pair));
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_name_that_the_server_has_a_certificate_for_is_not_asked_for() {
    let server = Asking::new(Settings::default(), 0);
    let client = server.client(&[]);
    let stream = shake_hands(server.address, &client, "own.example").expect("a handshake");
    assert!(shows(&stream, &server.own));
    assert_eq!(server.asked(), 0);
}

#[test]
fn a_name_that_nothing_is_there_for_gets_the_first_certificate() {
    let mut server = Asking::new(Settings::default(), 0);
    let client = server.client(&[]);
    let waiting = handshake(server.address, &client, "no.example");
    assert_eq!(server.wanted(), "no.example");
    server.answer("no.example", None, HOUR_MS);
    let error = waiting.join().expect("no panic").expect_err("another name");
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[test]
fn a_name_that_nothing_is_there_for_is_refused_where_that_is_so_set() {
    let settings = Settings {
        unknown_name: UnknownName::Refuse,
        ..Settings::default()
    };
    let mut server = Asking::new(settings, 0);
    let client = server.client(&[]);
    let waiting = handshake(server.address, &client, "no.example");
    assert_eq!(server.wanted(), "no.example");
    server.answer("no.example", None, HOUR_MS);
    let error = waiting.join().expect("no panic").expect_err("an alert");
    assert!(error.to_string().contains("UnrecognisedName"), "{error}");
}

#[test]
fn a_name_without_an_answer_in_time_is_unknown_to_those_who_wait_and_asked_for_again() {
    let (pair, mut server) = (
        Pair::new("slow.example"),
        Asking::new(Settings::default(), 100),
    );
    let client = server.client(&[&pair]);
    let error = shake_hands(server.address, &client, "slow.example").expect_err("the first one");
    assert!(error.to_string().contains("not valid for name"), "{error}");
    assert_eq!(server.wanted(), "slow.example");
    server.answer("slow.example", Some(&pair), HOUR_MS);
    let stream = shake_hands(server.address, &client, "slow.example").expect("a handshake");
    assert!(shows(&stream, &pair));
}

#[test]
fn an_answer_that_is_not_to_be_kept_is_asked_for_again() {
    let (pair, mut server) = (
        Pair::new("new.example"),
        Asking::new(Settings::default(), 0),
    );
    let client = server.client(&[&pair]);
    for _ in 0..2 {
        let waiting = handshake(server.address, &client, "new.example");
        assert_eq!(server.wanted(), "new.example");
        server.answer("new.example", Some(&pair), 0);
        let stream = waiting.join().expect("no panic").expect("a handshake");
        assert!(shows(&stream, &pair));
    }
}

#[test]
fn a_reload_has_names_asked_for_again() {
    let (old, new) = (Pair::new("new.example"), Pair::new("new.example"));
    let mut server = Asking::new(Settings::default(), 0);
    let client = server.client(&[&old, &new]);
    for pair in [&old, &new] {
        let waiting = handshake(server.address, &client, "new.example");
        assert_eq!(server.wanted(), "new.example");
        server.answer("new.example", Some(pair), HOUR_MS);
        let stream = waiting.join().expect("no panic").expect("a handshake");
        assert!(shows(&stream, pair));
        let settings = Settings {
            asks_names: true,
            ..Settings::default()
        };
        let context = context(&[&server.own], settings);
        server.js.thread.reload_tls(server.server, context);
    }
}

#[test]
fn a_client_that_goes_while_its_name_is_asked_for_harms_nobody() {
    let (pair, mut server) = (
        Pair::new("new.example"),
        Asking::new(Settings::default(), 0),
    );
    let client = server.client(&[&pair]);
    let mut gone = open(server.address, &client, "new.example");
    gone.conn.write_tls(&mut gone.sock).expect("a hello");
    assert_eq!(server.wanted(), "new.example");
    drop(gone);
    server.answer("new.example", Some(&pair), HOUR_MS);
    let stream = shake_hands(server.address, &client, "new.example").expect("a handshake");
    assert!(shows(&stream, &pair));
}

#[test]
fn made_up_names_ask_so_many_questions_at_a_time_and_the_rest_wait_for_their_turn() {
    const MOST: usize = 256;
    let mut server = Asking::new(Settings::default(), 0);
    let client = server.client(&[]);
    let mut hellos = Vec::new();
    for number in 0..MOST {
        let mut stream = open(server.address, &client, &format!("n{number}.example"));
        stream.conn.write_tls(&mut stream.sock).expect("a hello");
        hellos.push(stream);
        server.wanted();
    }
    let mut more = open(server.address, &client, "more.example");
    more.conn.write_tls(&mut more.sock).expect("a hello");
    let own = shake_hands(server.address, &client, "own.example").expect("a handshake");
    assert!(shows(&own, &server.own));
    assert_eq!(server.asked(), MOST as u64);
    server.answer("n7.example", None, HOUR_MS);
    assert_eq!(server.wanted(), "more.example");
    server.answer("more.example", None, HOUR_MS);
    let error = more.flush().expect_err("the first certificate");
    assert!(error.to_string().contains("not valid for name"), "{error}");
    for stream in &mut hellos {
        stream.sock.flush().expect("open still");
    }
}
