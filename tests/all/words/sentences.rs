//! What a finding says.

use super::{chapter, committed, every};
use crate::support::at;
use chrono::TimeDelta;
use redflag::poll::{Ago, SourceError};
use redflag::rollout::{Trouble, TroubleKind};
use redflag::signal::{BurnRate, Impossible, Unit};
use redflag::verdict::Coverage;
use redflag::verdict::says::{
    Against, AlertsSay, Burning, Calling, Change, Claim, Counted, IssuesSay, Kept, Lasting, Likewise, Measured,
    ProbeSays, Quantity, RolloutSays, Says, Side, Spending, TooFew, Unknown, Usual, Why, Yet,
};

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

fn lasting() -> Lasting {
    Lasting { since: at(0), long: minutes(2) }
}

fn before(middle: f64) -> Against {
    Against::Before(Usual { middle, range: None })
}

fn number(unit: Unit, value: f64, was: f64, claim: Claim) -> Measured {
    let (against, in_percent) = (before(was), unit == Unit::Milliseconds);
    Measured { unit, value, counted: None, against, in_percent, claim, lasting: None, recovering: false }
}

fn latency(claim: Claim) -> Measured {
    number(Unit::Milliseconds, 640.0, 400.0, claim)
}

fn errors(claim: Claim) -> Measured {
    let counted = Some(Counted { events: 168.0, all: 7074.0 });
    Measured { counted, ..number(Unit::Percent, 2.4, 0.046, claim) }
}

fn percent(value: f64, was: f64, claim: Claim) -> Measured {
    number(Unit::Percent, value, was, claim)
}

fn for_a_while(measured: Measured) -> Measured {
    Measured { lasting: Some(lasting()), ..measured }
}

fn changed(how: Change, limit: Option<f64>, passed: bool, yet: Option<Yet>) -> Claim {
    Claim::Changed { how, limit, passed, yet }
}

const WITHIN: Claim = Claim::Within { limit: Some(500.0), kept: None };
const ABOVE: Claim = Claim::Beyond { limit: 1.0, side: Side::Above, as_before: false, so_is_version_before: None };

/// One of each claim, in a number of a kind that makes it.
fn measured() -> Vec<Measured> {
    let exhausted = |claim| for_a_while(Measured { unit: Unit::Percent, ..percent(100.0, 41.0, claim) });
    let claims = every!(Claim {
        Claim::Within { .. } => [
            WITHIN,
            Claim::Within { limit: None, kept: None },
        ],
        Claim::NoLimit => [Claim::NoLimit],
        Claim::Flat => [Claim::Flat],
        Claim::NothingToHoldAgainst => [Claim::NothingToHoldAgainst],
        Claim::ShortPast { .. } => [Claim::ShortPast { have: 9, want: 10 }],
        Claim::Thin { .. } => [Claim::Thin { requests: 7.0, want: 100.0 }],
        Claim::WarmingUp => [Claim::WarmingUp],
        Claim::WithoutPast { .. } => [
            Claim::WithoutPast { next_to_none: true },
            Claim::WithoutPast { next_to_none: false },
        ],
        Claim::MoreThanNone => [Claim::MoreThanNone],
        Claim::Beyond { .. } => [
            ABOVE,
            Claim::Beyond { limit: 1.0, side: Side::Above, as_before: true, so_is_version_before: None },
            Claim::Beyond {
                limit: 1.0,
                side: Side::Above,
                as_before: false,
                so_is_version_before: Some((2.5, Counted { events: 100.0, all: 4000.0 })),
            },
            Claim::Beyond { limit: 99.0, side: Side::Below, as_before: false, so_is_version_before: None },
        ],
        Claim::Exhausted { .. } => [Claim::Exhausted { limit: 98.0 }],
        Claim::Filled { .. } => [Claim::Filled { limit: 80.0 }],
        Claim::Climbs { .. } => [
            Claim::Climbs { pace: 0.8, full_in: Some(minutes(24)) },
            Claim::Climbs { pace: 0.3, full_in: None },
        ],
        Claim::Fell { .. } => [
            Claim::Fell { from: 61.0, restarts: Some(true) },
            Claim::Fell { from: 61.0, restarts: Some(false) },
            Claim::Fell { from: 61.0, restarts: None },
        ],
        Claim::Changed { .. } => [
            changed(Change::Increasing, None, false, None),
            changed(Change::Increasing, Some(100.0), true, Some(Yet::NotSure)),
        ],
    });
    let mut all = Vec::new();
    for claim in claims {
        all.push(match claim {
            Claim::Within { limit: None, .. }
            | Claim::NoLimit
            | Claim::NothingToHoldAgainst
            | Claim::ShortPast { .. } => {
                let bare = claim == Claim::NothingToHoldAgainst;
                let against = if bare { Against::Nothing } else { before(41.0) };
                Measured { against, ..number(Unit::PerSecond, 42.0, 41.0, claim) }
            }
            Claim::Flat | Claim::Changed { .. } => for_a_while(number(Unit::PerSecond, 1.3, 0.02, claim)),
            Claim::Within { .. } | Claim::Thin { .. } | Claim::WarmingUp => latency(claim),
            Claim::WithoutPast { next_to_none: true } => {
                Measured { against: Against::Nothing, ..number(Unit::PerSecond, 0.0, 0.0, claim) }
            }
            Claim::WithoutPast { .. } | Claim::MoreThanNone => {
                for_a_while(Measured { against: Against::Nothing, ..number(Unit::PerSecond, 0.4, 0.0, claim) })
            }
            Claim::Beyond { side: Side::Below, .. } => for_a_while(percent(98.2, 99.9, claim)),
            Claim::Beyond { .. } => for_a_while(errors(claim)),
            Claim::Exhausted { .. } => exhausted(claim),
            Claim::Filled { .. } => for_a_while(percent(86.0, 60.0, claim)),
            Claim::Climbs { .. } => for_a_while(percent(71.0, 50.0, claim)),
            Claim::Fell { .. } => for_a_while(percent(24.0, 61.0, claim)),
        });
    }
    // What a claim is told with beside its own words.
    all.push(Measured { recovering: true, ..for_a_while(errors(ABOVE)) });
    all.push(Measured { against: Against::VersionBefore(500.0), ..latency(WITHIN) });
    let close = Claim::Beyond { limit: 99.0, side: Side::Below, as_before: false, so_is_version_before: None };
    all.push(for_a_while(percent(98.97, 99.9, close)));
    all
}

