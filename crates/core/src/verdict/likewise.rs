//! Whether the same happened where there was no such deploy: at the same time of the day or the week before, or in
//! services that were not deployed. Then it is not this deploy's doing, and blames nobody.
//!
//! What happened there is taken out of what happened here (a difference in differences), and the signal's own rule is asked
//! again. Only what raises no flag any more is explained: a change that is significantly larger than the one elsewhere stays
//! this deploy's.

mod course;

use super::says::{Change, Claim, Likewise, Says, Side};
use super::track::Track;
use super::{Evidence, Judgement, Level};
use crate::deploy::Time;
use crate::poll::Ago;
use crate::signal::{Kind, Signal};
use crate::store::Series;
use course::{Course, Way};

/// With fewer neighbours than this a common cause is not told from a consequence that nobody has written down.
const LEAST: usize = 2;
/// So many neighbours are named; the others are counted.
const NAMED: usize = 3;

/// What a signal did at the same time of an earlier day. Its stamps are moved to today's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier(Series);

impl Earlier {
    /// The readings of an earlier day, stamped as if they were today's and split at today's deploy. `None` where they
    /// never left what was usual before that moment: then there is nothing to hold today against.
    pub fn of(signal: &Signal, series: Series) -> Option<Self> {
        [Way::Up, Way::Down]
            .iter()
            .any(|way| Course::of(signal, &series, *way).is_some_and(|it| it.ever_left()))
            .then_some(Self(series))
    }
}

/// The same signal of a service that was not deployed.
#[derive(Debug, Clone, Copy)]
pub struct Neighbour<'a> {
    /// The service.
    pub name: &'a str,
    /// Its readings, split at the same deploy.
    pub series: &'a Series,
}

/// The same signal where there was no such deploy.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere<'a> {
    /// A day before, where that is known and was not quiet.
    pub yesterday: Option<&'a Earlier>,
    /// A week before, the same.
    pub last_week: Option<&'a Earlier>,
    /// In services that were not deployed.
    pub neighbours: Vec<Neighbour<'a>>,
}

impl Elsewhere<'_> {
    fn is_empty(&self) -> bool {
        self.yesterday.is_none() && self.last_week.is_none() && self.neighbours.is_empty()
    }

    /// Changes whenever anything in it does.
    fn fingerprint(&self) -> u64 {
        let earlier = [self.yesterday, self.last_week].into_iter().map(|earlier| earlier.map(|Earlier(series)| series));
        let all = earlier.chain(self.neighbours.iter().map(|neighbour| Some(neighbour.series)));
        all.fold(0, |print: u64, series| {
            let newest = series.and_then(Series::last).map_or(0, |reading| reading.at.timestamp_millis());
            let history = series.map_or(0, |series| series.history() + 1);
            print.wrapping_mul(0x0100_0000_01b3) ^ history ^ newest.cast_unsigned().rotate_left(17)
        })
    }
}

/// What was found out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weighed {
    /// What it was computed of; the same again gives the same.
    key: Key,
    found: Option<Found>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    history: u64,
    newest: Option<Time>,
    settled: Option<Time>,
    flag: Flag,
    elsewhere: u64,
}

/// Where the same happened.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    likewise: Likewise,
    /// The worst level there, within the same minutes: the middle of several readings.
    extreme: f64,
}

/// The judgement, or the same without blame where the same happened without this deploy.
///
/// What is red for a change is a warning then. What is red for a limit that it passes stays red, and blames nobody, unless
/// that limit was passed there as well.
pub(super) fn weigh(
    evidence: &Evidence<'_>,
    elsewhere: &Elsewhere<'_>,
    track: &mut Track,
    judgement: Judgement,
) -> Judgement {
    if elsewhere.is_empty() {
        return judgement;
    }
    let Some(flag) = Flag::of(evidence, &judgement) else { return judgement };
    // The version before is the better measure: the same service at the same time.
    let newest = evidence.series.last().map(|reading| reading.at);
    if newest.is_some_and(|at| evidence.series.beside(at).is_some()) {
        return judgement;
    }
    let key = Key {
        history: evidence.series.history(),
        newest,
        settled: evidence.settled,
        flag,
        elsewhere: elsewhere.fingerprint(),
    };
    let known = track.weighed.take().filter(|known| known.key == key);
    let weighed = known.unwrap_or_else(|| Weighed { key, found: find(evidence, elsewhere, flag) });
    let found = weighed.found.clone();
    track.weighed = Some(weighed);
    let Some(Found { likewise, extreme }) = found else { return judgement };
    let level = match red_limit(&judgement) {
        Some(limit) if !flag.way.is_beyond(extreme, limit) => Level::RedFlag,
        Some(_) | None => Level::Warning,
    };
    Judgement { level, blames_deploy: false, says: Says::Likewise { now: Box::new(judgement.says), likewise } }
}

