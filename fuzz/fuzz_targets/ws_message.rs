#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| millrace_testkit::fuzz::ws_message(script));
