//! What comes before a connection is secure.

use std::io::Write;

use super::client::pair;
use crate::client::{GET, await_end, connect, read_answer};
use crate::js::{Js, respond};

#[test]
fn a_client_that_sends_byte_by_byte_is_served() {
    let pair = pair();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.sock.set_nodelay(true).unwrap();
    client.conn.writer().write_all(GET.as_bytes()).unwrap();
    while client.conn.is_handshaking() || client.conn.wants_write() {
        let mut flight = Vec::new();
        while client.conn.wants_write() {
            client.conn.write_tls(&mut flight).unwrap();
        }
        for byte in flight {
            client.sock.write_all(&[byte]).unwrap();
        }
        if client.conn.is_handshaking() {
            client.conn.read_tls(&mut client.sock).unwrap();
            client.conn.process_new_packets().unwrap();
        }
    }
    let id = js.request();
    js.send(respond(id, "hello"));
    assert_eq!(read_answer(&mut client).body, "hello");
}

#[test]
fn garbage_is_not_answered() {
    let pair = pair();
    let (js, listening, address) = Js::serving(pair.config.clone());
    let mut client = connect(address);
    client.write_all(b"\x05\x01\x00").unwrap();
    await_end(&mut client);
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.tls_open, stats.tls_failed), (0, 1));
}
