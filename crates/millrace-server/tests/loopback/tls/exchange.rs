//! Requests and answers over TLS.

use std::io::Write;

use millrace_batch::layout::inbound_flag;
use millrace_tls::rustls::{SupportedProtocolVersion, version};

use super::client::pair_with;
use crate::client::{GET, read_answer};
use crate::js::{Event, Js, respond};

static TLS12: &[&SupportedProtocolVersion] = &[&version::TLS12];
static TLS13: &[&SupportedProtocolVersion] = &[&version::TLS13];

#[test]
fn a_request_is_received_and_its_answer_read() {
    for (versions, number) in [(TLS12, 0x0303), (TLS13, 0x0304)] {
        let pair = pair_with(Default::default(), versions);
        let (mut js, listening, address) = Js::serving(pair.config.clone());
        let mut client = pair.connect(address);
        for round in 0..3 {
            client.write_all(GET.as_bytes()).unwrap();
            let Event::Request { id, flags, .. } = js.next() else {
                panic!("a request comes first");
            };
            assert_ne!(flags & inbound_flag::SECURE, 0);
            assert_eq!(flags & inbound_flag::EARLY, 0);
            js.send(respond(id, &format!("hello {round}")));
            let answer = read_answer(&mut client);
            assert_eq!(
                (answer.status, answer.body),
                (200, format!("hello {round}"))
            );
            let info = js.thread.tls_info(id.connection, id.generation);
            let info = info.expect("it is known");
            assert_eq!(info.session.version, number);
            assert_eq!(info.server_name.as_deref(), Some("localhost"));
        }
        let stats = js.thread.stats(listening.id).unwrap();
        assert_eq!(
            (stats.tls_handshakes, stats.tls_open, stats.tls_failed),
            (1, 0, 0)
        );
    }
}
