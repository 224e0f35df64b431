//! Directories whose files are served without JavaScript.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use millrace_server::{FileEtag, FilesRoute, RouteTable, RouteTarget};

use crate::client::{Answer, GET, ask, connect, read_answer, read_head};
use crate::files::{Site, field};
use crate::js::{Event, Js, config, respond, route};

fn files(site: &Site) -> FilesRoute {
    FilesRoute {
        root: site.path().to_owned(),
        index: vec!["index.html".into()],
        dot_files: false,
        list: false,
        precompressed: false,
        etag: FileEtag::Strong,
        last_modified: true,
        ranges: true,
        fields: b"Cache-Control: max-age=60\r\n".to_vec(),
        fallback: None,
        parameter: Some(0),
    }
}

/// A server with one directory at `/files/`.
fn serving(files: FilesRoute) -> (Js, u32, SocketAddr) {
    let route = route("GET", "/files/*path", RouteTarget::Files(files));
    let (js, listening, address) = Js::routing(config(), vec![route]);
    (js, listening.id, address)
}

fn get(client: &mut TcpStream, target: &str) -> Answer {
    get_with(client, target, "")
}

fn get_with(client: &mut TcpStream, target: &str, fields: &str) -> Answer {
    write!(client, "GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n").unwrap();
    read_answer(client)
}

#[test]
fn a_file_is_served_again_and_again_and_javascript_hears_nothing() {
    let site = Site::new();
    site.write("a/b.json", "{\"a\":1}");
    let (js, server, address) = serving(files(&site));
    let mut client = connect(address);
    for _ in 0..3 {
        let answer = get(&mut client, "/files/a/b.json?v=1");
        assert_eq!((answer.status, answer.body.as_str()), (200, "{\"a\":1}"));
        assert_eq!(field(&answer, "Content-Type"), Some("application/json"));
        assert_eq!(field(&answer, "Cache-Control"), Some("max-age=60"));
    }
    let stats = js.thread.stats(server).unwrap();
    assert_eq!((stats.requests, stats.file_answers), (3, 3));
    assert_eq!((stats.pending, js.thread.queued_bytes()), (0, 0));
}

#[test]
fn a_file_that_was_replaced_or_removed_is_seen_as_it_is() {
    let site = Site::new();
    site.write("a.txt", "one");
    let (_js, _, address) = serving(files(&site));
    let mut client = connect(address);
    let first = get(&mut client, "/files/a.txt");
    assert_eq!(first.body, "one");
    let condition = format!("If-None-Match: {}\r\n", field(&first, "ETag").unwrap());
    let unchanged = get_with(&mut client, "/files/a.txt", &condition);
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    assert_eq!(field(&unchanged, "Cache-Control"), Some("max-age=60"));
    site.write("a.txt", "another");
    let second = get_with(&mut client, "/files/a.txt", &condition);
    assert_eq!((second.status, second.body.as_str()), (200, "another"));
    fs::remove_file(site.path().join("a.txt")).unwrap();
    assert_eq!(get(&mut client, "/files/a.txt").status, 404);
}

#[test]
fn a_root_that_was_replaced_is_seen_before_long() {
    let site = Site::new();
    site.write("1/a.txt", "one");
    site.write("2/a.txt", "two");
    let current = site.path().join("current");
    let point_to = |version: &str| {
        let _ = fs::remove_file(&current);
        std::os::unix::fs::symlink(version, &current).unwrap();
    };
    point_to("1");
    let (_js, _, address) = serving(FilesRoute {
        root: current.clone(),
        ..files(&site)
    });
    let mut client = connect(address);
    assert_eq!(get(&mut client, "/files/a.txt").body, "one");
    point_to("2");
    let begin = std::time::Instant::now();
    while get(&mut client, "/files/a.txt").body != "two" {
        assert!(begin.elapsed() < crate::js::PATIENCE, "the old one is kept");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn no_path_leads_out_of_the_directory() {
    let site = Site::new();
    site.write("public/a.txt", "public");
    site.write("secret.txt", "secret");
    site.write("public/.env", "secret");
    let public = site.path().join("public");
    for (target, name) in [
        ("..", "up"),
        ("../secret.txt", "out.txt"),
        ("a.txt", "in.txt"),
    ] {
        std::os::unix::fs::symlink(target, public.join(name)).unwrap();
    }
    let (_js, _, address) = serving(FilesRoute {
        root: public,
        ..files(&site)
    });
    let mut client = connect(address);
    for target in [
        "../secret.txt",
        "%2e%2e/secret.txt",
        "%2E%2E/secret.txt",
        "..%2fsecret.txt",
        "..%2Fsecret.txt",
        "%2e%2e%2fsecret.txt",
        "..%5csecret.txt",
        "..\\secret.txt",
        "a/../../secret.txt",
        "./../secret.txt",
        "/../secret.txt",
        "//etc/passwd",
        "%2fetc%2fpasswd",
        "secret.txt%00.txt",
        "%00",
        "a.txt%00",
        ".env",
        "%2eenv",
        "up/secret.txt",
        "out.txt",
        "in.txt/",
        "a.txt/",
        "a.txt/.",
        "%252e%252e/secret.txt",
        "%c0%ae%c0%ae/secret.txt",
        "....//secret.txt",
        "%",
        "%zz",
    ] {
        let answer = get(&mut client, &format!("/files/{target}"));
        assert!(
            matches!(answer.status, 400 | 404),
            "{target}: {}",
            answer.status
        );
        assert_ne!(answer.body, "secret");
        if answer.head.contains("Connection: close") {
            client = connect(address);
        }
    }
    for target in ["a.txt", "in.txt", "%61.txt", "./a.txt", "/a.txt"] {
        let answer = get(&mut client, &format!("/files/{target}"));
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "public"),
            "{target}"
        );
    }
}

