//! What TLS is set up with, as it crosses; `src/tls/options.ts` documents each. The facade has validated it; what only
//! the libraries below can judge becomes an error with a code there.

use std::path::PathBuf;

use millrace_tls::{Blob, ClientAuth, Material, Settings, UnknownName, Version, Zeroizing};
use napi::bindgen_prelude::Uint8Array;
use napi::{Error, Result, Status};
use napi_derive::napi;

/// What connections of TLS are made with.
#[napi(object, object_to_js = false)]
pub struct NativeTlsOptions {
    /// The first is for clients that name none of the names.
    pub certificates: Vec<NativeTlsMaterial>,
    #[napi(ts_type = "'default' | 'refuse'")]
    pub unknown_name: Option<String>,
    /// JavaScript is asked for the credentials of names that no certificate is for.
    pub asks_names: Option<bool>,
    #[napi(ts_type = "'TLSv1.2' | 'TLSv1.3'")]
    pub min_version: Option<String>,
    #[napi(ts_type = "'TLSv1.2' | 'TLSv1.3'")]
    pub max_version: Option<String>,
    /// Names of IANA or of OpenSSL; the default when there are none, as with `groups`.
    pub suites: Option<Vec<String>>,
    pub groups: Option<Vec<String>>,
    /// Suites are chosen by this side's order and not by the client's; they are unless this is false.
    pub server_order: Option<bool>,
    pub alpn: Option<Vec<String>>,
    #[napi(ts_type = "'none' | 'asked' | 'required'")]
    pub client: Option<String>,
    /// What client certificates are judged by.
    pub roots: Option<Vec<Uint8Array>>,
    pub root_files: Option<Vec<String>>,
    pub revocation_lists: Option<Vec<Uint8Array>>,
    pub revocation_list_files: Option<Vec<String>>,
    /// True unless this is false.
    pub resumption: Option<bool>,
    /// Seconds.
    pub ticket_lifetime: Option<u32>,
    /// Each of 48 bytes; the first encrypts, all decrypt. Without any, keys of its own that change by themselves.
    pub ticket_keys: Option<Vec<Uint8Array>>,
    /// 0, the default, for none.
    pub early_data_bytes: Option<u32>,
    pub key_log_file: Option<String>,
}

/// A certificate chain and its key. Contents are PEM or DER; a file is read where no content is given.
#[napi(object, object_to_js = false)]
pub struct NativeTlsMaterial {
    pub certificate: Option<Uint8Array>,
    pub certificate_file: Option<String>,
    pub key: Option<Uint8Array>,
    pub key_file: Option<String>,
    pub pkcs12: Option<Uint8Array>,
    pub pkcs12_file: Option<String>,
    pub passphrase: Option<String>,
    /// A response of OCSP, DER.
    pub ocsp: Option<Uint8Array>,
    pub ocsp_file: Option<String>,
    /// Those of the certificate when there are none.
    pub names: Option<Vec<String>>,
}

impl NativeTlsOptions {
    pub(crate) fn into_settings(self) -> Result<Settings> {
        let default = Settings::default();
        let certificates = self.certificates.into_iter();
        let ticket_keys = secrets(&self.ticket_keys.unwrap_or_default())?;
        Ok(Settings {
            certificates: certificates.map(NativeTlsMaterial::into_material).collect(),
            unknown_name: match self.unknown_name.as_deref() {
                None => default.unknown_name,
                Some("default") => UnknownName::Default,
                Some("refuse") => UnknownName::Refuse,
                Some(other) => return Err(unknown("unknownName", other)),
            },
            asks_names: self.asks_names.unwrap_or(default.asks_names),
            min_version: version("minVersion", self.min_version, default.min_version)?,
            max_version: version("maxVersion", self.max_version, default.max_version)?,
            suites: self.suites.unwrap_or_default(),
            groups: self.groups.unwrap_or_default(),
            server_order: self.server_order.unwrap_or(default.server_order),
            alpn: self.alpn.map_or(default.alpn, |alpn| {
                alpn.into_iter().map(String::into_bytes).collect()
            }),
            client: match self.client.as_deref() {
                None => default.client,
                Some("none") => ClientAuth::None,
                Some("asked") => ClientAuth::Asked,
                Some("required") => ClientAuth::Required,
                Some(other) => return Err(unknown("client", other)),
            },
            roots: blobs(self.roots, self.root_files),
            revocation_lists: blobs(self.revocation_lists, self.revocation_list_files),
            resumption: self.resumption.unwrap_or(default.resumption),
            ticket_lifetime_s: self.ticket_lifetime.unwrap_or(default.ticket_lifetime_s),
            ticket_keys,
            early_data_bytes: self.early_data_bytes.unwrap_or(0),
            key_log: self.key_log_file.map(PathBuf::from),
        })
    }
}

impl NativeTlsMaterial {
    pub(crate) fn into_material(self) -> Material {
        Material {
            certificate: blob(self.certificate, self.certificate_file),
            key: blob(self.key, self.key_file),
            pkcs12: blob(self.pkcs12, self.pkcs12_file),
            passphrase: self.passphrase.map(Zeroizing::new),
            ocsp: blob(self.ocsp, self.ocsp_file),
            names: self.names.unwrap_or_default(),
        }
    }
}

fn secrets(ticket_keys: &[Uint8Array]) -> Result<Zeroizing<Vec<[u8; 48]>>> {
    // One allocation: growing would leave copies behind in freed memory.
    let mut secrets = Zeroizing::new(Vec::with_capacity(ticket_keys.len()));
    for key in ticket_keys {
        let secret = (&**key).try_into();
        secrets.push(
            secret.map_err(|_| invalid("ERR_TLS_OPTION - a ticket key has 48 bytes".to_owned()))?,
        );
    }
    Ok(secrets)
}

/// Contents are copied: JavaScript may change its memory while they are looked at.
fn blob(content: Option<Uint8Array>, file: Option<String>) -> Option<Blob> {
    match (content, file) {
        (Some(content), _) => Some(Blob::Memory(content.to_vec())),
        (None, file) => file.map(|file| Blob::File(file.into())),
    }
}

fn blobs(contents: Option<Vec<Uint8Array>>, files: Option<Vec<String>>) -> Vec<Blob> {
    let contents = contents.unwrap_or_default().into_iter();
    let files = files.unwrap_or_default().into_iter();
    contents
        .map(|content| Blob::Memory(content.to_vec()))
        .chain(files.map(|file| Blob::File(file.into())))
        .collect()
}

fn version(option: &str, name: Option<String>, default: Version) -> Result<Version> {
    match name.as_deref() {
        None => Ok(default),
        Some("TLSv1.2") => Ok(Version::Tls12),
        Some("TLSv1.3") => Ok(Version::Tls13),
        Some(other) => Err(unknown(option, other)),
    }
}

fn unknown(option: &str, value: &str) -> Error {
    invalid(format!("ERR_TLS_OPTION - {option} cannot be {value}"))
}

fn invalid(message: String) -> Error {
    Error::new(Status::InvalidArg, message)
}
