//! The silence before a confirming key: one that is held down, or struck for something else, confirms nothing.

use crate::support::*;
use chrono::TimeDelta;
use proptest::prelude::*;
use redflag_core::deploy::Time;
use redflag_core::message::{Command, Message};
use redflag_core::rollback::{Goal, Rollback};
use redflag_core::watch::Watch;

/// So many milliseconds after the plan was opened.
fn after(milliseconds: i64) -> Time {
    at(200) + TimeDelta::milliseconds(milliseconds)
}

fn planned() -> Watch {
    let (mut watch, _) = bad_deploy(setup());
    ask(&mut watch, 200, Command::OpenPlan { goal: Goal::RollBack, scope: Vec::new() });
    assert!(matches!(watch.rollback(), Rollback::Planned { .. }));
    watch
}

/// Strikes the confirming key; says whether that began a rollback.
fn confirms(watch: &mut Watch, milliseconds: i64) -> bool {
    let command = Command::Confirm { typed: None };
    watch.update(Message::Asked { at: after(milliseconds), command });
    watch.rollback().is_in_progress()
}

fn touch(watch: &mut Watch, milliseconds: i64) {
    watch.update(Message::Asked { at: after(milliseconds), command: Command::Touch });
}

#[test]
fn a_moment_after_it_was_opened_it_confirms() {
    let mut watch = planned();
    assert!(!watch.takes_confirmation());
    watch.update(Message::Tick(after(300)));
    assert!(watch.takes_confirmation());
    assert!(confirms(&mut watch, 310));
}

#[test]
fn every_other_key_begins_the_moment_anew() {
    let mut watch = planned();
    touch(&mut watch, 900);
    assert!(!watch.takes_confirmation());
    assert_eq!(watch.wakes_at(), Some(after(1200)));
    watch.update(Message::Tick(after(1200)));
    assert!(watch.takes_confirmation());
    assert!(confirms(&mut watch, 1201));
}

#[test]
fn after_a_try_that_came_too_early_it_has_to_be_let_go() {
    let mut watch = planned();
    assert!(!confirms(&mut watch, 100));
    assert!(!confirms(&mut watch, 760), "as a keyboard begins to repeat");
    assert!(!confirms(&mut watch, 1659));
    assert!(confirms(&mut watch, 2559), "a second later it is another try");
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let mut watch = planned();
    touch(&mut watch, 4000);
    watch.update(Message::Tick(after(1000)));
    assert!(watch.takes_confirmation());
}

proptest! {
    #[test]
    fn a_key_that_is_struck_again_and_again_never_confirms(
        first in 0_i64..299, gaps in proptest::collection::vec(1_i64..899, 1..60)
    ) {
        let mut watch = planned();
        let mut now = first;
        prop_assert!(!confirms(&mut watch, now));
        for gap in gaps {
            now += gap;
            prop_assert!(!confirms(&mut watch, now), "at {now} ms");
        }
        prop_assert!(confirms(&mut watch, now + 900), "let go, it does");
    }
}
