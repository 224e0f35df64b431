//! Answers made of files.
//!
//! A file whose name and content the system has in memory is answered on the I/O thread; what has to be looked for on a
//! disk is opened by a worker, and the answer goes on when it is back (`deferred`).
//!
//! # Layout
//!
//! - `wanted`: what is asked for. `draft`: the answer that it becomes.
//! - `find`: which file it is. `open`, `beneath`, `roots`: opening it beneath its root. `list`: directories.
//! - `range`: a part of an open file, and those that a connection has in its output.

#[cfg(target_os = "linux")]
mod beneath;
mod draft;
mod find;
mod list;
mod open;
mod range;
mod roots;
mod wanted;

use millrace_batch::layout::WriteOutcome;
use millrace_batch::outbound::Record;
use millrace_http1::{BodySize, Piece, Rejected, ResponseHead};

use self::draft::Body;
pub(crate) use self::draft::Draft;
pub use self::range::FileRange;
pub(crate) use self::range::{Files, read_at, shrunk};
pub(crate) use self::roots::Roots;
pub(crate) use self::wanted::Wanted;
use crate::answer::{CutShort, Pieces, large, notification};
use crate::connection::{Connection, FileRequest};
use crate::deferred::Worked;
use crate::lane::Chunk;
use crate::room::{Active, Room};

impl Connection {
    /// Answers a FILE record.
    pub(crate) fn answer_file(
        &mut self,
        room: &mut Room,
        record: &Record<'_>,
        pieces: Pieces<'_>,
    ) -> Result<(), CutShort> {
        let sequence = record.exchange.sequence;
        let is_pending = self
            .active()
            .is_some_and(|active| active.conn.is_pending(sequence));
        if !is_pending {
            let notify = notification(&record.action);
            return self.conclude(room, sequence, notify, Err(Rejected::Gone));
        }
        let open = match large(&record.action).and_then(|index| pieces.get(index)) {
            Some(Chunk::File(range)) => Some(range),
            _ => None,
        };
        let now = room.unix_seconds();
        let takes_content = self.takes_content(sequence);
        match Wanted::of_record(&record.action, open, takes_content, now) {
            Some(wanted) => self.answer_wanted(room, sequence, wanted),
            None => {
                let notify = notification(&record.action);
                self.conclude(room, sequence, notify, Err(Rejected::WrongLength))
            }
        }
    }

    /// Answers a request for a file of a route's directory.
    pub(crate) fn serve_file(&mut self, room: &mut Room, sequence: u32, request: FileRequest) {
        let wanted = Wanted::of_route(request, room.unix_seconds());
        // An answer that could not be given leaves nothing to cut: its exchange has gone.
        let _ = self.answer_wanted(room, sequence, wanted);
    }

    /// Answers with the file that is wanted, at once or when a worker has found it.
    pub(crate) fn answer_wanted(
        &mut self,
        room: &mut Room,
        sequence: u32,
        wanted: Wanted,
    ) -> Result<(), CutShort> {
        let mut draft = std::mem::take(&mut room.draft);
        let made = draft.try_make(&wanted, &mut room.roots, room.now);
        let done = match made {
            Ok(()) => self.send_draft(room, sequence, &wanted, &mut draft),
            Err(_) => {
                let (notify, is_ours) = (wanted.notify, wanted.is_of_route());
                self.send_away(room, sequence, notify, false, is_ours, move || {
                    let draft = Draft::make_patiently(&wanted);
                    Worked::Drafted(Box::new((wanted, draft)))
                });
                Ok(())
            }
        };
        room.draft = draft;
        done
    }

    /// Sends the answer that was drafted.
    pub(crate) fn send_draft(
        &mut self,
        room: &mut Room,
        sequence: u32,
        wanted: &Wanted,
        draft: &mut Draft,
    ) -> Result<(), CutShort> {
        if wanted.leave_open
            && let Some(errno) = draft.trouble
        {
            self.report(room, sequence, wanted.notify, WriteOutcome::System(errno));
            return Ok(());
        }
        let outcome = self.encode_draft(room, sequence, wanted, draft);
        if outcome.is_ok() {
            let counters = self.server.counters(room.thread);
            counters.pending.sub(1);
            if draft.is_of_file() {
                counters.file_answers.add(1);
            }
        }
        self.conclude(room, sequence, wanted.notify, outcome)
    }

    fn encode_draft(
        &mut self,
        room: &mut Room,
        sequence: u32,
        wanted: &Wanted,
        draft: &mut Draft,
    ) -> Result<(), Rejected> {
        let (active, server) = self.parts();
        let Active { conn, files, .. } = active.ok_or(Rejected::Gone)?;
        let policy = &server.config.policy;
        let reason =
            (!wanted.reason.is_empty() && draft.is_of_file()).then_some(&wanted.reason[..]);
        // Taken, so that the file is not kept open by the draft.
        let body = std::mem::take(&mut draft.body);
        let draft = &*draft;
        let head = |length: u64| ResponseHead {
            status: draft.status,
            reason,
            fields: &draft.fields,
            body: BodySize::Known(length),
            close: wanted.close,
            has_date: wanted.has_date && draft.is_of_file(),
        };
        match body {
            Body::Memory => {
                let content = Piece::Slice(draft.content());
                conn.respond(sequence, &head(content.len()), content, &room.date, policy)
            }
            Body::File(range) => {
                let head = head(range.length());
                conn.respond(sequence, &head, files.hold(range), &room.date, policy)
            }
            Body::Parts(multipart, whole) => {
                let head = head(multipart.content_length());
                conn.start(sequence, &head, &room.date, policy)?;
                let mut text = Vec::new();
                for (index, range) in multipart.ranges().iter().enumerate() {
                    text.clear();
                    multipart.prefix(index, &mut text);
                    conn.send(sequence, Piece::Slice(&text))?;
                    let range = whole.part(range);
                    conn.send(sequence, files.hold(range))?;
                }
                text.clear();
                multipart.closing(&mut text);
                conn.send(sequence, Piece::Slice(&text))?;
                conn.finish(sequence, b"", policy)
            }
        }
    }

    fn takes_content(&mut self, sequence: u32) -> bool {
        self.active()
            .is_some_and(|active| active.conn.takes_content(sequence, 200))
    }
}