/// The first of what explains it.
fn find(evidence: &Evidence<'_>, elsewhere: &Elsewhere<'_>, flag: Flag) -> Option<Found> {
    let newest = evidence.series.last()?.at;
    let then = |earlier: Option<&Earlier>, ago: Ago| {
        let Earlier(series) = earlier?;
        let course = Course::of(evidence.signal, series, flag.way).filter(|course| course.has_left(newest))?;
        let extreme = course.extreme(newest)?;
        let explained = explains(evidence, flag, |at| course.change(at));
        explained.then_some(Found { likewise: Likewise::Ago(ago), extreme })
    };
    then(elsewhere.yesterday, Ago::Day)
        .or_else(|| then(elsewhere.last_week, Ago::Week))
        .or_else(|| among(evidence, &elsewhere.neighbours, flag, newest))
}

/// Whether more than half of the neighbours moved the same way, and about as far.
fn among(evidence: &Evidence<'_>, neighbours: &[Neighbour<'_>], flag: Flag, newest: Time) -> Option<Found> {
    let way = flag.way;
    let courses: Vec<(&str, Course)> = neighbours
        .iter()
        .filter_map(|neighbour| Some((neighbour.name, Course::of(evidence.signal, neighbour.series, way)?)))
        .collect();
    let moved: Vec<&str> =
        courses.iter().filter(|(_, course)| course.has_left(newest)).map(|(name, _)| *name).collect();
    if courses.len() < LEAST || 2 * moved.len() <= courses.len() {
        return None;
    }
    let change = |at: Time| way.lesser_middle(courses.iter().map(|(_, course)| course.change(at)).collect());
    if !explains(evidence, flag, change) {
        return None;
    }
    let extreme = way.lesser_middle(courses.iter().filter_map(|(_, course)| course.extreme(newest)).collect());
    let names: Vec<String> = moved.iter().take(NAMED).map(|&name| name.to_owned()).collect();
    let more = moved.len() - names.len();
    Some(Found { likewise: Likewise::Neighbours { names, more, rise: way == Way::Up }, extreme })
}

/// Whether the signal's rule raises no such flag any more when it knows of this change.
fn explains(evidence: &Evidence<'_>, flag: Flag, change: impl Fn(Time) -> f64) -> bool {
    let rest = course::without(evidence.signal.kind, evidence.series, flag.since, change);
    let rest = Evidence { series: &rest, ..*evidence };
    Flag::of(&rest, &Track::default().by_rule(&rest)).is_none_or(|other| other.way != flag.way)
}

/// A flag that this deploy could have raised.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Flag {
    way: Way,
    /// The first bin of it.
    since: Option<Time>,
}

impl Flag {
    /// `None` where a judgement is no flag, or one that speaks of what was before.
    fn of(evidence: &Evidence<'_>, judgement: &Judgement) -> Option<Self> {
        let is_flag = match judgement.level {
            Level::RedFlag => true,
            // Nobody is blamed for a number of a meaning of its own.
            Level::Warning => judgement.blames_deploy || evidence.signal.kind == Kind::Custom,
            Level::Clear | Level::Insufficient | Level::NoData | Level::Stale => false,
        };
        let measured = judgement.says.measured().filter(|_| is_flag)?;
        Some(Self { way: way_of(measured.claim)?, since: measured.lasting.map(|lasting| lasting.since) })
    }
}

fn way_of(claim: Claim) -> Option<Way> {
    Some(match claim {
        Claim::Beyond { side: Side::Above, as_before: false, .. }
        | Claim::Exhausted { .. }
        | Claim::Filled { .. }
        | Claim::Climbs { .. }
        | Claim::MoreThanNone
        | Claim::Changed { how: Change::Slower | Change::Up | Change::Increasing, .. } => Way::Up,
        Claim::Beyond { side: Side::Below, as_before: false, .. }
        | Claim::Fell { .. }
        | Claim::Changed { how: Change::Faster | Change::Down | Change::Fewer, .. } => Way::Down,
        Claim::Within { .. }
        | Claim::NoLimit
        | Claim::Flat
        | Claim::NothingToHoldAgainst
        | Claim::ShortPast { .. }
        | Claim::Thin { .. }
        | Claim::WarmingUp
        | Claim::WithoutPast { .. }
        | Claim::Beyond { as_before: true, .. } => return None,
    })
}

/// The limit that makes it red by being passed, whatever was before.
fn red_limit(judgement: &Judgement) -> Option<f64> {
    match judgement.says.measured()?.claim {
        Claim::Beyond { limit, .. } | Claim::Exhausted { limit } if judgement.level == Level::RedFlag => Some(limit),
        _ => None,
    }
}
