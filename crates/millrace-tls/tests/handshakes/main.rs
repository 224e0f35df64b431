//! Handshakes in memory: a client of rustls against what a server's settings come to.

mod agreement;
mod authority;
mod clients;
mod hello;
mod key_log;
mod names;
mod pair;
mod resumption;
mod settings;
mod shown;
