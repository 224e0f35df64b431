//! gzip (RFC 1952) by zlib-rs.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::Until;
use crate::pool::Pool;

pub(super) fn encode(level: i32, input: &[u8], out: &mut Vec<u8>) {
    let mut stream = Stream::new(level);
    // What does not get smaller is stored: 5 bytes for each block, 18 for the head and the end.
    out.reserve(input.len() + input.len() / 1024 + 64);
    stream.run(input, out, Until::Finished);
    stream.recycle();
}

pub(super) struct Stream {
    level: i32,
    state: Compress,
}

static POOL: Pool<Compress> = Pool::new();

const WINDOW_BITS: u8 = 15;

/// Room for the output of one call. zlib needs more than 6 bytes for a flush: with less it repeats the marker.
const ROOM: usize = 1024;

impl Stream {
    pub(super) fn new(level: i32) -> Stream {
        let state = match POOL.take(level) {
            Some(mut state) => {
                state.reset();
                state
            }
            None => Compress::new_gzip(Compression::new(level.unsigned_abs()), WINDOW_BITS),
        };
        Stream { level, state }
    }

    pub(super) fn recycle(self) {
        POOL.give(self.level, self.state);
    }

    pub(super) fn run(&mut self, mut input: &[u8], out: &mut Vec<u8>, until: Until) {
        let flush = match until {
            Until::Used => FlushCompress::None,
            Until::Flushed => FlushCompress::Sync,
            Until::Finished => FlushCompress::Finish,
        };
        loop {
            if out.capacity() - out.len() < ROOM {
                out.reserve(ROOM + input.len() / 4);
            }
            let before = self.state.total_in();
            let status = self
                .state
                .compress_vec(input, out, flush)
                .expect("a deflate stream takes any input until it is finished");
            input = &input[(self.state.total_in() - before) as usize..];
            let done = match until {
                Until::Used => input.is_empty(),
                // A flush is complete when it did not fill its room.
                Until::Flushed => out.len() < out.capacity(),
                Until::Finished => status == Status::StreamEnd,
            };
            if done {
                return;
            }
        }
    }
}
