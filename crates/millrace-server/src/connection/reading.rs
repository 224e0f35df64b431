//! What a look at received bytes goes by: who answers a request, and what JavaScript is told of it.

use std::sync::Arc;

use millrace_batch::layout::inbound_flag;
use millrace_batch::{ExchangeId, RemoteAddress, Request};
use millrace_http1::{Conn, Head, RequestFraming, Version};
use millrace_semantics::{Codings, Router};

use super::route::{
    Answers, Destination, FileRequest, Lookup, coding_flag, may_come_early, refused_handshake,
};
use crate::config::Plain;
use crate::room::{Active, Room};
use crate::routes::{Route, Target};
use crate::server::Server;
use crate::stats::Counters;

/// What a look at received bytes goes by, and what it leaves to be done: apart from the connection, parts of which are
/// lent meanwhile.
pub(super) struct Reading<'a> {
    server: &'a Server,
    counters: &'a Counters,
    router: Option<&'a Router<Arc<Route>>>,
    /// Requests are looked up: not all of them are for a handler.
    pub(super) is_routed: bool,
    /// How long a handler may take, in milliseconds, when its route does not say so.
    pub(super) patience: u64,
    /// It comes over TLS.
    is_secure: bool,
    /// The request being looked at came as early data, at least its begin.
    pub(super) is_early: bool,
    /// It is plain HTTP where that is not served, and with true sent on to https.
    plain: Option<bool>,
    own: Answers<'a>,
    pub(super) lookup: Lookup,
    /// Requests for files, to be served once nothing is lent any more.
    pub(super) files: Vec<(u32, FileRequest)>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(
        server: &'a Server,
        router: Option<&'a Arc<Router<Arc<Route>>>>,
        is_secure: bool,
        room: &mut Room,
    ) -> Self {
        let plain = match &server.tls {
            Some(tls) if !is_secure => tls.plain,
            _ => Plain::Serve,
        };
        Reading {
            is_secure,
            is_early: false,
            plain: match plain {
                Plain::Serve => None,
                Plain::Refuse => Some(false),
                Plain::Redirect => Some(true),
            },
            server,
            counters: server.counters(room.thread),
            router: router.map(|router| &**router),
            is_routed: router.is_some() || server.config.not_found_in_core,
            patience: server.config.timeouts.handler,
            own: Answers {
                date: room.date,
                now: room.unix_seconds(),
                policy: &server.config.policy,
                codings: server.config.codings,
            },
            lookup: std::mem::take(&mut room.lookup),
            files: Vec::new(),
        }
    }

    /// Whether the next request, which may be for JavaScript, has to wait until that has less to do: see `is_held_back`.
    pub(super) fn waits_for_javascript(&self, active: &Active) -> bool {
        let Server { config, lane, .. } = self.server;
        self.router.is_some() && owes_answers(active) && lane.is_congested(config.queued_bytes)
    }

    /// Who answers a request.
    pub(super) fn destination(&mut self, head: &Head<'_>) -> Destination<'a> {
        if let Some(is_sent_on) = self.plain {
            return Destination::Plain(is_sent_on);
        }
        if self.is_early && !may_come_early(head) {
            return Destination::TooEarly;
        }
        if !self.is_routed {
            return Destination::Handler;
        }
        let has_handler = !self.server.config.not_found_in_core;
        self.lookup.find(self.router, head, has_handler)
    }

    /// Answers a request that the core answers by itself, or notes it for later, and says whether it is one.
    pub(super) fn answers(
        &mut self,
        conn: &mut Conn,
        sequence: u32,
        head: &Head<'_>,
        destination: &Destination<'_>,
    ) -> bool {
        match destination {
            Destination::Handler => return false,
            Destination::Route(route) => match &route.target {
                Target::Handler => return false,
                Target::Fixed(fixed) => {
                    self.counters.fixed_answers.add(1);
                    self.own.fixed(conn, sequence, fixed, head);
                }
                Target::Files(route) => {
                    self.counters.pending.add(1);
                    conn.discard_body(sequence);
                    let request = self.lookup.file_request(route, head);
                    self.files.push((sequence, request));
                }
                Target::WebSocket => {
                    let Some(refused) = refused_handshake(conn, sequence, head) else {
                        return false;
                    };
                    self.counters.handshakes_refused.add(1);
                    self.own.refused(conn, sequence, refused);
                }
            },
            unrouted => {
                if let Destination::Plain(_) = unrouted {
                    self.counters.tls_plain_refused.add(1);
                }
                self.own.unrouted(conn, sequence, head, unrouted);
            }
        }
        true
    }

    fn tls_flags(&self) -> u32 {
        let mut flags = 0;
        if self.is_secure {
            flags |= inbound_flag::SECURE;
        }
        if self.is_early {
            flags |= inbound_flag::EARLY;
        }
        flags
    }

    /// What JavaScript is told of a request.
    pub(super) fn record<'h>(
        &'h mut self,
        exchange: ExchangeId,
        remote: RemoteAddress,
        head: &'h Head<'_>,
        route: Option<&Arc<Route>>,
        inline_body: Option<&'h [u8]>,
    ) -> Request<'h, impl Iterator<Item = (&'h [u8], &'h [u8])> + use<'h>> {
        let (path, _) = head.path_and_query();
        let flags = request_flags(head, self.own.codings) | self.tls_flags();
        Request {
            server: self.server.id,
            exchange,
            method: head.method,
            target: head.target,
            path_start: path.start,
            path_end: path.end,
            route: self.lookup.routed(route),
            flags,
            fields: head.fields().map(|field| (field.name, field.value)),
            inline_body,
            remote,
        }
    }
}

/// Whether there are requests of this connection whose answers are not complete.
pub(super) fn owes_answers(active: &Active) -> bool {
    active.conn.pending().next().is_some()
}

fn request_flags(head: &Head<'_>, codings: Codings) -> u32 {
    let mut flags = 0;
    if !codings.as_slice().is_empty() {
        flags |= coding_flag(head, codings);
    }
    if matches!(head.version, Version::Http10) {
        flags |= inbound_flag::HTTP10;
    }
    if head.framing != RequestFraming::None {
        flags |= inbound_flag::HAS_BODY;
    }
    if head.expect_continue {
        flags |= inbound_flag::EXPECT_CONTINUE;
    }
    if head.upgrade {
        flags |= inbound_flag::UPGRADE;
    }
    flags
}
