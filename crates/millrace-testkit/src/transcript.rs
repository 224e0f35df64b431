//! What a request decoder makes of its input, as text that tests can compare and people can read.

use std::fmt::Write;

use millrace_http1::{Decoder, Error, Event, Field, FieldSpans, Head, Limits, Remaining};

use crate::splits;

/// Everything that came out of a [`Decoder`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// One line for each request, header, body, end and trailer. Adjacent pieces of data are one
    /// line, as their borders depend on how the input arrived.
    pub events: String,
    /// The error that ended it.
    pub error: Option<Error>,
    /// The bytes left unused at the end of the input.
    pub unread: Vec<u8>,
}

impl Transcript {
    /// Feeds `pieces` as a connection would: each is appended to what the decoder left unread.
    ///
    /// # Panics
    ///
    /// When the decoder breaks a promise that holds for any input.
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Transcript {
        let mut decoder = Decoder::default();
        let mut fields = FieldSpans::default();
        let mut transcript = Transcript::default();
        let mut data = Vec::new();
        for piece in pieces {
            transcript.unread.extend_from_slice(piece);
            if let Err(error) = transcript.read(&mut decoder, limits, &mut fields, &mut data) {
                let again = decoder
                    .next(&transcript.unread, limits, &mut fields, |_| {
                        limits.body_bytes
                    })
                    .map(|_| ());
                assert_eq!(again, Err(error), "an error stays");
                transcript.error = Some(error);
                transcript.unread.clear();
                break;
            }
        }
        transcript.flush(&mut data);
        transcript
    }

    /// The transcript of `input`, which is the same fed whole, split at every byte and byte by byte.
    ///
    /// # Panics
    ///
    /// When it is not the same.
    pub fn however_split(input: &[u8], limits: &Limits) -> Transcript {
        let whole = Transcript::of([input], limits);
        for pieces in splits(input) {
            let transcript = Transcript::of(pieces.iter().copied(), limits);
            assert_eq!(
                transcript,
                whole,
                "{} in {} pieces",
                input.escape_ascii(),
                pieces.len()
            );
        }
        whole
    }

    fn read(
        &mut self,
        decoder: &mut Decoder,
        limits: &Limits,
        fields: &mut FieldSpans,
        data: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let unread = std::mem::take(&mut self.unread);
        let mut at = 0;
        loop {
            let (used, event) =
                decoder.next(&unread[at..], limits, fields, |_| limits.body_bytes)?;
            assert!(
                used <= unread.len() - at,
                "no more bytes are used than there are"
            );
            at += used;
            match event {
                Event::NeedMore => break,
                Event::Data(piece) => {
                    assert!(!piece.is_empty(), "data is never empty");
                    data.extend_from_slice(piece);
                }
                Event::Request(head) => {
                    self.flush(data);
                    self.request(&head);
                }
                Event::End(trailers) => {
                    self.flush(data);
                    self.line("end");
                    self.fields("trailer", trailers.fields());
                    assert!(decoder.is_between_requests(), "an end is the end");
                }
            }
        }
        if decoder.is_between_requests() {
            assert_eq!(
                decoder.body_remaining(),
                Remaining::None,
                "no body between requests"
            );
        }
        self.unread = unread[at..].to_vec();
        Ok(())
    }

    fn request(&mut self, head: &Head<'_>) {
        let Head {
            method,
            target,
            form,
            version,
            framing,
            ..
        } = head;
        let flags = [
            (head.persistent, " persistent"),
            (head.expect_continue, " expect-continue"),
            (head.upgrade, " upgrade"),
        ];
        let flags: String = flags
            .into_iter()
            .filter_map(|(set, name)| set.then_some(name))
            .collect();
        let (method, target) = (method.escape_ascii(), target.escape_ascii());
        self.line(&format!(
            "{method} {target} {form:?} {version:?} {framing:?}{flags}"
        ));
        assert_eq!(head.fields().len(), head.field_count());
        self.fields("header", head.fields());
    }

    fn fields<'a>(&mut self, kind: &str, fields: impl Iterator<Item = Field<'a>>) {
        for Field { name, value } in fields {
            self.line(&format!(
                "{kind} {}: {}",
                name.escape_ascii(),
                value.escape_ascii()
            ));
        }
    }

    fn flush(&mut self, data: &mut Vec<u8>) {
        if !data.is_empty() {
            self.line(&format!("data {}", data.escape_ascii()));
            data.clear();
        }
    }

    fn line(&mut self, text: &str) {
        writeln!(self.events, "{text}").expect("a string takes any text");
    }
}
