#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| millrace_testkit::fuzz::ws_frames(input));
