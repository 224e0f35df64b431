//! brotli (RFC 7932).

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{
    BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct,
};

use super::Until;

pub(super) fn encode(level: i32, input: &[u8], out: &mut Vec<u8>) {
    let mut stream = Stream::with_window(level, window_bits(input.len()), Some(input.len()));
    stream.run(input, out, Until::Finished);
}

/// An encoder in progress. The library cannot begin anew with the memory it has, so there is no pool of these; its
/// tables come zeroed from the allocator, which costs about what clearing them would.
pub(super) struct Stream {
    state: Box<BrotliEncoderStateStruct<StandardAlloc>>,
}

/// The window of bodies whose length is not known: 256 KiB. It grows to 4 MiB at the library's own choice, for each
/// answer in progress.
const STREAM_WINDOW_BITS: u32 = 18;

impl Stream {
    pub(super) fn new(level: i32) -> Stream {
        Stream::with_window(level, STREAM_WINDOW_BITS, None)
    }

    fn with_window(level: i32, window_bits: u32, length: Option<usize>) -> Stream {
        let mut state = Box::new(BrotliEncoderStateStruct::new(StandardAlloc::default()));
        state.set_parameter(
            BrotliEncoderParameter::BROTLI_PARAM_QUALITY,
            level.unsigned_abs(),
        );
        state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_LGWIN, window_bits);
        if let Some(hint) = length.and_then(|length| u32::try_from(length).ok()) {
            state.set_parameter(BrotliEncoderParameter::BROTLI_PARAM_SIZE_HINT, hint);
        }
        Stream { state }
    }

    pub(super) fn run(&mut self, input: &[u8], out: &mut Vec<u8>, until: Until) {
        let operation = match until {
            Until::Used => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            Until::Flushed => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            Until::Finished => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
        };
        let (mut available, mut at) = (input.len(), 0);
        loop {
            // Without room for output the encoder keeps it where `take_output` lends it, which saves clearing memory
            // that is written over at once.
            let worked = self.state.compress_stream(
                operation,
                &mut available,
                input,
                &mut at,
                &mut 0,
                &mut [],
                &mut 0,
                &mut None,
                &mut |_, _, _, _| (),
            );
            assert!(
                worked,
                "a brotli stream takes any input until it is finished"
            );
            // The slice it lends goes on behind the output.
            let mut length = 0;
            let output = self.state.take_output(&mut length);
            out.extend_from_slice(&output[..length]);
            let done = available == 0 && !self.state.has_more_output();
            if done && (until != Until::Finished || self.state.is_finished()) {
                return;
            }
        }
    }
}

/// A window that the body fits in, within bounds: below 17 bits the library takes another, thirty times slower way from
/// level 5 on, and above 22 clients need memory for little gain.
fn window_bits(length: usize) -> u32 {
    let needed = usize::BITS - length.leading_zeros();
    needed.clamp(STREAM_WINDOW_BITS, 22)
}
