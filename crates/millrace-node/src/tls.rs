//! TLS as it crosses: keys and certificates in, loaded off the JavaScript thread; what a handshake agreed on out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use millrace_server::TlsInfo;
use millrace_tls::{CertificateInfo, Context, Credentials, Material, Settings};
use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Status, Task};
use napi_derive::napi;

use crate::tls_options::{NativeTlsMaterial, NativeTlsOptions};

/// What servers make TLS connections with, usable by any number of them.
#[napi]
pub struct TlsContext(Arc<Context>);

/// A certificate chain and its key, for a server name that was asked for.
#[napi]
pub struct TlsCredentials(Credentials);

/// What a certificate says.
#[napi(object, object_from_js = false)]
#[derive(Debug)]
pub struct NativeCertificate {
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal digits.
    pub serial_number: String,
    /// Seconds since 1970, as is `notAfter`.
    pub not_before: f64,
    pub not_after: f64,
    /// SHA-256 of its DER, as pairs of hexadecimal digits with colons between.
    pub fingerprint256: String,
    pub key_type: String,
}

/// What the handshake of a connection has agreed on.
#[napi(object, object_from_js = false)]
pub struct NativeTlsInfo {
    #[napi(ts_type = "'TLSv1.2' | 'TLSv1.3'")]
    pub version: &'static str,
    /// A name of IANA.
    pub cipher: &'static str,
    pub group: Option<&'static str>,
    pub server_name: Option<String>,
    pub alpn_protocol: Option<String>,
    pub resumed: bool,
    /// DER, the client's own first.
    pub peer_certificates: Vec<Buffer>,
    pub authorized: bool,
    pub authorization_error: Option<String>,
}

/// A self-signed certificate and its key, as PEM.
#[napi(object, object_from_js = false)]
pub struct NativeKeyPair {
    pub certificate: String,
    pub key: String,
}

/// Reads and checks what TLS connections are made with, off this thread. With `previous`, tickets and sessions that it
/// has handed out stay good. Rejects with an error whose message begins with its code and ` - `.
#[napi(catch_unwind, ts_return_type = "Promise<TlsContext>")]
pub fn load_tls(
    options: NativeTlsOptions,
    previous: Option<&TlsContext>,
) -> Result<AsyncTask<LoadTls>> {
    Ok(AsyncTask::new(LoadTls {
        settings: options.into_settings()?,
        previous: previous.map(|previous| previous.0.clone()),
    }))
}

/// Reads and checks a certificate chain and its key, off this thread; rejects as `loadTls` does.
#[napi(catch_unwind, ts_return_type = "Promise<TlsCredentials>")]
pub fn load_tls_credentials(material: NativeTlsMaterial) -> Result<AsyncTask<LoadCredentials>> {
    Ok(AsyncTask::new(LoadCredentials(material.into_material())))
}

/// Makes a key and signs a certificate for `names` with it, good from now on for `days` days.
#[napi(catch_unwind)]
pub fn self_signed_certificate(names: Vec<String>, days: u32) -> Result<NativeKeyPair> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64);
    let pair = millrace_tls::self_signed(&names, days, now).map_err(|error| tls_error(&error))?;
    Ok(NativeKeyPair {
        certificate: pair.certificate_pem,
        key: pair.key_pem,
    })
}

#[napi]
impl TlsContext {
    /// The certificates it has, in the order of the options.
    #[napi(catch_unwind)]
    pub fn certificates(&self) -> Vec<NativeCertificate> {
        self.0.certificates().map(NativeCertificate::from).collect()
    }

    pub(crate) fn shared(&self) -> Arc<Context> {
        self.0.clone()
    }
}

#[napi]
impl TlsCredentials {
    /// What its certificate says.
    #[napi(catch_unwind)]
    pub fn certificate(&self) -> NativeCertificate {
        self.0.info().into()
    }

    pub(crate) fn shared(&self) -> Credentials {
        self.0.clone()
    }
}

/// A call of `loadTls`, on a thread of the runtime's pool. Like the other it holds nothing of the environment.
pub struct LoadTls {
    settings: Settings,
    previous: Option<Arc<Context>>,
}

impl Task for LoadTls {
    type Output = Arc<Context>;
    type JsValue = TlsContext;

    fn compute(&mut self) -> Result<Arc<Context>> {
        caught(|| Context::new(&self.settings, self.previous.as_deref()).map(Arc::new))
    }

    fn resolve(&mut self, _: Env, context: Arc<Context>) -> Result<TlsContext> {
        Ok(TlsContext(context))
    }
}

/// A call of `loadTlsCredentials`.
pub struct LoadCredentials(Material);

impl Task for LoadCredentials {
    type Output = Credentials;
    type JsValue = TlsCredentials;

    fn compute(&mut self) -> Result<Credentials> {
        caught(|| Credentials::load(&self.0))
    }

    fn resolve(&mut self, _: Env, credentials: Credentials) -> Result<TlsCredentials> {
        Ok(TlsCredentials(credentials))
    }
}

impl From<&CertificateInfo> for NativeCertificate {
    fn from(info: &CertificateInfo) -> Self {
        let pairs: Vec<String> = info
            .sha256
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        NativeCertificate {
            names: info.names.clone(),
            subject: info.subject.clone(),
            issuer: info.issuer.clone(),
            serial_number: info.serial.clone(),
            not_before: info.not_before as f64,
            not_after: info.not_after as f64,
            fingerprint256: pairs.join(":"),
            key_type: info.key_type.to_string(),
        }
    }
}

impl From<&TlsInfo> for NativeTlsInfo {
    fn from(info: &TlsInfo) -> Self {
        let session = &info.session;
        let chain = session.peer_chain.iter();
        NativeTlsInfo {
            version: match session.version {
                0x0303 => "TLSv1.2",
                _ => "TLSv1.3",
            },
            cipher: session.suite_name,
            group: session.group,
            server_name: info.server_name.as_deref().map(str::to_owned),
            alpn_protocol: session
                .alpn
                .as_deref()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            resumed: session.resumed,
            peer_certificates: chain.map(|der| der.as_ref().to_vec().into()).collect(),
            authorized: info.authorized,
            authorization_error: info.authorization_error.clone(),
        }
    }
}

/// A panic on a thread of the pool would end the process: nothing above catches it.
fn caught<T>(load: impl FnOnce() -> std::result::Result<T, millrace_tls::Error>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(load)) {
        Ok(loaded) => loaded.map_err(|error| tls_error(&error)),
        Err(_) => Err(Error::new(
            Status::GenericFailure,
            "ERR_INTERNAL - the core failed while loading keys and certificates; please report this",
        )),
    }
}

fn tls_error(error: &millrace_tls::Error) -> Error {
    Error::new(Status::GenericFailure, error.to_string())
}
