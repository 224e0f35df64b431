//! Where a request goes, and the answers that the core gives by itself.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use millrace_batch::Routed;
use millrace_batch::layout::{coding, inbound_flag};
use millrace_http1::{
    BodySize, Conn, Head, Piece, Policy, Ready, RequestFraming, ResponseHead, TargetForm, Version,
};
use millrace_semantics::{AcceptEncoding, Allow, Coding, Codings, Match, Router, Spans, normalise};

use crate::fixed::Fixed;
use crate::routes::{FilesRoute, Route, RouteTimeouts};
use crate::tls::plain;

/// What looks a request up, with memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    spans: Spans,
    parameters: Vec<(u32, u32)>,
    /// The path in normal form, when that is not the one received.
    normal: Vec<u8>,
    is_normal: bool,
    /// Whether the path has something percent-encoded.
    is_encoded: bool,
}

/// Who answers a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Destination<'r> {
    /// JavaScript, for no route.
    Handler,
    Route(&'r Arc<Route>),
    NotFound,
    /// There is nobody to make a tunnel.
    NoTunnel,
    MethodNotAllowed(Allow<'r>),
    Options(Allow<'r>),
    /// It is plain HTTP where that is refused or, with true, sent on to https.
    Plain(bool),
    /// It came as early data and may change something.
    TooEarly,
}

/// What the core's own answers are made with.
#[derive(Debug)]
pub(crate) struct Answers<'a> {
    pub(crate) date: [u8; 29],
    /// Seconds since 1970.
    pub(crate) now: u64,
    pub(crate) policy: &'a Policy,
    pub(crate) codings: Codings,
}

/// A request for a file.
#[derive(Debug)]
pub(crate) struct FileRequest {
    pub(crate) route: Arc<FilesRoute>,
    pub(crate) is_head: bool,
    /// What the route's parameter stands for, in normal form and percent-encoded; empty without one.
    pub(crate) path: Vec<u8>,
    /// Path and query as received.
    pub(crate) target: Vec<u8>,
    /// The request's conditions, ranges and codings: lines `name: value\r\n`.
    pub(crate) conditions: Vec<u8>,
}

impl Lookup {
    /// Finds out where a request goes. Without a handler nothing is left to JavaScript that has no route.
    pub(crate) fn find<'r>(
        &mut self,
        router: Option<&'r Router<Arc<Route>>>,
        head: &Head<'_>,
        has_handler: bool,
    ) -> Destination<'r> {
        self.is_normal = true;
        if let TargetForm::Authority = head.form {
            return if has_handler {
                Destination::Handler
            } else {
                Destination::NoTunnel
            };
        }
        let (path, _) = head.path_and_query();
        let path = &head.target[path];
        self.normal.clear();
        self.is_normal = !normalise(path, &mut self.normal);
        let path = if self.is_normal { path } else { &self.normal };
        self.is_encoded = path.contains(&b'%');
        let found = match router {
            Some(router) => router.find(head.method, path, &mut self.spans),
            None => Match::NotFound,
        };
        match found {
            Match::Found(route) => Destination::Route(route),
            Match::NotFound if has_handler => Destination::Handler,
            Match::NotFound => Destination::NotFound,
            Match::MethodNotAllowed(allow) => Destination::MethodNotAllowed(allow),
            Match::Options(allow) => Destination::Options(allow),
        }
    }

    /// What a REQUEST record says of the route just found.
    pub(crate) fn routed(&mut self, route: Option<&Arc<Route>>) -> Routed<'_> {
        let Some(route) = route else {
            return Routed::default();
        };
        let spans = self.spans.as_slice().iter();
        self.parameters.clear();
        self.parameters
            .extend(spans.map(|span| (span.start, span.end)));
        Routed {
            number: route.number + 1,
            parameters: &self.parameters,
            normal_path: (!self.is_normal).then_some(&*self.normal),
            encoded: self.is_encoded && !self.parameters.is_empty(),
        }
    }

    /// The request for a file that the head is, after its route was found.
    pub(crate) fn file_request(&self, route: &Arc<FilesRoute>, head: &Head<'_>) -> FileRequest {
        let (path, query) = head.path_and_query();
        let target = path.start..query.map_or(path.end, |query| query.end);
        let path = if self.is_normal {
            &head.target[path]
        } else {
            &self.normal
        };
        let span = route
            .parameter
            .and_then(|index| self.spans.as_slice().get(index));
        let mut conditions = Vec::new();
        for field in head.fields().filter(|field| is_condition(field.name)) {
            for part in [field.name, b": ", field.value, b"\r\n"] {
                conditions.extend_from_slice(part);
            }
        }
        FileRequest {
            route: route.clone(),
            is_head: head.method == b"HEAD",
            path: span.map_or_else(Vec::new, |span| {
                path[span.start as usize..span.end as usize].to_vec()
            }),
            target: head.target[target].to_vec(),
            conditions,
        }
    }
}