#[test]
fn an_index_is_served_for_a_directory_and_the_slash_asked_for() {
    let site = Site::new();
    site.write("index.html", "root");
    site.write("sub/index.html", "sub");
    site.write("empty/file", "file");
    let (_js, _, address) = serving(files(&site));
    let mut client = connect(address);
    assert_eq!(get(&mut client, "/files/").body, "root");
    let sub = get(&mut client, "/files/sub/");
    assert_eq!(sub.body, "sub");
    assert_eq!(
        field(&sub, "Content-Type"),
        Some("text/html; charset=utf-8")
    );
    for (target, location) in [
        ("/files/sub", "./sub/"),
        ("/files/sub?a=/b", "./sub/?a=/b"),
        ("/files//sub", "./sub/"),
        ("http://evil/files/sub", "./sub/"),
        ("/files/s%75b", "./s%75b/"),
    ] {
        let answer = get(&mut client, target);
        assert_eq!(answer.status, 301, "{target}");
        assert_eq!(field(&answer, "Location"), Some(location));
    }
    assert_eq!(get(&mut client, "/files/empty/").status, 404);
}

#[test]
fn the_directory_itself_has_a_slash_even_where_routes_do_not_care() {
    let site = Site::new();
    site.write("index.html", "root");
    let table = RouteTable::new(true);
    let files = RouteTarget::Files(files(&site));
    table.add(route("GET", "/files/*path", files)).unwrap();
    let mut js = Js::new();
    let listening = js.thread.listen(config(), Some(table)).unwrap();
    let mut client = connect(listening.address.unwrap());
    let answer = get(&mut client, "/files?a");
    assert_eq!(answer.status, 301);
    assert_eq!(field(&answer, "Location"), Some("./files/?a"));
    assert_eq!(get(&mut client, "/files/").body, "root");
}