/// How a number changed, and what keeps it from more.
fn changes() -> Vec<Measured> {
    let mut all = Vec::new();
    for how in every!(Change {
        Change::Slower => [Change::Slower],
        Change::Faster => [Change::Faster],
        Change::Up => [Change::Up],
        Change::Down => [Change::Down],
        Change::Fewer => [Change::Fewer],
        Change::Increasing => [Change::Increasing],
    }) {
        all.push(for_a_while(match how {
            Change::Slower => latency(changed(how, Some(50.0), true, None)),
            Change::Faster => number(Unit::Milliseconds, 120.0, 400.0, changed(how, None, false, None)),
            Change::Up => percent(71.0, 41.0, changed(how, None, false, None)),
            Change::Down => percent(12.0, 41.0, changed(how, None, false, None)),
            Change::Fewer => number(Unit::PerSecond, 18.0, 41.0, changed(how, None, false, None)),
            Change::Increasing => number(Unit::PerSecond, 1.3, 0.02, changed(how, Some(100.0), true, None)),
        }));
    }
    for yet in every!(Yet {
        Yet::NotSure => [Yet::NotSure],
        Yet::ByLessThan(_) => [Yet::ByLessThan(10.0)],
    }) {
        all.push(for_a_while(latency(changed(Change::Slower, Some(50.0), true, Some(yet)))));
    }
    for kept in every!(Kept {
        Kept::Readings { .. } => [Kept::Readings { have: 1, want: 3 }],
        Kept::ByLessThan(_) => [Kept::ByLessThan(2.5)],
        Kept::Chance => [Kept::Chance],
    }) {
        all.push(latency(Claim::Within { limit: Some(500.0), kept: Some(kept) }));
    }
    all
}

