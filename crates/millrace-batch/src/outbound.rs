//! The batch that JavaScript writes and the core carries out.

mod sockets;

pub use self::sockets::{Part, Publication, Send, SocketAction};
use crate::ExchangeId;
use crate::layout::{file_option, outbound_flag, outbound_kind};

/// Iterates over the records of an outbound batch.
///
/// A malformed record ends the iteration with an error: what follows it cannot be told apart from noise.
#[derive(Clone, Debug)]
pub struct Outbound<'a> {
    rest: &'a [u8],
}

/// The batch breaks the layout; JavaScript and the core disagree about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A body or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// In the batch.
    Inline(&'a [u8]),
    /// Beside the batch, under this index.
    Large(u32),
}

/// Status, reason and fields of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// The status code.
    pub status: u16,
    /// The reason phrase; empty for the standard one.
    pub reason: &'a [u8],
    /// Lines `name: value\r\n`, checked by whoever wrote them.
    pub fields: &'a [u8],
    /// The connection is to be closed after the answer.
    pub close: bool,
    /// The fields hold a `Date`.
    pub has_date: bool,
}

/// What JavaScript asks for, for one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// The whole answer.
    Respond {
        /// Status, reason and fields.
        head: Head<'a>,
        /// The body.
        body: Payload<'a>,
        /// The content coding to compress it with, of [`coding`](crate::layout::coding); 0 for none.
        coding: u32,
        /// Report the write under this token.
        notify: Option<u32>,
    },
    /// An answer begins.
    Head {
        /// Status, reason and fields.
        head: Head<'a>,
        /// The body's length, when it was declared.
        length: Option<u64>,
        /// The content coding to compress it with, of [`coding`](crate::layout::coding); 0 for none.
        coding: u32,
        /// From here on the connection carries raw bytes both ways.
        tunnel: bool,
    },
    /// An informational response.
    Informational(Head<'a>),
    /// A piece of the answer's body.
    Chunk {
        /// The piece.
        data: Payload<'a>,
        /// Report the write under this token.
        notify: Option<u32>,
        /// Report when the connection takes more.
        want_drain: bool,
        /// What a compressor holds back is to go out.
        flush: bool,
    },
    /// The answer is complete.
    End {
        /// Trailer lines, like [`Head::fields`].
        trailers: &'a [u8],
        /// Report the write under this token.
        notify: Option<u32>,
    },
    /// This many bytes of the request's body have been consumed. 0: the handler has begun to want the body.
    Credit(u32),
    /// Give the exchange and its connection up.
    Reset {
        /// Also when the exchange is over, which otherwise leaves its connection alone.
        always: bool,
    },
    /// Answer with a file.
    File {
        /// Status, reason and fields. Status 0 is the one that the request's conditions and ranges lead to.
        head: Head<'a>,
        /// The file.
        file: File<'a>,
        /// Lines `name: value\r\n` of the request that conditions, ranges and codings depend on.
        conditions: &'a [u8],
        /// Options of [`file_option`](crate::layout::file_option).
        options: u32,
        /// Report the write, or why there is none, under this token.
        notify: Option<u32>,
    },
    /// The exchange becomes a WebSocket.
    Accept {
        /// The number of the settings that it has from then on.
        settings: u32,
        /// Lines `name: value\r\n` for the answer, besides those that the handshake needs.
        fields: &'a [u8],
        /// The request's `Sec-WebSocket-Key`.
        key: &'a [u8],
        /// The extensions that the client offers.
        offers: &'a [u8],
    },
    /// Something for a WebSocket. The sequence of the record's exchange has no meaning.
    Socket(SocketAction<'a>),
    /// Something for many WebSockets. The record's exchange has no meaning.
    Publish(Publication<'a>),
}

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File<'a> {
    /// Open already, beside the batch under this index.
    Open(u32),
    /// At a path, which is the system's, beneath a root when that is not empty.
    Path {
        /// The path.
        path: &'a [u8],
        /// The directory that it must not leave.
        root: &'a [u8],
    },
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The exchange it belongs to.
    pub exchange: ExchangeId,
    /// What to do.
    pub action: Action<'a>,
    /// The record as it lies in the batch, to be handed on without another look.
    pub raw: &'a [u8],
}

impl<'a> Outbound<'a> {
    /// Reads `batch`.
    pub fn new(batch: &'a [u8]) -> Self {
        Outbound { rest: batch }
    }

    // With all that it calls for a message in one place: a record that is handed from function to function is copied, and a
    // copy by words waits for the small fields written just before.
    #[inline(always)]
    fn read(&mut self) -> Result<Record<'a>, Malformed> {
        let length = word(self.rest, 1)? as usize;
        if length < 24 || !length.is_multiple_of(4) {
            return Err(Malformed);
        }
        let (raw, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        let record = Record {
            exchange: exchange(raw)?,
            action: action(raw)?,
            raw,
        };
        self.rest = rest;
        Ok(record)
    }
}

impl<'a> Iterator for Outbound<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

/// The connection of the first record and the length of the run of records that go to the same I/O thread.
///
/// With one I/O thread a batch is one run and is handed over by a single copy.
pub fn split_run(batch: &[u8]) -> Option<(u32, usize)> {
    let thread = word(batch, 2).ok()? >> crate::layout::THREAD_SHIFT;
    let mut end = 0;
    while let (Ok(length), Ok(connection)) = (word(&batch[end..], 1), word(&batch[end..], 2)) {
        let length = length as usize;
        if connection >> crate::layout::THREAD_SHIFT != thread
            || length < 24
            || length > batch.len() - end
        {
            break;
        }
        end += length;
    }
    (end > 0).then_some((thread, end))
}

fn word(memory: &[u8], index: usize) -> Result<u32, Malformed> {
    let bytes = memory.get(index * 4..index * 4 + 4).ok_or(Malformed)?;
    Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn exchange(raw: &[u8]) -> Result<ExchangeId, Malformed> {
    Ok(ExchangeId {
        connection: word(raw, 2)?,
        generation: word(raw, 3)?,
        sequence: word(raw, 4)?,
    })
}

#[inline(always)] // See `Outbound::read`.
fn action(raw: &[u8]) -> Result<Action<'_>, Malformed> {
    let first = word(raw, 0)?;
    let fifth = word(raw, 5)?;
    let action = match first & 0xff {
        outbound_kind::RESPOND => {
            let (head, rest) = head(raw, 9)?;
            let body = payload(first, word(raw, 7)?, rest)?;
            Action::Respond {
                head,
                body,
                coding: coding(first),
                notify: notify(first, word(raw, 8)?),
            }
        }
        outbound_kind::HEAD => {
            let (head, _) = head(raw, 9)?;
            let declared = u64::from(word(raw, 7)?) | u64::from(word(raw, 8)?) << 32;
            Action::Head {
                head,
                length: (first & outbound_flag::LENGTH != 0).then_some(declared),
                coding: coding(first),
                tunnel: first & outbound_flag::TUNNEL != 0,
            }
        }
        outbound_kind::INFORMATIONAL => Action::Informational(head(raw, 7)?.0),
        outbound_kind::CHUNK => Action::Chunk {
            data: payload(first, fifth, &raw[28.min(raw.len())..])?,
            notify: notify(first, word(raw, 6)?),
            want_drain: first & outbound_flag::WANT_DRAIN != 0,
            flush: first & outbound_flag::FLUSH != 0,
        },
        outbound_kind::END => Action::End {
            trailers: slice(raw, 28, fifth as usize)?,
            notify: notify(first, word(raw, 6)?),
        },
        outbound_kind::CREDIT => Action::Credit(fifth),
        outbound_kind::RESET => Action::Reset { always: fifth == 1 },
        outbound_kind::FILE => file(raw)?,
        outbound_kind::ACCEPT => sockets::accept(raw)?,
        outbound_kind::SEND => sockets::send(raw)?,
        outbound_kind::CONTROL => sockets::controlled(raw)?,
        outbound_kind::TOPIC => sockets::topic(raw)?,
        outbound_kind::PUBLISH => sockets::publish(raw)?,
        _ => return Err(Malformed),
    };
    Ok(action)
}

fn file(raw: &[u8]) -> Result<Action<'_>, Malformed> {
    let (head, rest) = head(raw, 13)?;
    let options = word(raw, 7)?;
    let (path, root) = (word(raw, 9)?, word(raw, 10)? as usize);
    let (file, conditions_start) = if options & file_option::HANDLE != 0 {
        (File::Open(path), 0)
    } else {
        let path = path as usize;
        let file = File::Path {
            path: slice(rest, 0, path)?,
            root: slice(rest, path, root)?,
        };
        (file, path + root)
    };
    Ok(Action::File {
        head,
        file,
        conditions: slice(rest, conditions_start, word(raw, 11)? as usize)?,
        options,
        notify: notify(word(raw, 0)?, word(raw, 8)?),
    })
}

