//! The player: wherever it is in a record, the watch is the one that a person saw then; no key of it asks for anything; and
//! what other limits would have said.

#[cfg(unix)]
mod program;

use crate::sample;
use crate::support::{GRAFANA, at, setup};
use chrono::{DateTime, FixedOffset, TimeDelta};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use redflag::message::Message;
use redflag::poll::Poll;
use redflag::records::Kept;
use redflag::replay::{Player, Transport, Unmatched, compare};
use redflag::rollback::Rollback;
use redflag::setup::Automatic;
use redflag::signal::{Kind, Sample, SignalId};
use redflag::timeline::Mark;
use redflag::tui::glyphs::Glyphs;
use redflag::tui::hyperlink::Hyperlinks;
use redflag::tui::keymap::{Action, Keymap};
use redflag::tui::theme::{ColorDepth, Themes};
use redflag::tui::{Look, Reaction, Tui};
use redflag::verdict::Verdict;
use redflag::watch::Watch;
use redflag_core::record::{Header, Record};
use std::time::Duration;

/// A played record comes to the same state, findings, sentences and timeline, whichever way it was reached.
#[track_caller]
pub(crate) fn plays_the_same(kept: &Kept, watch: &Watch) {
    let mut player = Player::new(kept.record.clone());
    assert!(player.at_the_end() == watch, "taken in at once it differs");
    let (begins, ends) = (player.playing().begins, player.playing().ends);
    player.jump(ends);
    assert!(player.watch() == watch, "played to the end it differs");
    player.jump(begins + (ends - begins) / 2);
    player.obey(Transport::BackMinute);
    player.jump(ends + TimeDelta::hours(1));
    assert!(player.watch() == watch, "played back and forth it differs");
}

/// The watch as it was when it had taken in all messages up to a moment.
fn folded(record: &Record, to: DateTime<chrono::Utc>) -> Watch {
    let mut watch = record.header.begin();
    for message in record.messages.iter().take_while(|message| message.at() <= to) {
        watch.update(message.clone());
    }
    watch
}

#[test]
fn wherever_it_jumps_it_is_the_watch_of_then() {
    let kept = sample::kept();
    let mut player = Player::new(kept.record.clone());
    plays_the_same(&kept, &kept.record.fold());
    let (begins, ends) = (player.playing().begins, player.playing().ends);
    for percent in [0, 90, 30, 31, 32, 97, 100, 5, 64] {
        let to = begins + (ends - begins) * percent / 100;
        player.jump(to);
        assert!(*player.watch() == folded(&kept.record, to), "at {percent} %");
    }
}

#[test]
fn it_goes_on_by_its_own_clock_and_stands_at_the_end() {
    let mut player = Player::new(sample::kept().record);
    let begins = player.playing().begins;
    assert_eq!(player.playing().speed.times(), 10);
    player.pass(Duration::from_secs(6));
    assert_eq!(player.playing().at, begins + TimeDelta::seconds(60));
    for _ in 0..20 {
        player.obey(Transport::Faster);
    }
    assert_eq!(player.playing().speed.times(), 60);
    player.pass(Duration::from_secs(1));
    assert_eq!(player.playing().at, begins + TimeDelta::seconds(120));
    player.obey(Transport::Pause);
    player.pass(Duration::from_secs(100));
    assert_eq!(player.playing().at, begins + TimeDelta::seconds(120), "paused");
    player.obey(Transport::Pause);
    player.pass(Duration::from_secs(10_000));
    assert_eq!(player.playing().at, player.playing().ends);
    assert!(player.playing().paused && !player.goes_on());
    player.obey(Transport::Pause);
    assert_eq!((player.playing().at, player.goes_on()), (begins, true), "it begins again");
    for _ in 0..20 {
        player.obey(Transport::Slower);
    }
    assert_eq!(player.playing().speed.times(), 1);
}

