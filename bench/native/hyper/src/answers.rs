//! What each scenario answers; `handlers/answers.mjs` says the same in JavaScript.

use std::convert::Infallible;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};

pub type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Infallible>>;

const PIECE_BYTES: usize = 64 * 1024;
const DOWNLOAD_PIECES: usize = 16;

static PIECE: LazyLock<Bytes> =
    LazyLock::new(|| (0..PIECE_BYTES).map(|at| (at * 31 % 251) as u8).collect());

pub fn hello() -> Response<Body> {
    whole("text/plain", Bytes::from_static(b"Hello, World!"))
}

/// Everything is on one thread here, so that twenty microseconds by the clock are twenty microseconds of work.
pub fn busy() -> Response<Body> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
    hello()
}

#[derive(Serialize)]
struct Described<'a> {
    path: &'a str,
    agent: &'a str,
    id: &'a str,
}

pub fn json(request: &Request<Incoming>) -> Response<Body> {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    };
    let described = Described {
        path: request.uri().path(),
        agent: header(USER_AGENT.as_str()),
        id: header("x-request-id"),
    };
    whole(
        "application/json",
        serde_json::to_vec(&described)
            .expect("strings serialise")
            .into(),
    )
}

#[derive(Deserialize)]
struct Order {
    id: u64,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    quantity: u64,
    price: u64,
}

#[derive(Serialize)]
struct Receipt {
    id: u64,
    items: usize,
    total: u64,
}

pub async fn post(request: Request<Incoming>) -> Response<Body> {
    let Ok(body) = request.into_body().collect().await else {
        return bad_request();
    };
    let Ok(order) = serde_json::from_slice::<Order>(&body.to_bytes()) else {
        return bad_request();
    };
    let total = order
        .items
        .iter()
        .map(|item| item.quantity * item.price)
        .sum();
    let receipt = Receipt {
        id: order.id,
        items: order.items.len(),
        total,
    };
    whole(
        "application/json",
        serde_json::to_vec(&receipt)
            .expect("numbers serialise")
            .into(),
    )
}

pub async fn upload(request: Request<Incoming>) -> Response<Body> {
    let mut body = request.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes += frame.data_ref().map_or(0, Bytes::len),
            Err(_) => return bad_request(),
        }
    }
    whole("text/plain", bytes.to_string().into())
}

pub fn download() -> Response<Body> {
    let pieces = stream::iter((0..DOWNLOAD_PIECES).map(|_| Ok(Frame::data(PIECE.clone()))));
    Response::builder()
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, PIECE_BYTES * DOWNLOAD_PIECES)
        .body(Either::Right(BodyExt::boxed_unsync(StreamBody::new(
            pieces,
        ))))
        .expect("a valid head")
}

fn whole(content_type: &'static str, body: Bytes) -> Response<Body> {
    Response::builder()
        .header(CONTENT_TYPE, content_type)
        .body(Either::Left(Full::new(body)))
        .expect("a valid head")
}

fn bad_request() -> Response<Body> {
    let mut response = whole("text/plain", Bytes::new());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
