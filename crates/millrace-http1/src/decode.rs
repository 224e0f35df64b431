//! The request direction of one connection: bytes in, requests and body data out.

use crate::chunked::{Chunked, Step};
use crate::fields::Fields;
use crate::{Error, FieldSpans, Head, Limits, RequestFraming, Trailers, head};

/// Reads the requests of one connection, one event at a time.
///
/// It keeps a few counters and no bytes: what it did not use must be shown to it again, with what
/// came after.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
}

/// What the next bytes are.
#[derive(Debug)]
pub enum Event<'a> {
    /// Nothing complete is left in the input.
    NeedMore,
    /// A request's head. Its framing says whether a body follows as further events.
    Request(Head<'a>),
    /// A piece of the body, never empty.
    Data(&'a [u8]),
    /// The body is complete. This comes after every body, and not after a request without one.
    End(Trailers<'a>),
}

/// How much of the current request's body is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// No body is being read.
    None,
    /// This many bytes; 0 when only [`Event::End`] is.
    Exactly(u64),
    /// The body is chunked and has not ended.
    Unknown,
}

impl Decoder {
    /// Looks at `input`, all bytes that were received and not yet used, and gives the next event
    /// with the number of bytes it used. Call it until it gives [`Event::NeedMore`], which may use
    /// bytes too (empty lines, chunk framing), even when no input is left: an end uses none.
    ///
    /// `fields` is overwritten, so one for all connections of a thread will do. `body_limit` is asked once for each
    /// complete head, and its answer holds for that request's body: so many bytes without their chunk framing.
    ///
    /// After an error the connection cannot go on; every further call gives the same error.
    pub fn next<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        fields: &'a mut FieldSpans,
        body_limit: impl FnOnce(&Head<'_>) -> u64,
    ) -> Result<(usize, Event<'a>), Error> {
        let result = self.step(input, limits, fields);
        if let Ok((_, Event::Request(head))) = &result {
            self.limit_body(body_limit(head))?;
        }
        result
    }

    fn step<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        fields: &'a mut FieldSpans,
    ) -> Result<(usize, Event<'a>), Error> {
        let result = match &mut self.state {
            State::Head { .. } => self.head(input, limits, fields),
            State::Length(_) => Ok(self.length(input)),
            State::Chunked(_) => self.chunked(input, limits, fields),
            State::Failed(error) => Err(*error),
        };
        if let Err(error) = result {
            self.state = State::Failed(error);
        }
        result
    }

    /// Whether no byte of a next request has been used, empty lines before it aside.
    pub fn is_between_requests(&self) -> bool {
        matches!(self.state, State::Head { .. })
    }

    /// Whether empty lines were used where a request is to begin. They are counted, so a decoder that has skipped some
    /// is not as good as a new one.
    pub fn has_skipped_lines(&self) -> bool {
        matches!(self.state, State::Head { empty_lines } if empty_lines > 0)
    }

    /// How much of the current request's body is still to come.
    pub fn body_remaining(&self) -> Remaining {
        match self.state {
            State::Head { .. } | State::Failed(_) => Remaining::None,
            State::Length(bytes) => Remaining::Exactly(bytes),
            State::Chunked(_) => Remaining::Unknown,
        }
    }

    fn head<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        fields: &'a mut FieldSpans,
    ) -> Result<(usize, Event<'a>), Error> {
        let before = self.skip_empty_lines(input)?;
        if let [] | [b'\r'] = input[before..] {
            return Ok((before, Event::NeedMore));
        }
        let Some((length, head)) = head::parse(&input[before..], limits, fields)? else {
            return Ok((before, Event::NeedMore));
        };
        self.state = match head.framing {
            RequestFraming::None => State::default(),
            RequestFraming::Length(bytes) => State::Length(bytes),
            RequestFraming::Chunked => State::Chunked(Chunked::after(length, head.field_count())),
        };
        Ok((before + length, Event::Request(head)))
    }

    /// Bounds the body whose head has just been read.
    fn limit_body(&mut self, most: u64) -> Result<(), Error> {
        match &mut self.state {
            State::Length(bytes) if *bytes > most => {
                self.state = State::Failed(Error::BodyTooLarge);
                return Err(Error::BodyTooLarge);
            }
            State::Chunked(chunked) => chunked.allow(most),
            _ => {}
        }
        Ok(())
    }

    /// RFC 9112 2.2: a server "SHOULD ignore at least one empty line (CRLF) received prior to the
    /// request-line", as some clients send one after a body.
    fn skip_empty_lines(&mut self, input: &[u8]) -> Result<usize, Error> {
        let State::Head { empty_lines } = &mut self.state else {
            return Ok(0);
        };
        let mut used = 0;
        while let [b'\r', rest @ ..] = &input[used..] {
            match rest.first() {
                Some(b'\n') if *empty_lines == MOST_EMPTY_LINES => {
                    return Err(Error::TooManyEmptyLines);
                }
                Some(b'\n') => *empty_lines += 1,
                Some(_) => return Err(Error::BareCr),
                None => break,
            }
            used += 2;
        }
        Ok(used)
    }

    fn length<'a>(&mut self, input: &'a [u8]) -> (usize, Event<'a>) {
        let State::Length(remaining) = &mut self.state else {
            return (0, Event::NeedMore);
        };
        if *remaining == 0 {
            self.state = State::default();
            return (0, Event::End(Trailers(Fields::EMPTY)));
        }
        if input.is_empty() {
            return (0, Event::NeedMore);
        }
        let length = input
            .len()
            .min(usize::try_from(*remaining).unwrap_or(usize::MAX));
        *remaining -= length as u64;
        (length, Event::Data(&input[..length]))
    }

    fn chunked<'a>(
        &mut self,
        input: &'a [u8],
        limits: &Limits,
        fields: &'a mut FieldSpans,
    ) -> Result<(usize, Event<'a>), Error> {
        let State::Chunked(chunked) = &mut self.state else {
            return Ok((0, Event::NeedMore));
        };
        let (used, step) = chunked.next(input, limits, fields)?;
        let event = match step {
            Step::NeedMore => Event::NeedMore,
            Step::Data(length) => Event::Data(&input[used - length..used]),
            Step::End(start) => {
                self.state = State::default();
                Event::End(Trailers(fields.fields(&input[start..])))
            }
        };
        Ok((used, event))
    }
}

/// Browsers and tools that send a stray line end send one or two.
const MOST_EMPTY_LINES: u8 = 4;

#[derive(Debug)]
enum State {
    /// A head comes next; so many empty lines came before it.
    Head {
        empty_lines: u8,
    },
    /// So many bytes of a body of known length come next, and then its end.
    Length(u64),
    Chunked(Chunked),
    Failed(Error),
}

impl Default for State {
    fn default() -> Self {
        State::Head { empty_lines: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Decoder;

    #[test]
    fn a_decoder_costs_an_idle_connection_at_most_48_bytes() {
        assert!(size_of::<Decoder>() <= 48, "{} bytes", size_of::<Decoder>());
    }
}
