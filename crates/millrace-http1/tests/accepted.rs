//! Everything that is accepted, with what comes out of it, fed whole, split at every byte and byte
//! by byte.

use millrace_http1::Limits;
use millrace_testkit::Transcript;

#[test]
fn a_plain_request_comes_out_as_it_was_sent() {
    accept(
        "GET /a?b=c HTTP/1.1\r\nHost: example.com:80\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
        "GET /a?b=c Origin Http11 None persistent\n\
         header Host: example.com:80\n\
         header User-Agent: curl/8.5.0\n\
         header Accept: */*\n",
    );
}

#[test]
fn any_token_is_a_method() {
    for method in ["get", "QUERY", "M-SEARCH", "!#$%&'*+-.^_`|~09azAZ", "A"] {
        accept(
            &format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"),
            &format!(
                "{} / Origin Http11 None persistent\nheader Host: a\n",
                method.escape_default()
            ),
        );
    }
}

#[test]
fn targets_come_in_four_forms() {
    for (line, form) in [
        ("GET //a/../b%zz", "Origin"),
        ("GET /\"<>[]^`{|}", "Origin"),
        ("GET http://a.example/b?c", "Absolute { path_start: 16 }"),
        ("GET http://[::1]:8080?c", "Absolute { path_start: 17 }"),
        ("CONNECT a.example:443", "Authority"),
        ("OPTIONS *", "Asterisk"),
    ] {
        accept(
            &format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"),
            &format!(
                "{} {form} Http11 None persistent\nheader Host: a\n",
                line.escape_default()
            ),
        );
    }
}

#[test]
fn values_are_trimmed_and_otherwise_kept() {
    accept(
        "GET / HTTP/1.1\r\nHost:a\r\nA: \t b\t c \t\r\nEmpty:\r\nBlank: \t \r\nB:\"d\r\nb: :e\r\n\r\n",
        "GET / Origin Http11 None persistent\n\
         header Host: a\n\
         header A: b\\t c\n\
         header Empty: \n\
         header Blank: \n\
         header B: \\\"d\n\
         header b: :e\n",
    );
    let utf8 = "GET / HTTP/1.1\r\nHost: a\r\nX: \u{fc}\r\n\r\n";
    accept(
        utf8,
        "GET / Origin Http11 None persistent\nheader Host: a\nheader X: \\xc3\\xbc\n",
    );
}

#[test]
fn a_host_may_be_empty_and_http_1_0_does_without() {
    accept(
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / Origin Http11 None persistent\nheader Host: \n",
    );
    accept("GET / HTTP/1.0\r\n\r\n", "GET / Origin Http10 None\n");
}

#[test]
fn a_higher_minor_version_is_treated_as_1_1() {
    for version in ["HTTP/1.1", "HTTP/1.2", "HTTP/1.9"] {
        accept(
            &format!("GET / {version}\r\nHost: a\r\n\r\n"),
            "GET / Origin Http11 None persistent\nheader Host: a\n",
        );
    }
}

#[test]
fn persistence_is_that_of_the_version_unless_connection_says_otherwise() {
    for (version, connection, persistent) in [
        ("Http11", "a", true),
        ("Http11", "close", false),
        ("Http11", "CLOSE", false),
        ("Http11", "a,\tClose ,b", false),
        ("Http11", "keep-alive, close", false),
        ("Http11", "closed", true),
        ("Http11", "a;close", true),
        ("Http11", "\"close\"", true),
        ("Http11", ",, ,", true),
        ("Http10", "a", false),
        ("Http10", "keep-alive", true),
        ("Http10", "Keep-Alive", true),
        ("Http10", "a, keep-alive", true),
        ("Http10", "keep-alive, close", false),
    ] {
        let number = if version == "Http11" { "1.1" } else { "1.0" };
        let flag = if persistent { " persistent" } else { "" };
        accept(
            &format!("GET / HTTP/{number}\r\nHost: a\r\nConnection: {connection}\r\n\r\n"),
            &format!(
                "GET / Origin {version} None{flag}\nheader Host: a\nheader Connection: {}\n",
                connection.escape_default()
            ),
        );
    }
    accept(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: b\r\nConnection: close\r\n\r\n",
        "GET / Origin Http11 None\nheader Host: a\nheader Connection: b\nheader Connection: close\n",
    );
}

#[test]
fn an_upgrade_counts_when_connection_names_it() {
    for (version, lines, offered) in [
        ("1.1", "Connection: Upgrade\r\nUpgrade: websocket", true),
        (
            "1.1",
            "Upgrade: websocket\r\nConnection: keep-alive, upgrade",
            true,
        ),
        ("1.1", "Upgrade: websocket", false),
        ("1.1", "Connection: upgrade", false),
        ("1.0", "Connection: upgrade\r\nUpgrade: websocket", false),
    ] {
        let input = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n\r\n");
        let transcript = complete(&input);
        let line = transcript
            .events
            .lines()
            .next()
            .expect("there is a request");
        assert_eq!(line.ends_with(" upgrade"), offered, "{input:?}");
    }
}

