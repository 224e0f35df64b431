//! Agreeing on permessage-deflate (RFC 7692 7.1) by `Sec-WebSocket-Extensions` (RFC 6455 9.1).

use crate::inflate::Inflater;

/// What this end wants of the compression of one kind of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether messages sent may refer to those sent before, on a compressor of the socket's own. A client may forbid
    /// it (RFC 7692 7.1.1.1).
    pub context_takeover_server: bool,
    /// Whether messages received may refer to those received before, for a window kept per socket (RFC 7692 7.1.1.2).
    pub context_takeover_client: bool,
    /// The largest window of the compressor, as a power of two: 9 to 15 (RFC 7692 7.1.2.1).
    pub server_window_bits: u8,
    /// The largest window that is kept for what is received, as a power of two: 9 to 15 (RFC 7692 7.1.2.2).
    pub client_window_bits: u8,
    /// How hard the compressor tries: 1 (fast) to 9.
    pub level: u32,
}

impl Default for Config {
    /// No context takeover: nothing is kept per socket. Windows as large as they get.
    fn default() -> Config {
        Config {
            context_takeover_server: false,
            context_takeover_client: false,
            server_window_bits: 15,
            client_window_bits: 15,
            level: DEFAULT_LEVEL,
        }
    }
}

/// On JSON of 1 KiB it takes a third of the time of level 6, for 435 bytes where that makes 328.
pub const DEFAULT_LEVEL: u32 = 1;

/// What both ends have agreed on (RFC 7692 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Each message sent is compressed on its own (RFC 7692 7.1.1.1).
    pub server_no_context_takeover: bool,
    /// Each message received is compressed on its own (RFC 7692 7.1.1.2).
    pub client_no_context_takeover: bool,
    /// The largest window of what is sent, as a power of two: 8 to 15 (RFC 7692 7.1.2.1).
    pub server_window_bits: u8,
    /// The largest window of what is received, as a power of two: 8 to 15 (RFC 7692 7.1.2.2).
    pub client_window_bits: u8,
    /// Whether the answer has `server_max_window_bits`.
    pub answers_server_window: bool,
    /// Whether the answer has `client_max_window_bits`. Only a client that offered it understands it.
    pub answers_client_window: bool,
}

impl Default for Agreed {
    /// What `permessage-deflate` without parameters means: contexts are kept, windows are of 32 KiB.
    fn default() -> Agreed {
        Agreed {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_window_bits: LARGEST_WINDOW,
            client_window_bits: LARGEST_WINDOW,
            answers_server_window: false,
            answers_client_window: false,
        }
    }
}

impl Agreed {
    /// Writes the value of the answer's `Sec-WebSocket-Extensions` (RFC 7692 7.1).
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(NAME);
        if self.server_no_context_takeover {
            out.extend_from_slice(b"; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            out.extend_from_slice(b"; client_no_context_takeover");
        }
        if self.answers_server_window {
            out.extend_from_slice(b"; server_max_window_bits=");
            write_bits(out, self.server_window_bits);
        }
        if self.answers_client_window {
            out.extend_from_slice(b"; client_max_window_bits=");
            write_bits(out, self.client_window_bits);
        }
    }

    /// The window to keep for what is received; none when each message stands on its own.
    pub fn inflater(&self) -> Option<Inflater> {
        (!self.client_no_context_takeover).then(|| Inflater::new(self.client_window_bits))
    }
}

/// Answers the first acceptable offer of permessage-deflate in the values of the request's `Sec-WebSocket-Extensions`
/// lines (RFC 7692 5.1).
///
/// An offer with a parameter that is unknown, there twice or has a value that it may not have is declined (RFC 7692
/// 7.1) and the next one is looked at; so are other extensions. So is what is malformed, where RFC 6455 9.1 would have
/// the connection fail: see [`is_well_formed`] for that.
pub fn negotiate<'a>(
    header_values: impl IntoIterator<Item = &'a [u8]>,
    config: &Config,
) -> Option<Agreed> {
    let mut offers = header_values.into_iter().flat_map(Offers::new);
    offers.find_map(|offer| Some(offer.ok()?.requested()?.answer(config)))
}

