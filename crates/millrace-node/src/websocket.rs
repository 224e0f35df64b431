//! What WebSockets are accepted with, as it crosses. The facade has validated it.

use millrace_server::{
    Overflow, WebSocketCompression, WebSocketExtension, WebSocketLimits, WebSocketSettings,
};
use napi::{Error, Result, Status};
use napi_derive::napi;

/// What the core does with the WebSockets of a route. Bytes, counts and milliseconds; 0 milliseconds is never, and
/// `Infinity` bytes are any.
#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct NativeWebSocketSettings {
    pub message_bytes: f64,
    pub frame_bytes: f64,
    pub fragments: f64,
    pub backlog_bytes: f64,
    /// 0 close, 1 drop the newest, 2 drop the oldest, 3 keep the latest of each topic.
    pub overflow: u32,
    pub idle: f64,
    pub send_pings: bool,
    pub lifetime: f64,
    pub close: f64,
    pub streaming: bool,
    /// Whether the core answers pings; it does unless this is false.
    pub answer_pings: Option<bool>,
    pub report_pings: bool,
    pub report_pongs: bool,
    pub compression: Option<NativeWebSocketCompression>,
}

/// permessage-deflate (RFC 7692).
#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct NativeWebSocketCompression {
    /// Messages with fewer bytes are sent as they are.
    pub threshold: f64,
    pub level: u32,
    pub server_context_takeover: bool,
    pub client_context_takeover: bool,
    /// From 9 to 15.
    pub server_window_bits: u32,
    /// From 9 to 15.
    pub client_window_bits: u32,
}

impl NativeWebSocketSettings {
    pub(crate) fn into_settings(self) -> Result<WebSocketSettings> {
        let overflow = Overflow::from_code(self.overflow)
            .ok_or_else(|| invalid("there is no such overflow policy"))?;
        let compression = self.compression.map(NativeWebSocketCompression::into_core);
        // The conversions saturate.
        Ok(WebSocketSettings {
            limits: WebSocketLimits {
                message: self.message_bytes as u64,
                frame: self.frame_bytes as u64,
                fragments: self.fragments as u32,
            },
            backlog_bytes: self.backlog_bytes as usize,
            overflow,
            idle_ms: self.idle as u64,
            ping: self.send_pings,
            lifetime_ms: self.lifetime as u64,
            close_ms: self.close as u64,
            streaming: self.streaming,
            answer_pings: self.answer_pings.unwrap_or(true),
            report_pings: self.report_pings,
            report_pongs: self.report_pongs,
            compression: compression.transpose()?,
        })
    }
}

impl NativeWebSocketCompression {
    fn into_core(self) -> Result<WebSocketCompression> {
        let bits = [self.server_window_bits, self.client_window_bits];
        if !bits.iter().all(|bits| (9..=15).contains(bits)) || !(1..=9).contains(&self.level) {
            return Err(invalid("window bits or level are out of range"));
        }
        let [server_window_bits, client_window_bits] = bits.map(|bits| bits as u8);
        Ok(WebSocketCompression {
            config: WebSocketExtension {
                context_takeover_server: self.server_context_takeover,
                context_takeover_client: self.client_context_takeover,
                server_window_bits,
                client_window_bits,
                level: self.level,
            },
            threshold_bytes: self.threshold as usize,
        })
    }
}

fn invalid(message: &str) -> Error {
    Error::new(Status::InvalidArg, message)
}
