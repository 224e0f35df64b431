//! A client and a session that are connected by memory.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use millrace_tls::rustls::client::Resumption;
use millrace_tls::rustls::pki_types::pem::PemObject;
use millrace_tls::rustls::pki_types::{CertificateDer, ServerName};
use millrace_tls::rustls::{
    ClientConfig, ClientConnection, Error, RootCertStore, ServerConfig, SupportedProtocolVersion,
};
use millrace_tls::{
    Blob, Choice, Context, Failure, HelloReader, KEPT_BYTES, Material, Sealed, Session, Settings,
    self_signed,
};

/// Bytes that come at once at most.
const READ_BYTES: usize = 256 * 1024;

/// What clients and servers of a test are made with.
pub(crate) struct Site {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) context: Context,
    settings: Settings,
}

/// The server's side, with the memory that it works in.
pub(crate) struct Server {
    pub(crate) session: Session,
    pub(crate) sealed: Sealed,
    memory: Vec<u8>,
    /// How much plaintext is taken at once.
    pub(crate) room: usize,
}

pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    pub(crate) server: Server,
}

impl Site {
    pub(crate) fn new(versions: &[&'static SupportedProtocolVersion]) -> Self {
        Site::with(Settings::default(), versions)
    }

    pub(crate) fn with(settings: Settings, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let own = self_signed(&["localhost".into()], 1, now.as_secs() as i64).unwrap();
        let settings = Settings {
            certificates: vec![Material {
                certificate: Some(Blob::Memory(own.certificate_pem.clone().into())),
                key: Some(Blob::Memory(own.key_pem.clone().into())),
                ..Material::default()
            }],
            ..settings
        };
        let context = Context::new(&settings, None);
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(own.certificate_pem.as_bytes());
        roots.add(certificate.unwrap()).unwrap();
        let mut client = ClientConfig::builder_with_protocol_versions(versions)
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = Resumption::in_memory_sessions(4);
        client.enable_early_data = true;
        Site {
            client: Arc::new(client),
            context: context.unwrap(),
            settings,
        }
    }

    pub(crate) fn client(&self) -> ClientConnection {
        let name = ServerName::try_from("localhost").unwrap();
        ClientConnection::new(self.client.clone(), name).unwrap()
    }

    pub(crate) fn config(&self, first: &[u8]) -> Arc<ServerConfig> {
        config_for(&self.context, first)
    }

    /// The same of a server that knows nothing of this one's sessions.
    pub(crate) fn config_of_another(&self, first: &[u8]) -> Arc<ServerConfig> {
        let context = Context::new(&self.settings, None).unwrap();
        config_for(&context, first)
    }

    /// A client that has said hello, and a server that has not heard it.
    pub(crate) fn greeting(&self) -> (Pair, Vec<u8>) {
        let mut client = self.client();
        let first = sent(&mut client);
        let server = Server::new(self.config(&first));
        (Pair { client, server }, first)
    }

    /// Both, with the handshake behind them.
    pub(crate) fn open(&self) -> Pair {
        let (mut pair, first) = self.greeting();
        assert_eq!(pair.server.give(&first), Ok(Vec::new()));
        pair.exchange();
        assert!(pair.server.session.is_open() && !pair.client.is_handshaking());
        pair
    }
}

impl Server {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Self {
        Server {
            session: Session::new(config, Vec::new()).unwrap(),
            sealed: Sealed::default(),
            memory: vec![0; KEPT_BYTES + READ_BYTES],
            room: 64 * 1024,
        }
    }

    /// Gives it what came, and returns the plaintext that it makes of that.
    pub(crate) fn give(&mut self, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut plaintext = Vec::new();
        let mut memory = vec![0; self.room];
        let mut fresh = bytes;
        loop {
            self.memory[self.session.kept()..][..fresh.len()].copy_from_slice(fresh);
            let count = self.session.receive(
                &mut self.memory,
                fresh.len(),
                &mut memory,
                &mut self.sealed,
            )?;
            plaintext.extend_from_slice(&memory[..count]);
            while self.session.has_plaintext() {
                let count = self.session.take_plaintext(&mut memory);
                plaintext.extend_from_slice(&memory[..count]);
            }
            if !self.session.has_records() {
                return Ok(plaintext);
            }
            fresh = &[];
        }
    }

    /// Takes what it has to send.
    pub(crate) fn sent(&mut self) -> Vec<u8> {
        let sent = self.sealed.pending().to_vec();
        self.sealed.clear();
        sent
    }

    pub(crate) fn seal(&mut self, plaintext: &[u8]) -> usize {
        self.session.seal(plaintext, &mut self.sealed).unwrap()
    }
}

impl Pair {
    /// Carries bytes both ways until nobody has more, and returns the plaintext that came to the server.
    pub(crate) fn exchange(&mut self) -> Vec<u8> {
        let mut plaintext = Vec::new();
        loop {
            let (to_client, to_server) = (self.server.sent(), sent(&mut self.client));
            if to_client.is_empty() && to_server.is_empty() {
                return plaintext;
            }
            deliver(&mut self.client, &to_client).expect("the client goes on");
            plaintext.extend(self.server.give(&to_server).expect("the server goes on"));
        }
    }
}

fn config_for(context: &Context, first: &[u8]) -> Arc<ServerConfig> {
    let hello = HelloReader::new().read(&mut &*first).unwrap().unwrap();
    match context.choose(&hello) {
        Choice::Config(config) => config,
        choice => panic!("{choice:?}"),
    }
}

/// Takes what a client has to send.
pub(crate) fn sent(client: &mut ClientConnection) -> Vec<u8> {
    let mut sent = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut sent).unwrap();
    }
    sent
}

/// Gives a client what came, and returns the plaintext that it makes of that.
pub(crate) fn deliver(client: &mut ClientConnection, mut bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut plaintext = Vec::new();
    while !bytes.is_empty() {
        client.read_tls(&mut bytes).unwrap();
        let waiting = client.process_new_packets()?.plaintext_bytes_to_read();
        let start = plaintext.len();
        plaintext.resize(start + waiting, 0);
        std::io::Read::read_exact(&mut client.reader(), &mut plaintext[start..]).unwrap();
    }
    Ok(plaintext)
}

/// Text that does not repeat itself within a record.
pub(crate) fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8)) as u8).collect()
}
