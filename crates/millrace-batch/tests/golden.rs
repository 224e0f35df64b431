//! The layout, held against the vectors in `testdata/` that the TypeScript tests read too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::{env, fs};

use millrace_batch::layout::{
    AbortReason, EVERY_THREAD, ServerEvent, SocketEvent, THREAD_SHIFT, WriteOutcome, coding,
    file_option, inbound_flag, overflow,
};
use millrace_batch::outbound::{
    Action, File, Head, Part, Payload, Publication, Send, SocketAction,
};
use millrace_batch::{
    ExchangeId, Inbound, Message, Outbound, RemoteAddress, Request, Routed, SocketId,
};

#[test]
fn requests_lie_as_written_down() {
    let mut batch = Inbound::default();
    batch.push_request(Request {
        server: 1,
        exchange: exchange(0x0100_0002, 3, 4),
        method: b"GET",
        target: b"/path?query=1",
        path_start: 0,
        path_end: 5,
        route: Routed::default(),
        flags: 0,
        fields: fields(&[
            ("Host", "example.org"),
            ("accept", "*/*"),
            ("ETag", "\"a:b\""),
        ]),
        inline_body: None,
        remote: RemoteAddress::Ip(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 255)), 65535),
    });
    batch.push_request(Request {
        server: 2,
        exchange: exchange(5, u32::MAX, 6),
        method: b"BREW",
        target: b"http://example.org/pot",
        path_start: 18,
        path_end: 22,
        route: Routed {
            number: 7,
            parameters: &[(1, 4)],
            normal_path: None,
            encoded: false,
        },
        flags: inbound_flag::HAS_BODY | inbound_flag::EXPECT_CONTINUE | inbound_flag::SECURE,
        fields: fields(&[("X-Green", ""), ("Cookie", "a=1"), ("Cookie", "b=2")]),
        inline_body: Some(b"{\"a\":1}"),
        remote: RemoteAddress::Ip(
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
            443,
        ),
    });
    batch.push_request(Request {
        server: 3,
        exchange: exchange(7, 8, 9),
        method: b"HEAD",
        target: b"*",
        path_start: 0,
        path_end: 1,
        route: Routed::default(),
        flags: inbound_flag::HTTP10 | inbound_flag::HAS_BODY | inbound_flag::UPGRADE,
        fields: fields(&[]),
        inline_body: None,
        remote: RemoteAddress::Unix,
    });
    batch.push_request(Request {
        server: 4,
        exchange: exchange(10, 11, 12),
        method: b"GET",
        target: b"/%7Euser/a%2fb?c",
        path_start: 0,
        path_end: 14,
        route: Routed {
            number: 0x00ff_ffff,
            parameters: &[(1, 6), (7, 12)],
            normal_path: Some(b"/~user/a%2Fb"),
            encoded: true,
        },
        flags: coding::ZSTD << inbound_flag::CODING_SHIFT
            | inbound_flag::SECURE
            | inbound_flag::EARLY,
        fields: fields(&[("Host", "a")]),
        inline_body: None,
        remote: RemoteAddress::Ip(IpAddr::V6(Ipv6Addr::LOCALHOST), 1),
    });
    check_inbound("inbound-requests", &batch, true);
}

#[test]
fn bodies_lie_as_written_down() {
    let name = exchange(1, 2, 3);
    let mut batch = Inbound::default();
    batch.push_body(name, b"one", false);
    batch.push_body(name, &[7; 16 * 1024 + 1], false);
    batch.push_body(name, b"two", true);
    batch.push_body_end(name, fields(&[]));
    batch.push_body_end(name, fields(&[("X-Sum", "42")]));
    assert_eq!(batch.take_chunks().len(), 1);
    check_inbound("inbound-bodies", &batch, false);
}

#[test]
fn events_lie_as_written_down() {
    let name = exchange(1, 2, 3);
    let mut batch = Inbound::default();
    for reason in [
        AbortReason::ClientClosed,
        AbortReason::ConnectionLost,
        AbortReason::ProtocolError,
        AbortReason::BodyTimeout,
        AbortReason::HandlerTimeout,
        AbortReason::WriteTimeout,
        AbortReason::ServerClosed,
        AbortReason::BodyTooLarge,
        AbortReason::Reset,
    ] {
        batch.push_abort(name, reason);
    }
    batch.push_drain(name, 3_000_000_000);
    for (token, outcome) in [
        (1, WriteOutcome::Written),
        (2, WriteOutcome::NotExecuted),
        (3, WriteOutcome::Destroyed),
        (u32::MAX, WriteOutcome::System(32)),
    ] {
        batch.push_written(name, token, outcome);
    }
    batch.push_server(4, ServerEvent::Closed, b"");
    batch.push_server(
        5,
        ServerEvent::ConnectionError,
        b"ERR_CODE 1.2.3.4:5 what happened",
    );
    batch.push_server(6, ServerEvent::NameWanted, b"example.org");
    check_inbound("inbound-events", &batch, false);
}

