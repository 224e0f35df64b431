//! Answers that are compressed on their way.

use std::io::{Read, Write};

use millrace_batch::ExchangeId;
use millrace_batch::layout::{coding, outbound_flag};
use millrace_coding::{Coding, DecodeLimits, Decoder};
use millrace_server::FileRange;

use crate::client::{
    GET, ask, await_end, connect, read_answer, read_chunk, read_chunked, read_head,
};
use crate::js::{
    Event, Js, chunk, coded, config, end, flagged, large_chunk, reset, respond, respond_and_tell,
    start,
};

const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";

const CODINGS: [(u32, Coding); 3] = [
    (coding::GZIP, Coding::Gzip),
    (coding::BROTLI, Coding::Brotli),
    (coding::ZSTD, Coding::Zstd),
];

/// Text that gets smaller.
fn text(length: usize) -> String {
    (0..)
        .flat_map(|number: u32| format!("{{\"number\":{number},\"ok\":true}},").into_bytes())
        .take(length)
        .map(char::from)
        .collect()
}

fn decoder(coding: Coding) -> Decoder {
    let limits = DecodeLimits {
        bytes: 1 << 30,
        ratio: u32::MAX,
    };
    Decoder::new(&coding.into(), limits)
}

fn decode(coding: Coding, body: &[u8]) -> String {
    let (mut decoder, mut out) = (decoder(coding), Vec::new());
    decoder.write(body, &mut out).expect("well-formed");
    decoder.finish().expect("complete");
    String::from_utf8(out).unwrap()
}

/// Reads an answer with a declared length whose body is not text.
fn read_coded(stream: &mut impl Read) -> (String, Vec<u8>) {
    let head = read_head(stream);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .expect("a declared length");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head, body)
}

fn compressed(js: &Js, server: u32) -> u64 {
    js.thread.stats(server).unwrap().compressed
}

#[test]
fn a_whole_answer_is_compressed_with_each_coding() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = connect(address);
    let body = text(20_000);
    for (code, coding) in CODINGS {
        client.write_all(GET.as_bytes()).unwrap();
        let id = js.request();
        js.send(coded(respond_and_tell(id, &body, code), code));
        let (head, encoded) = read_coded(&mut client);
        let line = format!("\r\nContent-Encoding: {}\r\n", coding.token());
        assert!(head.contains(&line), "{head}");
        assert!(encoded.len() < body.len() / 4);
        assert_eq!(decode(coding, &encoded), body);
        assert_eq!(js.next(), Event::Written(code, 0));
    }
    assert_eq!(compressed(&js, listening.id), 3);
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn a_large_payload_beside_the_records_is_compressed_as_well() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    let body = text(3_000_000);
    let index = js.thread.put_chunk(body.as_bytes());
    let mut record = flagged(respond(id, ""), outbound_flag::LARGE);
    record[28..32].copy_from_slice(&index.to_le_bytes());
    js.send(coded(record, coding::ZSTD));
    let (_, encoded) = read_coded(&mut client);
    assert!(decode(Coding::Zstd, &encoded) == body);
}

#[test]
fn answers_to_head_have_the_fields_and_nothing_is_compressed() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(address, HEAD.repeat(2) + GET);
    let (whole, streamed, last) = (js.request(), js.request(), js.request());
    js.send(coded(respond(whole, &text(5000)), coding::GZIP));
    js.send(coded(start(streamed), coding::BROTLI));
    js.send(chunk(streamed, b"dropped", 1));
    js.send(end(streamed));
    js.send(respond(last, "after"));
    for token in ["gzip", "br"] {
        let head = read_head(&mut client);
        assert!(
            head.contains(&format!("Content-Encoding: {token}\r\n")),
            "{head}"
        );
        assert!(!head.contains("Content-Length"), "{head}");
    }
    assert_eq!(read_answer(&mut client).body, "after");
    assert_eq!(compressed(&js, listening.id), 0);
}

#[test]
fn an_answer_without_content_is_left_alone() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    let mut record = coded(respond(id, ""), coding::GZIP);
    record[20..22].copy_from_slice(&304_u16.to_le_bytes());
    js.send(record);
    let head = read_head(&mut client);
    assert!(head.starts_with("HTTP/1.1 304 "), "{head}");
    assert!(!head.contains("Content-"), "{head}");
    assert_eq!(compressed(&js, listening.id), 0);
}

