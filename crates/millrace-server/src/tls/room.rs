//! What the streams of one I/O thread that speak TLS share.

use std::time::Duration;

use millrace_tls::{KEPT_BYTES, SEAL_BYTES, Sealed};

/// Bytes read from a socket at once.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// What the handshakes of a pass may take together before the other connections get their turn. By time and not by number:
/// one takes some 200 µs with an ECDSA key, and ten times that with RSA of 4096 bits.
const HANDSHAKES_FOR: Duration = Duration::from_millis(2);

/// Memory for what is sealed in one call: records add a little to their plaintext.
const SEALED_BYTES: usize = SEAL_BYTES + 1024;

/// What waits for its client is moved to memory of its own size when it is shorter than this: a client that takes nothing
/// would otherwise keep all of `SEALED_BYTES`.
const SMALL_REST: usize = 16 * 1024;

/// Buffers kept for clients that do not take everything at once.
const SPARE_BUFFERS: usize = 8;

/// What the streams of one I/O thread work in. Nothing in it belongs to any of them between two calls.
#[derive(Debug, Default)]
pub(crate) struct TlsRoom {
    /// What is read from sockets, behind what a session keeps of earlier reads.
    pub(super) received: Vec<u8>,
    /// Records on their way to a socket.
    pub(super) sealed: Sealed,
    spare: Vec<Sealed>,
    /// How much of their time the handshakes of this pass have left.
    handshakes_left: Duration,
}

impl TlsRoom {
    /// Begins a pass over the connections.
    pub(crate) fn begin_pass(&mut self) {
        self.handshakes_left = HANDSHAKES_FOR;
    }

    /// Whether a handshake may be taken a step on in this pass.
    pub(super) fn has_time_for_handshakes(&self) -> bool {
        !self.handshakes_left.is_zero()
    }

    /// Counts what a step of a handshake has taken.
    pub(crate) fn count_handshake(&mut self, taken: Duration) {
        self.handshakes_left = self.handshakes_left.saturating_sub(taken);
    }

    /// Sees to it that the memory is there, which a thread without TLS does not need, and is nobody's: a panic may have left
    /// something of another stream's in it.
    pub(super) fn prepare(&mut self) {
        if self.received.is_empty() {
            self.received = vec![0; KEPT_BYTES + READ_BYTES];
        }
        if self.sealed.capacity() < SEALED_BYTES {
            self.sealed = Sealed::with_capacity(SEALED_BYTES);
        }
        self.sealed.clear();
    }

    /// Hands over what could not be sent, for its stream to keep.
    pub(super) fn take_rest(&mut self) -> Sealed {
        let rest = self.sealed.pending();
        if rest.len() < SMALL_REST {
            let mut kept = Sealed::with_capacity(rest.len());
            kept.extend(rest);
            self.sealed.clear();
            return kept;
        }
        let fresh = self
            .spare
            .pop()
            .unwrap_or_else(|| Sealed::with_capacity(SEALED_BYTES));
        std::mem::replace(&mut self.sealed, fresh)
    }

    /// Takes a buffer back whose content has been sent.
    pub(super) fn give_back(&mut self, sent: Sealed) {
        if sent.capacity() == SEALED_BYTES && self.spare.len() < SPARE_BUFFERS {
            self.spare.push(sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_of_a_pass_end_by_the_time_that_they_take() {
        for (taken, steps) in [(200, 10), (1500, 2), (5000, 1)] {
            let mut room = TlsRoom::default();
            for _ in 0..2 {
                room.begin_pass();
                let mut count = 0;
                while room.has_time_for_handshakes() {
                    room.count_handshake(Duration::from_micros(taken));
                    count += 1;
                }
                assert_eq!(count, steps, "{taken} µs each");
            }
        }
    }
}