#[test]
fn it_jumps_from_flag_to_flag() {
    let mut player = Player::new(sample::kept().record);
    let landmarks = player.playing().landmarks;
    let kinds = |mark| landmarks.iter().filter(|landmark| landmark.mark == mark).count();
    assert!(kinds(Mark::RedFlag) > 0 && kinds(Mark::Deploy) == 1 && kinds(Mark::Rollback) == 1, "{landmarks:?}");
    let red = |watch: &Watch| watch.verdict() == Verdict::Faulty;
    while player.obey(Transport::NextFlag).is_none() && !red(player.watch()) {}
    assert!(red(player.watch()));
    let there = player.playing().at;
    player.obey(Transport::BackTen);
    assert!(!red(player.watch()), "ten seconds before it was not");
    player.obey(Transport::NextFlag);
    assert_eq!(player.playing().at, there);
    while player.obey(Transport::PreviousFlag).is_none() {}
    assert_eq!(player.obey(Transport::PreviousFlag), Some("no flag before this"));
}

proptest! {
    /// Clocks go forward, stand still and are set back; answers come in between.
    #[test]
    fn a_random_history_plays_the_same_from_everywhere(
        steps in prop::collection::vec((prop_oneof![8 => 0_i64..40, 1 => -600_i64..0], prop::option::of(0.0..120.0)), 1..120),
        jumps in prop::collection::vec(0.0..1.2, 1..8),
    ) {
        let mut now = 0;
        let messages = steps.into_iter().map(|(step, value)| {
            now += step;
            let Some(value) = value else { return Message::Tick(at(now)) };
            let points = (0..3).map(|id| (SignalId(id), vec![(at(now), Sample::Value(value))])).collect();
            Message::Polled { source: GRAFANA, at: at(now), result: Ok(Poll { points, ..Poll::default() }) }
        });
        let header = Header::new(String::new(), TimeDelta::seconds(1), setup());
        let record = Record { messages: messages.collect(), torn: None, header };
        let mut player = Player::new(record.clone());
        prop_assert!(*player.at_the_end() == record.fold());
        let (begins, ends) = (player.playing().begins, player.playing().ends);
        for jump in jumps {
            player.jump(begins + TimeDelta::milliseconds(((ends - begins).num_milliseconds() as f64 * jump) as i64));
            prop_assert!(player.playing().at >= begins && player.playing().at <= ends);
        }
        player.jump(ends);
        prop_assert!(*player.watch() == record.fold());
        player.jump(begins);
        let mut fresh = Player::new(record);
        fresh.jump(begins);
        prop_assert!(player.watch() == fresh.watch());
    }
}

fn screen(width: u16, height: u16) -> Tui<TestBackend> {
    let look = Look {
        hyperlinks: Hyperlinks::Off,
        themes: Themes::load("dark", None, ColorDepth::True).unwrap(),
        glyphs: Glyphs::Unicode,
        zone: FixedOffset::east_opt(0).unwrap(),
    };
    Tui::new(Terminal::new(TestBackend::new(width, height)).unwrap(), look, Keymap::default())
}

fn text(tui: &Tui<TestBackend>) -> String {
    let buffer = tui.backend().buffer();
    let lines = buffer.content.chunks(usize::from(buffer.area.width));
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
    lines.map(|cells| line(cells).trim_end().to_owned() + "\n").collect()
}

fn shown(player: &Player, width: u16, height: u16) -> String {
    let mut tui = screen(width, height);
    tui.replays(player.playing());
    tui.draw(player.watch()).unwrap();
    text(&tui)
}

#[test]
fn a_replay_is_seen_to_be_one() {
    let mut player = Player::new(sample::kept().record);
    let red = |watch: &Watch| watch.verdict() == Verdict::Faulty;
    while player.obey(Transport::NextFlag).is_none() && !red(player.watch()) {}
    player.obey(Transport::AheadTen);
    for (width, height) in [(120, 40), (80, 24)] {
        let screen = shown(&player, width, height);
        assert!(screen.lines().next().unwrap().contains("REPLAY"), "{screen}");
        insta::with_settings!({ snapshot_path => "replay/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("replay_{width}x{height}"), screen);
        });
    }
    assert!(shown(&player, 40, 10).contains("REPLAY"), "on a small terminal, too");
    player.obey(Transport::Pause);
    assert!(shown(&player, 80, 24).lines().next().unwrap().contains("paused"));
}