/// Whether the values of `Sec-WebSocket-Extensions` are of the form that RFC 6455 9.1 gives.
pub fn is_well_formed<'a>(header_values: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let mut offers = header_values.into_iter().flat_map(Offers::new);
    offers.all(|offer| offer.is_ok())
}

const NAME: &[u8] = b"permessage-deflate";

const LARGEST_WINDOW: u8 = 15;

/// What one offer asks for.
#[derive(Default)]
struct Requested {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_window_bits: Option<u8>,
    client_window_bits: Option<ClientWindow>,
}

/// `client_max_window_bits` of an offer (RFC 7692 7.1.2.2).
enum ClientWindow {
    /// Without a value: the client can be told any window.
    Any,
    /// The client's window will not be larger.
    AtMost(u8),
}

impl Requested {
    fn answer(&self, config: &Config) -> Agreed {
        let most_server = config.server_window_bits.clamp(8, LARGEST_WINDOW);
        let most_client = config.client_window_bits.clamp(8, LARGEST_WINDOW);
        let offered_client = match self.client_window_bits {
            None | Some(ClientWindow::Any) => LARGEST_WINDOW,
            Some(ClientWindow::AtMost(bits)) => bits,
        };
        let can_answer_client = self.client_window_bits.is_some();
        // A client that did not offer to be told a window may use the largest. When that is more than may be kept,
        // nothing is: that can be asked of every client (RFC 7692 7.1.1.2).
        let too_large = !can_answer_client && most_client < LARGEST_WINDOW;
        let client_window_bits = match can_answer_client {
            true => offered_client.min(most_client),
            false => LARGEST_WINDOW,
        };
        Agreed {
            server_no_context_takeover: self.server_no_context_takeover
                || !config.context_takeover_server,
            client_no_context_takeover: self.client_no_context_takeover
                || !config.context_takeover_client
                || too_large,
            server_window_bits: self
                .server_window_bits
                .unwrap_or(LARGEST_WINDOW)
                .min(most_server),
            client_window_bits,
            answers_server_window: self.server_window_bits.is_some()
                || most_server < LARGEST_WINDOW,
            answers_client_window: can_answer_client && client_window_bits < LARGEST_WINDOW,
        }
    }
}

/// One extension with its parameters, its form checked.
struct Offer<'a> {
    name: &'a [u8],
    /// `;` and what follows it, up to the end of the offer.
    parameters: &'a [u8],
}

impl Offer<'_> {
    /// Nothing when the offer is to be declined.
    fn requested(&self) -> Option<Requested> {
        if self.name != NAME {
            return None;
        }
        let mut requested = Requested::default();
        let mut reader = Reader(self.parameters);
        while let Some(Parameter { name, value }) = reader.parameter().ok()? {
            let is_first = match name {
                b"server_no_context_takeover" if value.is_none() => {
                    !std::mem::replace(&mut requested.server_no_context_takeover, true)
                }
                b"client_no_context_takeover" if value.is_none() => {
                    !std::mem::replace(&mut requested.client_no_context_takeover, true)
                }
                b"server_max_window_bits" => {
                    let bits = value?.window_bits()?;
                    requested.server_window_bits.replace(bits).is_none()
                }
                b"client_max_window_bits" => {
                    let window = match value {
                        None => ClientWindow::Any,
                        Some(value) => ClientWindow::AtMost(value.window_bits()?),
                    };
                    requested.client_window_bits.replace(window).is_none()
                }
                _ => return None,
            };
            if !is_first {
                return None;
            }
        }
        Some(requested)
    }
}

struct Parameter<'a> {
    name: &'a [u8],
    value: Option<Value<'a>>,
}

/// The value of a parameter; if it was quoted, still with the backslashes.
#[derive(Clone, Copy)]
struct Value<'a>(&'a [u8]);

impl Value<'_> {
    /// A decimal number without leading zeros between 8 and 15 (RFC 7692 7.1.2).
    fn window_bits(self) -> Option<u8> {
        let mut bytes = unescaped(self.0);
        let bits = match (bytes.next()?, bytes.next()) {
            (digit @ b'8'..=b'9', None) => digit - b'0',
            (b'1', Some(digit @ b'0'..=b'5')) => 10 + digit - b'0',
            _ => return None,
        };
        bytes.next().is_none().then_some(bits)
    }
}

