//! Requests for the files of a directory.

use crate::connection::{Connection, FileRequest, not_found};
use crate::room::Room;

impl Connection {
    /// Answers a request for a file.
    pub(crate) fn serve_file(&mut self, room: &mut Room, sequence: u32, _request: FileRequest) {
        let date = room.date;
        let (active, server) = self.parts();
        if let Some(active) = active {
            let policy = &server.config.policy;
            let _ = active
                .conn
                .respond_ready(sequence, not_found(), &date, policy);
            server.counters(room.thread).pending.sub(1);
        }
    }
}
