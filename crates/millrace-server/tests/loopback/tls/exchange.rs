//! Requests and answers over TLS.

use std::io::Write;

use millrace_batch::layout::inbound_flag;
use millrace_server::WebSocketSettings;
use millrace_tls::Settings;

use super::client::{TLS12, TLS13, pair, pair_with};
use crate::client::{GET, post, read_answer, read_chunked, read_head, read_to_end};
use crate::files::Site;
use crate::js::{Event, Js, SendFile, chunk, end, large_chunk, respond, respond_and_tell, start};
use crate::websocket::client::{
    CLOSE, HANDSHAKE, Site as Sockets, TEXT, close_payload, frame, read_frame,
};
use crate::websocket::records::{close, send};

#[test]
fn a_request_is_received_and_its_answer_read() {
    for (versions, number) in [(TLS12, 0x0303), (TLS13, 0x0304)] {
        let pair = pair_with(Settings::default(), versions);
        let (mut js, listening, address) = Js::serving(pair.config.clone());
        let mut client = pair.connect(address);
        for round in 0..3 {
            client.write_all(GET.as_bytes()).unwrap();
            let Event::Request { id, flags, .. } = js.next() else {
                panic!("a request comes first");
            };
            assert_ne!(flags & inbound_flag::SECURE, 0);
            assert_eq!(flags & inbound_flag::EARLY, 0);
            js.send(respond(id, &format!("hello {round}")));
            let answer = read_answer(&mut client);
            assert_eq!(
                (answer.status, answer.body),
                (200, format!("hello {round}"))
            );
            let info = js.thread.tls_info(id.connection, id.generation);
            let info = info.expect("it is known");
            assert_eq!(info.session.version, number);
            assert_eq!(info.server_name.as_deref(), Some("localhost"));
        }
        let stats = js.thread.stats(listening.id).unwrap();
        assert_eq!(
            (stats.tls_handshakes, stats.tls_open, stats.tls_failed),
            (1, 0, 0)
        );
    }
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let pair = pair();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.write_all(GET.repeat(20).as_bytes()).unwrap();
    let ids: Vec<_> = (0..20).map(|_| js.request()).collect();
    for (index, &id) in ids.iter().enumerate().rev() {
        js.send(respond(id, &index.to_string()));
    }
    for index in 0..20 {
        assert_eq!(read_answer(&mut client).body, index.to_string());
    }
}

#[test]
fn a_large_body_comes_whole_in_both_directions() {
    for versions in [TLS12, TLS13] {
        let pair = pair_with(Settings::default(), versions);
        let (mut js, _, address) = Js::serving(pair.config.clone());
        let mut client = pair.connect(address);
        let body: Vec<u8> = (0..3_000_000u32).map(|at| (at >> 4) as u8).collect();
        let (request, sent) = (post(body.len()), body.clone());
        let writer = std::thread::spawn(move || {
            client.write_all(request.as_bytes()).unwrap();
            client.write_all(&sent).unwrap();
            client
        });
        let id = js.request();
        assert!(js.body(id) == body);
        let mut client = writer.join().unwrap();
        js.send(start(id));
        for piece in body.chunks(700_000) {
            js.send(chunk(id, b"a little before it", 0));
            let index = js.thread.put_chunk(piece);
            js.send(large_chunk(id, index, 0));
        }
        js.send(end(id));
        assert!(read_head(&mut client).starts_with("HTTP/1.1 200 "));
        let answer = read_chunked(&mut client);
        let expected: Vec<u8> = body
            .chunks(700_000)
            .flat_map(|piece| [&b"a little before it"[..], piece].concat())
            .collect();
        assert!(answer == expected);
    }
}

#[test]
fn a_client_that_reads_late_gets_everything() {
    let pair = pair();
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    let body: Vec<u8> = (0..10_485_760u32).map(|at| (at >> 5) as u8).collect();
    js.send(start(id));
    let index = js.thread.put_chunk(&body);
    js.send(large_chunk(id, index, 1));
    js.send(end(id));

    // Others are served while it does not read.
    let mut other = pair.connect(address);
    other.write_all(GET.as_bytes()).unwrap();
    let another = js.request();
    js.send(respond(another, "meanwhile"));
    assert_eq!(read_answer(&mut other).body, "meanwhile");
    let written = js.thread.stats(listening.id).unwrap().bytes_written;
    assert!(
        written < body.len() as u64,
        "not all of it fits into the system"
    );

    read_head(&mut client);
    assert!(read_chunked(&mut client) == body);
    assert_eq!(js.next(), Event::Written(1, 0));
}

#[test]
fn what_counts_as_written_is_plaintext() {
    let pair = pair();
    let (mut js, listening, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    client.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    js.send(respond_and_tell(id, "hello", 1));
    let answer = read_answer(&mut client);
    assert_eq!(js.next(), Event::Written(1, 0));
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!(stats.bytes_read, GET.len() as u64);
    assert_eq!(stats.bytes_written, (answer.head.len() + 5) as u64);
}

#[test]
fn files_are_sent() {
    let site = Site::new();
    for versions in [TLS12, TLS13] {
        let pair = pair_with(Settings::default(), versions);
        let (mut js, _, address) = Js::serving(pair.config.clone());
        let mut client = pair.connect(address);
        for length in [5, 30_000, 70_000, 5_000_000] {
            let text: String = (0..length)
                .map(|at| (b'a' + (at / 7 % 26) as u8) as char)
                .collect();
            let path = site.write("file.txt", &text);
            client.write_all(GET.as_bytes()).unwrap();
            let id = js.request();
            let file = SendFile {
                path: &path,
                token: 1,
                ..SendFile::default()
            };
            js.send(file.record(id));
            assert!(read_answer(&mut client).body == text, "{length}");
            assert_eq!(js.next(), Event::Written(1, 0));
        }
    }
}

#[test]
fn a_file_goes_to_a_client_that_reads_late() {
    let site = Site::new();
    let pair = pair();
    let (mut js, _, address) = Js::serving(pair.config.clone());
    let mut client = pair.connect(address);
    let text = "0123456789abcdef".repeat(1_000_000);
    let path = site.write("file.txt", &text);
    client.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    let file = SendFile {
        path: &path,
        ..SendFile::default()
    };
    js.send(file.record(id));
    // Served when the file has filled what the system takes for its client.
    let mut other = pair.connect(address);
    other.write_all(GET.as_bytes()).unwrap();
    let another = js.request();
    js.send(respond(another, "meanwhile"));
    assert_eq!(read_answer(&mut other).body, "meanwhile");
    assert!(read_answer(&mut client).body == text);
}

#[test]
fn websockets_are_carried() {
    let pair = pair();
    let mut site = Sockets::with(pair.config.clone(), WebSocketSettings::default());
    let mut client = pair.connect(site.address);
    client.write_all(HANDSHAKE.as_bytes()).unwrap();
    let id = site.accept("", "");
    assert!(read_head(&mut client).starts_with("HTTP/1.1 101 "));
    for length in [0, 5, 20_000, 300_000] {
        let message = vec![b'm'; length];
        client.write_all(&frame(TEXT, &message)).unwrap();
        assert!(site.js.message() == message, "{length}");
        site.js.send(send(id, 0, 0, &message));
        assert!(read_frame(&mut client) == (TEXT, message), "{length}");
    }
    site.js.send(close(id, 1000, "bye"));
    assert_eq!(read_frame(&mut client), (CLOSE, close_payload(1000, "bye")));
    client
        .write_all(&frame(CLOSE, &close_payload(1000, "")))
        .unwrap();
    assert_eq!(read_to_end(&mut client), "", "the end is said");
}