/// The bytes of a quoted string's inside.
fn unescaped(quoted: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = quoted.iter().copied();
    std::iter::from_fn(move || match bytes.next()? {
        b'\\' => bytes.next(),
        byte => Some(byte),
    })
}

/// The offers of one header value; for one that is malformed, an error, and what is behind its comma comes next.
struct Offers<'a> {
    reader: Reader<'a>,
}

/// An offer is not of the form that RFC 6455 9.1 gives.
struct Malformed;

impl<'a> Offers<'a> {
    fn new(header_value: &'a [u8]) -> Offers<'a> {
        Offers {
            reader: Reader(header_value),
        }
    }
}

impl<'a> Iterator for Offers<'a> {
    type Item = Result<Offer<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        // Empty elements of a list are ignored (RFC 9110 5.6.1.2).
        while self.reader.skip(b',') {}
        if self.reader.0.is_empty() {
            return None;
        }
        let offer = self.reader.offer();
        if offer.is_err() {
            self.reader.skip_offer();
        }
        Some(offer)
    }
}

/// Reads what is left of a header value.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// `extension` of RFC 6455 9.1, up to the comma or the end.
    fn offer(&mut self) -> Result<Offer<'a>, Malformed> {
        let name = self.token()?;
        let all = self.0;
        while self.parameter()?.is_some() {}
        let parameters = &all[..all.len() - self.0.len()];
        self.skip_white_space();
        match self.0.first() {
            None | Some(b',') => Ok(Offer { name, parameters }),
            Some(_) => Err(Malformed),
        }
    }

    /// `";" extension-param` of RFC 6455 9.1, if there is one.
    fn parameter(&mut self) -> Result<Option<Parameter<'a>>, Malformed> {
        if !self.skip(b';') {
            return Ok(None);
        }
        let name = self.token()?;
        if !self.skip(b'=') {
            return Ok(Some(Parameter { name, value: None }));
        }
        self.skip_white_space();
        let value = match self.0.first() {
            Some(b'"') => self.quoted()?,
            _ => self.token()?,
        };
        let value = Some(Value(value));
        Ok(Some(Parameter { name, value }))
    }

    fn token(&mut self) -> Result<&'a [u8], Malformed> {
        self.skip_white_space();
        let end = self.0.iter().position(|&byte| !is_token_byte(byte));
        let (token, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        if token.is_empty() {
            return Err(Malformed);
        }
        Ok(token)
    }

    /// The inside of a quoted string. Without its quotes and backslashes it is a token (RFC 6455 9.1).
    fn quoted(&mut self) -> Result<&'a [u8], Malformed> {
        let inside = &self.0[1..];
        let length = quoted_length(inside).ok_or(Malformed)?;
        let (value, rest) = inside.split_at(length);
        self.0 = &rest[1..];
        match value.is_empty() || !unescaped(value).all(is_token_byte) {
            true => Err(Malformed),
            false => Ok(value),
        }
    }

    /// Skips `byte` and the white space before it, if it comes next.
    fn skip(&mut self, byte: u8) -> bool {
        self.skip_white_space();
        match self.0.split_first() {
            Some((&first, rest)) if first == byte => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Skips to the comma that ends a malformed offer; one within quotes does not.
    fn skip_offer(&mut self) {
        while let Some((&first, rest)) = self.0.split_first() {
            match first {
                b',' => return,
                b'"' => {
                    let length = quoted_length(rest).map_or(rest.len(), |length| length + 1);
                    self.0 = &rest[length..];
                }
                _ => self.0 = rest,
            }
        }
    }

    fn skip_white_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }
}

/// How far the quote is that ends a quoted string.
fn quoted_length(inside: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match inside.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// `tchar` of RFC 9110 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn write_bits(out: &mut Vec<u8>, bits: u8) {
    if bits >= 10 {
        out.push(b'1');
    }
    out.push(b'0' + bits % 10);
}
