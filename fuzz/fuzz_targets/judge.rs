//! Any numbers at all, before and after a deploy: the judge answers, in a time that hangs on how many there are and not
//! on how large they are, and never panics. libFuzzer's `-timeout=1` holds the first.
#![no_main]

use chrono::TimeDelta;
use libfuzzer_sys::fuzz_target;
use redflag::signal::{Kind, Sample};
use redflag::verdict::recorded;

/// The most bins of one case: a series keeps no more.
const MOST: usize = 1024;

fn number(bytes: &[u8]) -> f64 {
    let mut eight = [0; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    f64::from_le_bytes(eight)
}

fuzz_target!(|data: &[u8]| {
    let [kind, before, rest @ ..] = data else { return };
    let kind = Kind::ALL[usize::from(*kind) % Kind::ALL.len()];
    let samples: Vec<Sample> = rest
        .chunks(17)
        .take(MOST)
        .filter_map(|chunk| {
            let (sort, numbers) = chunk.split_first()?;
            let (first, second) = numbers.split_at(numbers.len().min(8));
            Some(match sort % 4 {
                0 => Sample::Empty,
                1 => Sample::Counts { errors: number(first), requests: number(second) },
                _ => Sample::Value(number(first)),
            })
        })
        .collect();
    let (baseline, window) = samples.split_at(usize::from(*before).min(samples.len()));
    let signal = recorded::signal(kind, TimeDelta::seconds(30));
    let outcome = recorded::play(&signal, baseline, window);
    let sentence = outcome.judgement.sentence();
    assert!(!sentence.is_empty() && sentence.len() < 1000);
});
