//! Decoding one body on whichever thread has time, piece after piece in the order of the calls.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use millrace_coding::{DecodeError, Decoder, PIECE};

/// What came of one call: decoded content in pieces.
pub(crate) type Decoded = Result<Vec<Vec<u8>>, DecodeError>;

/// A body's decoder and the calls that wait for it.
///
/// A pool of threads gives no order to the tasks it has. So a task does not do the work of its own call: it does all that
/// is waiting up to it, oldest first, and takes the result that has its number. No task waits for one that has not begun.
pub(crate) struct DecodeQueue {
    /// Held for moments only, as the JavaScript thread takes it.
    waiting: Mutex<Waiting>,
    /// Held while decoding.
    work: Mutex<Work>,
    /// Calls whose promise is not settled.
    unsettled: AtomicUsize,
}

#[derive(Default)]
struct Waiting {
    calls: VecDeque<(u64, Call)>,
    numbers: u64,
}

enum Call {
    /// Content, and what was decoded of the same call before it came here.
    Write(Vec<u8>, Vec<Vec<u8>>),
    Finish,
}

struct Work {
    decoder: Decoder,
    results: HashMap<u64, Decoded>,
}

/// A call that waits to be settled.
pub(crate) struct Ticket(u64);

/// Either what came of a call at once, or the call's ticket.
pub(crate) enum Begun {
    Done(Decoded),
    Queued(Ticket),
}

/// Content of up to so many bytes is decoded in the call itself, until so much has come out, when the decoder is steady.
/// 6 KB of JSON take 13 µs that way; a task costs the JavaScript thread as much before anything is decoded, and takes
/// 60 µs until it is answered.
const AT_ONCE_INPUT: usize = 4 << 10;
const AT_ONCE_OUTPUT: usize = 16 << 10;

impl DecodeQueue {
    pub(crate) fn new(decoder: Decoder) -> DecodeQueue {
        DecodeQueue {
            waiting: Mutex::default(),
            work: Mutex::new(Work {
                decoder,
                results: HashMap::new(),
            }),
            unsettled: AtomicUsize::new(0),
        }
    }

    /// Takes content, which is copied unless it is decoded at once.
    pub(crate) fn write(&self, mut content: &[u8]) -> Begun {
        let mut pieces = Vec::new();
        // Never past a call that came before.
        if content.len() <= AT_ONCE_INPUT && self.unsettled.load(Ordering::Acquire) == 0 {
            let mut work = lock(&self.work);
            if work.decoder.is_steady() {
                match work.decode(&mut content, &mut pieces, AT_ONCE_OUTPUT) {
                    Ok(true) => return Begun::Done(Ok(pieces)),
                    Ok(false) => {}
                    Err(error) => return Begun::Done(Err(error)),
                }
            }
        }
        Begun::Queued(self.queue(Call::Write(content.to_vec(), pieces)))
    }

    /// Asks whether the content was complete.
    pub(crate) fn finish(&self) -> Begun {
        if self.unsettled.load(Ordering::Acquire) == 0 {
            return Begun::Done(lock(&self.work).decoder.finish().map(|()| Vec::new()));
        }
        Begun::Queued(self.queue(Call::Finish))
    }

    /// Does what is waiting up to this call and gives its result. On any thread.
    pub(crate) fn run(&self, ticket: &Ticket) -> Decoded {
        let mut work = lock(&self.work);
        loop {
            if let Some(result) = work.results.remove(&ticket.0) {
                return result;
            }
            let next = lock(&self.waiting).calls.pop_front();
            // A ticket is run once, so its call is waiting or done.
            let Some((number, call)) = next else {
                return Err(DecodeError::Malformed);
            };
            let result = work.call(call);
            work.results.insert(number, result);
        }
    }

    /// The promise of a queued call has been settled, or never will be.
    pub(crate) fn settled(&self) {
        self.unsettled.fetch_sub(1, Ordering::Release);
    }

    fn queue(&self, call: Call) -> Ticket {
        self.unsettled.fetch_add(1, Ordering::Relaxed);
        let mut waiting = lock(&self.waiting);
        let number = waiting.numbers;
        waiting.numbers += 1;
        waiting.calls.push_back((number, call));
        Ticket(number)
    }
}

impl Work {
    fn call(&mut self, call: Call) -> Decoded {
        match call {
            Call::Finish => self.decoder.finish().map(|()| Vec::new()),
            Call::Write(content, mut pieces) => {
                let mut content = &content[..];
                while !self.decode(&mut content, &mut pieces, usize::MAX)? {}
                Ok(pieces)
            }
        }
    }

    /// Decodes from the front of `content`, until there is nothing more or `most` bytes or a few more have come out. Says
    /// whether there is nothing more.
    ///
    /// A panic would end the process on a thread that is not ours. It becomes an error, of this call and all that follow.
    fn decode(
        &mut self,
        content: &mut &[u8],
        pieces: &mut Vec<Vec<u8>>,
        most: usize,
    ) -> Result<bool, DecodeError> {
        let decoder = &mut self.decoder;
        catch_unwind(AssertUnwindSafe(|| {
            let mut made = 0;
            while made < most {
                // Most small bodies need one piece, which is cleared; what is longer than expected gets large ones.
                let room = match pieces.len() {
                    0 => (content.len() * 4).clamp(4 << 10, PIECE),
                    _ => PIECE.min(most - made),
                };
                let mut piece = vec![0; room];
                let mut length = 0;
                while length < piece.len() {
                    let count = decoder.read(content, &mut piece[length..])?;
                    length += count;
                    if count == 0 {
                        piece.truncate(length);
                        pieces.extend((length > 0).then_some(piece));
                        return Ok(true);
                    }
                }
                made += length;
                pieces.push(piece);
            }
            Ok(false)
        }))
        .unwrap_or_else(|_| {
            self.decoder.fail(DecodeError::Malformed);
            Err(DecodeError::Malformed)
        })
    }
}

