//! Mutations of the golden requests, many and always the same: spans or an error, never a panic.

use collector::Encoding;

use super::ENCODINGS;
use super::goldens::SEEDS;
use crate::decoding::pass_through;

/// Mutations of each seed.
const ROUNDS: usize = 20_000;

/// Pseudo-random numbers that are the same in each run.
pub struct Random(pub u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Numbers that readers of lengths, counts and types trip over.
const ODD: [&[u8]; 6] = [
    &[0x7f, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff],
    &[0x80, 0, 0, 0],
    &[0x00],
    &[0x0d, 0x0c, 0x0c],
    b"\\ud800",
];

pub fn mutated(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut body = seed.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(body.len());
        match random.below(5) {
            0 => body.truncate(at),
            1 => body[at] = random.below(256) as u8,
            2 => body[at] ^= 1 << random.below(8),
            3 => {
                let odd = ODD[random.below(ODD.len())];
                let end = (at + odd.len()).min(body.len());
                body.splice(at..end, odd.iter().copied());
            }
            _ => {
                let end = (at + random.below(40)).min(body.len());
                let again = body[at..end].to_vec();
                let to = random.below(body.len());
                body.splice(to..to, again);
            }
        }
        if body.is_empty() {
            break;
        }
    }
    body
}

fn survive(encoding: Encoding, seed: &[u8]) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..ROUNDS {
        pass_through(encoding, &mutated(seed, &mut random));
    }
}

#[test]
fn mutations_of_each_request_come_out_as_spans_or_an_error() {
    for (encoding, seed) in SEEDS {
        survive(encoding, seed);
    }
}

#[test]
fn requests_of_one_encoding_do_no_harm_in_another() {
    for (_, seed) in SEEDS {
        for encoding in ENCODINGS {
            pass_through(encoding, seed);
        }
    }
}
