//! Answers that the core gives by itself, the same each time.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use bytes::Bytes;
use millrace_coding::Levels;
use millrace_http1::{BodySize, Head, Ready, ResponseHead, http_date};
use millrace_semantics::{Coding, Codings, Conditions, Precondition, Validators, evaluate};

use crate::workers;

/// What a fixed answer is made from.
#[derive(Clone, Debug, Default)]
pub struct FixedAnswer {
    /// The status code.
    pub status: u16,
    /// The reason phrase; empty for the standard one.
    pub reason: Vec<u8>,
    /// Lines `name: value\r\n`, checked by whoever wrote them, with none of the fields below.
    pub fields: Vec<u8>,
    /// The body.
    pub body: Bytes,
    /// The value of `ETag`, with its quotes. That of a compressed body has the coding's name added.
    pub etag: Option<Vec<u8>>,
    /// `Last-Modified`, in seconds since 1970.
    pub modified: Option<u64>,
    /// Whether the body is also kept compressed, for clients that like it better.
    pub compress: bool,
}

/// A fixed answer, which may be replaced at any time.
#[derive(Debug)]
pub(crate) struct Fixed(ArcSwap<Edition>);

/// An answer in its codings, of which the compressed ones come later.
#[derive(Debug)]
pub(crate) struct Edition {
    answer: FixedAnswer,
    identity: Variant,
    gzip: OnceLock<Variant>,
    brotli: OnceLock<Variant>,
    zstd: OnceLock<Variant>,
}

#[derive(Debug)]
struct Variant {
    whole: Ready,
    not_modified: Ready,
    etag: Option<Vec<u8>>,
}

impl Fixed {
    pub(crate) fn new(answer: FixedAnswer) -> Self {
        Fixed(ArcSwap::from_pointee(Edition::new(answer)))
    }

    pub(crate) fn replace(&self, answer: FixedAnswer) {
        self.0.store(Arc::new(Edition::new(answer)));
    }

    /// Has the body compressed. Until that is done it is sent as it is.
    pub(crate) fn compress(&self, codings: Codings, levels: Levels) {
        let edition = self.0.load_full();
        if edition.answer.compress && !edition.answer.body.is_empty() {
            workers::submit(Box::new(move || edition.compress(codings, levels)));
        }
    }

    /// Gives `send` the answer to a request.
    pub(crate) fn answer(
        &self,
        head: &Head<'_>,
        codings: Codings,
        now: u64,
        send: impl FnOnce(&Ready),
    ) {
        let edition = self.0.load();
        if !head.fields().any(|field| may_matter(field.name)) {
            return send(&edition.identity.whole);
        }
        let fields = head.fields().map(|field| (field.name, field.value));
        let conditions = Conditions::from_fields(fields);
        let variant = edition.preferred(&conditions, codings);
        send(
            match edition.precondition(&conditions, head, variant, now) {
                Precondition::Proceed => &variant.whole,
                Precondition::NotModified => &variant.not_modified,
                Precondition::Failed => precondition_failed(),
            },
        );
    }
}

impl Edition {
    fn new(answer: FixedAnswer) -> Self {
        Edition {
            identity: Variant::new(&answer, Coding::Identity, answer.body.clone()),
            answer,
            gzip: OnceLock::new(),
            brotli: OnceLock::new(),
            zstd: OnceLock::new(),
        }
    }

    fn compress(&self, codings: Codings, levels: Levels) {
        for &coding in codings.as_slice() {
            let (variant, encoding) = match coding {
                Coding::Identity => continue,
                Coding::Gzip => (&self.gzip, millrace_coding::Coding::Gzip),
                Coding::Brotli => (&self.brotli, millrace_coding::Coding::Brotli),
                Coding::Zstd => (&self.zstd, millrace_coding::Coding::Zstd),
            };
            let mut body = Vec::new();
            millrace_coding::encode(encoding, levels, &self.answer.body, &mut body);
            if body.len() < self.answer.body.len() {
                variant.get_or_init(|| Variant::new(&self.answer, coding, body.into()));
            }
        }
    }

    /// The variant that suits the request best, of those that are there.
    fn preferred(&self, conditions: &Conditions<'_>, codings: Codings) -> &Variant {
        if !self.answer.compress {
            return &self.identity;
        }
        let mut present = [Coding::Identity; 3];
        let mut count = 0;
        for &coding in codings.as_slice() {
            if self.variant(coding).is_some() {
                present[count] = coding;
                count += 1;
            }
        }
        let coding = conditions.accept_encoding.prefer(&present[..count]);
        self.variant(coding).unwrap_or(&self.identity)
    }

    fn variant(&self, coding: Coding) -> Option<&Variant> {
        match coding {
            Coding::Identity => Some(&self.identity),
            Coding::Gzip => self.gzip.get(),
            Coding::Brotli => self.brotli.get(),
            Coding::Zstd => self.zstd.get(),
        }
    }