#[test]
fn a_streamed_answer_is_compressed_as_it_comes() {
    for (code, coding) in CODINGS {
        let (mut js, _, address) = Js::serving(config());
        let mut client = ask(address, GET);
        let id = js.request();
        let body = text(1_000_000);
        let mut records = coded(start(id), code);
        // What is declared is the length of something else.
        records = flagged(records, outbound_flag::LENGTH);
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(30_000).collect();
        let (first, rest) = pieces.split_at(3);
        let mut token = 0;
        for piece in first {
            token += 1;
            records.extend(chunk(id, piece, token));
        }
        js.send(records);
        for piece in rest {
            token += 1;
            js.send(chunk(id, piece, token));
        }
        js.send(end(id));
        let head = read_head(&mut client);
        let line = format!("\r\nContent-Encoding: {}\r\n", coding.token());
        assert!(head.contains(&line), "{head}");
        assert!(!head.contains("Content-Length"), "{head}");
        assert!(decode(coding, &read_chunked(&mut client)) == body);
        let mut told = Vec::new();
        while told.len() < token as usize {
            match js.next() {
                Event::Written(token, 0) => told.push(token),
                Event::Drain(_) => {}
                other => panic!("not {other:?}"),
            }
        }
        assert_eq!(told, (1..=token).collect::<Vec<_>>(), "in their order");
    }
}

#[test]
fn a_flush_reaches_the_client_although_the_answer_goes_on() {
    for (code, coding) in CODINGS {
        let (mut js, _, address) = Js::serving(config());
        let mut client = ask(address, GET);
        let id = js.request();
        js.send(coded(start(id), code));
        read_head(&mut client);
        let (mut decoder, mut out) = (decoder(coding), Vec::new());
        for part in ["data: one\n\n", "data: two\n\n"] {
            js.send(flagged(chunk(id, part.as_bytes(), 1), outbound_flag::FLUSH));
            out.clear();
            while out.len() < part.len() {
                decoder.write(&read_chunk(&mut client), &mut out).unwrap();
            }
            assert_eq!(out, part.as_bytes());
        }
        js.send(end(id));
        decoder.write(&read_chunked(&mut client), &mut out).unwrap();
        decoder.finish().unwrap();
    }
}

#[test]
fn a_range_of_a_file_is_compressed_in_the_middle_of_an_answer() {
    let (mut js, _, address) = Js::serving(config());
    let path = std::env::temp_dir().join(format!("millrace-compress-{}", std::process::id()));
    let content = text(2_000_000);
    std::fs::write(&path, &content).unwrap();
    let file = std::sync::Arc::new(std::fs::File::open(&path).unwrap());
    std::fs::remove_file(&path).unwrap();
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(coded(start(id), coding::GZIP));
    js.send(chunk(id, b"before ", 1));
    let index = js.thread.put_file(FileRange::new(file, 10..1_999_990));
    js.send(large_chunk(id, index, 2));
    js.send(chunk(id, b" after", 3));
    js.send(end(id));
    read_head(&mut client);
    let body = decode(Coding::Gzip, &read_chunked(&mut client));
    assert!(body == format!("before {} after", &content[10..1_999_990]));
}

#[test]
fn pipelined_answers_keep_their_order_whoever_is_done_first() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET.repeat(3));
    let ids: Vec<ExchangeId> = (0..3).map(|_| js.request()).collect();
    let large = text(2_000_000);
    js.send(respond(ids[2], "third"));
    let index = js.thread.put_chunk(large.as_bytes());
    let mut record = flagged(respond(ids[0], ""), outbound_flag::LARGE);
    record[28..32].copy_from_slice(&index.to_le_bytes());
    js.send(coded(record, coding::BROTLI));
    js.send(coded(respond(ids[1], "second"), coding::GZIP));
    assert!(decode(Coding::Brotli, &read_coded(&mut client).1) == large);
    assert_eq!(decode(Coding::Gzip, &read_coded(&mut client).1), "second");
    assert_eq!(read_answer(&mut client).body, "third");
}

#[test]
fn a_large_answer_that_waits_for_its_turn_does_not_hold_up_the_one_before() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET.repeat(2));
    let (first, second) = (js.request(), js.request());
    js.send(coded(start(first), coding::GZIP));
    // More than may be unsent before no more requests are read.
    let index = js.thread.put_chunk(&vec![b'x'; 1_000_000]);
    let mut record = flagged(respond(second, ""), outbound_flag::LARGE);
    record[28..32].copy_from_slice(&index.to_le_bytes());
    js.send(record);
    js.send(chunk(first, b"first", 1));
    js.send(end(first));
    read_head(&mut client);
    assert_eq!(decode(Coding::Gzip, &read_chunked(&mut client)), "first");
    assert_eq!(read_answer(&mut client).body.len(), 1_000_000);
}

