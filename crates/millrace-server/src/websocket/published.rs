//! A message for all sockets that want its topic: encoded once, whatever the number of those who get it.

use std::hash::{BuildHasher, RandomState};
use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use millrace_batch::SocketId;
use millrace_batch::outbound::{Payload, Publication};
use millrace_http1::Output;
use millrace_ws::{Opcode, write_frame, write_header};

use super::shared::{HELD_BYTES, Shared};
use crate::lane::Chunk;

/// Compressors' window sizes, as powers of two.
const LEAST_WINDOW: u8 = 9;
const WINDOWS: usize = 7;

/// A published message.
#[derive(Debug)]
pub(crate) struct Published {
    /// The number of the server whose sockets are meant.
    pub(crate) server: u32,
    /// The one socket that does not get it.
    pub(crate) except: Option<SocketId>,
    topic: Box<[u8]>,
    topic_key: u64,
    binary: bool,
    compress: bool,
    payload_bytes: usize,
    plain: Frame,
    /// By window size, each compressed on its own, so that any client with the window can read it at any time; none when
    /// that does not make it smaller.
    compressed: [OnceLock<Option<Frame>>; WINDOWS],
}

/// A frame that is sent many times.
#[derive(Debug)]
pub(super) enum Frame {
    /// All of it, to be copied.
    Small(Box<[u8]>),
    /// To be sent from where it is, behind the header.
    Large {
        opcode: Opcode,
        compressed: bool,
        payload: Bytes,
    },
}

impl Published {
    pub(crate) fn new(
        server: u32,
        topic: &[u8],
        payload: Bytes,
        binary: bool,
        compress: bool,
        except: Option<SocketId>,
    ) -> Self {
        // Of this process, so that nobody can choose topics with one key.
        static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Published {
            server,
            except,
            topic: topic.into(),
            topic_key: KEYS.hash_one(topic),
            binary,
            compress,
            payload_bytes: payload.len(),
            plain: Frame::new(binary, false, payload),
            compressed: Default::default(),
        }
    }

    /// The message that a record speaks of. None when its payload is not where it should be.
    pub(crate) fn of(record: &Publication<'_>, chunks: &[Chunk]) -> Option<Self> {
        let payload = match record.data {
            Payload::Inline(bytes) => Bytes::copy_from_slice(bytes),
            Payload::Large(index) => match chunks.get(index as usize)? {
                Chunk::Bytes(bytes) => bytes.clone(),
                // Whatever is compressed must not change meanwhile.
                Chunk::Lent(bytes) if record.compress => Bytes::copy_from_slice(bytes),
                Chunk::Lent(bytes) => bytes.clone(),
                Chunk::File(_) => return None,
            },
        };
        let Publication {
            server,
            topic,
            binary,
            compress,
            except,
            ..
        } = *record;
        Some(Published::new(
            server, topic, payload, binary, compress, except,
        ))
    }

    pub(crate) fn topic(&self) -> &[u8] {
        &self.topic
    }

    /// Stands for the topic; two topics have the same only by an unlikely accident.
    pub(super) fn topic_key(&self) -> u64 {
        self.topic_key
    }

    /// Whether the same sockets get both.
    pub(super) fn goes_where(&self, other: &Published) -> bool {
        self.server == other.server && self.except == other.except && self.topic == other.topic
    }

    /// Whether clients that can read it get it compressed.
    pub(super) fn may_be_compressed(&self) -> bool {
        self.compress
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.plain.payload(self.payload_bytes)
    }

    /// The frame as it is.
    pub(super) fn plain(&self) -> &Frame {
        &self.plain
    }

    /// The frame compressed for a window of `1 << window_bits` bytes. The first caller makes it.
    pub(super) fn compressed(
        &self,
        shared: &mut Shared,
        window_bits: u8,
        level: u32,
    ) -> Option<&Frame> {
        let index = usize::from(window_bits.max(LEAST_WINDOW) - LEAST_WINDOW).min(WINDOWS - 1);
        let made = self.compressed[index].get_or_init(|| {
            let payload = self.payload();
            let compressed = shared.compress(window_bits, level, payload);
            let frame = (compressed.len() < payload.len())
                .then(|| Frame::new(self.binary, true, Bytes::copy_from_slice(compressed)));
            shared.rest();
            frame
        });
        made.as_ref()
    }
}

impl Frame {
    fn new(binary: bool, compressed: bool, payload: Bytes) -> Self {
        let opcode = opcode(binary);
        if payload.len() > HELD_BYTES {
            return Frame::Large {
                opcode,
                compressed,
                payload,
            };
        }
        let mut frame = Vec::new();
        write_frame(&mut frame, opcode, true, compressed, &payload);
        Frame::Small(frame.into())
    }

    /// Appends it to what a socket sends.
    #[inline]
    pub(super) fn put(&self, output: &mut Output) {
        match self {
            Frame::Small(bytes) => output.tail().extend_from_slice(bytes),
            Frame::Large {
                opcode,
                compressed,
                payload,
            } => {
                write_header(
                    output.tail(),
                    *opcode,
                    true,
                    *compressed,
                    payload.len() as u64,
                );
                output.hold(payload.clone());
            }
        }
    }

    /// All of it, when it is to be copied.
    pub(super) fn copied(&self) -> Option<&[u8]> {
        match self {
            Frame::Small(bytes) => Some(bytes),
            Frame::Large { .. } => None,
        }
    }

    fn payload(&self, length: usize) -> &[u8] {
        match self {
            Frame::Small(bytes) => &bytes[bytes.len() - length..],
            Frame::Large { payload, .. } => payload,
        }
    }
}

pub(super) fn opcode(binary: bool) -> Opcode {
    match binary {
        true => Opcode::Binary,
        false => Opcode::Text,
    }
}