fn unknown() -> Vec<Says> {
    let source = || "grafana".to_owned();
    let error = || SourceError::Server { status: 503, text: "upstream connect error".to_owned() };
    let impossible = |what| Why::Impossible { source: source(), what, unit: Unit::Percent };
    let whys = every!(Why {
        Why::NothingRecorded => [Why::NothingRecorded],
        Why::RolledBack { .. } => [Why::RolledBack { version: "1.9.0".to_owned() }],
        Why::NeverAnswered { .. } => [
            Why::NeverAnswered { source: source(), error: None },
            Why::NeverAnswered { source: source(), error: Some(error()) },
        ],
        Why::Silent { .. } => [
            Why::Silent { source: source(), long: minutes(2), error: None },
            Why::Silent { source: source(), long: minutes(2), error: Some(SourceError::Timeout(5)) },
        ],
        Why::NotAnswered { .. } => [Why::NotAnswered { source: source() }],
        Why::Unanswered { .. } => [Why::Unanswered { source: source(), long: minutes(2) }],
        Why::Refused { .. } => [
            Why::Refused { source: source(), error: SourceError::BadQuery("parse error at char 7".to_owned()) },
        ],
        Why::Nothing { .. } => [Why::Nothing { source: source() }],
        Why::NothingNewer { .. } => [Why::NothingNewer { source: source(), long: minutes(4) }],
        Why::Ahead { .. } => [Why::Ahead { by: minutes(60) }],
        Why::Impossible { .. } => [
            impossible(Impossible::TooSmall(-3.0)),
            impossible(Impossible::TooLarge(140.0, 105.0)),
            impossible(Impossible::MoreFailed { errors: 120.0, requests: 100.0 }),
        ],
        Why::Stuck { .. } => [Why::Stuck { source: source(), long: minutes(9) }],
    });
    let last = Some(Quantity { value: 2.4, unit: Unit::Percent });
    let silent = Why::Silent { source: source(), long: minutes(2), error: None };
    let mut all: Vec<Says> = whys.into_iter().map(|why| Unknown { why, last: None }.into()).collect();
    all.push(Unknown { why: silent, last }.into());
    all.extend(
        every!(TooFew {
            TooFew::Readings { .. } => [TooFew::Readings { have: 0, want: 3 }],
            TooFew::Requests { .. } => [
                TooFew::Requests {
                    counted: Counted { events: 1.0, all: 40.0 },
                    calmed: false,
                    more: 434.0,
                    eta: Some(minutes(11)),
                },
                TooFew::Requests { counted: Counted { events: 0.0, all: 4.0 }, calmed: true, more: 96.0, eta: None },
            ],
            TooFew::Idle { .. } => [TooFew::Idle { long: minutes(3) }],
        })
        .into_iter()
        .map(Says::from),
    );
    all
}

fn reported() -> Vec<Says> {
    let rate = Quantity { value: 8.0, unit: Unit::PerMinute };
    let time = Quantity { value: 2400.0, unit: Unit::Milliseconds };
    let titled = |issues, above| IssuesSay::Some {
        issues,
        rate,
        worst: "TypeError: cart.total is None".to_owned(),
        times: 161,
        above,
    };
    let calling = every!(Calling {
        Calling::SinceDeploy => [Calling::SinceDeploy],
        Calling::Pending => [Calling::Pending],
        Calling::SinceBefore => [Calling::SinceBefore],
        Calling::Muted => [Calling::Muted],
        Calling::Blind => [Calling::Blind],
    });
    let names = |names: &[&str], until| names.iter().map(|name| ((*name).to_owned(), until)).collect();
    let mut all: Vec<Says> = calling
        .into_iter()
        .map(|what| {
            let until = (what == Calling::Muted).then(|| at(3600));
            AlertsSay::Some { what, names: names(&["High error rate"], until) }.into()
        })
        .collect();
    let five = names(&["High error rate", "Slow checkout", "Pool exhausted", "Few orders", "Disk full"], None);
    all.extend(
        every!(AlertsSay {
            AlertsSay::None => [AlertsSay::None],
            AlertsSay::Some { .. } => [AlertsSay::Some { what: Calling::SinceDeploy, names: five.clone() }],
            AlertsSay::Unread(_) => [AlertsSay::Unread(1), AlertsSay::Unread(3)],
        })
        .into_iter()
        .map(Says::from),
    );
    all.extend(
        every!(IssuesSay {
            IssuesSay::None => [IssuesSay::None],
            IssuesSay::Uncounted => [IssuesSay::Uncounted],
            IssuesSay::Unlisted { .. } => [IssuesSay::Unlisted { rate }],
            IssuesSay::Some { .. } => [titled(1, None), titled(2, Some(1.0))],
        })
        .into_iter()
        .map(Says::from),
    );
    let error = SourceError::Server { status: 503, text: "no upstream".to_owned() };
    all.extend(every!(ProbeSays {
        ProbeSays::NotTried => [ProbeSays::NotTried],
        ProbeSays::Fails { .. } => [
            ProbeSays::Fails { error: Some(error.clone()), tries: 46, lasting: lasting() },
            ProbeSays::Fails { error: None, tries: 1, lasting: lasting() },
        ],
        ProbeSays::Answers { .. } => [
            ProbeSays::Answers { time: Quantity { value: 12.0, unit: Unit::Milliseconds }, above: None, again: false },
            ProbeSays::Answers { time, above: Some(2000.0), again: false },
            ProbeSays::Answers { time, above: None, again: true },
        ],
    }).into_iter().map(Says::from));
    let sentence = "3 of 3 new pods in CrashLoopBackOff (exit code 1)".to_owned();
    all.extend(
        every!(RolloutSays {
            RolloutSays::Untold { .. } => [RolloutSays::Untold { source: "kubernetes".to_owned() }],
            RolloutSays::Trouble(_) => [
                RolloutSays::Trouble(Trouble { kind: TroubleKind::CrashLoop, sentence: sentence.clone() }),
            ],
            RolloutSays::Failed(_) => [RolloutSays::Failed("it exceeded its progress deadline".to_owned())],
            RolloutSays::Gone => [RolloutSays::Gone],
            RolloutSays::Empty { .. } => [RolloutSays::Empty { desired: 0 }, RolloutSays::Empty { desired: 3 }],
            RolloutSays::Waiting(_) => [RolloutSays::Waiting("5 of 12 pods updated".to_owned())],
            RolloutSays::Ready { .. } => [RolloutSays::Ready { ready: 12, desired: 12 }],
        })
        .into_iter()
        .map(Says::from),
    );
    all
}

