//! A recorded deploy, played to the rules bin by bin as a watch would have seen it.

use super::says::{Unknown, Why};
use super::{Evidence, Judgement, Level, Track, judge};
use crate::deploy::ServiceId;
use crate::setup::{Delivery, SourceInfo};
use crate::signal::{Kind, Possible, Sample, Signal, SignalId, SourceId};
use crate::store::{Health, Series, SourceState};
use chrono::{DateTime, TimeDelta};

/// How a recorded deploy was judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The first bin at which a warning or a red flag blamed the deploy.
    pub blamed_at: Option<usize>,
    /// The first bin with a red flag, whoever it blames.
    pub red_at: Option<usize>,
    /// What was said when the deploy was first blamed, or at the end.
    pub judgement: Judgement,
}

/// A signal of a kind with everything as it is by default, its readings `step` apart.
pub fn signal(kind: Kind, step: TimeDelta) -> Signal {
    Signal {
        name: kind.label().to_owned(),
        kind,
        unit: kind.unit(),
        service: ServiceId(0),
        workload: None,
        source: SourceId(0),
        of_version: false,
        required: true,
        limits: kind.limits(),
        step,
        link: None,
    }
}

/// Judges the bins from after a deploy one after the other, in the signal's unit; nothing later is known yet.
/// They are those after the change: nothing warms up any more.
pub fn play(signal: &Signal, baseline: &[Sample], after: &[Sample]) -> Outcome {
    play_within(signal, Possible::of(signal.kind, signal.unit), baseline, after)
}

/// The same where the numbers can be others than the signal's own: a record may be scaled to what was seen, not to a
/// limit.
pub fn play_within(signal: &Signal, possible: Possible, baseline: &[Sample], after: &[Sample]) -> Outcome {
    let step = signal.step;
    // Any moment will do, with room for the longest record on both sides.
    let deployed = DateTime::UNIX_EPOCH + TimeDelta::days(365 * 50);
    let mut series = Series::within(possible, step);
    series.set_deploy(deployed);
    let points: Vec<_> =
        (1_i32..).zip(baseline.iter().rev()).map(|(back, &sample)| (deployed - step * back, sample)).collect();
    series.insert(&points, deployed);

    let source = SourceInfo { name: "the record".to_owned(), delivery: Delivery::Polled, interval: step };
    let mut health = SourceState::new(deployed);
    let mut track = Track::default();
    let nothing = Unknown { why: Why::NothingRecorded, last: None };
    let nothing = Judgement::new(Level::NoData, nothing);
    let mut outcome = Outcome { blamed_at: None, red_at: None, judgement: nothing };
    let (mut before, mut now) = (Level::NoData, deployed);
    for (bin, &sample) in after.iter().enumerate() {
        series.insert(&[(now, sample)], now + step);
        now += step;
        health.succeed(now, Health::Up);
        let evidence = Evidence {
            signal_id: SignalId(0),
            signal,
            series: &series,
            source: &source,
            health: &health,
            rollout: None,
            deployed_at: Some(deployed),
            settled: None,
            issues: &[],
            alerts: &[],
            unread: 0,
            taken_back: None,
            served: TimeDelta::zero(),
            window: None,
            before,
            now,
        };
        let judgement = judge(&evidence, &mut track);
        before = judgement.level;
        if judgement.level == Level::RedFlag {
            outcome.red_at = outcome.red_at.or(Some(bin));
        }
        if outcome.blamed_at.is_none() {
            if judgement.blames_deploy && judgement.level >= Level::Warning {
                outcome.blamed_at = Some(bin);
            }
            outcome.judgement = judgement;
        }
    }
    outcome
}