/// What a panic may leave half done is the decoder, and that fails from then on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millrace_coding::{Chain, Coding, DecodeError, DecodeLimits, Decoder, Levels, encode};

    use super::{Begun, DecodeQueue, Decoded, Ticket};

    fn queue() -> DecodeQueue {
        let limits = DecodeLimits {
            bytes: 1 << 20,
            ratio: u32::MAX,
        };
        DecodeQueue::new(Decoder::new(&Coding::Gzip.into(), limits))
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(Coding::Gzip, Levels::default(), body, &mut out);
        out
    }

    fn queued(begun: Begun) -> Ticket {
        match begun {
            Begun::Queued(ticket) => ticket,
            Begun::Done(result) => panic!("it is done: {result:?}"),
        }
    }

    fn done(begun: Begun) -> Decoded {
        match begun {
            Begun::Done(result) => result,
            Begun::Queued(_) => panic!("it is queued"),
        }
    }

    /// Bytes that hardly get smaller.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect()
    }

    #[test]
    fn a_small_body_is_decoded_in_the_call() {
        let queue = queue();
        let pieces = done(queue.write(&gzip(b"hello"))).unwrap();
        assert_eq!(pieces, [b"hello".to_vec()]);
        assert_eq!(done(queue.finish()), Ok(Vec::new()));
    }

    #[test]
    fn a_small_body_that_becomes_a_large_one_is_left_to_a_task() {
        let queue = queue();
        let ticket = queued(queue.write(&gzip(&vec![0; 500_000])));
        let pieces = queue.run(&ticket).unwrap();
        assert_eq!(pieces.concat(), vec![0; 500_000]);
    }

    #[test]
    fn what_a_few_bytes_may_cost_much_to_decode_is_left_to_a_task() {
        let limits = DecodeLimits {
            bytes: 1 << 20,
            ratio: u32::MAX,
        };
        for codings in ["br", "gzip, gzip", "gzip, zstd"] {
            let mut encoded = b"hello".to_vec();
            for coding in codings.split(", ") {
                let coding = Coding::from_token(coding.as_bytes()).unwrap();
                let input = std::mem::take(&mut encoded);
                encode(coding, Levels::default(), &input, &mut encoded);
            }
            let chain = Chain::parse(codings.as_bytes()).unwrap();
            let queue = DecodeQueue::new(Decoder::new(&chain, limits));
            let ticket = queued(queue.write(&encoded));
            assert_eq!(queue.run(&ticket), Ok(vec![b"hello".to_vec()]), "{codings}");
        }
    }

    #[test]
    fn results_are_in_order_whichever_task_runs_first() {
        let body = noise(30_000);
        let encoded = gzip(&body);
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let queue = queue();
            let mut tickets: Vec<Ticket> = encoded
                .chunks(encoded.len().div_ceil(3))
                .map(|chunk| queued(queue.write(chunk)))
                .collect();
            tickets.push(queued(queue.finish()));
            let mut results = [const { None }; 4];
            for index in order {
                results[index] = Some(queue.run(&tickets[index]).unwrap());
            }
            let pieces: Vec<Vec<u8>> = results.into_iter().flatten().flatten().collect();
            assert_eq!(pieces.concat(), body, "{order:?}");
        }
    }

    #[test]
    fn a_small_write_does_not_overtake_a_queued_one() {
        let body = noise(5_000);
        let encoded = gzip(&body);
        let (large, small) = encoded.split_at(4_950);
        let queue = queue();
        let first = queued(queue.write(large));
        let second = queued(queue.write(small));
        let mut decoded = queue.run(&first).unwrap();
        queue.settled();
        decoded.extend(queue.run(&second).unwrap());
        queue.settled();
        assert_eq!(decoded.concat(), body);
        assert_eq!(done(queue.finish()), Ok(Vec::new()));
    }

    #[test]
    fn tasks_on_many_threads_give_each_call_its_own_result() {
        let body = noise(200_000);
        let encoded = gzip(&body);
        let queue = Arc::new(queue());
        let threads: Vec<_> = encoded
            .chunks(5_000)
            .map(|chunk| {
                let ticket = queued(queue.write(chunk));
                let queue = queue.clone();
                std::thread::spawn(move || queue.run(&ticket).unwrap().concat())
            })
            .collect();
        let decoded: Vec<Vec<u8>> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(decoded.concat() == body);
    }

    #[test]
    fn after_an_error_every_call_has_it() {
        let queue = queue();
        let first = queued(queue.write(&noise(10_000)));
        let second = queued(queue.write(&noise(10)));
        assert_eq!(queue.run(&first), Err(DecodeError::Malformed));
        assert_eq!(queue.run(&second), Err(DecodeError::Malformed));
        queue.settled();
        queue.settled();
        assert_eq!(done(queue.write(b"x")), Err(DecodeError::Malformed));
        assert_eq!(done(queue.finish()), Err(DecodeError::Malformed));
    }

    #[test]
    fn pieces_are_limited_and_none_is_empty() {
        let queue = queue();
        let ticket = queued(queue.write(&gzip(&noise(300_000))));
        let pieces = queue.run(&ticket).unwrap();
        assert!(
            pieces
                .iter()
                .all(|piece| (1..=super::PIECE).contains(&piece.len()))
        );
        assert_eq!(pieces.concat().len(), 300_000);
    }
}
