//! What crosses as plain objects: options in, addresses out. The facade has validated the options; a value
//! that is out of range here is a mistake of the facade's and becomes an error all the same.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use millrace_server::{
    Bind, Codings, Config, ConnectionInfo, Descriptors, KeepAliveProbes, Levels, Limits, Plain,
    Policy, SocketOptions, Timeouts, Tls,
};
use millrace_tls::Context;
use napi::{Error, Result, Status};
use napi_derive::napi;

/// What a server listens with, flat; `src/options.ts` documents each.
#[napi(object, object_to_js = false)]
#[derive(Debug)]
pub struct ListenOptions {
    pub host: Option<String>,
    pub port: u32,
    pub path: Option<String>,
    pub backlog: u32,
    pub ipv6_only: bool,
    pub reuse_address: bool,
    pub reuse_port: bool,
    pub no_delay: bool,
    pub keep_alive_delay: Option<f64>,
    pub keep_alive_interval: Option<f64>,
    pub keep_alive_count: Option<u32>,
    pub send_buffer_size: Option<u32>,
    pub receive_buffer_size: Option<u32>,
    pub send_low_watermark: Option<u32>,
    pub receive_low_watermark: Option<u32>,
    pub linger: Option<f64>,
    pub io_threads: u32,
    pub max_header_bytes: u32,
    pub max_header_count: u32,
    pub max_target_bytes: u32,
    pub max_body_bytes: f64,
    pub max_requests_per_connection: f64,
    pub max_pipelined_requests: u32,
    pub max_connections: f64,
    pub reserved_descriptors: Option<u32>,
    pub pull_accept: Option<bool>,
    pub not_found_in_core: Option<bool>,
    pub compression_codings: Option<String>,
    pub gzip_level: Option<u32>,
    pub brotli_level: Option<u32>,
    pub zstd_level: Option<i32>,
    pub max_queued_bytes: f64,
    pub body_window: u32,
    pub drain_bytes: f64,
    pub write_buffer_high: u32,
    pub write_buffer_low: u32,
    pub headers_timeout: f64,
    pub body_timeout: f64,
    pub min_body_rate: f64,
    pub idle_timeout: f64,
    pub handler_timeout: f64,
    pub write_timeout: f64,
    pub linger_timeout: f64,
    pub allow_half_close: bool,
    pub report_connection_errors: bool,
    /// Whether what becomes of exchanges is reported.
    pub report_answers: Option<bool>,
    /// What becomes of plain HTTP where TLS is spoken.
    #[napi(ts_type = "'refuse' | 'serve' | 'redirect'")]
    pub plain: Option<String>,
    pub handshake_timeout: Option<f64>,
    pub max_handshakes: Option<f64>,
    /// How long a handshake waits for `nameResolved`.
    pub name_timeout: Option<f64>,
}

/// Where a server listens.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct Address {
    pub id: u32,
    /// The numeric address; empty for a Unix domain socket.
    pub host: String,
    pub port: u16,
    pub path: Option<String>,
}

/// What is known about an open connection.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct ConnectionState {
    /// The numeric address the client connected to; empty for a Unix domain socket.
    pub local_address: String,
    pub local_port: u16,
    pub bytes_read: f64,
    pub bytes_written: f64,
    /// Bytes that wait for the client, when it is a WebSocket.
    pub queued: f64,
    /// Payload bytes of the messages for it that have reached the core, modulo 2^32, when it is a WebSocket.
    pub received: u32,
}

/// Descriptors of the process.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct DescriptorCounts {
    /// At least so many are open.
    pub open: f64,
    /// `Infinity` without a limit.
    pub limit: f64,
}

/// A range of a file that was put beside the records.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct FilePiece {
    pub index: u32,
    /// Bytes.
    pub length: f64,
}

/// What holds when the options say nothing: handshakes at a time, and how long they and a name may take.
const HANDSHAKES: f64 = 4096.0;
const HANDSHAKE_MS: f64 = 10_000.0;
const NAME_MS: f64 = 5_000.0;

impl ListenOptions {
    pub(crate) fn into_config(self, tls: Option<Arc<Context>>) -> Result<Config> {
        Ok(Config {
            tls: tls.map(|context| self.tls(context)).transpose()?,
            bind: self.bind()?,
            io_threads: (self.io_threads as usize).clamp(1, 255),
            socket: self.socket(),
            policy: Policy {
                limits: Limits {
                    head_bytes: self.max_header_bytes as usize,
                    header_count: self.max_header_count as usize,
                    target_bytes: self.max_target_bytes as usize,
                    body_bytes: unlimited(self.max_body_bytes),
                    ..Limits::default()
                },
                pipelined: (self.max_pipelined_requests as usize).max(1),
                requests: u32::try_from(unlimited(self.max_requests_per_connection))
                    .unwrap_or(u32::MAX),
                unsent_bytes: self.write_buffer_high as usize,
                body_window: self.body_window as usize,
                drain_bytes: unlimited(self.drain_bytes),
            },
            connections: usize::try_from(unlimited(self.max_connections)).unwrap_or(usize::MAX),
            reserved_descriptors: self.reserved_descriptors.map(u64::from),
            pull_accept: self.pull_accept.unwrap_or(false),
            queued_bytes: usize::try_from(unlimited(self.max_queued_bytes)).unwrap_or(usize::MAX),
            write_low: self.write_buffer_low as usize,
            not_found_in_core: self.not_found_in_core.unwrap_or(false),
            codings: self.codings()?,
            levels: self.levels(),
            timeouts: Timeouts {
                headers: self.headers_timeout as u64,
                body: self.body_timeout as u64,
                body_rate: self.min_body_rate as u64,
                idle: self.idle_timeout as u64,
                handler: self.handler_timeout as u64,
                write: self.write_timeout as u64,
                linger: self.linger_timeout as u64,
                handshake: self.handshake_timeout.unwrap_or(HANDSHAKE_MS) as u64,
            },
            allow_half_close: self.allow_half_close,
            report_connection_errors: self.report_connection_errors,
            report_answers: self.report_answers.unwrap_or(false),
        })
    }

