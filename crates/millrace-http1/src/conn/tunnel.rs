//! Connections that stop being HTTP: after a 101 (RFC 9110 7.8), or a 2xx to CONNECT (RFC 9110 9.3.6), both directions
//! carry bytes that only the exchange's handler understands, and each ends by itself.

use super::exchange::{Incoming, Phase, Sending};
use super::{Conn, Policy, Received, Rejected};
use crate::encode::ResponseHead;
use crate::fields::{Fields, Trailers};

impl Conn {
    /// Makes the connection the exchange's: its answer is only a head, with status 101 when the request offers an
    /// upgrade or 2xx when it is CONNECT. All that comes behind the request is handed out as its body from now on, what
    /// is [sent](Conn::send) goes out as it is, and [`finish`](Conn::finish) ends this direction alone.
    ///
    /// The body of the request must have come to its end.
    pub fn tunnel(
        &mut self,
        sequence: u32,
        head: &ResponseHead<'_>,
        date: &[u8; 29],
        policy: &Policy,
    ) -> Result<(), Rejected> {
        let index = self.index(sequence).ok_or(Rejected::Gone)?;
        let exchange = &self.exchanges[index];
        let agreed = match head.status {
            101 => exchange.offers_upgrade,
            200..300 => exchange.info.is_connect,
            _ => false,
        };
        let is_last = index + 1 == self.exchanges.len();
        if !agreed || !is_last || !self.decoder.is_between_requests() {
            return Err(Rejected::OutOfOrder);
        }
        self.begin(index, head, date, policy)?;
        self.exchanges[index].phase = Phase::Tunnel(Sending::Open);
        self.last_request_seen = true;
        self.incoming = Incoming::Tunnel {
            sequence,
            credit: policy.body_window as isize,
        };
        Ok(())
    }

    /// Whether the connection has stopped being HTTP, except for answers before the tunnel's.
    pub fn is_tunnel(&self) -> bool {
        self.exchanges
            .back()
            .is_some_and(|last| matches!(last.phase, Phase::Tunnel(_)))
    }

    /// Says once that the tunnel's handler sends nothing more and all that it sent is written: the owner closes the
    /// sending side, and goes on reading.
    pub fn take_send_closed(&mut self) -> bool {
        match self.exchanges.front_mut() {
            Some(front)
                if matches!(front.phase, Phase::Tunnel(Sending::Ending))
                    && self.output.is_empty() =>
            {
                front.phase = Phase::Tunnel(Sending::Ended);
                true
            }
            _ => false,
        }
    }

    /// Whether the last request may turn the connection into a tunnel and has no answer: nobody knows what the bytes
    /// behind it are.
    pub(super) fn awaits_decision(&self) -> bool {
        self.exchanges.back().is_some_and(|last| {
            (last.offers_upgrade || last.info.is_connect) && matches!(last.phase, Phase::Waiting)
        })
    }

    pub(super) fn receive_raw<'a>(&mut self, input: &'a [u8]) -> (usize, Received<'a>) {
        let Incoming::Tunnel { sequence, credit } = &mut self.incoming else {
            return (0, Received::Finished);
        };
        let sequence = *sequence;
        if input.is_empty() && self.input_ended {
            self.incoming = Incoming::Nothing;
            self.end_tunnel_if_over(sequence);
            return (0, Received::End(sequence, Trailers(Fields::EMPTY)));
        }
        if *credit <= 0 {
            return (0, Received::Blocked);
        }
        if input.is_empty() {
            return (0, Received::NeedMore);
        }
        *credit -= input.len() as isize;
        (input.len(), Received::Body(sequence, input))
    }

    /// Ends the direction to the client.
    pub(super) fn finish_tunnel(&mut self, index: usize) {
        self.exchanges[index].phase = Phase::Tunnel(Sending::Ending);
        self.end_tunnel_if_over(self.exchanges[index].sequence);
    }

    fn end_tunnel_if_over(&mut self, sequence: u32) {
        if let Some(index) = self.index(sequence)
            && self.incoming == Incoming::Nothing
            && !matches!(self.exchanges[index].phase, Phase::Tunnel(Sending::Open))
        {
            self.complete(index, false);
        }
    }
}
