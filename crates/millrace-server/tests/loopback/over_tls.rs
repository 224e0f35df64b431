//! The same tests over TLS, when `MILLRACE_TEST_TLS` is set: servers have a certificate, and between each client and
//! its server stands what turns bytes into records and back. The client is a socket as ever, that can be shut down,
//! reset and not be read; its server sees the same.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use millrace_server::{Plain, Tls};
use millrace_tls::rustls::pki_types::pem::PemObject;
use millrace_tls::rustls::pki_types::{CertificateDer, ServerName};
use millrace_tls::rustls::{ClientConfig, ClientConnection, RootCertStore};
use millrace_tls::{Blob, Context, Material, Settings, self_signed};
use socket2::SockRef;

use crate::js::PATIENCE;

/// How long one direction waits before it looks at what became of the other.
const GLANCE: Duration = Duration::from_millis(10);

/// What servers are given.
pub(crate) fn tls() -> Option<Tls> {
    Some(pair()?.0.clone())
}

/// Gives the client's end of a connection to a server.
pub(crate) fn secure(stream: TcpStream) -> TcpStream {
    let Some((_, config)) = pair() else {
        return stream;
    };
    let (client, inner) = sockets(&stream).expect("two ends of a connection");
    let name = ServerName::try_from("localhost").expect("a server name");
    let connection = ClientConnection::new(Arc::clone(config), name).expect("a client");
    let between = Arc::new(Between {
        inner,
        server: stream,
        connection: Mutex::new(connection),
        is_over: AtomicBool::new(false),
    });
    // Not waited for: a server may accept when it likes.
    thread::spawn(move || between.run());
    client
}

/// A server's context and a client that trusts it; none unless asked for.
fn pair() -> Option<&'static (Tls, Arc<ClientConfig>)> {
    static PAIR: OnceLock<Option<(Tls, Arc<ClientConfig>)>> = OnceLock::new();
    PAIR.get_or_init(|| std::env::var_os("MILLRACE_TEST_TLS").map(|_| make_pair()))
        .as_ref()
}

fn make_pair() -> (Tls, Arc<ClientConfig>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let own = self_signed(&["localhost".into()], 1, now.as_secs() as i64).expect("a certificate");
    let pem = own.certificate_pem.into_bytes();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem).expect("a certificate"))
        .expect("a root");
    let settings = Settings {
        certificates: vec![Material {
            certificate: Some(Blob::Memory(pem)),
            key: Some(Blob::Memory(own.key_pem.into_bytes())),
            ..Material::default()
        }],
        ..Settings::default()
    };
    let tls = Tls {
        context: Arc::new(Context::new(&settings, None).expect("a context")),
        plain: Plain::Refuse,
        handshakes: 4096,
        name_ms: 0,
    };
    let client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (tls, Arc::new(client))
}

/// Two ends of a connection with as little room as the client wants.
fn sockets(stream: &TcpStream) -> Result<(TcpStream, TcpStream)> {
    let room = SockRef::from(stream).recv_buffer_size()?.min(64 * 1024);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    SockRef::from(&listener).set_recv_buffer_size(room / 2)?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (inner, _) = listener.accept()?;
    SockRef::from(&client).set_recv_buffer_size(room / 2)?;
    SockRef::from(&inner).set_send_buffer_size(room / 2)?;
    for end in [&client, &inner] {
        end.set_nodelay(true)?;
    }
    Ok((client, inner))
}

/// What stands between a client and its server.
struct Between {
    inner: TcpStream,
    server: TcpStream,
    connection: Mutex<ClientConnection>,
    /// One side was reset, or cannot be written to; the other is reset as well.
    is_over: AtomicBool,
}

impl Between {
    fn run(self: Arc<Self>) {
        if self.shake_hands().is_err() {
            return;
        }
        for stream in [&self.inner, &self.server] {
            stream.set_read_timeout(Some(GLANCE)).unwrap();
        }
        let down = Arc::clone(&self);
        let downwards = thread::spawn(move || down.carry(Between::down));
        self.carry(Between::up);
        downwards.join().unwrap();
    }

    fn shake_hands(&self) -> Result<()> {
        self.server.set_nodelay(true)?;
        self.server.set_read_timeout(Some(PATIENCE))?;
        let mut connection = self.connection.lock().unwrap();
        while connection.is_handshaking() {
            connection.complete_io(&mut &self.server)?;
        }
        Ok(())
    }

    fn carry(&self, way: fn(&Self) -> Result<()>) {
        if way(self).is_err() {
            for stream in [&self.inner, &self.server] {
                // What is closed then is reset.
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// From the client to the server.
    fn up(&self) -> Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let count = self.read(&self.inner, &mut bytes)?;
            let records = {
                let mut connection = self.connection.lock().unwrap();
                if count == 0 {
                    connection.send_close_notify();
                }
                connection.writer().write_all(&bytes[..count])?;
                written(&mut connection)?
            };
            (&self.server).write_all(&records)?;
            if count == 0 {
                return self.server.shutdown(Shutdown::Write);
            }
        }
    }

    /// From the server to the client.
    fn down(&self) -> Result<()> {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let count = self.read(&self.server, &mut bytes)?;
            let mut rest = &bytes[..count];
            while !rest.is_empty() {
                let (plain, is_end) = self.opened(&mut rest)?;
                (&self.inner).write_all(&plain)?;
                if is_end {
                    return self.inner.shutdown(Shutdown::Write);
                }
            }
            if count == 0 {
                // Without close_notify it is no orderly end.
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// What these records have, and whether it ends there.
    fn opened(&self, records: &mut &[u8]) -> Result<(Vec<u8>, bool)> {
        let mut connection = self.connection.lock().unwrap();
        connection.read_tls(records)?;
        let state = connection
            .process_new_packets()
            .map_err(std::io::Error::other)?;
        let mut plain = vec![0; state.plaintext_bytes_to_read()];
        connection.reader().read_exact(&mut plain)?;
        Ok((plain, state.peer_has_closed()))
    }

    fn read(&self, mut stream: &TcpStream, bytes: &mut [u8]) -> Result<usize> {
        loop {
            match stream.read(bytes) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if self.is_over.load(Ordering::Relaxed) {
                        return Err(ErrorKind::ConnectionReset.into());
                    }
                }
                result => return result,
            }
        }
    }
}

fn written(connection: &mut ClientConnection) -> Result<Vec<u8>> {
    let mut records = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut records)?;
    }
    Ok(records)
}
