//! What finding a route costs: `cargo run --release -p millrace-semantics --example nanoseconds`.
//! Each figure is the least of many rounds, as everything else on the machine only adds to it.

use std::hint::black_box;
use std::time::Instant;

use millrace_semantics::{Match, Router, Spans, normalise};

fn main() {
    let mut router = Router::default();
    for index in 0..250 {
        let collection = format!("/api/v1/collection{index}/:id/items/:item");
        router.add("GET", &collection, index).expect("is free");
        let action = format!("/service{index}/:id/do/:action");
        router.add("POST", &action, index).expect("is free");
    }
    router.add("GET", "/*path", 0).expect("is free");

    for (name, method, path) in [
        (
            "two parameters",
            "GET",
            "/api/v1/collection137/42/items/abcdef",
        ),
        ("two at the root", "POST", "/service77/42/do/run"),
        ("wildcard", "GET", "/assets/app.js"),
        ("wildcard, last", "GET", "/api/v1/collection137/42/items"),
        ("405", "PUT", "/api/v1/collection137/42/items/abcdef"),
    ] {
        let mut spans = Spans::default();
        let find = least(|| {
            let found = router.find(
                black_box(method.as_bytes()),
                black_box(path.as_bytes()),
                &mut spans,
            );
            black_box(matches!(found, Match::Found(_)));
        });
        let mut out = Vec::new();
        let normal = least(|| {
            black_box(normalise(black_box(path.as_bytes()), &mut out));
        });
        println!("{name:<16} find {find:>6.1} ns, normalise {normal:>5.1} ns");
    }
}

fn least(mut run: impl FnMut()) -> f64 {
    const RUNS: u32 = 1_000;
    (0..200).fold(f64::INFINITY, |least, _| {
        let start = Instant::now();
        (0..RUNS).for_each(|_| run());
        least.min(start.elapsed().as_nanos() as f64 / f64::from(RUNS))
    })
}