fn press(code: KeyCode) -> Event {
    Event::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

/// Every key, in every part of a record that has a rollback in it: with the plan open, while it runs, and after it.
#[test]
fn no_key_asks_for_anything() {
    let kept = sample::kept();
    let mut player = Player::new(kept.record);
    let mut states = [false; 3];
    let others = [KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::Up, KeyCode::Backspace];
    let keys: Vec<KeyCode> = (' '..='~').map(KeyCode::Char).chain(others).collect();
    let planned = player.playing().landmarks.iter().find(|it| it.mark == Mark::Rollback).unwrap().at;
    // The plan was open for a second or two; what comes after it does not change as fast.
    let moments = (-4..40).map(|place| planned + TimeDelta::seconds(if place < 0 { place } else { 40 * place }));
    for moment in moments {
        player.jump(moment);
        let mut tui = screen(120, 40);
        tui.replays(player.playing());
        tui.draw(player.watch()).unwrap();
        for key in &keys {
            for reaction in tui.handle(&press(*key), player.watch()) {
                assert!(!matches!(reaction, Reaction::Ask(_)), "{key:?} at {moment}");
            }
        }
        match player.watch().rollback() {
            Rollback::Planned { .. } => states[0] = true,
            Rollback::Running(_) => states[1] = true,
            Rollback::Verified { .. } => states[2] = true,
            _ => {}
        }
    }
    assert_eq!(states, [true; 3]);
}

#[test]
fn the_keys_that_act_say_why_they_do_not() {
    let player = Player::new(sample::kept().record);
    let mut tui = screen(120, 40);
    tui.replays(player.playing());
    let keymap = Keymap::default();
    for action in
        [Action::Rollback, Action::Forward, Action::DeletePods, Action::Acknowledge, Action::Note, Action::Confirm]
    {
        let event = press(keymap.keys(action)[0].code);
        assert_eq!(tui.transport(&event), None, "{action:?}");
        assert_eq!(tui.handle(&event, player.watch()), [], "{action:?}");
        tui.draw(player.watch()).unwrap();
        assert!(text(&tui).contains("this is a replay: nothing can be changed from here"), "{action:?}");
    }
    assert_eq!(tui.handle(&press(KeyCode::Char('q')), player.watch()), [Reaction::Quit]);
    assert_eq!(tui.handle(&press(KeyCode::Char('?')), player.watch()), []);
    tui.draw(player.watch()).unwrap();
    let help = text(&tui);
    assert!(help.contains("to the next flag") && !help.contains("show what a rollback"), "{help}");
    assert_eq!(tui.transport(&press(KeyCode::Char('.'))), Some(Transport::AheadTen), "under the help, too");
}

#[test]
fn the_same_limits_say_the_same() {
    let record = sample::kept().record;
    let same = compare(&record, &record.header.setup);
    assert!(same.signals.iter().all(redflag::replay::Matched::is_same) && same.unmatched.is_empty());
    assert_eq!(same.recorded, same.other);
    assert_eq!(same.recorded.verdict, record.fold().verdict());
    assert!(same.recorded.red.is_some() && same.rolled_back > same.recorded.red);
}

#[test]
fn other_limits_flag_at_another_time_and_what_cannot_be_compared_is_said() {
    let record = sample::kept().record;
    let mut other = record.header.setup.clone();
    let place =
        |setup: &redflag::setup::Setup, kind| setup.signals.iter().position(|signal| signal.kind == kind).unwrap();
    let (rate, memory) = (place(&other, Kind::ErrorRate), place(&other, Kind::Memory));
    other.signals[rate].limits = redflag::signal::Limits {
        warning: Some(90.0),
        red_flag: Some(95.0),
        increase: None,
        ..other.signals[rate].limits
    };
    let renamed = other.signals[memory].name.clone();
    other.signals[memory].name = "resident memory".to_owned();
    other.rollback.automatic = Automatic::On;
    let comparison = compare(&record, &other);
    let changed =
        comparison.signals.iter().find(|signal| signal.name == record.header.setup.signals[rate].name).unwrap();
    assert!(changed.red.recorded.is_some());
    assert!(changed.red.other.is_none_or(|other| Some(other) > changed.red.recorded), "{changed:?}");
    assert_eq!(
        comparison.unmatched,
        [Unmatched::OnlyRecorded(renamed.clone()), Unmatched::OnlyOther("resident memory".to_owned())]
    );
    assert!(!comparison.signals.iter().any(|signal| signal.name == renamed), "what is left out is not compared");
    assert_eq!((comparison.recorded.automatic, comparison.other.mode), (None, Automatic::On));
}
