//! The batch that JavaScript writes, as read by the core.

use millrace_batch::layout::THREAD_SHIFT;
use millrace_batch::outbound::{Outbound, split_run};

/// Any bytes as an outbound batch: reading ends, records lie one behind the other, and the batch
/// split into runs for the I/O threads has the same records as the whole.
pub fn batch(input: &[u8]) {
    let mut whole = Vec::new();
    let mut end = 0;
    for record in Outbound::new(input).map_while(Result::ok) {
        assert_eq!(
            record.raw,
            &input[end..end + record.raw.len()],
            "records are in a row"
        );
        end += record.raw.len();
        whole.push(record);
    }

    let mut in_runs = Vec::new();
    let mut rest = input;
    while let Some((thread, length)) = split_run(rest) {
        let (run, after) = rest.split_at(length);
        for record in Outbound::new(run).map_while(Result::ok) {
            assert_eq!(
                record.exchange.connection >> THREAD_SHIFT,
                thread,
                "a run has one thread"
            );
            in_runs.push(record);
        }
        rest = after;
    }
    // A record that is malformed inside is not looked at for the split, and those behind it are lost
    // to the reader of the whole only.
    assert_eq!(in_runs.get(..whole.len()), Some(&whole[..]));
}
