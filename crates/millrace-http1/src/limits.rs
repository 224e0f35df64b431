//! How much of everything a client may send.

/// The limits of one connection's requests. They are arguments: nothing in this crate is global.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of the request line and the header section together, line ends included; a chunked
    /// body's trailer section counts too. Default: 16 KiB. The connection must be able to buffer
    /// this much, and a client that sends its head byte by byte has it scanned again with each
    /// read, so values above 64 KiB cost processor time under attack. At most 4 GiB.
    pub head_bytes: usize,
    /// Header lines, together with trailer lines. Default: 100.
    pub header_count: usize,
    /// Bytes of the request target. Default: 8 KiB, the least that RFC 9112 section 3 recommends.
    pub target_bytes: usize,
    /// Bytes of a request body without its chunk framing. Default: 8 MiB. It is what a request is given that nothing
    /// else is said about: [`Decoder::next`](crate::Decoder::next) is told the limit with each head.
    pub body_bytes: u64,
    /// Bytes of chunk extensions in one body, white space included. Default: 4 KiB. Extensions
    /// are checked and then forgotten, so they are work without use (RFC 9112 7.1.1).
    pub chunk_extension_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 16 * 1024,
            header_count: 100,
            target_bytes: 8 * 1024,
            body_bytes: 8 * 1024 * 1024,
            chunk_extension_bytes: 4 * 1024,
        }
    }
}