#[test]
fn a_directory_is_listed_only_where_that_is_allowed() {
    let site = Site::new();
    site.write("b <&>.txt", "");
    site.write("sub/deep.txt", "");
    site.write(".hidden", "");
    let (_js, _, address) = serving(FilesRoute {
        list: true,
        ..files(&site)
    });
    let mut client = connect(address);
    let page = get(&mut client, "/files/");
    assert_eq!(page.status, 200);
    assert_eq!(
        field(&page, "Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        page.body
            .contains("<a href=\"./b%20%3C%26%3E.txt\">b &lt;&amp;&gt;.txt</a>")
    );
    assert!(page.body.contains("<a href=\"./sub/\">sub/</a>"));
    assert!(!page.body.contains("hidden") && !page.body.contains("../"));
    let page = get(&mut client, "/files/sub/");
    assert!(page.body.contains("deep.txt") && page.body.contains("\"../\""));
}

#[test]
fn a_list_has_what_its_links_are_answered_with() {
    let site = Site::new();
    site.write("secret.txt", "secret");
    site.write("public/file.txt", "file");
    site.write("public/odd\\name.txt", "odd");
    site.write("public/sub/other.txt", "other");
    let public = site.path().join("public");
    for (target, name) in [
        ("../secret.txt", "out.txt"),
        ("..", "up"),
        ("nowhere", "broken.txt"),
        ("round.txt", "round.txt"),
        ("sub", "to-sub"),
        ("sub/other.txt", "to-other.txt"),
        ("../file.txt", "sub/to-file.txt"),
        ("../../secret.txt", "sub/out.txt"),
    ] {
        std::os::unix::fs::symlink(target, public.join(name)).unwrap();
    }
    let _socket = std::os::unix::net::UnixListener::bind(public.join("socket.txt")).unwrap();
    let (_js, _, address) = serving(FilesRoute {
        list: true,
        root: public,
        ..files(&site)
    });
    let mut client = connect(address);
    for (target, expected) in [
        (
            "",
            &["./file.txt", "./sub/", "./to-other.txt", "./to-sub/"][..],
        ),
        ("sub/", &["../", "./other.txt", "./to-file.txt"]),
    ] {
        let page = get(&mut client, &format!("/files/{target}")).body;
        let links: Vec<_> = page
            .split("href=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap())
            .collect();
        assert_eq!(links, expected);
        for link in links.into_iter().filter(|link| *link != "../") {
            let answer = get(&mut client, &format!("/files/{target}{link}"));
            assert_eq!(answer.status, 200, "{target}{link}");
        }
    }
}

#[test]
fn a_fallback_is_served_for_what_is_not_there() {
    let site = Site::new();
    site.write("app.html", "the app");
    site.write("real.txt", "real");
    let (_js, _, address) = serving(FilesRoute {
        fallback: Some("app.html".into()),
        ..files(&site)
    });
    let mut client = connect(address);
    for target in ["users/7", "real.txt/x", "", "deep/er/"] {
        let answer = get(&mut client, &format!("/files/{target}"));
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "the app"),
            "{target}"
        );
        assert_eq!(
            field(&answer, "Content-Type"),
            Some("text/html; charset=utf-8")
        );
    }
    assert_eq!(get(&mut client, "/files/real.txt").body, "real");
    assert_eq!(get(&mut client, "/files/..%2fx").status, 404);
}

#[test]
fn files_flow_while_a_handler_answers_nobody() {
    let site = Site::new();
    site.write("a.txt", "file");
    site.write("large.bin", vec![b'x'; 5 << 20]);
    let (mut js, _, address) = serving(files(&site));
    // Its handler is busy for as long as the test likes.
    let pipelined = GET.to_owned() + "GET /files/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut waiting = ask(address, pipelined);
    let id = js.request();
    let mut client = connect(address);
    for _ in 0..20 {
        assert_eq!(get(&mut client, "/files/a.txt").body, "file");
    }
    assert_eq!(get(&mut client, "/files/large.bin").body.len(), 5 << 20);
    js.send(respond(id, "at last"));
    assert_eq!(read_answer(&mut waiting).body, "at last");
    assert_eq!(read_answer(&mut waiting).body, "file");
}

#[test]
fn head_is_answered_without_content() {
    let site = Site::new();
    site.write("a.txt", "content");
    let (_js, _, address) = serving(files(&site));
    let mut client = connect(address);
    client
        .write_all(b"HEAD /files/a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let head = read_head(&mut client);
    assert!(head.contains("Content-Length: 7\r\n"), "{head}");
    assert_eq!(get(&mut client, "/files/a.txt").body, "content");
}

#[test]
fn clients_that_leave_while_their_files_are_looked_for_harm_nobody() {
    let site = Site::new();
    for number in 0..200 {
        site.write(&format!("{number}.txt"), "x");
    }
    let (mut js, server, address) = serving(FilesRoute {
        list: true,
        ..files(&site)
    });
    for number in 0..200 {
        // Listing is always a worker's, and comes back to a connection that may be gone.
        let target = if number % 2 == 0 { "" } else { "none.txt" };
        let client = ask(
            address,
            format!("GET /files/{target} HTTP/1.1\r\nHost: a\r\n\r\n"),
        );
        socket2::SockRef::from(&client)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
    }
    let mut client = connect(address);
    assert_eq!(get(&mut client, "/files/7.txt").body, "x");
    js.thread.close(server, Some(0));
    loop {
        match js.next() {
            Event::Closed(closed) => break assert_eq!(closed, server),
            Event::Failed(..) => {}
            other => panic!("JavaScript hears of {other:?}"),
        }
    }
    assert_eq!(js.thread.stats(server).unwrap().pending, 0);
}