/// Reads a head whose payload begins after `words`, and returns what follows it.
fn head(raw: &[u8], words: usize) -> Result<(Head<'_>, &[u8]), Malformed> {
    let first = word(raw, 0)?;
    let fifth = word(raw, 5)?;
    let reason_length = (fifth >> 16) as usize;
    let fields_start = words * 4 + reason_length;
    let fields_length = word(raw, 6)? as usize;
    let head = Head {
        status: (fifth & 0xffff) as u16,
        reason: slice(raw, words * 4, reason_length)?,
        fields: slice(raw, fields_start, fields_length)?,
        close: first & outbound_flag::CLOSE != 0,
        has_date: first & outbound_flag::HAS_DATE != 0,
    };
    Ok((head, &raw[fields_start + fields_length..]))
}

fn payload(first: u32, length_or_index: u32, rest: &[u8]) -> Result<Payload<'_>, Malformed> {
    if first & outbound_flag::LARGE != 0 {
        return Ok(Payload::Large(length_or_index));
    }
    slice(rest, 0, length_or_index as usize).map(Payload::Inline)
}

fn coding(first: u32) -> u32 {
    first >> outbound_flag::CODING_SHIFT & 3
}

fn notify(first: u32, token: u32) -> Option<u32> {
    (first & outbound_flag::NOTIFY != 0).then_some(token)
}

fn slice(memory: &[u8], start: usize, length: usize) -> Result<&[u8], Malformed> {
    memory
        .get(start..start.checked_add(length).ok_or(Malformed)?)
        .ok_or(Malformed)
}
