//! Stories of feature flags told to the pure core.

use crate::support::{answered as polled, ask, at, bad_deploy, setup, ticks, *};
use redflag::deploy::ServiceId;
use redflag::feature_flags::{Answer, Call, FeatureFlag, FlagId, FlagState, FlagStatus, Listing, News};
use redflag::message::{Command, Effect, Message};
use redflag::rollback::{Blocked, Rollback};
use redflag::setup::{FlagSystem, FlagSystemId, FlagSystemInfo, RollbackPolicy, Service, Setup};
use redflag::signal::Sample;
use redflag::timeline::Mark;
use redflag::watch::{FeaturePanel, TurnOffState, Watch};

const UNLEASH: FlagSystemId = FlagSystemId(0);

fn with_flags() -> Setup {
    let system = FlagSystemInfo {
        system: FlagSystem::Unleash,
        environment: "live".to_owned(),
        features: vec!["checkout-v2".to_owned(), "new-search".to_owned()],
        service: Some(ServiceId(0)),
    };
    let rollback = RollbackPolicy { actor: "ana@laptop".to_owned(), ..RollbackPolicy::default() };
    Setup { feature_flags: vec![system], rollback, ..setup() }
}

fn checkout() -> FlagId {
    FlagId { system: UNLEASH, key: "checkout-v2".to_owned() }
}

fn state(on: bool) -> FlagState {
    FlagState::Told(FlagStatus { on, ..FlagStatus::default() })
}

fn told(watch: &mut Watch, second: i64, news: News) -> Vec<Effect> {
    watch.update(Message::FeatureFlags { system: UNLEASH, at: at(second), news })
}

fn read(watch: &mut Watch, second: i64, checkout: bool) -> Vec<Effect> {
    let flag = |key: &str, on| FeatureFlag { key: key.to_owned(), state: state(on), link: None };
    let flags = vec![flag("checkout-v2", checkout), flag("new-search", false)];
    told(watch, second, News::Read(Ok(Listing { flags, ..Listing::default() })))
}

fn answered(watch: &mut Watch, second: i64, answer: Answer) -> Vec<Effect> {
    told(watch, second, News::Answered("checkout-v2".to_owned(), answer))
}

fn read_back(watch: &mut Watch, second: i64, state: FlagState) -> Vec<Effect> {
    told(watch, second, News::ReadBack("checkout-v2".to_owned(), state))
}

fn calls(effects: &[Effect]) -> Vec<&Call> {
    let call = |effect: &'_ Effect| matches!(effect, Effect::FeatureFlags(UNLEASH, _));
    let calls = effects.iter().filter(|effect| call(effect));
    calls.filter_map(|effect| if let Effect::FeatureFlags(_, call) = effect { Some(call) } else { None }).collect()
}

fn orders(effects: &[Effect]) -> usize {
    calls(effects).into_iter().filter(|call| matches!(call, Call::TurnOff(_))).count()
}

fn turn(watch: &Watch) -> TurnOffState {
    watch.flags(None)[0].turn.unwrap().state.clone()
}

fn last_told(watch: &Watch) -> String {
    let entries = watch.timeline().entries().rev();
    entries.filter(|entry| entry.mark == Mark::Rollback).map(|entry| entry.text.clone()).next().unwrap()
}

/// The flags are shown and read, `checkout-v2` is on, and somebody has just confirmed that it is turned off.
fn turning() -> (Watch, Vec<Effect>) {
    let (mut watch, _) = bad_deploy(with_flags());
    ask(&mut watch, 210, Command::ShowFeatures);
    read(&mut watch, 211, true);
    ask(&mut watch, 212, Command::AskToTurnOff(checkout()));
    let effects = ask(&mut watch, 213, Command::TurnOff);
    (watch, effects)
}

#[test]
fn nobody_is_asked_for_flags_before_they_are_shown() {
    let (mut watch, effects) = bad_deploy(with_flags());
    assert_eq!(calls(&effects), [&Call::Read; 0]);
    let effects = ask(&mut watch, 210, Command::ShowFeatures);
    assert_eq!(calls(&effects), [&Call::Read]);
    assert_eq!(calls(&ticks(&mut watch, 211..=300)), [&Call::Read; 0], "one question at a time");
    read(&mut watch, 301, true);
    let reads = ticks(&mut watch, 302..=302);
    assert_eq!(calls(&reads), [&Call::Read; 0], "it was asked already when that answer came");
    read(&mut watch, 303, true);
    let mut reads = 0;
    for second in 304..=363 {
        for _ in calls(&ticks(&mut watch, second..=second)) {
            reads += 1;
            read(&mut watch, second, true);
        }
    }
    assert_eq!(reads, 4, "every fifteen seconds");
    ask(&mut watch, 364, Command::CloseFeatures);
    assert_eq!(calls(&ticks(&mut watch, 365..=500)), [&Call::Read; 0]);
}

