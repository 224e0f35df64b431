//! TLS beneath the connections: [`TlsStream`] is a socket that encrypts, [`TlsRoom`] what those of a thread share; and what
//! the servers have for it: what handshakes are made with, the names that JavaScript is asked for, and what became of
//! handshakes.

mod infos;
mod names;
pub(crate) mod plain;
mod room;
mod stream;

use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};
use millrace_tls::{Context, Credentials, Named};

pub use self::infos::TlsInfo;
pub(crate) use self::infos::{TlsInfos, TlsInfosReader};
use self::names::Names;
pub(crate) use self::names::{Found, Question};
pub(crate) use self::room::TlsRoom;
pub(crate) use self::stream::TlsStream;
use crate::config::{Plain, Tls};

/// A server's TLS.
#[derive(Debug)]
pub(crate) struct ServerTls {
    context: ArcSwap<Context>,
    names: Names<Named>,
    pub(crate) plain: Plain,
    /// Handshakes at a time, of all threads.
    pub(crate) handshakes: usize,
}

impl ServerTls {
    pub(crate) fn new(tls: Tls) -> Self {
        ServerTls {
            context: ArcSwap::new(tls.context),
            names: Names::new(tls.name_ms),
            plain: tls.plain,
            handshakes: tls.handshakes,
        }
    }

    /// What handshakes that begin now are made with.
    pub(crate) fn context(&self) -> Guard<Arc<Context>> {
        self.context.load()
    }

    /// Has handshakes that begin from now on made with another context. What was found out about names goes: it was made
    /// with the old one's settings, and may be what the reload is for.
    pub(crate) fn reload(&self, context: Arc<Context>) {
        self.context.store(context);
        self.names.clear();
    }

    /// What there is for a name that no certificate of the context is for.
    pub(crate) fn find_name(&self, name: &str, now: Instant) -> Found<Named> {
        self.names.find(name, now)
    }

    /// Takes JavaScript's answer for a name. Called on its thread, as is [`reload`](ServerTls::reload).
    pub(crate) fn name_resolved(
        &self,
        name: &str,
        credentials: Option<&Credentials>,
        keep_ms: u64,
    ) {
        let named = credentials.map(|credentials| self.context.load().for_credentials(credentials));
        self.names.answer(name, named, keep_ms, Instant::now());
    }
}
