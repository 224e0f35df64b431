//! A client that reads nothing of a huge file. It is a test of its own because memory is the whole process's.
#![cfg(target_os = "linux")]

#[path = "loopback/client.rs"]
#[allow(dead_code, reason = "the other tests use all of it")]
mod client;
#[path = "loopback/js.rs"]
#[allow(dead_code, reason = "the other tests use all of it")]
mod js;
#[path = "loopback/over_tls.rs"]
mod over_tls;

use std::fs::{self, File};

use client::{GET, ask, await_end, read_answer};
use js::{Event, Js, SendFile, config, respond};

#[test]
fn a_client_that_reads_nothing_costs_no_memory_and_is_cut_in_time() {
    let path = std::env::temp_dir().join(format!("millrace-huge-{}", std::process::id()));
    File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let mut impatient = config();
    impatient.timeouts.write = 500;
    let (mut js, listening, address) = Js::serving(impatient);
    let mut client = ask(address, GET);
    let id = js.request();
    let file = SendFile {
        path: path.to_str().unwrap(),
        token: 9,
        ..SendFile::default()
    };
    let before = resident();
    js.send(file.record(id));
    let timed_out = 16 + 110;
    assert_eq!(js.next(), Event::Written(9, timed_out));
    let grown = resident().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more in memory");
    let stats = js.thread.stats(listening.id).unwrap();
    assert_eq!((stats.timeouts, stats.connections), (1, 0));
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let mut targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    assert!(targets.all(|target| target != path), "it is closed");
    fs::remove_file(&path).unwrap();
    await_end(&mut client);

    let mut next = ask(address, GET);
    let id = js.request();
    js.send(respond(id, "next"));
    assert_eq!(read_answer(&mut next).body, "next");
}

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1024
}
