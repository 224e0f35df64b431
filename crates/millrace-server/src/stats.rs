//! Counters of a server, kept apart for each I/O thread so that counting is an ordinary addition.

use std::sync::atomic::{AtomicU64, Ordering};

/// A counter with one writer.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Adds; only the thread that owns the counter may.
    pub(crate) fn add(&self, count: u64) {
        // One writer: a load and a store cost a tenth of a locked addition.
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(count),
            Ordering::Relaxed,
        );
    }

    /// Takes away; only the thread that owns the counter may.
    pub(crate) fn sub(&self, count: u64) {
        self.add(count.wrapping_neg());
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What one I/O thread has counted for one server.
        #[derive(Debug, Default)]
        #[repr(align(128))]
        pub(crate) struct Counters { $(pub(crate) $name: Counter,)* }

        /// What a server has counted.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Stats { $($(#[$doc])* pub $name: u64,)* }

        impl Stats {
            pub(crate) fn sum<'a>(threads: impl Iterator<Item = &'a Counters>) -> Stats {
                let mut sum = Stats::default();
                for counters in threads {
                    $(sum.$name = sum.$name.wrapping_add(counters.$name.get());)*
                }
                sum
            }
        }
    };
}

counters! {
    /// Connections that are open.
    connections,
    /// Connections that were accepted.
    accepted,
    /// Connections answered 503 because there were too many.
    refused_connections,
    /// Requests whose head was read.
    requests,
    /// Requests whose answer is not complete.
    pending,
    /// Bytes read from sockets.
    bytes_read,
    /// Bytes written to sockets.
    bytes_written,
    /// Messages refused as malformed (4xx and 5xx of the core's own).
    protocol_errors,
    /// Connections ended by a timeout.
    timeouts,
    /// Connections the client reset or left with an answer owed.
    aborted,
    /// Fixed answers.
    fixed_answers,
    /// Answers whose body was compressed.
    compressed,
    /// Answers made of a file, errors not counted.
    file_answers,
    /// WebSockets that are open.
    websockets,
    /// Exchanges that have become WebSockets.
    websockets_opened,
    /// Handshakes of WebSockets that were refused without asking JavaScript.
    handshakes_refused,
    /// Messages received from WebSockets.
    messages_received,
    /// Messages sent to WebSockets one by one.
    messages_sent,
    /// Published messages sent, counted for each WebSocket that they went to.
    messages_published,
    /// Messages dropped because there was no room for them.
    dropped_newest,
    /// Messages dropped to make room for later ones.
    dropped_oldest,
    /// Messages dropped because a later one of their topic came.
    dropped_latest,
    /// WebSockets cut because too much waited for their clients.
    websockets_slow,
    /// TLS handshakes that have succeeded.
    tls_handshakes,
    /// TLS handshakes that have failed.
    tls_failed,
    /// TLS handshakes that are under way.
    tls_open,
    /// TLS handshakes, of those that have succeeded, that went on with an earlier session.
    tls_resumed,
    /// Questions to JavaScript for the credentials of a server name.
    tls_names_asked,
    /// Requests of plain HTTP that were refused or redirected where TLS is spoken.
    tls_plain_refused,
    /// Accepts that failed, for example for want of descriptors.
    accept_errors,
    /// 1 while no connection is accepted because the process has few descriptors left.
    descriptors_low,
}
