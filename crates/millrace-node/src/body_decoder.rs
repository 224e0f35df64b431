//! Decoding request bodies off the JavaScript thread.

use std::sync::Arc;

use millrace_coding::{Chain, DecodeError, DecodeLimits, Decoder};
use napi::bindgen_prelude::{BufferSlice, PromiseRaw};
use napi::{Env, Error, Result, ScopedTask, Status};
use napi_derive::napi;

use crate::decode_queue::{Begun, DecodeQueue, Decoded, Ticket};

/// Undoes the content codings of one body, piece by piece. Calls are carried out in their order; errors have messages that
/// begin with their code, and stay.
#[napi]
pub struct BodyDecoder {
    queue: Arc<DecodeQueue>,
}

#[napi]
impl BodyDecoder {
    /// `codings` is the value of `Content-Encoding`. At most `max_bytes` are decoded, and `max_ratio` times what is given
    /// once there are more than 64 KiB.
    #[napi(constructor, catch_unwind)]
    pub fn new(codings: String, max_bytes: f64, max_ratio: f64) -> Result<Self> {
        let chain = Chain::parse(codings.as_bytes()).map_err(|error| {
            Error::new(
                Status::InvalidArg,
                format!("ERR_UNSUPPORTED_ENCODING: {error}"),
            )
        })?;
        // The conversions saturate: Infinity is no limit.
        let limits = DecodeLimits {
            bytes: max_bytes as u64,
            ratio: max_ratio as u32,
        };
        Ok(BodyDecoder {
            queue: Arc::new(DecodeQueue::new(Decoder::new(&chain, limits))),
        })
    }

    /// Decodes a piece, which may be changed after the call. Gives what comes of it, often nothing.
    #[napi(catch_unwind, ts_return_type = "Promise<Buffer[]>")]
    pub fn write<'env>(
        &self,
        env: &'env Env,
        chunk: &[u8],
    ) -> Result<PromiseRaw<'env, Vec<BufferSlice<'env>>>> {
        self.promise(env, self.queue.write(chunk))
    }

    /// Rejects when the body is incomplete. Everything decoded has been given before, so this gives no more.
    #[napi(catch_unwind, ts_return_type = "Promise<Buffer[]>")]
    pub fn finish<'env>(&self, env: &'env Env) -> Result<PromiseRaw<'env, Vec<BufferSlice<'env>>>> {
        self.promise(env, self.queue.finish())
    }

    fn promise<'env>(
        &self,
        env: &'env Env,
        begun: Begun,
    ) -> Result<PromiseRaw<'env, Vec<BufferSlice<'env>>>> {
        match begun {
            Begun::Queued(ticket) => {
                let queue = self.queue.clone();
                Ok(env.spawn(DecodeTask { queue, ticket })?.promise_object())
            }
            Begun::Done(Ok(pieces)) => PromiseRaw::resolve(env, buffers(env, pieces)?),
            Begun::Done(Err(error)) => PromiseRaw::reject(env, coded(error)),
        }
    }
}

/// One call, on a thread of the runtime's pool.
///
/// It holds nothing of the environment. When that ends with the task under way, Node waits for the task and calls it back
/// without a JavaScript to settle a promise in; the results are dropped.
struct DecodeTask {
    queue: Arc<DecodeQueue>,
    ticket: Ticket,
}

impl<'env> ScopedTask<'env> for DecodeTask {
    type Output = Decoded;
    type JsValue = Vec<BufferSlice<'env>>;

    fn compute(&mut self) -> Result<Decoded> {
        Ok(self.queue.run(&self.ticket))
    }

    fn resolve(&mut self, env: &'env Env, decoded: Decoded) -> Result<Vec<BufferSlice<'env>>> {
        buffers(env, decoded.map_err(coded)?)
    }
}

impl Drop for DecodeTask {
    fn drop(&mut self) {
        self.queue.settled();
    }
}

/// Below so many bytes a copy costs less than the finalizer of memory that JavaScript does not own.
const COPIED: usize = 16 << 10;

fn buffers(env: &Env, pieces: Vec<Vec<u8>>) -> Result<Vec<BufferSlice<'_>>> {
    pieces
        .into_iter()
        .map(|piece| match piece.len() {
            ..COPIED => BufferSlice::copy_from(env, piece),
            _ => BufferSlice::from_data(env, piece),
        })
        .collect()
}

fn coded(error: DecodeError) -> Error {
    let code = match error {
        DecodeError::TooLarge | DecodeError::Ratio => "ERR_BODY_TOO_LARGE",
        _ => "ERR_BODY_MALFORMED",
    };
    Error::new(Status::GenericFailure, format!("{code}: {error}"))
}
