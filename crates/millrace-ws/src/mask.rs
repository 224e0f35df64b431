//! Masking (RFC 6455 5.3).

/// Unmasks `bytes` in place, the first of them with the first byte of `key`; masking is the same. Says whether the
/// result is ASCII, which costs nothing here and spares the check of text as UTF-8.
///
/// For what comes in pieces, `key` is turned by as many bytes as came: [`turned`].
#[inline]
pub fn unmask(bytes: &mut [u8], key: [u8; 4]) -> bool {
    let key = u32::from_ne_bytes(key);
    let wide = u64::from(key) << 32 | u64::from(key);
    // Words in a plain loop become vector instructions of whatever width the target has.
    let (words, tail) = bytes.as_chunks_mut::<8>();
    let mut seen = 0;
    for bytes in words {
        let word = u64::from_ne_bytes(*bytes) ^ wide;
        seen |= word;
        *bytes = word.to_ne_bytes();
    }
    if !tail.is_empty() {
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        let word = u64::from_ne_bytes(last) ^ wide;
        last = word.to_ne_bytes();
        tail.copy_from_slice(&last[..tail.len()]);
        last[tail.len()..].fill(0);
        seen |= u64::from_ne_bytes(last);
    }
    seen & 0x8080_8080_8080_8080 == 0
}

/// The key for the bytes after `count` bytes.
#[inline]
pub(crate) fn turned(mut key: [u8; 4], count: usize) -> [u8; 4] {
    key.rotate_left(count % 4);
    key
}