    /// RFC 9110 13.2.1: conditions are of no account to an answer that is no success, and to methods that have to do
    /// with no representation.
    fn precondition(
        &self,
        conditions: &Conditions<'_>,
        head: &Head<'_>,
        variant: &Variant,
        now: u64,
    ) -> Precondition {
        if !(200..300).contains(&self.answer.status) || matches!(head.method, b"OPTIONS" | b"TRACE")
        {
            return Precondition::Proceed;
        }
        let validators = Validators {
            etag: variant.etag.as_deref(),
            modified: self.answer.modified,
        };
        let is_safe = matches!(head.method, b"GET" | b"HEAD");
        evaluate(conditions, is_safe, true, &validators, now)
    }
}

impl Variant {
    fn new(answer: &FixedAnswer, coding: Coding, body: Bytes) -> Self {
        let etag = answer.etag.as_deref().map(|etag| etag_of(etag, coding));
        let mut added = Vec::new();
        if let Some(etag) = &etag {
            push_field(&mut added, "ETag", etag);
        }
        if let Some(modified) = answer.modified {
            push_field(&mut added, "Last-Modified", &http_date(modified));
        }
        if answer.compress {
            push_field(&mut added, "Vary", b"Accept-Encoding");
        }
        let kept = lines(&answer.fields).filter(|line| !describes_content(line));
        let not_modified = [kept.collect::<Vec<_>>().concat(), added.clone()].concat();
        if coding != Coding::Identity {
            push_field(&mut added, "Content-Encoding", coding.name().as_bytes());
        }
        let whole = [&*answer.fields, &*added].concat();
        Variant {
            whole: ready(answer.status, &answer.reason, &whole, body),
            not_modified: ready(304, b"", &not_modified, Bytes::new()),
            etag,
        }
    }
}

fn ready(status: u16, reason: &[u8], fields: &[u8], body: Bytes) -> Ready {
    let head = ResponseHead {
        status,
        reason: (!reason.is_empty()).then_some(reason),
        fields,
        body: BodySize::Known(body.len() as u64),
        close: false,
        has_date: lines(fields).any(|line| has_name(line, b"date")),
    };
    Ready::new(&head, body)
}

fn precondition_failed() -> &'static Ready {
    static READY: OnceLock<Ready> = OnceLock::new();
    READY.get_or_init(|| {
        let fields = b"Content-Type: text/plain; charset=utf-8\r\n";
        let body = b"A condition of the request does not hold.\n";
        ready(412, b"", fields, Bytes::from_static(body))
    })
}

/// Whether a field of this name may decide which answer is given. Few requests have one, and only for those is it worth
/// looking closer.
fn may_matter(name: &[u8]) -> bool {
    match name {
        [b'i' | b'I', b'f' | b'F', b'-', ..] => true,
        [b'a' | b'A', ..] => name.len() == "accept-encoding".len(),
        _ => false,
    }
}

/// The entity tag of the content in this coding: each has to have its own (RFC 9110 8.8.3.3).
fn etag_of(etag: &[u8], coding: Coding) -> Vec<u8> {
    match etag.strip_suffix(b"\"") {
        Some(begin) if coding != Coding::Identity => {
            [begin, b"-", coding.name().as_bytes(), b"\""].concat()
        }
        _ => etag.to_vec(),
    }
}

/// Whether a line says something about content that a 304 does not have (RFC 9110 15.4.5).
fn describes_content(line: &[u8]) -> bool {
    [
        &b"content-type"[..],
        b"content-encoding",
        b"content-language",
        b"content-range",
        b"content-disposition",
    ]
    .iter()
    .any(|name| has_name(line, name))
}

fn has_name(line: &[u8], name: &[u8]) -> bool {
    line.get(name.len()) == Some(&b':') && line[..name.len()].eq_ignore_ascii_case(name)
}

/// Field lines, each with its end.
fn lines(fields: &[u8]) -> impl Iterator<Item = &[u8]> {
    fields.split_inclusive(|&byte| byte == b'\n')
}

fn push_field(fields: &mut Vec<u8>, name: &str, value: &[u8]) {
    fields.extend_from_slice(name.as_bytes());
    fields.extend_from_slice(b": ");
    fields.extend_from_slice(value);
    fields.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coding_has_an_etag_of_its_own() {
        assert_eq!(etag_of(b"\"a\"", Coding::Identity), b"\"a\"");
        assert_eq!(etag_of(b"\"a\"", Coding::Gzip), b"\"a-gzip\"");
        assert_eq!(etag_of(b"W/\"a\"", Coding::Brotli), b"W/\"a-br\"");
    }

    #[test]
    fn fields_are_found_by_whole_names_in_any_case() {
        assert!(has_name(b"DATE: now\r\n", b"date"));
        assert!(!has_name(b"dated: now\r\n", b"date"));
        assert!(!has_name(b"date", b"date"));
        assert!(describes_content(b"content-type: text/plain\r\n"));
        assert!(!describes_content(b"cache-control: no-cache\r\n"));
    }

    #[test]
    fn what_compression_makes_larger_is_not_kept() {
        let answer = FixedAnswer {
            status: 200,
            body: Bytes::from_static(b"x"),
            compress: true,
            ..FixedAnswer::default()
        };
        let edition = Edition::new(answer);
        edition.compress(
            Codings::from_names("zstd,br,gzip").unwrap(),
            Levels::default(),
        );
        assert!(edition.gzip.get().is_none() && edition.brotli.get().is_none());
    }
}