impl<'r> Destination<'r> {
    /// The request's route, when it has one.
    pub(crate) fn route(&self) -> Option<&'r Arc<Route>> {
        match self {
            Destination::Route(route) => Some(route),
            _ => None,
        }
    }

    /// What the request's body may have, in bytes.
    pub(crate) fn body_limit(&self, policy: &Policy) -> u64 {
        if let Destination::Plain(_) = self {
            // It is not read either way, and why is to be told rather than that it is too large.
            return u64::MAX;
        }
        let own = self.route().and_then(|route| route.body_bytes);
        own.unwrap_or(policy.limits.body_bytes)
    }

    /// What holds in place of the server's timeouts.
    pub(crate) fn timeouts(&self) -> RouteTimeouts {
        self.route()
            .map_or_else(RouteTimeouts::default, |route| route.timeouts)
    }
}

impl Answers<'_> {
    /// Gives a fixed answer. The exchange was opened just now, here and below, and so takes any.
    pub(crate) fn fixed(&self, conn: &mut Conn, sequence: u32, fixed: &Fixed, head: &Head<'_>) {
        fixed.answer(head, self.codings, self.now, |ready| {
            self.ready(conn, sequence, ready);
        });
    }

    /// Answers a request that has no route, or does not get as far.
    pub(crate) fn unrouted(
        &self,
        conn: &mut Conn,
        sequence: u32,
        head: &Head<'_>,
        destination: &Destination<'_>,
    ) {
        match destination {
            Destination::Plain(is_sent_on) => self.plain(conn, sequence, head, *is_sent_on),
            Destination::TooEarly => self.ready(conn, sequence, too_early()),
            Destination::Handler | Destination::Route(_) => {}
            Destination::NotFound => self.ready(conn, sequence, not_found()),
            Destination::NoTunnel => self.ready(conn, sequence, no_tunnel()),
            Destination::Options(allow) => {
                self.whole(conn, sequence, 204, &allow_field(allow), b"")
            }
            Destination::MethodNotAllowed(allow) => {
                let fields = [&allow_field(allow), TEXT_PLAIN].concat();
                let text = b"This path does not take this method.\n";
                self.whole(conn, sequence, 405, &fields, text);
            }
        }
    }

    /// Answers plain HTTP where TLS is spoken: with where to go, or why not.
    fn plain(&self, conn: &mut Conn, sequence: u32, head: &Head<'_>, is_sent_on: bool) {
        if is_sent_on && let Some(url) = plain::secure_url(head) {
            let fields = [b"Location: ", &*url, b"\r\n"].concat();
            return self.whole(conn, sequence, 308, &fields, b"");
        }
        let text = plain::refusal(head);
        let head = ResponseHead {
            close: true,
            ..own_head(400, TEXT_PLAIN, text.len())
        };
        let _ = conn.respond(
            sequence,
            &head,
            Piece::Slice(&text),
            &self.date,
            self.policy,
        );
    }

    /// Refuses a request for a WebSocket.
    pub(crate) fn refused(&self, conn: &mut Conn, sequence: u32, refused: RefusedHandshake) {
        let fields = [refused.fields, TEXT_PLAIN].concat();
        let text = [refused.text.as_bytes(), b"\n"].concat();
        self.whole(conn, sequence, refused.status, &fields, &text);
    }

    fn ready(&self, conn: &mut Conn, sequence: u32, ready: &Ready) {
        let _ = conn.respond_ready(sequence, ready, &self.date, self.policy);
    }

    fn whole(&self, conn: &mut Conn, sequence: u32, status: u16, fields: &[u8], body: &[u8]) {
        let head = own_head(status, fields, body.len());
        let _ = conn.respond(sequence, &head, Piece::Slice(body), &self.date, self.policy);
    }
}

/// Why a request cannot become a WebSocket: its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedHandshake {
    status: u16,
    fields: &'static [u8],
    text: &'static str,
}

