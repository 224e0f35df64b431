//! One request and its answer, as the connection keeps them.

use super::Answered;
use crate::encode::{Encoder, RequestInfo};
use crate::error::Error;
use crate::output::Output;

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) sequence: u32,
    pub(super) info: RequestInfo,
    pub(super) phase: Phase,
    /// When the owner gives up on a handler that has sent nothing; 0 is never.
    pub(super) deadline: u64,
    /// 100 (Continue) is still owed: RFC 9110 10.1.1.
    pub(super) continue_owed: bool,
    pub(super) wants_body: bool,
    pub(super) want_drain: bool,
    pub(super) must_close: bool,
    /// The client offers to go on in another protocol.
    pub(super) offers_upgrade: bool,
    /// The status of the final answer, once it has begun; 0 until then.
    pub(super) status: u16,
    /// Bytes of its content so far.
    pub(super) content: u64,
    /// Why it was refused, when it was.
    pub(super) refusal: Option<Error>,
    /// The answer, while those of earlier requests are incomplete.
    pub(super) ahead_of_turn: Option<Box<Output>>,
}

impl Exchange {
    /// A request that nobody has answered.
    pub(super) fn new(sequence: u32, info: RequestInfo, must_close: bool) -> Self {
        Self {
            sequence,
            info,
            phase: Phase::Waiting,
            deadline: 0,
            continue_owed: false,
            wants_body: false,
            want_drain: false,
            must_close,
            offers_upgrade: false,
            status: 0,
            content: 0,
            refusal: None,
            ahead_of_turn: None,
        }
    }

    pub(super) fn answered(&self, is_cut: bool) -> Answered {
        Answered {
            sequence: self.sequence,
            status: self.status,
            content: self.content,
            is_cut,
            refusal: self.refusal,
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Waiting,
    Sending(Encoder),
    Tunnel(Sending),
    Complete { keep_alive: bool },
}

/// The direction of a tunnel that goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    Open,
    /// Nothing comes after what is in the output.
    Ending,
    /// The owner has been told to close it.
    Ended,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Incoming {
    #[default]
    Nothing,
    /// The body of this exchange; so many bytes may still be handed out.
    Body { sequence: u32, credit: isize },
    /// A body whose exchange is over; so many bytes have been thrown away.
    Discarded { bytes: u64 },
    /// All bytes are this exchange's tunnel; so many may still be handed out.
    Tunnel { sequence: u32, credit: isize },
}
