//! zstd (RFC 8878) by its reference implementation.

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{
    CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, SafeResult, compress_bound,
    get_error_name,
};

use super::Until;
use crate::pool::Pool;

pub(super) fn encode(level: i32, input: &[u8], out: &mut Vec<u8>) {
    let mut context = context(&WHOLE, level, &[]);
    let start = out.len();
    out.resize(start + compress_bound(input.len()), 0);
    let length = sound(context.compress2(&mut out[start..], input));
    out.truncate(start + length);
    recycle(&WHOLE, level, context);
}

pub(super) struct Stream {
    level: i32,
    context: CCtx<'static>,
}

/// Contexts of bodies that are there as a whole: the library fits its tables to the length.
static WHOLE: Pool<CCtx<'static>> = Pool::new();
/// Contexts of streams.
static STREAMS: Pool<CCtx<'static>> = Pool::new();

/// What a stream may remember. Without a length the library prepares for a large file, at 3.6 MiB for level 3 and 90 MiB
/// for level 19. With these it is 0.6 MiB for level 3, and JSON gets as small as with 128 KiB of window up to 64 KiB; longer
/// streams are 3 % larger and take half the memory.
const STREAM: [CParameter; 3] = [
    CParameter::WindowLog(16),
    CParameter::HashLog(15),
    CParameter::ChainLog(14),
];

/// Larger contexts, which large bodies leave behind, are freed.
const MOST_KEPT: usize = 2 << 20;

const ROOM: usize = 1024;

impl Stream {
    pub(super) fn new(level: i32) -> Stream {
        Stream {
            level,
            context: context(&STREAMS, level, &STREAM),
        }
    }

    pub(super) fn recycle(self) {
        recycle(&STREAMS, self.level, self.context);
    }

    pub(super) fn run(&mut self, input: &[u8], out: &mut Vec<u8>, until: Until) {
        let directive = match until {
            Until::Used => ZSTD_EndDirective::ZSTD_e_continue,
            Until::Flushed => ZSTD_EndDirective::ZSTD_e_flush,
            Until::Finished => ZSTD_EndDirective::ZSTD_e_end,
        };
        let mut input = InBuffer::around(input);
        loop {
            if out.capacity() - out.len() < ROOM {
                out.reserve(ROOM + (input.src.len() - input.pos()) / 4);
            }
            let at = out.len();
            let mut buffer = OutBuffer::around_pos(out, at);
            let left = sound(
                self.context
                    .compress_stream2(&mut buffer, &mut input, directive),
            );
            let used = input.pos() == input.src.len();
            if used && (left == 0 || until == Until::Used) {
                return;
            }
        }
    }
}

fn context(pool: &Pool<CCtx<'static>>, level: i32, parameters: &[CParameter]) -> CCtx<'static> {
    if let Some(mut context) = pool.take(level) {
        sound(context.reset(ResetDirective::SessionOnly));
        return context;
    }
    let mut context = CCtx::create();
    sound(context.set_parameter(CParameter::CompressionLevel(level)));
    for &parameter in parameters {
        sound(context.set_parameter(parameter));
    }
    context
}

fn recycle(pool: &Pool<CCtx<'static>>, level: i32, context: CCtx<'static>) {
    if context.sizeof() <= MOST_KEPT {
        pool.give(level, context);
    }
}

/// Encoding fails for want of memory only.
fn sound(result: SafeResult) -> usize {
    result.unwrap_or_else(|code| panic!("zstd: {}", get_error_name(code)))
}
