//! Bodies for the tests and for measuring. Not each of them uses all.
#![allow(dead_code, unreachable_pub)]

use std::fmt::Write;

/// A list of records such as an API answers with, of exactly so many bytes; another one for each seed.
pub fn json(bytes: usize, seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut text = String::from("[");
    let mut id = 100_000;
    while text.len() < bytes {
        id += random.below(7) + 1;
        let (sku, model) = (random.below(1 << 32), random.below(1 << 16));
        let (first, last) = (random.word(&NAMES), random.word(&NAMES));
        let (price, cents, stock) = (random.below(500), random.below(100), random.below(1000));
        let active = random.below(2) == 1;
        let (month, day, minute) = (random.below(12) + 1, random.below(28) + 1, random.below(60));
        write!(
            text,
            "{{\"id\":{id},\"sku\":\"{sku:08x}-{model:04x}\",\"name\":\"{first} {last}\",\
             \"email\":\"{last}{cents}@example.com\",\"price\":{price}.{cents:02},\"stock\":{stock},\
             \"active\":{active},\"createdAt\":\"2025-{month:02}-{day:02}T08:{minute:02}:00Z\",\
             \"tags\":[\"{}\",\"{}\"],\"description\":\"",
            random.word(&WORDS),
            random.word(&WORDS),
        )
        .expect("a string takes any text");
        for _ in 0..8 + random.below(10) {
            text += random.word(&WORDS);
            text.push(' ');
        }
        text += "\"},";
    }
    text.truncate(bytes.saturating_sub(1));
    text.push(']');
    text.into_bytes()
}

/// Bytes that no coding makes smaller.
pub fn noise(bytes: usize) -> Vec<u8> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    (0..bytes).map(|_| random.below(256) as u8).collect()
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }

    fn word(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len() as u64) as usize]
    }
}

const NAMES: [&str; 12] = [
    "anna", "bertrand", "chiara", "dmitri", "eleni", "farid", "greta", "hiro", "ingrid", "jorge",
    "kwame", "lucia",
];

const WORDS: [&str; 24] = [
    "quick",
    "delivery",
    "warranty",
    "returned",
    "damaged",
    "excellent",
    "blue",
    "large",
    "cotton",
    "steel",
    "battery",
    "wireless",
    "adapter",
    "garden",
    "kitchen",
    "the",
    "and",
    "with",
    "for",
    "of",
    "replacement",
    "compatible",
    "lightweight",
    "a",
];