/// What failures cost, with and without a limit of it.
fn costs() -> Vec<Says> {
    let limits = every!(Burning {
        Burning::Above { .. } => [
            Burning::Above { rate: BurnRate::Fast, long: 20.1, short: 34.0, as_before: false },
            Burning::Above { rate: BurnRate::Slow, long: 1.4, short: 3.0, as_before: true },
        ],
        Burning::Unknown { .. } => [Burning::Unknown { rate: BurnRate::Medium, known: minutes(85) }],
    });
    let price = Spending { burn: 24.0, spent: Some(0.11), period: TimeDelta::days(30), limit: None };
    let mut prices = vec![price, Spending { spent: None, ..price }];
    prices.extend(limits.into_iter().map(|limit| Spending { limit: Some(limit), ..price }));
    let costs = |spending| Says::Costs { spending, now: Box::new(for_a_while(errors(ABOVE)).into()) };
    prices.into_iter().map(costs).collect()
}

/// Where the same happened without this deploy.
fn likewise() -> Vec<Says> {
    let neighbours = |names: &[&str], more, rise| Likewise::Neighbours {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        more,
        rise,
    };
    let all = every!(Likewise {
        Likewise::Ago(_) => [Likewise::Ago(Ago::Day), Likewise::Ago(Ago::Week)],
        Likewise::Neighbours { .. } => [
            neighbours(&["cart", "search"], 0, true),
            neighbours(&["cart", "search"], 3, false),
        ],
    });
    all.into_iter().map(|likewise| Says::Likewise { now: Box::new(latency(WITHIN).into()), likewise }).collect()
}

/// What is said around another sentence, and what stands for none.
fn around() -> Vec<Says> {
    let coverage = |known| Coverage {
        span: minutes(21),
        known: minutes(known),
        hole: minutes(15),
        longest: minutes(3),
        share: 90,
    };
    let patchy = |over, hole| Says::Patchy { coverage: coverage(6), hole, over, now: Box::new(latency(WITHIN).into()) };
    every!(Says {
        Says::NotAsked => [Says::NotAsked],
        Says::Unknown(_) => [Unknown { why: Why::NothingRecorded, last: None }],
        Says::TooFew(_) => [TooFew::Readings { have: 2, want: 3 }],
        Says::Measured(_) => [latency(WITHIN)],
        Says::Alerts(_) => [AlertsSay::None],
        Says::Issues(_) => [IssuesSay::None],
        Says::Probe(_) => [ProbeSays::NotTried],
        Says::Rollout(_) => [RolloutSays::Gone],
        Says::Costs { .. } => [costs().remove(0)],
        Says::Likewise { .. } => [likewise().remove(0)],
        Says::Patchy { .. } => [patchy(false, Some(minutes(15))), patchy(true, None)],
    })
}

#[test]
fn every_sentence_of_a_finding() {
    committed(
        "sentences",
        &[
            chapter("a number, by what is claimed of it", measured()),
            chapter("how it changed, and what keeps it from more", changes()),
            chapter("what it costs", costs()),
            chapter("where the same happened without the deploy", likewise()),
            chapter("nothing known, or too little", unknown()),
            chapter("what others report", reported()),
            chapter("of each form", around()),
        ],
    );
}
