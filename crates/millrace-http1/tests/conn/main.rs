//! Whole connections by their bytes: what a client sends, what the owner is told, and what goes back.
//!
//! # Layout
//!
//! - `session`: a connection with its owner, fed whole, byte by byte and in between.
//! - `order`: pipelining and the order of answers. `body`: windows, 100 (Continue), bodies nobody reads.
//! - `elsewhere`: pieces of answers that are not in memory. `ready`: answers encoded ahead.
//! - `journal`: what is noted of answers.
//! - `end`: when a connection closes, and refusals. `output`: marks, drains and pieces.
//! - `tunnel`: connections that stop being HTTP.

mod body;
mod elsewhere;
mod end;
mod journal;
mod order;
mod output;
mod ready;
mod session;
mod tunnel;
