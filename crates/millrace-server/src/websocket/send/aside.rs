//! What a socket has only at times, apart from it so that it is small at all others.

use millrace_batch::layout::WriteOutcome;

use crate::websocket::backlog::{DroppedAs, Waiting};
use crate::websocket::sent::{Dropped, Notices, Sent};

/// The things.
#[derive(Debug, Default)]
pub(super) struct Aside {
    pub(super) notices: Notices,
    /// What became of messages that are not in the output.
    pub(super) told: Vec<Sent>,
    pub(super) dropped: Dropped,
    /// The latest pong, which waits while the client takes nothing.
    pub(super) pong: Option<Vec<u8>>,
    /// The Close frame, which waits behind the backlog.
    pub(super) close: Option<Vec<u8>>,
}

impl Aside {
    pub(super) fn count(&mut self, waiting: &Waiting, how: DroppedAs) {
        let count = match how {
            DroppedAs::Newest => &mut self.dropped.newest,
            DroppedAs::Oldest => &mut self.dropped.oldest,
            DroppedAs::Replaced => &mut self.dropped.replaced,
        };
        *count += 1;
        self.dropped.bytes += waiting.payload_bytes();
        self.report(waiting.notify, WriteOutcome::Dropped);
    }

    pub(super) fn not_executed(&mut self, notify: Option<u32>) {
        self.report(notify, WriteOutcome::NotExecuted);
    }

    fn report(&mut self, notify: Option<u32>, outcome: WriteOutcome) {
        self.told.extend(notify.map(|token| Sent {
            token,
            outcome,
            transferred: 0,
        }));
    }

    /// Whether nothing is in it; `told` and `dropped` have been.
    pub(super) fn is_done(&self) -> bool {
        self.notices.is_empty() && self.pong.is_none() && self.close.is_none()
    }
}
