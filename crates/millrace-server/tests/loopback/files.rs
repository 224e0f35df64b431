//! Answers made of files that a handler sends.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use millrace_batch::layout::file_option;
use millrace_server::FileRange;

use crate::client::{Answer, GET, ask, await_end, connect, read_answer, read_head, read_to_end};
use crate::js::{
    Event, Js, SendFile, chunk, config, end, large_chunk, respond, respond_and_tell, start,
};

const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";

/// A directory of a test's own.
pub(crate) struct Site(PathBuf);

impl Site {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("millrace-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Site(path.canonicalize().unwrap())
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn root(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// A server, a client, and a handler that sends files.
struct Exchange {
    js: Js,
    client: TcpStream,
    server: u32,
}

impl Exchange {
    fn new() -> Self {
        let (js, listening, address) = Js::serving(config());
        Exchange {
            js,
            client: connect(address),
            server: listening.id,
        }
    }

    /// The answer to a request that is answered with a file, and the outcome of its write.
    fn send(&mut self, file: &SendFile<'_>) -> Answer {
        self.send_to(GET, file)
    }

    fn send_to(&mut self, request: &str, file: &SendFile<'_>) -> Answer {
        self.client.write_all(request.as_bytes()).unwrap();
        let id = self.js.request();
        self.js.send(file.record(id));
        let answer = if request.starts_with("HEAD") {
            let head = read_head(&mut self.client);
            Answer {
                status: head[9..12].parse().unwrap(),
                head,
                body: String::new(),
            }
        } else {
            read_answer(&mut self.client)
        };
        assert_eq!(self.js.next(), Event::Written(file.token, 0));
        answer
    }

    fn stats(&self) -> millrace_server::Stats {
        self.js.thread.stats(self.server).unwrap()
    }
}

/// The value of a field.
pub(crate) fn field<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut lines = answer.head.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// How many descriptors of this process lead to files beneath a directory.
#[cfg(target_os = "linux")]
pub(crate) fn open_files(site: &Site) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    let targets = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets
        .filter(|target| target.starts_with(site.path()) && target != site.path())
        .count()
}

#[cfg(target_os = "linux")]
fn await_closed(site: &Site) {
    let begin = std::time::Instant::now();
    while open_files(site) > 0 {
        assert!(begin.elapsed() < crate::js::PATIENCE, "a file stays open");
        std::thread::yield_now();
    }
}

#[test]
fn a_small_file_is_sent_with_all_that_is_known_of_it() {
    let site = Site::new();
    let path = site.write("hello.txt", "hello, file");
    let mut exchange = Exchange::new();
    let answer = exchange.send(&SendFile {
        path: &path,
        token: 7,
        fields: "X-Own: here\r\n",
        ..SendFile::default()
    });
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello, file"));
    assert_eq!(
        field(&answer, "Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(field(&answer, "Accept-Ranges"), Some("bytes"));
    assert_eq!(field(&answer, "X-Own"), Some("here"));
    assert!(field(&answer, "ETag").unwrap().starts_with("\"b-"));
    assert!(field(&answer, "Last-Modified").unwrap().ends_with(" GMT"));
    let stats = exchange.stats();
    assert_eq!((stats.file_answers, stats.pending), (1, 0));
}

#[test]
fn a_large_file_arrives_whole_and_is_closed() {
    let site = Site::new();
    let content: Vec<u8> = (0..9_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let path = site.write("large", &content);
    let mut exchange = Exchange::new();
    exchange.client.write_all(GET.repeat(2).as_bytes()).unwrap();
    for token in 0..2 {
        let id = exchange.js.request();
        let file = SendFile {
            path: &path,
            token,
            ..SendFile::default()
        };
        exchange.js.send(file.record(id));
    }
    for token in 0..2 {
        let head = read_head(&mut exchange.client);
        assert!(head.contains(&format!("Content-Length: {}\r\n", content.len())));
        let mut body = vec![0; content.len()];
        exchange.client.read_exact(&mut body).unwrap();
        assert!(body == content);
        assert_eq!(exchange.js.next(), Event::Written(token, 0));
    }
    #[cfg(target_os = "linux")]
    await_closed(&site);
}

#[test]
fn an_empty_file_is_a_file() {
    let site = Site::new();
    let path = site.write("empty.css", "");
    let answer = Exchange::new().send(&SendFile {
        path: &path,
        ..SendFile::default()
    });
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert!(answer.head.contains("Content-Length: 0\r\n"));
}

#[test]
fn head_has_the_fields_of_get_and_no_content() {
    let site = Site::new();
    let small = site.write("small.html", "<p>");
    let large = site.write("large.html", "x".repeat(100_000));
    let mut exchange = Exchange::new();
    for (path, length) in [(&small, 3), (&large, 100_000)] {
        let answer = exchange.send_to(
            HEAD,
            &SendFile {
                path,
                conditions: "Range: bytes=0-1\r\n",
                ..SendFile::default()
            },
        );
        assert_eq!(answer.status, 200, "ranges are for GET");
        assert_eq!(field(&answer, "Content-Length"), Some(&*length.to_string()));
    }
    let answer = exchange.send(&SendFile {
        path: &small,
        ..SendFile::default()
    });
    assert_eq!(answer.body, "<p>", "the connection goes on");
}

#[test]
fn conditions_are_evaluated() {
    let site = Site::new();
    let path = site.write("a.json", "{}");
    let mut exchange = Exchange::new();
    let plain = SendFile {
        path: &path,
        fields: "Cache-Control: no-cache\r\nContent-Type: text/x-own\r\n",
        ..SendFile::default()
    };
    let answer = exchange.send(&plain);
    let etag = field(&answer, "ETag").unwrap().to_owned();
    let modified = field(&answer, "Last-Modified").unwrap().to_owned();
    assert_eq!(field(&answer, "Content-Type"), Some("text/x-own"));
    for (conditions, status) in [
        (format!("If-None-Match: {etag}\r\n"), 304),
        (format!("if-none-match: W/{etag}\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        ("If-None-Match: \"other\"\r\n".to_owned(), 200),
        (format!("If-Modified-Since: {modified}\r\n"), 304),
        (
            format!("If-Modified-Since: {modified}\r\nIf-None-Match: \"other\"\r\n"),
            200,
        ),
        (format!("If-Match: {etag}\r\n"), 200),
        ("If-Match: \"other\"\r\n".to_owned(), 412),
        (
            "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n".to_owned(),
            412,
        ),
        (
            format!("If-None-Match: \"other\"\r\nIf-None-Match: {etag}\r\n"),
            304,
        ),
        (
            format!("If-Match: \"other\"\r\nIf-None-Match: {etag}\r\n"),
            412,
        ),
    ] {
        let conditional = SendFile {
            conditions: &conditions,
            ..plain
        };
        let answer = exchange.send(&conditional);
        assert_eq!(answer.status, status, "{conditions}");
        if status == 304 {
            assert_eq!(field(&answer, "ETag"), Some(&*etag));
            assert_eq!(field(&answer, "Cache-Control"), Some("no-cache"));
            assert_eq!(field(&answer, "Content-Type"), None);
            assert_eq!(answer.body, "");
        }
        if status == 412 {
            assert_eq!(answer.body, "Precondition Failed\n");
        }
    }
}

#[test]
fn a_part_is_sent_to_whom_asks_for_it() {
    let site = Site::new();
    let path = site.write("digits.txt", "0123456789");
    let mut exchange = Exchange::new();
    let etag = {
        let answer = exchange.send(&SendFile {
            path: &path,
            ..SendFile::default()
        });
        field(&answer, "ETag").unwrap().to_owned()
    };
    for (conditions, status, body, content_range) in [
        ("Range: bytes=2-4\r\n", 206, "234", Some("bytes 2-4/10")),
        ("Range: bytes=7-\r\n", 206, "789", Some("bytes 7-9/10")),
        ("Range: bytes=-2\r\n", 206, "89", Some("bytes 8-9/10")),
        (
            "Range: bytes=-200\r\n",
            206,
            "0123456789",
            Some("bytes 0-9/10"),
        ),
        (
            "Range: bytes=0-18446744073709551615\r\n",
            206,
            "0123456789",
            Some("bytes 0-9/10"),
        ),
        (
            "Range: bytes=10-\r\n",
            416,
            "Range Not Satisfiable\n",
            Some("bytes */10"),
        ),
        (
            "Range: bytes=99999999999999999999-\r\n",
            416,
            "Range Not Satisfiable\n",
            Some("bytes */10"),
        ),
        ("Range: bytes=4-2\r\n", 200, "0123456789", None),
        ("Range: lines=1-2\r\n", 200, "0123456789", None),
        (
            "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n",
            200,
            "0123456789",
            None,
        ),
        (
            &format!("Range: bytes=0-1\r\nIf-Range: {etag}\r\n"),
            206,
            "01",
            Some("bytes 0-1/10"),
        ),
    ] {
        let answer = exchange.send(&SendFile {
            path: &path,
            conditions,
            ..SendFile::default()
        });
        assert_eq!(answer.status, status, "{conditions}");
        assert_eq!(answer.body, body, "{conditions}");
        assert_eq!(
            field(&answer, "Content-Range"),
            content_range,
            "{conditions}"
        );
    }
    let whole = exchange.send(&SendFile {
        path: &path,
        options: file_option::NO_RANGES | file_option::NO_ETAG | file_option::NO_LAST_MODIFIED,
        conditions: "Range: bytes=0-1\r\n",
        ..SendFile::default()
    });
    assert_eq!((whole.status, whole.body.as_str()), (200, "0123456789"));
    for name in ["Accept-Ranges", "ETag", "Last-Modified"] {
        assert_eq!(field(&whole, name), None);
    }
}

#[test]
fn several_parts_come_as_multipart_and_hundreds_are_not_asked_for_in_earnest() {
    let site = Site::new();
    let path = site.write("letters.txt", "abcdefghijklmnopqrstuvwxyz");
    let mut exchange = Exchange::new();
    let answer = exchange.send(&SendFile {
        path: &path,
        conditions: "Range: bytes=0-1,5-6,-1\r\n",
        ..SendFile::default()
    });
    assert_eq!(answer.status, 206);
    let media_type = field(&answer, "Content-Type").unwrap();
    let boundary = media_type
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let part = |range: &str, content: &str| {
        format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Range: bytes {range}/26\r\n\r\n{content}\r\n"
        )
    };
    let parts = [part("0-1", "ab"), part("5-6", "fg"), part("25-25", "z")];
    assert_eq!(answer.body, format!("{}--{boundary}--\r\n", parts.concat()));

    let overlapping = exchange.send(&SendFile {
        path: &path,
        conditions: "Range: bytes=0-5,3-8,9-9\r\n",
        ..SendFile::default()
    });
    assert_eq!(
        (overlapping.status, overlapping.body.as_str()),
        (206, "abcdefghij")
    );
    let hundreds = format!("Range: bytes={}\r\n", "0-0,2-2,".repeat(200));
    let answer = exchange.send(&SendFile {
        path: &path,
        conditions: &hundreds,
        ..SendFile::default()
    });
    assert_eq!((answer.status, answer.body.len()), (200, 26));
    #[cfg(target_os = "linux")]
    await_closed(&site);
}

#[test]
fn a_status_of_ones_own_takes_the_whole_file() {
    let site = Site::new();
    let path = site.write("missing.html", "<h1>not here</h1>");
    let answer = Exchange::new().send(&SendFile {
        status: 404,
        path: &path,
        conditions: "Range: bytes=0-1\r\nIf-None-Match: *\r\n",
        ..SendFile::default()
    });
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (404, "<h1>not here</h1>")
    );
    assert_eq!(field(&answer, "ETag"), None);
}

#[test]
fn what_is_no_file_is_answered_with_its_status() {
    let site = Site::new();
    let file = site.write("file", "content");
    let mut exchange = Exchange::new();
    let long = format!("{}/{}", site.root(), "x".repeat(300));
    let nul = format!("{file}\0.txt");
    for path in [
        "/nowhere/at/all",
        &format!("{file}/beneath"),
        site.root(),
        &long,
        &nul,
        "",
    ] {
        let answer = exchange.send(&SendFile {
            path,
            fields: "Cache-Control: immutable\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            ..SendFile::default()
        });
        assert_eq!((answer.status, answer.body.as_str()), (404, "Not Found\n"));
        assert_eq!(field(&answer, "Cache-Control"), None);
        assert_ne!(
            field(&answer, "Date"),
            Some("Sun, 06 Nov 1994 08:49:37 GMT")
        );
    }
    assert_eq!(exchange.stats().file_answers, 0);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_no_file_and_keeps_nobody_waiting() {
    let site = Site::new();
    let path = site.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let mut exchange = Exchange::new();
    for path in [path.to_str().unwrap(), "/dev/tty", "/dev/null"] {
        let answer = exchange.send(&SendFile {
            path,
            ..SendFile::default()
        });
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[test]
fn a_failure_leaves_the_exchange_open_where_that_is_asked_for() {
    let site = Site::new();
    let mut exchange = Exchange::new();
    exchange.client.write_all(GET.as_bytes()).unwrap();
    let id = exchange.js.request();
    let missing = SendFile {
        path: "missing",
        root: site.root(),
        token: 3,
        options: file_option::HAS_ROOT | file_option::LEAVE_OPEN,
        ..SendFile::default()
    };
    exchange.js.send(missing.record(id));
    assert_eq!(exchange.js.next(), Event::Written(3, 16 + 2), "ENOENT");
    exchange.js.send(respond(id, "something else"));
    assert_eq!(read_answer(&mut exchange.client).body, "something else");
}

#[cfg(unix)]
#[test]
fn nothing_beneath_a_root_leads_out_of_it() {
    let site = Site::new();
    site.write("public/a.txt", "public");
    site.write("public/deep/b.txt", "deep");
    site.write("secret.txt", "secret");
    let public = site.path().join("public");
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, public.join(name)).unwrap();
    };
    link("../secret.txt", "out.txt");
    link(&format!("{}/secret.txt", site.root()), "absolute.txt");
    link("..", "up");
    link("/", "slash");
    link("/proc/self/root", "magic");
    link("loop", "loop");
    link("deep/b.txt", "inside.txt");
    link("../a.txt", "deep/inside.txt");
    let root = public.to_str().unwrap();
    let mut exchange = Exchange::new();
    for (path, status) in [
        ("a.txt", 200),
        ("/a.txt", 200),
        ("deep/../a.txt", 200),
        ("inside.txt", 200),
        ("deep/inside.txt", 200),
        ("../secret.txt", 404),
        ("../public/a.txt", 404),
        ("deep/../../secret.txt", 404),
        ("out.txt", 404),
        ("absolute.txt", 404),
        ("up/secret.txt", 404),
        ("slash/etc/passwd", 404),
        ("magic/etc/passwd", 404),
        ("loop", 404),
        ("deep", 404),
        (".hidden", 404),
    ] {
        let answer = exchange.send(&SendFile {
            path,
            root,
            options: file_option::HAS_ROOT,
            ..SendFile::default()
        });
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.body.contains("secret"), "{path}");
    }
}

#[test]
fn hidden_files_are_sent_only_where_that_is_allowed() {
    let site = Site::new();
    site.write(".well-known/a", "known");
    let mut exchange = Exchange::new();
    for (options, status) in [(0, 404), (file_option::DOT_FILES, 200)] {
        let answer = exchange.send(&SendFile {
            path: ".well-known/a",
            root: site.root(),
            options: options | file_option::HAS_ROOT,
            ..SendFile::default()
        });
        assert_eq!(answer.status, status);
    }
}

#[test]
fn a_compressed_neighbour_is_sent_to_whom_accepts_it() {
    let site = Site::new();
    let path = site.write("app.js", "plain");
    site.write("app.js.gz", "gzip");
    site.write("app.js.br", "br");
    fs::create_dir(site.path().join("app.js.zst")).unwrap();
    let mut exchange = Exchange::new();
    let mut etags = Vec::new();
    for (accept, body, coding) in [
        ("gzip, deflate, br, zstd", "br", Some("br")),
        ("gzip", "gzip", Some("gzip")),
        ("zstd, gzip;q=0.5", "gzip", Some("gzip")),
        ("br;q=0, zstd", "plain", None),
        ("br;q=0.1, gzip", "gzip", Some("gzip")),
        ("*", "br", Some("br")),
        ("identity", "plain", None),
    ] {
        let answer = exchange.send(&SendFile {
            path: &path,
            options: file_option::PRECOMPRESSED,
            conditions: &format!("Accept-Encoding: {accept}\r\n"),
            ..SendFile::default()
        });
        assert_eq!(answer.body, body, "{accept}");
        assert_eq!(field(&answer, "Content-Encoding"), coding);
        assert_eq!(field(&answer, "Vary"), Some("Accept-Encoding"));
        let media_type = field(&answer, "Content-Type");
        assert_eq!(media_type, Some("text/javascript; charset=utf-8"));
        etags.push((field(&answer, "ETag").unwrap().to_owned(), coding));
    }
    for (etag, coding) in &etags {
        for (other, other_coding) in &etags {
            assert_eq!(etag == other, coding == other_coding);
        }
    }
    // One part says what it is a part of; several together cannot.
    let letters = site.write("letters.css", "plain");
    site.write("letters.css.br", "abcdef");
    for (ranges, status, body) in [("0-0", 206, "a"), ("0-0,3-4", 200, "abcdef")] {
        let answer = exchange.send(&SendFile {
            path: &letters,
            options: file_option::PRECOMPRESSED,
            conditions: &format!("Accept-Encoding: br\r\nRange: bytes={ranges}\r\n"),
            ..SendFile::default()
        });
        assert_eq!((answer.status, &*answer.body), (status, body));
        assert_eq!(field(&answer, "Content-Encoding"), Some("br"));
    }
    let plain = exchange.send(&SendFile {
        path: &path,
        conditions: "Accept-Encoding: br\r\n",
        ..SendFile::default()
    });
    assert_eq!(plain.body, "plain", "unless it is not asked for");
    assert_eq!(field(&plain, "Vary"), None);
}

#[test]
fn an_open_file_is_sent_and_a_part_of_it_in_the_middle_of_an_answer() {
    let site = Site::new();
    let content = "x".repeat(200_000) + "the end";
    let path = site.write("file", &content);
    let file = Arc::new(File::open(&path).unwrap());
    fs::remove_file(&path).unwrap();
    let mut exchange = Exchange::new();
    exchange.client.write_all(GET.as_bytes()).unwrap();
    let id = exchange.js.request();
    let index = exchange
        .js
        .thread
        .put_file(FileRange::new(file.clone(), 199_998..200_007));
    let of_handle = SendFile {
        token: 1,
        conditions: "Range: bytes=2-4\r\n",
        ..SendFile::default()
    };
    exchange.js.send(of_handle.of_handle(id, index));
    let answer = read_answer(&mut exchange.client);
    assert_eq!((answer.status, answer.body.as_str()), (206, "the"));
    assert_eq!(field(&answer, "Content-Range"), Some("bytes 2-4/9"));
    assert_eq!(exchange.js.next(), Event::Written(1, 0));

    exchange.client.write_all(GET.as_bytes()).unwrap();
    let id = exchange.js.request();
    exchange.js.send(start(id));
    exchange.js.send(chunk(id, b"before ", 2));
    let whole = FileRange::new(file.clone(), 0..200_007);
    let index = exchange.js.thread.put_file(whole);
    exchange.js.send(large_chunk(id, index, 3));
    let empty = FileRange::new(file, 5..5);
    let index = exchange.js.thread.put_file(empty);
    exchange.js.send(large_chunk(id, index, 4));
    exchange.js.send(chunk(id, b" after", 5));
    exchange.js.send(end(id));
    read_head(&mut exchange.client);
    let body = crate::client::read_chunked(&mut exchange.client);
    assert!(body == format!("before {content} after").as_bytes());
    #[cfg(target_os = "linux")]
    await_closed(&site);
}

#[test]
fn files_behind_a_slow_handler_wait_for_their_turn() {
    let site = Site::new();
    let small = site.write("small", "small");
    let large = site.write("large", "l".repeat(300_000));
    let mut exchange = Exchange::new();
    exchange.client.write_all(GET.repeat(4).as_bytes()).unwrap();
    let ids: Vec<_> = (0..4).map(|_| exchange.js.request()).collect();
    for (id, path) in [(ids[1], &small), (ids[2], &large)] {
        let file = SendFile {
            path,
            ..SendFile::default()
        };
        exchange.js.send(file.record(id));
    }
    exchange.js.send(respond(ids[3], "last"));
    exchange.js.send(respond(ids[0], "first"));
    let bodies: Vec<_> = (0..4)
        .map(|_| read_answer(&mut exchange.client).body)
        .collect();
    assert_eq!(bodies[0], "first");
    assert_eq!(bodies[1], "small");
    assert!(bodies[2] == "l".repeat(300_000));
    assert_eq!(bodies[3], "last");
}

#[test]
fn a_file_that_shrinks_cuts_its_connection_and_no_other() {
    let site = Site::new();
    let path = site.write("log", vec![b'x'; 64 << 20]);
    let mut exchange = Exchange::new();
    exchange.client.write_all(GET.as_bytes()).unwrap();
    let id = exchange.js.request();
    let file = SendFile {
        path: &path,
        token: 5,
        ..SendFile::default()
    };
    exchange.js.send(file.record(id));
    read_head(&mut exchange.client);
    // The rest is more than the system holds for a client that does not read.
    let shrinking = File::options().write(true).open(&path).unwrap();
    shrinking.set_len(1 << 20).unwrap();
    drop(shrinking);
    await_end(&mut exchange.client);
    let Event::Written(5, outcome) = exchange.js.next() else {
        panic!("the handler is told");
    };
    assert_eq!(outcome, 16 + 5, "EIO");
    #[cfg(target_os = "linux")]
    await_closed(&site);
    let address = exchange.client.peer_addr().unwrap();
    let mut other = ask(address, GET);
    let id = exchange.js.request();
    exchange.js.send(respond(id, "others are served"));
    assert_eq!(read_answer(&mut other).body, "others are served");
}

#[test]
fn a_client_that_goes_in_the_middle_leaves_nothing_open() {
    let site = Site::new();
    let path = site.write("large", vec![b'x'; 64 << 20]);
    let (mut js, listening, address) = Js::serving(config());
    for token in 0..8 {
        let mut client = ask(address, GET);
        let id = js.request();
        let file = SendFile {
            path: &path,
            token,
            ..SendFile::default()
        };
        js.send(file.record(id));
        read_head(&mut client);
        drop(client);
        let Event::Written(told, outcome) = js.next() else {
            panic!("the handler is told");
        };
        assert_eq!(told, token);
        assert_ne!(outcome, 0);
    }
    #[cfg(target_os = "linux")]
    await_closed(&site);
    assert_eq!(js.thread.stats(listening.id).unwrap().pending, 0);
}

#[test]
fn a_huge_file_does_not_keep_others_from_their_turn() {
    let site = Site::new();
    let path = site.write("large", vec![b'x'; 64 << 20]);
    let (mut js, _, address) = Js::serving(config());
    let mut greedy = ask(address, GET);
    let id = js.request();
    let file = SendFile {
        path: &path,
        token: 1,
        ..SendFile::default()
    };
    js.send(file.record(id));
    let reader = std::thread::spawn(move || {
        read_head(&mut greedy);
        let mut body = vec![0; 64 << 20];
        greedy.read_exact(&mut body).unwrap();
    });
    let mut other = ask(address, GET);
    loop {
        match js.next() {
            Event::Request { id, .. } => break js.send(respond_and_tell(id, "meanwhile", 2)),
            Event::Written(1, 0) => {}
            other => panic!("not {other:?}"),
        }
    }
    assert_eq!(read_answer(&mut other).body, "meanwhile");
    reader.join().unwrap();
}

#[test]
fn a_file_for_an_exchange_that_is_over_is_told_and_not_looked_for() {
    let site = Site::new();
    let mut exchange = Exchange::new();
    exchange.client.write_all(GET.as_bytes()).unwrap();
    let id = exchange.js.request();
    exchange.js.send(respond(id, "answered"));
    assert_eq!(read_answer(&mut exchange.client).body, "answered");
    // A name that nobody has asked the system for is one for a worker.
    let file = SendFile {
        path: "never asked for",
        root: site.root(),
        token: 4,
        ..SendFile::default()
    };
    exchange.js.send(file.record(id));
    assert_eq!(exchange.js.next(), Event::Written(4, 1));
}

#[test]
fn an_answer_on_http_1_0_ends_with_its_length() {
    let site = Site::new();
    let path = site.write("a", "content");
    let (mut js, _, address) = Js::serving(config());
    let mut client = ask(address, "GET / HTTP/1.0\r\n\r\n");
    let id = js.request();
    let file = SendFile {
        path: &path,
        ..SendFile::default()
    };
    js.send(file.record(id));
    let answer = read_to_end(&mut client);
    assert!(answer.contains("Content-Length: 7\r\n") && answer.ends_with("\r\n\r\ncontent"));
}
