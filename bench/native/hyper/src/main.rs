//! hyper on one current-thread runtime: the same answers as the JavaScript peers, with no JavaScript at all.
//! `bench-hyper <scenario> [<certificate> <key>]`: with these, over TLS.

mod answers;
mod secure;

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use answers::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[derive(Clone, Copy)]
enum Scenario {
    Hello,
    Busy,
    Json,
    Post,
    Upload,
    Download,
}

fn main() {
    let scenario = match std::env::args().nth(1).as_deref() {
        Some("hello" | "churn") => Scenario::Hello,
        Some("busy") => Scenario::Busy,
        Some("json") => Scenario::Json,
        Some("post") => Scenario::Post,
        Some("upload") => Scenario::Upload,
        Some("download") => Scenario::Download,
        other => {
            panic!(
                "which handler? hello, churn, busy, json, post, upload or download, not {other:?}"
            )
        }
    };
    let acceptor = secure::acceptor(std::env::args().skip(2));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, serve(scenario, acceptor));
}

async fn serve(scenario: Scenario, acceptor: Option<TlsAcceptor>) {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .expect("a free port");
    println!("{}", listener.local_addr().expect("a bound address").port());
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            continue;
        };
        let _ = socket.set_nodelay(true);
        let acceptor = acceptor.clone();
        tokio::task::spawn_local(async move {
            match acceptor {
                None => converse(scenario, socket).await,
                Some(acceptor) => {
                    if let Ok(socket) = acceptor.accept(socket).await {
                        converse(scenario, socket).await;
                    }
                }
            }
        });
    }
}

async fn converse(scenario: Scenario, socket: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(move |request| answer(scenario, request));
    // A client that goes away mid-request is the client's affair.
    let _ = http1::Builder::new()
        .pipeline_flush(true)
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn answer(
    scenario: Scenario,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    Ok(match scenario {
        Scenario::Hello => answers::hello(),
        Scenario::Busy => answers::busy(),
        Scenario::Json => answers::json(&request),
        Scenario::Post => answers::post(request).await,
        Scenario::Upload => answers::upload(request).await,
        Scenario::Download => answers::download(),
    })
}