#[test]
fn what_typescript_writes_is_read() {
    let records = read("outbound");
    let expected: &[(&str, Action<'_>)] = &[
        (
            "respond",
            Action::Respond {
                head: head(404, "Gr\u{fc}n", "content-type: text/plain\r\nx-a: b\r\n"),
                body: Payload::Inline("grüezi".as_bytes()),
                coding: 0,
                notify: None,
            },
        ),
        (
            "respond-large",
            Action::Respond {
                head: Head {
                    close: true,
                    has_date: true,
                    ..head(200, "", "date: today\r\n")
                },
                body: Payload::Large(3),
                coding: coding::BROTLI,
                notify: Some(u32::MAX),
            },
        ),
        (
            "respond-empty",
            Action::Respond {
                head: head(204, "", ""),
                body: Payload::Inline(b""),
                coding: 0,
                notify: None,
            },
        ),
        (
            "head",
            Action::Head {
                head: head(200, "Fine", "x-a: b\r\n"),
                length: None,
                coding: coding::ZSTD,
                tunnel: false,
            },
        ),
        (
            "head-declared",
            Action::Head {
                head: head(206, "", ""),
                length: Some(9_007_199_254_740_991),
                coding: 0,
                tunnel: false,
            },
        ),
        (
            "head-tunnel",
            Action::Head {
                head: head(101, "", "upgrade: raw\r\n"),
                length: None,
                coding: 0,
                tunnel: true,
            },
        ),
        (
            "informational",
            Action::Informational(head(103, "", "link: </a>\r\n")),
        ),
        (
            "chunk",
            Action::Chunk {
                data: Payload::Inline(b"piece"),
                notify: Some(7),
                want_drain: true,
                flush: false,
            },
        ),
        (
            "chunk-large",
            Action::Chunk {
                data: Payload::Large(0),
                notify: None,
                want_drain: false,
                flush: true,
            },
        ),
        (
            "end",
            Action::End {
                trailers: b"",
                notify: None,
            },
        ),
        (
            "end-trailers",
            Action::End {
                trailers: b"x-sum: 1\r\n",
                notify: Some(8),
            },
        ),
        ("credit", Action::Credit(65_536)),
        ("reset", Action::Reset { always: false }),
        (
            "file",
            Action::File {
                head: head(0, "", "x-a: b\r\n"),
                file: File::Path {
                    path: "grün.txt".as_bytes(),
                    root: b"/srv",
                },
                conditions: b"range: bytes=0-1\r\n",
                options: file_option::HAS_ROOT | file_option::LEAVE_OPEN,
                notify: Some(9),
            },
        ),
        (
            "file-handle",
            Action::File {
                head: head(203, "Fine", ""),
                file: File::Open(2),
                conditions: b"",
                options: file_option::HANDLE,
                notify: None,
            },
        ),
        (
            "accept",
            Action::Accept {
                settings: 5,
                fields: b"x-a: b\r\n",
                key: b"dGhlIHNhbXBsZSBub25jZQ==",
                offers: b"permessage-deflate",
            },
        ),
        (
            "send",
            Action::Socket(SocketAction::Send(Send {
                data: Payload::Inline("grün".as_bytes()),
                binary: false,
                compress: true,
                part: None,
                fragment: 0,
                notify: None,
                want_drain: true,
            })),
        ),
        (
            "send-large",
            Action::Socket(SocketAction::Send(Send {
                data: Payload::Large(1),
                binary: true,
                compress: false,
                part: None,
                fragment: 1000,
                notify: Some(4),
                want_drain: false,
            })),
        ),
        (
            "send-part",
            Action::Socket(SocketAction::Send(Send {
                data: Payload::Inline(b"part"),
                binary: true,
                compress: false,
                part: Some(Part::More),
                fragment: 0,
                notify: None,
                want_drain: false,
            })),
        ),
        (
            "send-last",
            Action::Socket(SocketAction::Send(Send {
                data: Payload::Inline(b""),
                binary: false,
                compress: false,
                part: Some(Part::Last),
                fragment: 0,
                notify: None,
                want_drain: false,
            })),
        ),
        ("ping", Action::Socket(SocketAction::Ping(b"beat"))),
        ("pong", Action::Socket(SocketAction::Pong(b""))),
        (
            "close",
            Action::Socket(SocketAction::Close {
                code: 4000,
                reason: "müde".as_bytes(),
            }),
        ),
        ("terminate", Action::Socket(SocketAction::Terminate)),
        ("pause", Action::Socket(SocketAction::Pause)),
        ("resume", Action::Socket(SocketAction::Resume)),
        (
            "overflow",
            Action::Socket(SocketAction::Overflow {
                policy: overflow::LATEST,
                bytes: 65_536,
            }),
        ),
        (
            "subscribe",
            Action::Socket(SocketAction::Subscribe("news/Zürich".as_bytes())),
        ),
        (
            "unsubscribe",
            Action::Socket(SocketAction::Unsubscribe(b"news/+")),
        ),
        (
            "publish",
            Action::Publish(Publication {
                server: 7,
                topic: "news/Zürich".as_bytes(),
                data: Payload::Inline(b"rain"),
                binary: false,
                compress: true,
                except: Some(SocketId {
                    connection: 0x0100_0002,
                    generation: u32::MAX,
                }),
            }),
        ),
        (
            "publish-large",
            Action::Publish(Publication {
                server: 7,
                topic: b"news",
                data: Payload::Large(2),
                binary: true,
                compress: false,
                except: None,
            }),
        ),
    ];
    // Latin-1 on the wire, UTF-8 in this source.
    let latin1 = |text: &[u8]| -> Vec<u8> {
        match std::str::from_utf8(text) {
            Ok(text) => text.chars().map(|letter| letter as u8).collect(),
            Err(_) => text.to_vec(),
        }
    };
    assert_eq!(records.len(), expected.len());
    for ((name, bytes), (expected_name, action)) in records.iter().zip(expected) {
        assert_eq!(name, expected_name);
        let mut outbound = Outbound::new(bytes);
        let record = outbound.next().expect("a record").expect("well formed");
        match record.action {
            // The sequence is a token, an operation, or nothing.
            Action::Socket(_) => {
                let ExchangeId {
                    connection,
                    generation,
                    ..
                } = record.exchange;
                assert_eq!((connection, generation), (0x0100_0002, u32::MAX), "{name}");
            }
            Action::Publish(_) => {
                assert_eq!(
                    record.exchange.connection >> THREAD_SHIFT,
                    EVERY_THREAD,
                    "{name}"
                );
            }
            _ => assert_eq!(
                record.exchange,
                exchange(0x0100_0002, u32::MAX, 4),
                "{name}"
            ),
        }
        let mut action = *action;
        let reason;
        if let Action::Respond { head, .. } | Action::Head { head, .. } = &mut action {
            reason = latin1(head.reason);
            head.reason = &reason;
        }
        assert_eq!(record.action, action, "{name}");
        assert!(outbound.next().is_none(), "{name} is one record");
    }
}

#[test]
fn websockets_lie_as_written_down() {
    let socket = SocketId {
        connection: 0x0100_0002,
        generation: 3,
    };
    let message = Message {
        binary: false,
        ascii: true,
        first: true,
        last: true,
    };
    let mut batch = Inbound::default();
    batch.push_opened(exchange(0x0100_0002, 3, 4), b"permessage-deflate");
    batch.push_opened(exchange(0x0100_0002, 3, 5), b"");
    batch.push_message(socket, message, b"hello");
    let text = Message {
        ascii: false,
        ..message
    };
    batch.push_message(socket, text, "grün".as_bytes());
    let binary = Message {
        binary: true,
        ..text
    };
    batch.push_message(socket, binary, &[0, 1, 2, 255]);
    batch.push_message(socket, binary, b"");
    let begin = Message {
        last: false,
        ..binary
    };
    batch.push_message(socket, begin, b"be");
    let end = Message {
        first: false,
        ..binary
    };
    batch.push_large_message(socket, end, vec![b'x'; 20].into());
    batch.push_heartbeat(socket, SocketEvent::Ping, b"beat");
    batch.push_heartbeat(socket, SocketEvent::Pong, b"");
    batch.push_drained(socket, 3_000_000_000);
    batch.push_dropped(socket, 2, 70_000);
    batch.push_sent(socket, 9, WriteOutcome::Written, 64);
    batch.push_sent(socket, 10, WriteOutcome::Dropped, 0);
    batch.push_closed(socket, true, 1000, "müde".as_bytes());
    batch.push_closed(socket, false, 1006, b"");
    check_inbound("inbound-sockets.hex", &batch, false);
}

fn exchange(connection: u32, generation: u32, sequence: u32) -> ExchangeId {
    ExchangeId {
        connection,
        generation,
        sequence,
    }
}

fn head<'a>(status: u16, reason: &'a str, fields: &'a str) -> Head<'a> {
    Head {
        status,
        reason: reason.as_bytes(),
        fields: fields.as_bytes(),
        close: false,
        has_date: false,
    }
}

fn fields<'a>(fields: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

fn check_inbound(file: &str, batch: &Inbound, more: bool) {
    let mut inbox = vec![0; millrace_batch::layout::INBOX_BYTES];
    let used = batch.deliver(&mut inbox, more);
    let lines = format!(
        "inbox {}\ntext {}\n",
        hex(&inbox[..used]),
        hex(batch.text())
    );
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path(file), &lines).expect("the vector can be written");
    }
    let written_down = fs::read_to_string(path(file)).expect("the vector can be read");
    assert_eq!(lines, written_down, "{file}");
}

fn read(file: &str) -> Vec<(String, Vec<u8>)> {
    let text = fs::read_to_string(path(file)).expect("the vectors can be read");
    text.lines()
        .map(|line| {
            let (name, digits) = line.split_once(' ').expect("a name and digits");
            let bytes = digits.as_bytes().chunks_exact(2).map(|pair| {
                let pair = std::str::from_utf8(pair).expect("ASCII");
                u8::from_str_radix(pair, 16).expect("hexadecimal digits")
            });
            (name.to_owned(), bytes.collect())
        })
        .collect()
}

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(file)
        .with_extension("hex")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