#[test]
fn a_second_answer_is_refused_after_the_first_and_a_late_reset_means_nothing() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    let mut records = coded(respond_and_tell(id, "first", 1), coding::GZIP);
    records.extend(respond_and_tell(id, "second", 2));
    records.extend(reset(id));
    js.send(records);
    assert_eq!(decode(Coding::Gzip, &read_coded(&mut client).1), "first");
    let mut told = [js.next(), js.next()];
    told.sort_by_key(|event| matches!(event, Event::Written(2, _)));
    assert_eq!(told, [Event::Written(1, 0), Event::Written(2, 1)]);
    client.write_all(GET.as_bytes()).unwrap();
    let id = js.request();
    js.send(respond(id, "the connection goes on"));
    assert_eq!(read_answer(&mut client).body, "the connection goes on");
}

#[test]
fn a_reset_in_the_middle_of_a_stream_tells_each_write_once() {
    let (mut js, listening, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    let piece = text(60_000);
    let mut records = coded(start(id), coding::BROTLI);
    for token in 1..=20 {
        records.extend(chunk(id, piece.as_bytes(), token));
    }
    records.extend(reset(id));
    js.send(records);
    await_end(&mut client);
    let mut told: Vec<u32> = Vec::new();
    let mut aborted = false;
    while told.len() < 20 || !aborted {
        match js.next() {
            Event::Written(token, _) => told.push(token),
            Event::Abort(of, 9) => aborted = of == id,
            other => panic!("not {other:?}"),
        }
    }
    assert_eq!(told, (1..=20).collect::<Vec<_>>());
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.pending, stats.connections), (0, 0));
    // A result that comes back late finds nobody, and the thread serves on.
    let mut next = ask(address, GET);
    let id = js.request();
    js.send(respond(id, "next"));
    assert_eq!(read_answer(&mut next).body, "next");
}

#[test]
fn a_client_that_is_lost_has_each_write_told_once() {
    let (mut js, _, address) = Js::serving(config());
    let client = ask(address, GET);
    let id = js.request();
    js.send(coded(start(id), coding::GZIP));
    socket2::SockRef::from(&client)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
    drop(client);
    let piece = text(60_000);
    for token in 1..=50 {
        js.send(chunk(id, piece.as_bytes(), token));
    }
    let mut told: Vec<u32> = Vec::new();
    let mut aborted = false;
    while told.len() < 50 || !aborted {
        match js.next() {
            Event::Written(token, _) => told.push(token),
            Event::Abort(of, 2) => aborted = of == id,
            Event::Drain(_) => {}
            other => panic!("not {other:?}"),
        }
    }
    assert_eq!(told, (1..=50).collect::<Vec<_>>());
}

#[test]
fn a_server_that_is_cut_while_it_compresses_reports_what_was_destroyed() {
    let (mut js, listening, address) = Js::serving(config());
    let _client = ask(address, GET);
    let id = js.request();
    let piece = text(60_000);
    let mut records = coded(start(id), coding::BROTLI);
    for token in 1..=100 {
        records.extend(chunk(id, piece.as_bytes(), token));
    }
    js.send(records);
    js.thread.close(listening.id, Some(0));
    let mut told = 0;
    loop {
        match js.next() {
            Event::Written(token, 0 | 2) => {
                told += 1;
                assert_eq!(token, told);
            }
            Event::Abort(of, 7) => assert_eq!(of, id),
            Event::Drain(_) => {}
            Event::Closed(server) => break assert_eq!(server, listening.id),
            other => panic!("not {other:?}"),
        }
    }
    assert_eq!(told, 100);
}

#[test]
fn a_stream_is_whole_for_a_client_that_reads_late() {
    let mut narrow = config();
    narrow.socket.send_buffer = Some(16 * 1024);
    let (mut js, _, address) = Js::serving(narrow);
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(coded(start(id), coding::GZIP));
    // Noise, so that as much comes out as goes in.
    let mut state = 1_u32;
    let mut noise = || {
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..60_000).map(next).collect::<Vec<u8>>()
    };
    let pieces: Vec<Vec<u8>> = (0..100).map(|_| noise()).collect();
    for (number, piece) in pieces.iter().enumerate() {
        js.send(chunk(id, piece, number as u32));
    }
    js.send(end(id));
    read_head(&mut client);
    let (mut decoder, mut out) = (decoder(Coding::Gzip), Vec::new());
    decoder.write(&read_chunked(&mut client), &mut out).unwrap();
    decoder.finish().unwrap();
    assert!(out == pieces.concat());
}

#[test]
fn an_empty_body_is_an_answer_like_any_other() {
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, GET);
    let id = js.request();
    js.send(coded(respond(id, ""), coding::GZIP));
    assert_eq!(decode(Coding::Gzip, &read_coded(&mut client).1), "");
}
