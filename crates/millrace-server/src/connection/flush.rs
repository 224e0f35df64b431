//! From a connection's output to its socket.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use millrace_batch::layout::{AbortReason, WriteOutcome};
use millrace_http1::{Output, Segment};

use super::Connection;
use crate::files::shrunk;
use crate::room::Room;
use crate::socket::Socket;
use crate::tls::TlsRoom;

/// Pieces written at once.
const WRITE_SLICES: usize = 32;

/// Bytes of files that a connection sends before the others get their turn.
const FILE_BYTES_PER_VISIT: u64 = 1024 * 1024;

impl Connection {
    /// Writes what the socket takes, and tells the handlers what they have asked for.
    pub(crate) fn flush(&mut self, room: &mut Room) -> io::Result<()> {
        self.write(room)?;
        self.report_answers(room);
        if self.is_securing {
            // Whoever has something to write sees to the handshake too.
            self.follow_handshake(room);
        }
        self.tell(room);
        self.pump(room);
        Ok(())
    }

    fn write(&mut self, room: &mut Room) -> io::Result<()> {
        let slot = self.slot();
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        let counters = self.server.counters(room.thread);
        let mut context = Context::from_waker(&self.waker);
        let output = active.conn.output();
        let before = output.position();
        let mut file_bytes = FILE_BYTES_PER_VISIT;
        loop {
            let written = match output.next_segment() {
                Segment::None => break,
                Segment::Elsewhere { .. } if file_bytes == 0 => {
                    self.waker.wake_by_ref();
                    break;
                }
                Segment::Elsewhere { key, done, left } => {
                    // A key without its file would be a mistake of ours, and as bad as a file that has gone.
                    let range = active.files.get(key).ok_or_else(shrunk)?;
                    let (start, most) = (range.start() + done, left.min(file_bytes));
                    let sent = self.socket.poll_send_file(
                        &mut context,
                        range.file(),
                        start..start + most,
                        &mut room.copied,
                        &mut room.tls,
                    );
                    if let Poll::Ready(Ok(count)) = sent {
                        file_bytes -= count as u64;
                    }
                    sent
                }
                Segment::Bytes => {
                    poll_write_next(&mut self.socket, &mut context, output, &mut room.tls)
                }
            };
            match written {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    output.advance(count);
                    counters.bytes_written.add(count as u64);
                    room.infos.add_written(slot, count);
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        let progressed = output.position() > before;
        if progressed && active.blocked && output.buffered() <= self.server.config.write_low {
            // The output may have been what blocked it.
            self.waker.wake_by_ref();
        }
        if output.is_empty() {
            active.write_since = 0;
        } else if progressed || active.write_since == 0 {
            active.write_since = room.now;
        }
        Ok(())
    }

    fn tell(&mut self, room: &mut Room) {
        let id = self.exchange_ids();
        let Some(active) = &mut self.active else {
            return;
        };
        if !active.conn.has_news() {
            return;
        }
        let lane = &self.server.lane;
        let output = active.conn.output();
        output.drain_elsewhere(|key| active.files.release(key));
        while let Some(mark) = output.pop_passed() {
            room.batch(lane)
                .push_written(id(mark.sequence), mark.token, WriteOutcome::Written);
        }
        let left = output.buffered();
        if let Some(sequence) = active.conn.take_drained(self.server.config.write_low) {
            room.batch(lane).push_drain(id(sequence), left);
        }
        if let Some(sequence) = active.conn.take_cut_body() {
            room.batch(lane)
                .push_abort(id(sequence), AbortReason::ConnectionLost);
        }
    }
}

/// Writes what is next in an output and in memory.
#[inline]
pub(crate) fn poll_write_next(
    socket: &mut Socket,
    context: &mut Context<'_>,
    output: &Output,
    tls: &mut TlsRoom,
) -> Poll<io::Result<usize>> {
    match output.single() {
        Some(bytes) => socket.poll_write(context, bytes, tls),
        None => {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let count = output.slices(&mut slices);
            socket.poll_write_vectored(context, &slices[..count], tls)
        }
    }
}
