//! Keys struck at random: none of them rolls anything back that was not asked for, read and confirmed.

use super::company::{Health, Scene};
use chrono::TimeDelta;
use redflag::message::{Message, StreamNews};
use redflag::rollback::Rollback;
use redflag::signal::SourceId;

/// All that a hand can strike, with what matters here more often.
const KEYS: [&str; 48] = [
    "R",
    "R",
    "y",
    "y",
    "y",
    "U",
    "D",
    "A",
    "d",
    "c",
    "i",
    "v",
    "a",
    "n",
    "o",
    "p",
    "space",
    "enter",
    "enter",
    "esc",
    "tab",
    "shift-tab",
    "up",
    "down",
    "left",
    "right",
    "page-up",
    "page-down",
    "home",
    "end",
    "j",
    "k",
    "h",
    "l",
    "g",
    "G",
    "t",
    "?",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "/",
    "s",
    "]",
];

/// Numbers that look like chance, the same for the same seed (Knuth's MMIX generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Strikes so many keys, without those that are left out; says after how many something was rolled back.
fn strike(seed: u64, count: usize, left_out: &str) -> Option<usize> {
    let mut dice = Dice(seed);
    let mut scene = if seed % 4 == 3 { Scene::board() } else { Scene::new() };
    scene.health = if seed.is_multiple_of(2) { Health::Bad } else { Health::Well };
    scene.rolled_out().until(400);
    scene.screen(80, 24);
    // What would be pressed last if this were right: the rollback key, and since then the plan was not closed.
    let mut asked = false;
    for number in 0..count {
        let key = KEYS[dice.below(KEYS.len() as u64) as usize];
        if key == left_out {
            continue;
        }
        let before = scene.watch.rollback().clone();
        scene.press(key);
        let after = scene.watch.rollback();
        let is_plan = |rollback: &Rollback| matches!(rollback, Rollback::Planned { .. });
        if is_plan(after) && !is_plan(&before) {
            assert_eq!(key, "R", "seed {seed}, key {number}: only one key opens a plan");
            asked = true;
        }
        if after.is_in_progress() {
            assert!(asked && is_plan(&before) && key == "y", "seed {seed}, key {number}: {key}");
            return Some(number);
        }
        asked &= is_plan(after);
        scene.now += TimeDelta::milliseconds(10 + i64::try_from(dice.below(600)).unwrap());
        scene.say(Message::Tick(scene.now));
        scene.say(Message::Streamed { source: SourceId(0), at: scene.now, news: StreamNews::Alive });
    }
    None
}

#[test]
fn twenty_thousand_keys_roll_nothing_back_that_was_not_asked_for() {
    let done = (0..20).filter_map(|seed| strike(seed, 1000, "")).count();
    assert!(done > 0, "chance strikes R, waits, and then y: it does work");
}

#[test]
fn without_the_one_key_or_the_other_nothing_is_ever_rolled_back() {
    for seed in 0..4 {
        assert_eq!(strike(seed, 500, "R"), None);
        assert_eq!(strike(seed, 500, "y"), None);
    }
}
