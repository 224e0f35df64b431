//! Compressing and decompressing messages (RFC 7692 7.2).

use millrace_ws::{Deflater, InflateError, Inflater, SharedInflater};

fn inflate(compressed: &[u8], limit: u64) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    SharedInflater::new().inflate(compressed, &mut out, limit)?;
    Ok(out)
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 7692 7.2.3.1, 7.2.3.3, 7.2.3.4 and 7.2.3.5.
    let hello: [&[u8]; 4] = [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        &[
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ],
        &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        &[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ],
    ];
    for compressed in hello {
        assert_eq!(
            inflate(compressed, 5).as_deref(),
            Ok(&b"Hello"[..]),
            "{compressed:x?}"
        );
    }
    // RFC 7692 7.2.3.6.
    assert_eq!(inflate(&[0], 0).as_deref(), Ok(&b""[..]));
}

#[test]
fn the_second_hello_refers_to_the_first() {
    // RFC 7692 7.2.3.2.
    let mut shared = SharedInflater::new();
    let mut inflater = Inflater::new(15);
    let mut out = Vec::new();
    for compressed in [
        &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
        &[0xf2, 0x00, 0x11, 0x00, 0x00],
    ] {
        inflater
            .inflate(&mut shared, compressed, &mut out, 5)
            .expect("it is well formed");
    }
    assert_eq!(out, b"HelloHello");

    let mut deflater = Deflater::new(15, 6);
    let mut out = Vec::new();
    deflater.compress(b"Hello", &mut out, true);
    assert_eq!(out, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
    out.clear();
    deflater.compress(b"Hello", &mut out, true);
    assert_eq!(out, [0xf2, 0x00, 0x11, 0x00, 0x00]);
}