/// Whether and why a request for a WebSocket is refused without asking JavaScript.
pub(crate) fn refused_handshake(
    conn: &Conn,
    sequence: u32,
    head: &Head<'_>,
) -> Option<RefusedHandshake> {
    let is_http11 = !matches!(head.version, Version::Http10);
    let has_body = head.framing != RequestFraming::None;
    let fields = head.fields().map(|field| (field.name, field.value));
    if let Err(refusal) = millrace_ws::check(head.method, is_http11, has_body, fields) {
        return Some(RefusedHandshake {
            status: refusal.status(),
            fields: refusal.fields(),
            text: refusal.text(),
        });
    }
    let is_extensions = |name: &[u8]| name.eq_ignore_ascii_case(b"sec-websocket-extensions");
    let extensions = head.fields().filter(|field| is_extensions(field.name));
    if !millrace_ws::is_well_formed(extensions.map(|field| field.value)) {
        return Some(RefusedHandshake {
            status: 400,
            fields: b"",
            text: "The Sec-WebSocket-Extensions header is malformed.",
        });
    }
    // RFC 9110 7.8: the answers before it are of the old protocol, and would have to come first.
    let is_alone = conn.pending().all(|pending| pending == sequence);
    (!is_alone).then_some(RefusedHandshake {
        status: 400,
        fields: b"",
        text: "A WebSocket is not opened while earlier requests wait for their answers.",
    })
}

/// The flag with the coding of an answer that the client likes best among `codings`.
pub(crate) fn coding_flag(head: &Head<'_>, codings: Codings) -> u32 {
    let mut accepted = AcceptEncoding::default();
    for field in head.fields() {
        if field.name.len() == "accept-encoding".len()
            && field.name.eq_ignore_ascii_case(b"accept-encoding")
        {
            accepted.note(field.value);
        }
    }
    let code = match accepted.prefer(codings.as_slice()) {
        Coding::Identity => 0,
        Coding::Gzip => coding::GZIP,
        Coding::Brotli => coding::BROTLI,
        Coding::Zstd => coding::ZSTD,
    };
    code << inbound_flag::CODING_SHIFT
}

const TEXT_PLAIN: &[u8] = b"Content-Type: text/plain; charset=utf-8\r\n";

/// The answer to a request for what is not there.
fn not_found() -> &'static Ready {
    static READY: OnceLock<Ready> = OnceLock::new();
    READY.get_or_init(|| text(404, b"There is nothing at this path.\n"))
}

fn no_tunnel() -> &'static Ready {
    static READY: OnceLock<Ready> = OnceLock::new();
    READY.get_or_init(|| text(501, b"This server does not open tunnels.\n"))
}

/// RFC 8470 5.2: the client sends it again once the handshake is complete, when it cannot be another's replay.
fn too_early() -> &'static Ready {
    static READY: OnceLock<Ready> = OnceLock::new();
    READY.get_or_init(|| {
        text(
            425,
            b"This request came before the TLS handshake was complete.\n",
        )
    })
}

fn text(status: u16, text: &'static [u8]) -> Ready {
    let head = own_head(status, TEXT_PLAIN, text.len());
    Ready::new(&head, Bytes::from_static(text))
}

fn own_head(status: u16, fields: &[u8], length: usize) -> ResponseHead<'_> {
    ResponseHead {
        status,
        reason: None,
        fields,
        body: BodySize::Known(length as u64),
        close: false,
        has_date: false,
    }
}

fn allow_field(allow: &Allow<'_>) -> Vec<u8> {
    let mut fields = b"Allow: ".to_vec();
    allow.write_to(&mut fields);
    fields.extend_from_slice(b"\r\n");
    fields
}

/// Whether the request may be carried out a second time for whoever has recorded it: its method is safe (RFC 9110 9.2.1),
/// and it opens nothing that lasts.
pub(crate) fn may_come_early(head: &Head<'_>) -> bool {
    matches!(head.method, b"GET" | b"HEAD" | b"OPTIONS") && !head.upgrade
}

fn is_condition(name: &[u8]) -> bool {
    match name.len() {
        5 => name.eq_ignore_ascii_case(b"range"),
        15 => name.eq_ignore_ascii_case(b"accept-encoding"),
        _ => name
            .get(..3)
            .is_some_and(|begin| begin.eq_ignore_ascii_case(b"if-")),
    }
}
