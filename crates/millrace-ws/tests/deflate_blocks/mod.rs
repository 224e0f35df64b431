//! Reads deflate blocks (RFC 1951) as plainly as can be, for what no decompressor tells: how far they refer back.

/// The largest distance in `data`: blocks of which the last ends where `data` ends.
pub(crate) fn largest_distance(data: &[u8]) -> usize {
    let mut bits = Bits { data, at: 0 };
    let mut largest = 0;
    while bits.at.div_ceil(8) < data.len() {
        let _is_final = bits.take(1);
        match bits.take(2) {
            0 => {
                bits.at = bits.at.next_multiple_of(8);
                let length = bits.take(16);
                assert_eq!(
                    bits.take(16),
                    !length & 0xffff,
                    "the length of a stored block"
                );
                bits.at += length * 8;
            }
            1 => {
                let mut lengths = vec![8; 144];
                lengths.resize(256, 9);
                lengths.resize(280, 7);
                lengths.resize(288, 8);
                largest = largest.max(block(&mut bits, &Code::new(&lengths), &Code::new(&[5; 30])));
            }
            2 => {
                let (literals, distances) = codes(&mut bits);
                largest = largest.max(block(&mut bits, &literals, &distances));
            }
            _ => panic!("a block of the reserved type"),
        }
    }
    largest
}

/// The symbols of a block (RFC 1951 3.2.5).
fn block(bits: &mut Bits<'_>, literals: &Code, distances: &Code) -> usize {
    let mut largest = 0;
    loop {
        match literals.read(bits) {
            0..=255 => {}
            256 => return largest,
            symbol => {
                let extra = match symbol {
                    257..=264 | 285 => 0,
                    _ => (symbol - 261) / 4,
                };
                bits.take(extra);
                let symbol = distances.read(bits);
                let extra = (symbol / 2).saturating_sub(1);
                let base = match symbol {
                    0..=1 => 1 + symbol,
                    _ => 1 + ((2 + symbol % 2) << extra),
                };
                largest = largest.max(base + bits.take(extra));
            }
        }
    }
}

/// The two codes of a block that brings its own (RFC 1951 3.2.7).
fn codes(bits: &mut Bits<'_>) -> (Code, Code) {
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    let literals = 257 + bits.take(5);
    let distances = 1 + bits.take(5);
    let mut of_lengths = [0; 19];
    let count = 4 + bits.take(4);
    for &symbol in &ORDER[..count] {
        of_lengths[symbol] = bits.take(3);
    }
    let code = Code::new(&of_lengths);
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (length, times) = match code.read(bits) {
            16 => (
                *lengths.last().expect("something to repeat"),
                3 + bits.take(2),
            ),
            17 => (0, 3 + bits.take(3)),
            18 => (0, 11 + bits.take(7)),
            length => (length, 1),
        };
        lengths.resize(lengths.len() + times, length);
    }
    (
        Code::new(&lengths[..literals]),
        Code::new(&lengths[literals..]),
    )
}

/// A prefix code: of each symbol its length and its bits (RFC 1951 3.2.2).
struct Code(Vec<(usize, usize)>);

impl Code {
    fn new(lengths: &[usize]) -> Code {
        let mut code = 0;
        let mut symbols = vec![(0, 0); lengths.len()];
        for length in 1..=15 {
            for (symbol, _) in lengths.iter().enumerate().filter(|&(_, &of)| of == length) {
                symbols[symbol] = (length, code);
                code += 1;
            }
            code <<= 1;
        }
        Code(symbols)
    }

    fn read(&self, bits: &mut Bits<'_>) -> usize {
        let mut code = 0;
        for length in 1..=15 {
            code = code << 1 | bits.take(1);
            if let Some(symbol) = self.0.iter().position(|&known| known == (length, code)) {
                return symbol;
            }
        }
        panic!("no symbol has these bits");
    }
}

struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        let bit = |at: usize| usize::from(self.data[at / 8] >> (at % 8) & 1);
        let value = (0..count).map(|index| bit(self.at + index) << index).sum();
        self.at += count;
        value
    }
}
