//! Responses, read back by a small decoder that knows nothing of the encoder.

use millrace_http1::{
    BodySize, Encoder, Error, RequestInfo, ResponseHead, Version, http_date, refusal,
};
use proptest::collection::vec;
use proptest::prelude::*;

const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[test]
fn every_refusal_is_a_whole_answer_that_closes_and_explains() {
    for &error in Error::ALL {
        let mut out = Vec::new();
        refusal(error, &date(), &mut out);
        let response = Response::read(&out);
        assert_eq!(response.status, error.status());
        assert_eq!(response.get("connection"), ["close"]);
        assert_eq!(response.get("date"), [DATE]);
        assert_eq!(response.get("content-type"), ["text/plain; charset=utf-8"]);
        assert_eq!(response.body, format!("{error}\n").as_bytes());
        assert_eq!(response.rest, b"");
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_back(
        pieces in vec(vec(any::<u8>(), 0..400), 0..6),
        status in prop_oneof![200u16..600, Just(200)],
        declared in any::<bool>(),
        http10 in any::<bool>(),
        persistent in any::<bool>(),
        close in any::<bool>(),
    ) {
        let body = pieces.concat();
        let version = if http10 { Version::Http10 } else { Version::Http11 };
        let request = RequestInfo { version, persistent, is_head: false, is_connect: false };
        let size = if declared { BodySize::Known(body.len() as u64) } else { BodySize::Unknown };
        let fields = b"content-type: text/plain\r\n";
        let head =
            ResponseHead { status, reason: None, fields, body: size, close, has_date: false };
        let mut out = Vec::new();
        let mut encoder = Encoder::start(request, &head, &date(), &mut out);
        if encoder.carries_body() {
            for piece in &pieces {
                encoder.begin_data(piece.len() as u64, &mut out).expect("the length is right");
                out.extend_from_slice(piece);
                encoder.end_data(&mut out);
            }
        }
        encoder.finish(b"", &mut out).expect("the length is right");
        if encoder.keep_alive() {
            out.extend_from_slice(b"next");
        }

        let response = Response::read(&out);
        prop_assert_eq!(response.status, status);
        prop_assert_eq!(response.get("content-type"), ["text/plain"]);
        let no_body = matches!(status, 204 | 205 | 304);
        prop_assert_eq!(&response.body[..], if no_body { b"" } else { &body[..] });
        let next: &[u8] = if encoder.keep_alive() { b"next" } else { b"" };
        prop_assert_eq!(&response.rest[..], next);
        let option = match (encoder.keep_alive(), http10) {
            (false, _) => vec!["close"],
            (true, true) => vec!["keep-alive"],
            (true, false) => vec![],
        };
        prop_assert_eq!(response.get("connection"), option);
        prop_assert_eq!(encoder.keep_alive(), persistent && !close && (declared || no_body || !http10));
        prop_assert!(!http10 || response.get("transfer-encoding").is_empty());
    }
}

fn date() -> [u8; 29] {
    http_date(784_111_777)
}

/// What a client makes of a response, as plainly as can be.
struct Response {
    status: u16,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    rest: Vec<u8>,
}

impl Response {
    fn read(bytes: &[u8]) -> Response {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("the head ends");
        let text = std::str::from_utf8(&bytes[..end]).expect("heads are ASCII");
        let mut lines = text.split("\r\n");
        let line = lines.next().expect("there is a status line");
        let status = line.strip_prefix("HTTP/1.1 ").expect("the version")[..3]
            .parse()
            .expect("digits");
        let fields = lines
            .map(|line| line.split_once(": ").expect("name and value"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut response = Response {
            status,
            fields,
            body: Vec::new(),
            rest: bytes[end + 4..].to_vec(),
        };
        if !matches!(status, 100..200 | 204 | 304) {
            response.read_body();
        }
        response
    }

    fn get(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter().filter(|(field, _)| field == name);
        fields.map(|(_, value)| value.as_str()).collect()
    }

    fn read_body(&mut self) {
        if self.get("transfer-encoding") == ["chunked"] {
            assert!(self.get("content-length").is_empty(), "not both");
            while self.read_chunk() {}
        } else if let [length] = self.get("content-length")[..] {
            let length: usize = length.parse().expect("digits");
            self.body = self.rest.drain(..length).collect();
        } else {
            assert_eq!(
                self.get("connection"),
                ["close"],
                "the end is the connection's"
            );
            self.body = std::mem::take(&mut self.rest);
        }
    }

    fn read_chunk(&mut self) -> bool {
        let line = self.read_line();
        let size = usize::from_str_radix(&line, 16).expect("hexadecimal digits");
        self.body.extend(self.rest.drain(..size));
        assert_eq!(
            self.read_line(),
            "",
            "a chunk or the body ends in a line end"
        );
        size > 0
    }

    fn read_line(&mut self) -> String {
        let end = self
            .rest
            .windows(2)
            .position(|two| two == b"\r\n")
            .expect("the line ends");
        let line: Vec<u8> = self.rest.drain(..end + 2).collect();
        String::from_utf8(line[..end].to_vec()).expect("framing is ASCII")
    }
}
