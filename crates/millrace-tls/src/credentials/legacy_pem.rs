//! Keys that OpenSSL encrypted before it wrote PKCS #8: PEM with the headers of RFC 1421, section 4.6, and a key that
//! MD5 derives from the passphrase. Weak, and still in use.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use des::{Des, TdesEde3};
use md5::{Digest, Md5};
use pkcs8::der::zeroize::Zeroizing;
use pkcs8::der::{AnyRef, Decode};

use super::encrypted::ADVICE;
use crate::pem::Section;
use crate::{Error, ErrorKind};

pub(super) fn is_encrypted(section: &Section) -> bool {
    header(section, "Proc-Type").is_some_and(|value| value.ends_with("ENCRYPTED"))
}

/// The key inside: PKCS #1, SEC 1 or what else the label says.
pub(super) fn decrypt(
    section: &Section,
    passphrase: &str,
    names: &str,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let problem = |text: &str| Error::new(ErrorKind::Key, format!("{names} {text}"));
    let info = header(section, "DEK-Info")
        .ok_or_else(|| problem("is damaged: its DEK-Info is missing"))?;
    let (cipher, iv) = info.split_once(',').unwrap_or((info, ""));
    let Some((decrypt, key_length, iv_length)) = cipher_of(cipher.trim()) else {
        return Err(problem(&format!(
            "is encrypted with {}, which is not supported: {ADVICE}",
            cipher.trim()
        )));
    };
    let iv = unhex(iv.trim()).filter(|iv| iv.len() == iv_length);
    let iv = iv.ok_or_else(|| problem("is damaged: its DEK-Info has no initialization vector"))?;
    let key = derive(passphrase.as_bytes(), &iv[..8], key_length);
    let mut data = section.der.clone();
    match decrypt(&key, &iv, &mut data) {
        // By chance one wrong key in some hundred yields padding that seems right.
        Some(length) if AnyRef::from_der(&data[..length]).is_ok() => {
            data.truncate(length);
            Ok(data)
        }
        _ => {
            let text = format!("{names} cannot be decrypted: the passphrase is wrong");
            Err(Error::new(ErrorKind::Passphrase, text))
        }
    }
}

/// Decrypts in place and tells how much is left without its padding.
type Decrypt = fn(&[u8], &[u8], &mut [u8]) -> Option<usize>;

fn cipher_of(name: &str) -> Option<(Decrypt, usize, usize)> {
    Some(match name {
        "AES-128-CBC" => (cbc::<Aes128>, 16, 16),
        "AES-192-CBC" => (cbc::<Aes192>, 24, 16),
        "AES-256-CBC" => (cbc::<Aes256>, 32, 16),
        "DES-EDE3-CBC" => (cbc::<TdesEde3>, 24, 8),
        "DES-CBC" => (cbc::<Des>, 8, 8),
        _ => return None,
    })
}

fn cbc<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], data: &mut [u8]) -> Option<usize> {
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, iv).ok()?;
    cipher.decrypt_padded::<Pkcs7>(data).ok().map(<[u8]>::len)
}

/// OpenSSL's `EVP_BytesToKey` with MD5 and one round: each block is the digest of the one before it, the passphrase
/// and the salt.
fn derive(passphrase: &[u8], salt: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
    let mut last: Option<Zeroizing<[u8; 16]>> = None;
    while key.len() < length {
        let mut md5 = Md5::new();
        if let Some(last) = &last {
            md5.update(&last[..]);
        }
        md5.update(passphrase);
        md5.update(salt);
        let block = Zeroizing::new(<[u8; 16]>::from(md5.finalize()));
        key.extend_from_slice(&block[..]);
        last = Some(block);
    }
    key.truncate(length);
    key
}

fn header<'a>(section: &'a Section, name: &str) -> Option<&'a str> {
    let found = section.headers.iter().find(|(header, _)| header == name)?;
    Some(&found.1)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text
        .bytes()
        .map(|byte| char::from(byte).to_digit(16).map(|digit| digit as u8));
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}
