//! Servers over real sockets of this machine, with a JavaScript thread played by the test.
//!
//! Nothing here depends on how long something takes: tests wait for what must come. The waits have an end only so that
//! a failure is a failure and not a hang.
//!
//! # Layout
//!
//! - `js`: the JavaScript thread: records in, records out. `client`: the other side of the socket.
//! - `exchange`: requests, bodies, answers. `closing`: the end of servers and threads.
//! - `accepting`: whom it accepts. `compress`: answers that are compressed. `files` and `directories`: answers made of files.
//! - `tunnels`: connections that a handler takes over.
//! - `routes`: where requests go. `fixed`: answers that need no JavaScript.
//! - `websocket`: connections that become WebSockets.
//! - `tls`: connections that are encrypted.
//! - `over_tls`: all of that once more, over TLS; `npm test` runs it.
//! - `limits` and `timeouts`: what the core refuses or gives up by itself.

mod accepting;
mod client;
mod closing;
mod compress;
mod directories;
mod exchange;
mod files;
mod fixed;
mod js;
mod limits;
mod over_tls;
mod routes;
mod timeouts;
mod tls;
mod tunnels;
mod websocket;
