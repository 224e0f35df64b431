//! What parsing and writing heads costs: `cargo run --release -p millrace-http1 --example nanoseconds`.
//! Each figure is the least of many rounds, as everything else on the machine only adds to it.

use std::hint::black_box;
use std::time::Instant;

use millrace_http1::{
    BodySize, Decoder, Encoder, Event, FieldSpans, Limits, RequestInfo, ResponseHead, Version,
    http_date,
};

fn main() {
    let wrk = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
    let curl = "GET /index.html HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n";
    decode("wrk", wrk);
    decode("curl", curl);
    decode("browser", BROWSER);
    decode("pipelined x16", &wrk.repeat(16));
    let post = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"hello\": 12}";
    decode("post", post);
    let chunked = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nd\r\n{\"hello\": 12}\r\n0\r\n\r\n";
    decode("chunked post", chunked);
    byte_by_byte();
    encode();
}

fn decode(name: &str, input: &str) {
    let limits = Limits::default();
    let mut fields = FieldSpans::default();
    let mut decoder = Decoder::default();
    let input = input.as_bytes();
    let nanoseconds = least(|| {
        let input = black_box(input);
        let mut at = 0;
        loop {
            let (used, event) = decoder
                .next(&input[at..], &limits, &mut fields, |_| limits.body_bytes)
                .expect("the input is valid");
            at += used;
            if let Event::NeedMore = black_box(event) {
                break;
            }
        }
    });
    println!(
        "decode {name:<14} {:>5} bytes {nanoseconds:>9.1} ns",
        input.len()
    );
}

/// The worst that a slow sender can do within the default limits: every byte has the whole head
/// looked at again.
fn byte_by_byte() {
    let limits = Limits::default();
    let mut fields = FieldSpans::default();
    let value = "v".repeat(limits.head_bytes - 60);
    let input = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {value}\r\n\r\n").into_bytes();
    let mut decoder = Decoder::default();
    let start = Instant::now();
    for end in 1..=input.len() {
        black_box(
            decoder
                .next(&input[..end], &limits, &mut fields, |_| limits.body_bytes)
                .expect("the input is valid"),
        );
    }
    let each = start.elapsed().as_nanos() as f64 / input.len() as f64;
    println!(
        "decode byte by byte   {:>5} bytes {each:>9.1} ns a byte",
        input.len()
    );
}

fn encode() {
    let request = RequestInfo {
        version: Version::Http11,
        is_head: false,
        is_connect: false,
        persistent: true,
    };
    let head = ResponseHead {
        status: 200,
        reason: None,
        fields: b"content-type: text/plain\r\n",
        body: BodySize::Known(13),
        close: false,
        has_date: false,
    };
    let date = http_date(784_111_777);
    let mut out = Vec::new();
    let nanoseconds = least(|| {
        out.clear();
        black_box(Encoder::start(
            black_box(request),
            black_box(&head),
            &date,
            &mut out,
        ));
    });
    println!(
        "encode hello          {:>5} bytes {nanoseconds:>9.1} ns",
        out.len()
    );
}

fn least(mut what: impl FnMut()) -> f64 {
    const REPEATS: u32 = 2_000;
    let rounds = (0..300).map(|_| {
        let start = Instant::now();
        for _ in 0..REPEATS {
            what();
        }
        start.elapsed().as_nanos() as f64 / f64::from(REPEATS)
    });
    rounds.fold(f64::INFINITY, f64::min)
}

const BROWSER: &str = "GET /a/b/c.html?d=e HTTP/1.1\r\n\
    Host: www.example.com\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n";