#[test]
fn a_client_waits_for_100_continue_only_with_a_body_and_http_1_1() {
    for (version, lines, waits) in [
        ("1.1", "Expect: 100-continue\r\nContent-Length: 2", true),
        ("1.1", "Content-Length: 2\r\nEXPECT: 100-Continue", true),
        (
            "1.1",
            "Expect: 100-continue, 100-continue\r\nContent-Length: 2",
            true,
        ),
        ("1.1", "Expect: 100-continue", false),
        ("1.1", "Expect: 100-continue\r\nContent-Length: 0", false),
        ("1.1", "Expect:\r\nContent-Length: 2", false),
        ("1.0", "Expect: 100-continue\r\nContent-Length: 2", false),
    ] {
        let body = if lines.contains("Length: 2") {
            "ab"
        } else {
            ""
        };
        let input = format!("POST / HTTP/{version}\r\nHost: a\r\n{lines}\r\n\r\n{body}");
        let transcript = complete(&input);
        let line = transcript
            .events
            .lines()
            .next()
            .expect("there is a request");
        assert_eq!(line.contains(" expect-continue"), waits, "{input:?}");
    }
}

#[test]
fn a_body_of_known_length_is_data_and_an_end() {
    accept(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST / Origin Http11 Length(5) persistent\n\
         header Host: a\n\
         header Content-Length: 5\n\
         data hello\n\
         end\n",
    );
    accept(
        "POST / HTTP/1.0\r\ncontent-length: 0005\r\n\r\n\r\n\r\n!",
        "POST / Origin Http10 Length(5)\nheader content-length: 0005\ndata \\r\\n\\r\\n!\nend\n",
    );
}

#[test]
fn a_length_of_zero_is_no_body() {
    accept(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST / Origin Http11 None persistent\nheader Host: a\nheader Content-Length: 0\n",
    );
}

#[test]
fn a_chunked_body_is_data_an_end_and_trailers() {
    accept(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n\
         5\r\nhello\r\n00A;a;b=c ; d = \"e\\\" \t\u{ff}\"\r\n, my world\r\n0;z\r\nX-Sum:  1 \r\nY:\r\n\r\n",
        "POST / Origin Http11 Chunked persistent\n\
         header Host: a\n\
         header Transfer-Encoding: Chunked\n\
         data hello, my world\n\
         end\n\
         trailer X-Sum: 1\n\
         trailer Y: \n",
    );
}

#[test]
fn a_chunked_body_may_be_empty() {
    for end in ["0\r\n\r\n", "0000000000000000\r\n\r\n", "0 ;a\r\n\r\n"] {
        accept(
            &format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{end}"),
            "PUT / Origin Http11 Chunked persistent\n\
             header Host: a\n\
             header Transfer-Encoding: chunked\n\
             end\n",
        );
    }
}

#[test]
fn a_few_empty_lines_before_a_request_are_forgiven() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let event = "GET / Origin Http11 None persistent\nheader Host: a\n";
    for lines in ["\r\n", "\r\n\r\n", "\r\n\r\n\r\n\r\n"] {
        accept(&format!("{lines}{request}"), event);
        accept(
            &format!("{request}{lines}{request}{lines}"),
            &event.repeat(2),
        );
    }
}

#[test]
fn pipelined_requests_come_out_one_after_the_other() {
    accept(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
         POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET\
         \r\n\
         POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n\
         HEAD /4 HTTP/1.0\r\n\r\n\
         OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /1 Origin Http11 None persistent\n\
         header Host: a\n\
         POST /2 Origin Http11 Length(3) persistent\n\
         header Host: a\n\
         header Content-Length: 3\n\
         data GET\n\
         end\n\
         POST /3 Origin Http11 Chunked persistent\n\
         header Host: a\n\
         header Transfer-Encoding: chunked\n\
         data GET\n\
         end\n\
         HEAD /4 Origin Http10 None\n\
         OPTIONS * Asterisk Http11 None persistent\n\
         header Host: \n",
    );
}

#[test]
fn an_unfinished_request_is_left_unread() {
    let input = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHo";
    let transcript = Transcript::of([&input[..]], &Limits::default());
    assert_eq!(transcript.error, None);
    assert_eq!(transcript.unread, b"GET / HTTP/1.1\r\nHo");
}

/// Expects `events`, no error and nothing left.
fn accept(input: &str, events: &str) {
    let transcript = complete(input);
    assert_eq!(transcript.events, events, "{input:?}");
}

fn complete(input: &str) -> Transcript {
    let transcript = Transcript::however_split(input.as_bytes(), &Limits::default());
    assert_eq!(transcript.error, None, "{input:?}");
    assert_eq!(transcript.unread, b"", "{input:?}");
    transcript
}
