//! Runs every fuzz target over its committed seeds, so that what a fuzzer once found stays found.

use std::fs;
use std::path::Path;

use millrace_testkit::fuzz;

#[test]
fn heads_hold_over_their_seeds() {
    replay("head", fuzz::head);
}

#[test]
fn bodies_hold_over_their_seeds() {
    replay("body", fuzz::body);
}

#[test]
fn batches_hold_over_their_seeds() {
    replay("batch", fuzz::batch);
}

/// Runs `target` over each seed, every prefix of it, and it with each byte changed a little: a
/// poor fuzzer, but one that runs everywhere.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(name);
    let mut seeds = 0;
    for entry in fs::read_dir(&folder).expect("the seeds are committed") {
        let seed =
            fs::read(entry.expect("the folder can be read").path()).expect("a seed is a file");
        target(&seed);
        for at in 0..seed.len() {
            target(&seed[..at]);
            let mut changed = seed.clone();
            changed[at] ^= 1 << (at % 8);
            target(&changed);
        }
        seeds += 1;
    }
    assert!(seeds > 0, "{} has no seeds", folder.display());
}

#[test]
fn connections_hold_over_their_seeds() {
    replay("connection", fuzz::connection);
}

#[test]
fn websocket_frames_hold_over_their_seeds() {
    replay("ws_frames", fuzz::ws_frames);
}

#[test]
fn websocket_messages_hold_over_their_seeds() {
    replay("ws_message", fuzz::ws_message);
}

#[test]
fn compressed_messages_hold_over_their_seeds() {
    replay("ws_inflate", fuzz::ws_inflate);
}
