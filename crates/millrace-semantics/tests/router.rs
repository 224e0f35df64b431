//! Which route takes which request, by tables and against a plain matcher that tries every route.

use millrace_semantics::{Match, Method, RouteError, Router, RouterOptions, Spans};
use proptest::prelude::*;

/// What a request comes to: the pattern and the parameters, or the status with `Allow`.
fn found(router: &Router<&'static str>, method: &str, path: &str) -> String {
    let mut spans = Spans::default();
    let outcome = router.find(method.as_bytes(), path.as_bytes(), &mut spans);
    let params: Vec<_> = spans
        .as_slice()
        .iter()
        .map(|span| &path[span.start as usize..span.end as usize])
        .collect();
    match outcome {
        Match::Found(value) => [&[*value], &*params].concat().join(" "),
        _ if !params.is_empty() => panic!("{method} {path} has parameters without a route"),
        Match::NotFound => "404".to_owned(),
        Match::MethodNotAllowed(allow) => format!("405 {allow}"),
        Match::Options(allow) => format!("204 {allow}"),
    }
}

fn router(routes: &[&'static str]) -> Router<&'static str> {
    router_with(RouterOptions::default(), routes)
}

/// Routes are written `METHOD pattern`, and their value is that text.
fn router_with(options: RouterOptions, routes: &[&'static str]) -> Router<&'static str> {
    let mut router = Router::new(options);
    for route in routes {
        let (method, pattern) = route.split_once(' ').expect("a method and a pattern");
        router.add(method, pattern, *route).expect(route);
    }
    router
}

fn check(router: &Router<&'static str>, cases: &[(&str, &str)]) {
    for (request, expected) in cases {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        assert_eq!(found(router, method, path), *expected, "{request}");
    }
}

#[test]
fn parameters_are_spans_in_the_order_of_the_pattern() {
    let router = router(&[
        "GET /",
        "GET /users",
        "GET /users/:id",
        "GET /users/:id/posts/:post",
        "GET /files/*path",
        "GET /:name.json",
        "GET /img-:id.png",
    ]);
    check(
        &router,
        &[
            ("GET /", "GET /"),
            ("GET ", "GET /"),
            ("GET /users", "GET /users"),
            ("GET /users/", "404"),
            ("GET /users/42", "GET /users/:id 42"),
            ("GET /users/42/", "404"),
            ("GET /users/42/posts", "404"),
            ("GET /users/42/posts/7", "GET /users/:id/posts/:post 42 7"),
            ("GET /users//posts/7", "404"),
            ("GET /files", "404"),
            ("GET /files/", "GET /files/*path "),
            ("GET /files/a", "GET /files/*path a"),
            ("GET /files/a/b/", "GET /files/*path a/b/"),
            ("GET /files//a", "GET /files/*path /a"),
            ("GET /data.json", "GET /:name.json data"),
            ("GET /.json", "404"),
            ("GET /a.b.json", "GET /:name.json a.b"),
            ("GET /img-7.png", "GET /img-:id.png 7"),
            ("GET /img-.png", "404"),
            ("GET /img-7.jpg", "404"),
            ("GET //", "404"),
            ("GET users", "404"),
            ("GET *", "404"),
        ],
    );
}

#[test]
fn literal_text_comes_before_a_parameter_and_a_parameter_before_a_wildcard() {
    let router = router(&[
        "GET /*rest",
        "GET /:a",
        "GET /me",
        "GET /:a.js",
        "GET /:a.min.js",
        "GET /app-:a",
        "GET /:a/x",
        "GET /me/:b",
        "GET /:a/:b/:c",
        "GET /me/*rest",
    ]);
    check(
        &router,
        &[
            ("GET /", "GET /*rest "),
            ("GET /me", "GET /me"),
            ("GET /mee", "GET /:a mee"),
            ("GET /a.js", "GET /:a.js a"),
            ("GET /a.min.js", "GET /:a.min.js a"),
            ("GET /app-a.js", "GET /app-:a a.js"),
            ("GET /me/x", "GET /me/:b x"),
            ("GET /you/x", "GET /:a/x you"),
            ("GET /you/y", "GET /*rest you/y"),
            ("GET /me/", "GET /me/*rest "),
            // Segment by segment: `me` is literal here, although the other has no wildcard.
            ("GET /me/b/c", "GET /me/*rest b/c"),
            ("GET /you/b/c", "GET /:a/:b/:c you b c"),
            ("GET /you/b/c/d", "GET /*rest you/b/c/d"),
        ],
    );
}

#[test]
fn the_next_branch_is_tried_when_the_preferred_one_leads_nowhere() {
    let router = router(&[
        "GET /a/b/c",
        "GET /:x/b/d",
        "GET /a/:y/e",
        "GET /:x/:y/f",
        "POST /a/:y/d",
    ]);
    check(
        &router,
        &[
            ("GET /a/b/c", "GET /a/b/c"),
            ("GET /a/b/d", "GET /:x/b/d a"),
            ("GET /a/b/e", "GET /a/:y/e b"),
            ("GET /a/b/f", "GET /:x/:y/f a b"),
            ("POST /a/b/d", "POST /a/:y/d b"),
            ("PUT /a/b/d", "405 GET, HEAD, POST, OPTIONS"),
            ("GET /a/b/g", "404"),
        ],
    );
}

#[test]
fn head_is_answered_by_the_route_of_get() {
    let router = router(&["GET /a", "HEAD /b", "GET /b", "HEAD /c", "* /d", "POST /e"]);
    check(
        &router,
        &[
            ("HEAD /a", "GET /a"),
            ("HEAD /b", "HEAD /b"),
            ("GET /b", "GET /b"),
            ("HEAD /c", "HEAD /c"),
            ("GET /c", "405 HEAD, OPTIONS"),
            ("HEAD /d", "* /d"),
            ("HEAD /e", "405 POST, OPTIONS"),
        ],
    );
}

#[test]
fn options_and_405_say_what_is_allowed() {
    let router = router(&[
        "GET /a",
        "DELETE /a",
        "PROPFIND /a",
        "POST /:x",
        "OPTIONS /b",
        "get /c",
        "* /any",
    ]);
    check(
        &router,
        &[
            (
                "OPTIONS /a",
                "204 GET, HEAD, POST, DELETE, OPTIONS, PROPFIND",
            ),
            ("PUT /a", "405 GET, HEAD, POST, DELETE, OPTIONS, PROPFIND"),
            ("PATCH /x", "405 POST, OPTIONS"),
            ("UNHEARD /x", "405 POST, OPTIONS"),
            ("propfind /x", "405 POST, OPTIONS"),
            ("OPTIONS /b", "OPTIONS /b"),
            ("GET /b", "405 POST, OPTIONS"),
            ("GET /c", "405 POST, OPTIONS, get"),
            ("get /c", "get /c"),
            ("OPTIONS /any", "* /any"),
            ("UNHEARD /any", "* /any"),
            ("OPTIONS /x/y", "404"),
        ],
    );
}

#[test]
fn options_of_the_whole_server_lists_every_method() {
    let all = "204 GET, HEAD, POST, OPTIONS, LINK";
    let some = router(&["GET /a", "POST /b/:c", "LINK /c"]);
    // An absolute target without a path is `OPTIONS *` (RFC 9112 3.2.4), hence the empty path.
    check(
        &some,
        &[("OPTIONS *", all), ("OPTIONS ", all), ("OPTIONS /", "404")],
    );
    check(
        &router(&[]),
        &[("OPTIONS *", "204 OPTIONS"), ("GET /", "404")],
    );
    let any = "204 GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    check(&router(&["* /a"]), &[("OPTIONS *", any)]);
}

#[test]
fn a_method_of_its_own_comes_before_all_methods_at_the_same_pattern_only() {
    let router = router(&["* /a/:x", "GET /a/:y", "GET /:x/b", "* /c", "GET /*rest"]);
    check(
        &router,
        &[
            ("GET /a/b", "GET /a/:y b"),
            ("POST /a/b", "* /a/:x b"),
            ("HEAD /a/b", "GET /a/:y b"),
            ("GET /c", "* /c"),
        ],
    );
}

#[test]
fn the_same_pattern_may_have_other_names_in_another_method() {
    let router = router(&["GET /a/:x/*y", "POST /a/:y/*x", "GET /a/:other/b"]);
    check(
        &router,
        &[
            ("GET /a/1/2/3", "GET /a/:x/*y 1 2/3"),
            ("POST /a/1/2/3", "POST /a/:y/*x 1 2/3"),
            ("GET /a/1/b", "GET /a/:other/b 1"),
        ],
    );
}

#[test]
fn a_trailing_slash_counts_unless_it_is_ignored() {
    let routes = ["GET /", "GET /a/", "GET /b", "GET /f/*path", "GET /p/:id"];
    check(
        &router(&routes),
        &[
            ("GET /a", "404"),
            ("GET /a/", "GET /a/"),
            ("GET /b/", "404"),
            ("GET /f", "404"),
            ("GET /p/1/", "404"),
        ],
    );
    let ignoring = RouterOptions {
        ignore_trailing_slash: true,
    };
    check(
        &router_with(ignoring, &routes),
        &[
            ("GET /", "GET /"),
            ("GET /a", "GET /a/"),
            ("GET /a/", "GET /a/"),
            ("GET /a//", "404"),
            ("GET /b", "GET /b"),
            ("GET /b/", "GET /b"),
            ("GET /f", "GET /f/*path "),
            ("GET /f/", "GET /f/*path "),
            ("GET /f//", "GET /f/*path /"),
            ("GET /f/a", "GET /f/*path a"),
            ("GET /f/a/", "GET /f/*path a/"),
            ("GET /p/1/", "GET /p/:id 1"),
            ("GET /p/", "404"),
        ],
    );
    let mut router = router_with(ignoring, &["GET /a"]);
    let conflict = router.add("GET", "/a/", "again");
    assert_eq!(conflict, Err(RouteError::Conflict { with: "/a".into() }));
}

#[test]
fn two_routes_for_the_same_requests_are_a_conflict_that_names_the_first() {
    for (first, second) in [
        ("/", "/"),
        ("/a", "/%61"),
        ("/café", "/caf%c3%a9"),
        ("/:a/b", "/:b/b"),
        ("/*a", "/*b"),
        ("/:a.js", "/:b.js"),
        ("/v:a", "/v:b"),
    ] {
        let mut router = Router::default();
        router.add("GET", first, 1).expect("the first is free");
        let error = router.add("GET", second, 2).expect_err("taken");
        assert_eq!(error, RouteError::Conflict { with: first.into() });
        assert_eq!(
            error.to_string(),
            format!("the route {first} takes the same requests")
        );
        router.add("POST", second, 3).expect("another method");
        router.add(Method::Any, second, 4).expect("all methods");
        assert!(router.add("*", second, 5).is_err());
    }
}

#[test]
fn what_is_no_method_is_refused() {
    let mut router = Router::default();
    for method in ["", "A B", "GET,POST", "GÉT", "A/B"] {
        let error = router.add(method, "/", ()).expect_err(method);
        assert!(error.to_string().ends_with("is no method name"), "{error}");
    }
    for number in 0..56 {
        let added = router.add(&*format!("M{number}"), "/", ());
        assert_eq!(added, Ok(()));
    }
    assert!(router.add("M56", "/", ()).is_err());
    assert_eq!(router.add("GET", "/", ()), Ok(()));
    assert_eq!(router.add("*", "/", ()), Ok(()));
}

#[test]
fn a_refused_route_leaves_the_router_as_it_was() {
    let mut router = router(&["GET /a/:x"]);
    assert!(router.add("POST", "/a/:", "POST").is_err());
    assert!(router.add("GET", "/a/:y", "GET").is_err());
    assert!(router.add("P T", "/a/:y", "P T").is_err());
    check(
        &router,
        &[
            ("PUT /a/1", "405 GET, HEAD, OPTIONS"),
            ("GET /a/1", "GET /a/:x 1"),
        ],
    );
}

#[test]
fn literals_that_share_their_first_bytes_are_told_apart() {
    let router = router(&[
        "GET /a",
        "GET /abcdefgh",
        "GET /abcdefghi",
        "GET /abcdefghj",
        "GET /abcdefg",
        "GET /b/",
    ]);
    for path in [
        "/a",
        "/abcdefgh",
        "/abcdefghi",
        "/abcdefghj",
        "/abcdefg",
        "/b/",
    ] {
        assert_eq!(found(&router, "GET", path), format!("GET {path}"));
    }
    for path in [
        "/abcdefghk",
        "/abcdef",
        "/b",
        "/b//",
        "/a\0",
        "/a\0\0\0\0\0\0\0",
    ] {
        assert_eq!(found(&router, "GET", path), "404");
    }
}

const SEGMENTS: [&str; 9] = ["a", "b", "a.b", ":p", ":p.b", "a:p", "", "*p", ":q.a.b"];
const METHODS: [&str; 3] = ["GET", "POST", "*"];

proptest! {
    #[test]
    fn agrees_with_a_matcher_that_tries_every_route(
        routes in prop::collection::vec((0..METHODS.len(), prop::collection::vec(0..SEGMENTS.len(), 1..5)), 0..24),
        paths in prop::collection::vec("(/[ab.]{0,3}){1,5}", 1..24),
        ignore_trailing_slash: bool,
    ) {
        let mut router = Router::new(RouterOptions { ignore_trailing_slash });
        let mut patterns = Vec::new();
        for (method, segments) in routes {
            let method = METHODS[method];
            // Names must differ within a pattern.
            let pattern: String = segments.iter().enumerate().map(|(index, &segment)| {
                let segment = SEGMENTS[segment];
                let named = [":p", ":q", "*p"].iter().fold(segment.to_owned(), |segment, name| {
                    segment.replace(name, &format!("{name}{index}"))
                });
                format!("/{named}")
            }).collect();
            if router.add(method, &pattern, patterns.len()).is_ok() {
                patterns.push((method, pattern));
            }
        }
        let mut spans = Spans::default();
        for path in &paths {
            for method in ["GET", "POST", "PUT"] {
                let found = match router.find(method.as_bytes(), path.as_bytes(), &mut spans) {
                    Match::Found(&index) => Some(index),
                    _ => None,
                };
                let expected = patterns.iter().enumerate()
                    .filter(|(_, (of, _))| *of == method || *of == "*")
                    .filter_map(|(index, (of, pattern))| {
                        let rank = rank(pattern, path, ignore_trailing_slash)?;
                        Some(((rank, *of == "*"), index))
                    })
                    .min()
                    .map(|(_, index)| index);
                prop_assert_eq!(found, expected, "{} {} of {:?}", method, path, &patterns);
                let parameters = found.map_or(0, |index| patterns[index].1.matches([':', '*']).count());
                prop_assert_eq!(spans.as_slice().len(), parameters);
            }
        }
    }

    #[test]
    fn no_bytes_are_too_odd_for_it(path in prop::collection::vec(any::<u8>(), 0..40), method in prop::collection::vec(any::<u8>(), 0..8)) {
        let router = router(&["GET /", "* /a/:b", "GET /:a.b/*c"]);
        let mut spans = Spans::default();
        router.find(&method, &path, &mut spans);
        for span in spans.as_slice() {
            prop_assert!(span.start <= span.end && span.end as usize <= path.len());
        }
    }
}

/// How well each segment of `path` is matched, lower is better; `None` when it is not.
fn rank(pattern: &str, path: &str, ignore_trailing_slash: bool) -> Option<Vec<(u8, isize, isize)>> {
    let trim = |text: &str| match text.strip_suffix('/') {
        Some(trimmed) if ignore_trailing_slash && !trimmed.is_empty() => trimmed.to_owned(),
        _ => text.to_owned(),
    };
    let (pattern, path) = (trim(pattern), trim(path));
    let mut segments = path[1..].split('/');
    let mut rank = Vec::new();
    for segment in pattern[1..].split('/') {
        if segment.starts_with('*') {
            rank.push((3, 0, 0));
            return (segments.next().is_some() || ignore_trailing_slash).then_some(rank);
        }
        let given = segments.next()?;
        let Some((prefix, rest)) = segment.split_once(':') else {
            rank.push((0, 0, 0));
            (segment == given).then_some(())?;
            continue;
        };
        let suffix = rest
            .split_once('.')
            .map_or("", |(name, _)| &rest[name.len()..]);
        let inner = given.strip_prefix(prefix)?.strip_suffix(suffix)?;
        (!inner.is_empty()).then_some(())?;
        let literal = prefix.len() + suffix.len();
        let kind = if literal == 0 { 2 } else { 1 };
        rank.push((kind, -(literal as isize), -(prefix.len() as isize)));
    }
    segments.next().is_none().then_some(rank)
}
