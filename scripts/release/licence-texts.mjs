// What the file with the licences of what is linked in must have in it, whatever tool collected them.

/**
 * Parts of the addon that are more than one crate's Rust, each with words of its licence. A text that cargo-about takes
 * from a list instead of the crate would lack them.
 */
const required = {
  'aws-lc-sys': 'AWS-LC is a fork of BoringSSL, which is itself a fork of OpenSSL.',
  'zstd-sys': 'Meta Platforms, Inc. and affiliates',
  rustls: 'Copyright (c) 2016 Joseph Birr-Pixton',
  tokio: 'Copyright (c) Tokio Contributors',
}

/** What is wrong with the text, a line each. */
export function problemsOfLicences(text) {
  return Object.entries(required).flatMap(([crate, words]) => {
    if (!text.includes(`- ${crate} `)) return [`there is no licence of ${crate}`]
    return text.includes(words) ? [] : [`the licence of ${crate} is not its own: “${words}” is missing`]
  })
}

/** The text with one kind of line ends and without blanks before them, as files of licences come in all kinds. */
export function tidy(text) {
  return `${text.replaceAll(/[ \t\f\r]+$/gm, '').trimEnd()}\n`
}
