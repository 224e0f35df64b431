//! Compressed messages.

use millrace_ws::{Deflater, InflateError, Inflater, SharedInflater, Window};

/// Any bytes as a compressed message: decompressing ends, within its limit, and leaves nothing behind. And as messages to
/// be compressed: they come back. The first byte says what was agreed, the second the limit.
pub fn ws_inflate(input: &[u8]) {
    let [agreed, limit, bytes @ ..] = input else {
        return;
    };
    let mut shared = SharedInflater::new();
    let bits = 8 + (agreed & 7);
    let made = within_its_limit(&mut shared, bits, bytes, u64::from(*limit) * 16);
    if let Ok(made) = made {
        come_back(&mut shared, bits, *agreed, &made);
    }
    come_back(&mut shared, bits, *agreed, bytes);
}

fn within_its_limit(
    shared: &mut SharedInflater,
    bits: u8,
    compressed: &[u8],
    limit: u64,
) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    let result = shared.inflate(compressed, &mut out, limit);
    assert!(out.capacity() as u64 <= limit + 1, "memory above the limit");
    let made = result.map(|()| out);
    if let Ok(made) = &made {
        assert!(made.len() as u64 <= limit);
    }

    let mut out = b"before".to_vec();
    let result = Inflater::new(bits).inflate(shared, compressed, &mut out, limit);
    assert!(out.starts_with(b"before"));
    assert_eq!(
        result.map(|()| out.split_off(6)),
        made,
        "with a window that is empty"
    );
    made
}

/// Compresses `bytes` as two messages in all ways that there are, and decompresses them.
fn come_back(shared: &mut SharedInflater, bits: u8, choice: u8, bytes: &[u8]) {
    let level = u32::from(choice >> 5).max(1);
    let messages = bytes.split_at(bytes.len() / 2);
    let messages = [messages.0, messages.1, bytes];
    let mut alone = Deflater::new(bits, level);
    let mut window = Window::new(bits);
    let mut inflater = Inflater::new(bits);
    for message in messages {
        let mut compressed = Vec::new();
        match choice & 8 {
            0 => alone.compress_after(&mut window, message, &mut compressed),
            _ => alone.compress(message, &mut compressed, choice & 16 != 0),
        }
        let mut out = Vec::new();
        let result = inflater.inflate(shared, &compressed, &mut out, message.len() as u64);
        assert_eq!(result, Ok(()));
        assert_eq!(out, message);
    }
}
