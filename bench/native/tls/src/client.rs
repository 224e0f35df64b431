//! A connection that waits for what it reads: for opening one, and for looking at what a server answers.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, version,
};

use crate::key_exchange::X25519;

const PATIENCE: Duration = Duration::from_secs(5);

/// What every connection of the load offers; a server that takes none of it is an error.
pub(crate) fn configuration() -> io::Result<Arc<ClientConfig>> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// A connection whose handshake has not begun.
pub(crate) fn connect(
    config: &Arc<ClientConfig>,
    port: u16,
) -> io::Result<(TcpStream, ClientConnection)> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let tls = ClientConnection::new(config.clone(), name).map_err(io::Error::other)?;
    let socket = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.set_nodelay(true)?;
    Ok((socket, tls))
}

pub(crate) struct Client {
    socket: TcpStream,
    tls: ClientConnection,
}

impl Client {
    pub(crate) fn open(config: &Arc<ClientConfig>, port: u16) -> io::Result<Self> {
        let (mut socket, mut tls) = connect(config, port)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        tls.complete_io(&mut socket)?;
        Ok(Client { socket, tls })
    }

    /// The length of the answer with its head, once all of it has come.
    pub(crate) fn ask(&mut self, request: &[u8]) -> io::Result<u64> {
        self.tls.writer().write_all(request)?;
        let mut head = Vec::new();
        let mut read = 0;
        let mut whole = None;
        while whole != Some(read) {
            if self.tls.complete_io(&mut self.socket)? == (0, 0) {
                return Err(wrong("the end of the connection"));
            }
            let mut memory = [0; 16 * 1024];
            while let Some(content) = read_content(&mut self.tls, &mut memory)? {
                read += content.len() as u64;
                if whole.is_none() {
                    head.extend_from_slice(content);
                    whole = length(&head)?;
                }
            }
            if whole.is_some_and(|whole| whole < read) {
                return Err(wrong("more than was asked for"));
            }
        }
        Ok(read)
    }

    pub(crate) fn into_parts(self) -> io::Result<(TcpStream, ClientConnection)> {
        self.socket.set_nonblocking(true)?;
        Ok((self.socket, self.tls))
    }
}

/// What has been decrypted, as far as there is room for it; none when there is nothing.
pub(crate) fn read_content<'a>(
    tls: &mut ClientConnection,
    memory: &'a mut [u8],
) -> io::Result<Option<&'a [u8]>> {
    match tls.reader().read(memory) {
        Ok(0) => Err(wrong("the end of TLS")),
        Ok(read) => Ok(Some(&memory[..read])),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Of the whole answer, once its head is complete.
pub(crate) fn length(input: &[u8]) -> io::Result<Option<u64>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(used) = head.parse(input).map_err(io::Error::other)? else {
        return Ok(None);
    };
    if head.code != Some(200) {
        return Err(wrong(format!("status {:?}", head.code)));
    }
    let body = head
        .headers
        .iter()
        .find(|one| one.name.eq_ignore_ascii_case("content-length"))
        .and_then(|field| std::str::from_utf8(field.value).ok()?.parse::<u64>().ok())
        .ok_or_else(|| wrong("an answer without a length"))?;
    Ok(Some(used as u64 + body))
}

pub(crate) fn wrong(what: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("the server gave {what}"))
}

/// Takes every certificate, unseen: whose server it is nobody has to find out here.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_known_with_the_end_of_the_head() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n";
        for end in 0..head.len() {
            assert_eq!(length(&head[..end]).expect("a head"), None);
        }
        assert_eq!(length(head).expect("a head"), Some(head.len() as u64 + 13));
    }

    #[test]
    fn an_answer_that_cannot_be_counted_is_refused() {
        for head in [
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "SSH-2.0\r\n",
        ] {
            assert!(length(head.as_bytes()).is_err(), "{head}");
        }
    }
}
