//! Certificates of clients: whether they are asked for, and what is held of those that come.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertRevocationListError, DigitallySignedStruct, DistinguishedName, RootCertStore,
    SignatureScheme,
};

use crate::credentials::certificates;
use crate::explain::{TOO_MANY_CERTIFICATES, certificate_problem};
use crate::material::Blob;
use crate::pem;
use crate::settings::{ClientAuth, Settings};
use crate::{Error, ErrorKind};

/// How clients are judged.
#[derive(Debug)]
pub(crate) struct ClientCertificates {
    mode: ClientAuth,
    /// What certificates are judged by; none when there are no roots.
    judge: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
    /// A hash of all that decides who is let in. Sessions are resumed where it is the same, and only there.
    pub(crate) fingerprint: [u8; 32],
}

impl ClientCertificates {
    pub(crate) fn new(settings: &Settings, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let mode = settings.client;
        let mut this = ClientCertificates {
            mode,
            judge: None,
            provider: provider.clone(),
            fingerprint: [0; 32],
        };
        // What is set without being used is read all the same, so that a mistake in it shows now and not later.
        let roots = read_roots(&settings.roots)?;
        let lists = read_lists(&settings.revocation_lists)?;
        this.fingerprint = fingerprint(mode, &roots, &lists);
        if roots.is_empty() {
            return match mode {
                ClientAuth::Required => Err(problem(
                    "client certificates are required, but `ca` names no authority to trust",
                )),
                _ if !lists.is_empty() => Err(problem(
                    "`crl` is set, but `ca` names no authority to trust",
                )),
                _ => Ok(this),
            };
        }
        this.judge = Some(judge(roots, lists, provider)?);
        Ok(this)
    }

    /// What the handshake asks; none when clients are not asked for certificates.
    pub(crate) fn verifier(&self) -> Option<Arc<dyn ClientCertVerifier>> {
        match (self.mode, &self.judge) {
            (ClientAuth::None, _) => None,
            (ClientAuth::Required, Some(judge)) => Some(judge.clone()),
            (ClientAuth::Required, None) | (ClientAuth::Asked, _) => Some(Arc::new(LetIn {
                judge: self.judge.clone(),
                provider: self.provider.clone(),
            })),
        }
    }

    /// Whether the client that sent this chain is who it says, or why that cannot be told.
    pub(crate) fn verdict(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), String> {
        let Some((own, others)) = chain.split_first() else {
            return Err("the client sent no certificate".into());
        };
        let Some(judge) = &self.judge else {
            return Err("no client certificate is trusted: `ca` names no authority".into());
        };
        let verdict = judge.verify_client_cert(own, others, now);
        verdict
            .map(|_| ())
            .map_err(|error| certificate_problem(&error, Some(own)))
    }
}

/// The most bytes of certificates that anybody may show of whom nothing is verified: some ten of them. What is shown is kept
/// for as long as the connection is open.
const SHOWN_BYTES: usize = 16 * 1024;

/// Lets everybody in who holds the key of the certificate that was sent, whoever signed that.
#[derive(Debug)]
struct LetIn {
    judge: Option<Arc<dyn ClientCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for LetIn {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// The names of the authorities, from which clients choose the certificate that they send.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.judge
            .as_ref()
            .map_or(&[], |judge| judge.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let bytes = others
            .iter()
            .fold(own.len(), |sum, other| sum + other.len());
        if bytes > SHOWN_BYTES {
            return Err(rustls::Error::General(TOO_MANY_CERTIFICATES.into()));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn judge(
    roots: Vec<Root>,
    lists: Vec<List>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.certificate).map_err(|error| {
            problem(format!(
                "{} cannot be used as an authority: {error}",
                root.origin
            ))
        })?;
    }
    let store = Arc::new(store);
    let builder = || WebPkiClientVerifier::builder_with_provider(store.clone(), provider.clone());
    // One by one first, because the error of a build does not tell which list it is about.
    for list in &lists {
        builder()
            .with_crls([list.der.clone()])
            .build()
            .map_err(|error| {
                problem(format!(
                    "{} cannot be used: {}",
                    list.origin,
                    of_list(&error)
                ))
            })?;
    }
    // As OpenSSL has it: a list that is missing for one of the authorities, or has expired, does not let revoked
    // certificates in.
    builder()
        .with_crls(lists.into_iter().map(|list| list.der))
        .enforce_revocation_expiration()
        .build()
        .map_err(|error| problem(error.to_string()))
}

struct Root {
    certificate: CertificateDer<'static>,
    origin: String,
}

struct List {
    der: CertificateRevocationListDer<'static>,
    origin: String,
}

fn read_roots(blobs: &[Blob]) -> Result<Vec<Root>, Error> {
    let mut roots = Vec::new();
    for blob in blobs {
        let document = blob.open("a certificate of an authority", "ca")?;
        for certificate in certificates(&document, ErrorKind::ClientCa)? {
            roots.push(Root {
                certificate,
                origin: document.names("a certificate"),
            });
        }
    }
    Ok(roots)
}

fn read_lists(blobs: &[Blob]) -> Result<Vec<List>, Error> {
    let mut lists = Vec::new();
    for blob in blobs {
        let document = blob.open("the revocation list", "crl")?;
        let origin = document.names("the revocation list");
        let sections = pem::sections(&document.bytes)
            .map_err(|why| problem(format!("{} {why}", document.place)))?;
        let mut found: Vec<_> = sections
            .iter()
            .filter(|section| section.label == "X509 CRL")
            .map(|section| section.der.to_vec())
            .collect();
        if sections.is_empty() {
            found.push(document.bytes.to_vec());
        } else if found.is_empty() {
            return Err(problem(format!(
                "{origin} is PEM without a section X509 CRL"
            )));
        }
        lists.extend(found.into_iter().map(|der| List {
            der: der.into(),
            origin: origin.clone(),
        }));
    }
    Ok(lists)
}

fn of_list(error: &VerifierBuilderError) -> String {
    match error {
        VerifierBuilderError::InvalidCrl(
            CertRevocationListError::ParseError | CertRevocationListError::Other(_),
        ) => "it cannot be read".into(),
        VerifierBuilderError::InvalidCrl(CertRevocationListError::UnsupportedDeltaCrl) => {
            "it is a delta list, which holds the changes to another list only".into()
        }
        VerifierBuilderError::InvalidCrl(CertRevocationListError::UnsupportedIndirectCrl) => {
            "it is an indirect list, which holds certificates of other authorities than its own"
                .into()
        }
        VerifierBuilderError::InvalidCrl(CertRevocationListError::UnsupportedCrlVersion) => {
            "it is not of version 2".into()
        }
        error => error.to_string(),
    }
}

/// The order in which roots and lists are given does not matter to anybody.
fn fingerprint(mode: ClientAuth, roots: &[Root], lists: &[List]) -> [u8; 32] {
    let mut hashes: Vec<_> = roots
        .iter()
        .map(|root| sha256(b'r', &root.certificate))
        .collect();
    hashes.extend(lists.iter().map(|list| sha256(b'l', &list.der)));
    hashes.sort_unstable();
    hashes.dedup();
    sha256(mode as u8, &hashes.concat())
}

fn sha256(tag: u8, bytes: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[tag]);
    context.update(bytes);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn problem(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::ClientCa, text)
}