#[test]
fn a_flag_is_off_only_when_it_was_read_as_off() {
    let (mut watch, effects) = turning();
    let [Call::TurnOff(order)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(order.actor, "ana@laptop");
    assert!(order.reason.contains("2.5 %"), "the red flags say why: {}", order.reason);
    assert_eq!(*watch.feature_panel(), FeaturePanel::Open);
    assert_eq!(last_told(&watch), "feature flag checkout-v2: ana@laptop turns it off in Unleash");

    let effects = answered(&mut watch, 214, Answer::Accepted);
    assert_eq!(calls(&effects), [&Call::ReadBack("checkout-v2".to_owned())]);
    assert_eq!(turn(&watch), TurnOffState::Accepted);
    assert_eq!(read_back(&mut watch, 215, state(true)), [], "it takes a moment");
    assert_eq!(calls(&ticks(&mut watch, 216..=219)), [&Call::ReadBack("checkout-v2".to_owned())]);
    read_back(&mut watch, 220, state(false));
    assert_eq!(turn(&watch), TurnOffState::Off(at(220)));
    assert_eq!(last_told(&watch), "feature flag checkout-v2 turned off by ana@laptop: Unleash says off after 7 s");
    assert_eq!(watch.flags(None)[0].state, Some(&state(false)));
    assert_eq!(*watch.rollback(), Rollback::Idle, "the deploy stays");
}

#[test]
fn keys_that_come_too_soon_turn_nothing_off() {
    let (mut watch, _) = bad_deploy(with_flags());
    ask(&mut watch, 210, Command::ShowFeatures);
    read(&mut watch, 211, true);
    ask(&mut watch, 212, Command::AskToTurnOff(checkout()));
    assert_eq!(watch.wakes_at(), Some(at(212) + watch.setup().confirm_grace));
    assert!(!watch.takes_turn_off());
    assert_eq!(ask(&mut watch, 212, Command::TurnOff), []);
    assert!(matches!(watch.feature_panel(), FeaturePanel::Asking { .. }));
    ask(&mut watch, 213, Command::CloseFeatures);
    assert_eq!(ask(&mut watch, 214, Command::TurnOff), [], "the question was closed");
    assert_eq!(watch.flags(None)[0].turn, None);
}

#[test]
fn it_is_never_sent_twice_whatever_is_pressed_and_whatever_is_lost() {
    let (mut watch, effects) = turning();
    assert_eq!(orders(&effects), 1);
    for second in 214..400 {
        let mut effects = ask(&mut watch, second, Command::AskToTurnOff(checkout()));
        effects.extend(ask(&mut watch, second, Command::TurnOff));
        effects.extend(ticks(&mut watch, second..=second));
        if second == 220 {
            effects.extend(answered(&mut watch, second, Answer::Unknown("connection reset".to_owned())));
        }
        for call in calls(&effects) {
            assert!(matches!(call, Call::ReadBack(_) | Call::Read), "{call:?}");
        }
        let asked = calls(&effects).into_iter().any(|call| matches!(call, Call::ReadBack(_)));
        if asked {
            read_back(&mut watch, second, FlagState::Unread("Unleash does not answer".to_owned()));
        }
    }
    assert_eq!(turn(&watch), TurnOffState::Lost("connection reset".to_owned()));
    read_back(&mut watch, 401, state(false));
    assert_eq!(turn(&watch), TurnOffState::Off(at(401)), "what was lost is found");
}

#[test]
fn a_flag_that_stays_on_is_told_and_may_be_asked_for_again() {
    let (mut watch, _) = turning();
    answered(&mut watch, 214, Answer::Unknown("timeout".to_owned()));
    read_back(&mut watch, 215, state(true));
    assert_eq!(turn(&watch), TurnOffState::Lost("timeout".to_owned()), "it may still be on its way");
    ticks(&mut watch, 216..=244);
    read_back(&mut watch, 245, state(true));
    assert_eq!(turn(&watch), TurnOffState::StillOn);
    assert_eq!(last_told(&watch), "feature flag checkout-v2 not turned off: Unleash says on after 32 s");
    ask(&mut watch, 246, Command::AskToTurnOff(checkout()));
    assert_eq!(orders(&ask(&mut watch, 247, Command::TurnOff)), 1, "a person decided again");
}

#[test]
fn what_was_read_before_the_request_does_not_undo_the_news() {
    let (mut watch, _) = turning();
    answered(&mut watch, 214, Answer::Accepted);
    read_back(&mut watch, 215, state(false));
    let asked = ticks(&mut watch, 216..=230);
    assert_eq!(calls(&asked), [&Call::Read]);
    read(&mut watch, 231, true);
    assert_eq!(watch.flags(None)[0].state, Some(&state(true)), "somebody turned it on again");

    let (mut watch, _) = bad_deploy(with_flags());
    ask(&mut watch, 210, Command::ShowFeatures);
    read(&mut watch, 211, true);
    ticks(&mut watch, 212..=225);
    ask(&mut watch, 226, Command::AskToTurnOff(checkout()));
    ask(&mut watch, 227, Command::TurnOff);
    answered(&mut watch, 228, Answer::Accepted);
    read_back(&mut watch, 229, state(false));
    read(&mut watch, 230, true);
    assert_eq!(watch.flags(None)[0].state, Some(&state(false)), "that question was older than the request");
}

#[test]
fn a_refusal_changes_nothing_and_says_why() {
    let (mut watch, _) = turning();
    let blocked = Blocked { reason: "no permission".to_owned(), way_out: "ask the admin".to_owned() };
    assert_eq!(calls(&answered(&mut watch, 214, Answer::Refused(blocked.clone()))), [&Call::Read; 0]);
    assert_eq!(turn(&watch), TurnOffState::Refused(blocked));
    assert_eq!(last_told(&watch), "feature flag checkout-v2 not turned off: no permission; ask the admin");
}

#[test]
fn what_cannot_be_asked_is_never_called_off() {
    let untold = || FlagState::Untold("no state_url".to_owned());
    let (mut watch, _) = turning();
    answered(&mut watch, 214, Answer::Accepted);
    read_back(&mut watch, 215, untold());
    assert_eq!(turn(&watch), TurnOffState::Unverified("no state_url".to_owned()));
    assert_eq!(last_told(&watch), "feature flag checkout-v2 turned off by ana@laptop, not verified: no state_url");

    let (mut watch, _) = turning();
    answered(&mut watch, 214, Answer::Unknown("timeout".to_owned()));
    read_back(&mut watch, 215, untold());
    assert_eq!(turn(&watch), TurnOffState::Unknown("timeout; no state_url".to_owned()));
}

#[test]
fn read_only_mode_refuses_in_the_core() {
    let (mut watch, _) = bad_deploy(Setup { read_only: true, ..with_flags() });
    ask(&mut watch, 210, Command::ShowFeatures);
    read(&mut watch, 211, true);
    ask(&mut watch, 212, Command::AskToTurnOff(checkout()));
    assert_eq!(*watch.feature_panel(), FeaturePanel::Open);
    assert_eq!(orders(&ask(&mut watch, 213, Command::TurnOff)), 0);
}

#[test]
fn a_flag_that_is_off_needs_no_turning_off_unless_nobody_knows() {
    let (mut watch, _) = bad_deploy(with_flags());
    ask(&mut watch, 210, Command::ShowFeatures);
    read(&mut watch, 211, false);
    assert_eq!(watch.may_turn_off(&checkout()).unwrap_err(), "checkout-v2 is already off");
    let gone = FlagId { key: "gone".to_owned(), ..checkout() };
    assert_eq!(watch.may_turn_off(&gone).unwrap_err(), "no feature flag gone");
    ticks(&mut watch, 212..=225);
    told(&mut watch, 226, News::Read(Err("Unleash does not answer".to_owned())));
    assert!(watch.flags(None)[0].is_stale);
    assert_eq!(watch.flag_problems(None), ["Unleash does not answer"]);
    assert_eq!(watch.may_turn_off(&checkout()), Ok(()), "a flag can be turned off though its state cannot be read");
}

#[test]
fn a_service_shows_its_own_flags_and_those_of_all() {
    let mut setup = with_flags();
    setup.services.push(Service { name: "stock".to_owned(), depends_on: Vec::new() });
    let everywhere =
        FlagSystemInfo { features: vec!["dark-mode".to_owned()], service: None, ..setup.feature_flags[0].clone() };
    setup.feature_flags.push(everywhere);
    let watch = Watch::new(setup);
    let keys = |service| watch.flags(service).into_iter().map(|row| row.id.key).collect::<Vec<_>>();
    assert_eq!(keys(None), ["checkout-v2", "new-search", "dark-mode"]);
    assert_eq!(keys(Some(ServiceId(0))), ["checkout-v2", "new-search", "dark-mode"]);
    assert_eq!(keys(Some(ServiceId(1))), ["dark-mode"]);
}

#[test]
fn flags_are_read_beside_everything_else() {
    let (mut watch, _) = turning();
    watch.update(polled(SITE, 214, vec![(PROBE, vec![(at(214), Sample::Value(90.0))])]));
    let polls = ticks(&mut watch, 215..=240);
    assert!(polls.iter().any(|effect| matches!(effect, Effect::Poll { .. })), "no source waits for a flag");
}