    fn tls(&self, context: Arc<Context>) -> Result<Tls> {
        let plain = match self.plain.as_deref() {
            None | Some("refuse") => Plain::Refuse,
            Some("serve") => Plain::Serve,
            Some("redirect") => Plain::Redirect,
            Some(other) => {
                let message = format!("plain cannot be {other}");
                return Err(Error::new(Status::InvalidArg, message));
            }
        };
        let handshakes = self.max_handshakes.unwrap_or(HANDSHAKES);
        Ok(Tls {
            context,
            plain,
            handshakes: usize::try_from(unlimited(handshakes)).unwrap_or(usize::MAX),
            name_ms: self.name_timeout.unwrap_or(NAME_MS) as u64,
        })
    }

    fn bind(&self) -> Result<Bind> {
        if let Some(path) = &self.path {
            return Ok(Bind::Unix(path.into()));
        }
        let host = self.host.as_deref().unwrap_or("::");
        let ip: IpAddr = host.parse().map_err(|_| {
            Error::new(
                Status::InvalidArg,
                format!("host is not a numeric address: {host}"),
            )
        })?;
        let port = u16::try_from(self.port)
            .map_err(|_| Error::new(Status::InvalidArg, "port is out of range"))?;
        Ok(Bind::Ip {
            address: SocketAddr::new(ip, port),
            ipv6_only: self.ipv6_only,
        })
    }

    fn codings(&self) -> Result<Codings> {
        let names = self.compression_codings.as_deref().unwrap_or_default();
        Codings::from_names(names)
            .ok_or_else(|| Error::new(Status::InvalidArg, format!("these are no codings: {names}")))
    }

    fn levels(&self) -> Levels {
        let default = Levels::default();
        Levels {
            gzip: self.gzip_level.unwrap_or(default.gzip),
            brotli: self.brotli_level.unwrap_or(default.brotli),
            zstd: self.zstd_level.unwrap_or(default.zstd),
        }
    }

    fn socket(&self) -> SocketOptions {
        SocketOptions {
            backlog: i32::try_from(self.backlog).unwrap_or(i32::MAX),
            reuse_address: self.reuse_address,
            reuse_port: self.reuse_port,
            no_delay: self.no_delay,
            keep_alive: self.keep_alive_delay.map(|delay| KeepAliveProbes {
                delay: milliseconds(delay),
                interval: self.keep_alive_interval.map(milliseconds),
                count: self.keep_alive_count,
            }),
            send_buffer: self
                .send_buffer_size
                .filter(set)
                .map(|bytes| bytes as usize),
            receive_buffer: self
                .receive_buffer_size
                .filter(set)
                .map(|bytes| bytes as usize),
            send_low_watermark: self.send_low_watermark.filter(set),
            #[cfg(unix)]
            receive_low_watermark: self.receive_low_watermark.filter(set).map(|bytes| {
                (
                    i32::try_from(bytes).unwrap_or(i32::MAX),
                    crate::receive_watermark::set as _,
                )
            }),
            linger: self.linger.map(Duration::from_secs_f64),
        }
    }
}

impl From<ConnectionInfo> for ConnectionState {
    fn from(info: ConnectionInfo) -> Self {
        ConnectionState {
            local_address: info
                .local
                .map(|local| local.ip().to_string())
                .unwrap_or_default(),
            local_port: info.local.map_or(0, |local| local.port()),
            bytes_read: info.bytes_read as f64,
            bytes_written: info.bytes_written as f64,
            queued: info.bytes_queued as f64,
            received: info.bytes_accepted,
        }
    }
}

impl From<Descriptors> for DescriptorCounts {
    fn from(descriptors: Descriptors) -> Self {
        DescriptorCounts {
            open: descriptors.open as f64,
            limit: descriptors
                .limit
                .map_or(f64::INFINITY, |limit| limit as f64),
        }
    }
}

/// JavaScript says `Infinity` for no limit; the conversion saturates.
fn unlimited(limit: f64) -> u64 {
    limit as u64
}

/// Whether a size is set: 0 leaves the system's default.
fn set(size: &u32) -> bool {
    *size > 0
}

fn milliseconds(value: f64) -> Duration {
    Duration::from_millis(value as u64)
}
