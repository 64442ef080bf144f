//! Whether the same happened where there was no such deploy: at the same time of the day or the week before, or in
//! services that were not deployed. Then it is not this deploy's doing, and blames nobody.
//!
//! What happened there is taken out of the readings since the deploy (a difference in differences), and the signal's own
//! rule is asked again. Only what raises no flag any more is explained: a change that is significantly larger than the one
//! elsewhere stays this deploy's.

mod course;

use super::says::{Change, Claim, Likewise, Says, Side};
use super::track::{self, Track};
use super::{Evidence, Judgement, Level};
use crate::deploy::Time;
use crate::poll::Ago;
use crate::signal::Kind;
use crate::store::Series;
use course::Course;
pub(super) use course::Way;

/// So many neighbours are named; the others are counted.
const NAMED: usize = 3;

/// What a signal did at the same time of an earlier day, as a rule sees it. Its stamps are moved to today's clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    series: Series,
    /// Whether a deploy made then would have been blamed, for a rise or for a fall.
    rose: bool,
    fell: bool,
}

impl Earlier {
    /// Plays the readings of an earlier day, stamped as if they were today's, to the signal's own rule. `None` where that
    /// would have blamed no deploy: then there is nothing to hold today against.
    pub fn of(evidence: &Evidence<'_>) -> Option<Self> {
        let (mut rose, mut fell) = (false, false);
        track::replay(evidence, |judgement| match flagged(evidence, judgement) {
            Some(Way::Up) => rose = true,
            Some(Way::Down) => fell = true,
            None => {}
        });
        (rose || fell).then(|| Self { series: evidence.series.clone(), rose, fell })
    }

    fn moved(&self, way: Way) -> bool {
        match way {
            Way::Up => self.rose,
            Way::Down => self.fell,
        }
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
#[derive(Debug, Clone, Copy, Default)]
pub struct Elsewhere<'a> {
    /// A day before, where that is known and was not quiet.
    pub yesterday: Option<&'a Earlier>,
    /// A week before, the same.
    pub last_week: Option<&'a Earlier>,
    /// In services that were not deployed.
    pub neighbours: &'a [Neighbour<'a>],
}

impl Elsewhere<'_> {
    fn is_empty(&self) -> bool {
        self.yesterday.is_none() && self.last_week.is_none() && self.neighbours.is_empty()
    }

    /// Changes whenever anything in it does.
    fn fingerprint(&self) -> u64 {
        let earlier = [self.yesterday, self.last_week].into_iter().map(|earlier| earlier.map(|earlier| &earlier.series));
        let all = earlier.chain(self.neighbours.iter().map(|neighbour| Some(neighbour.series)));
        all.fold(0, |print: u64, series| {
            let newest = series.and_then(Series::last).map_or(0, |reading| reading.at.timestamp_millis());
            let history = series.map_or(0, |series| series.history() + 1);
            print.wrapping_mul(0x0100_0000_01b3) ^ history ^ newest.cast_unsigned().rotate_left(17)
        })
    }
}

/// What was found out, and of what: the same again gives the same.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weighed {
    history: u64,
    newest: Option<Time>,
    settled: Option<Time>,
    way: Way,
    elsewhere: u64,
    found: Option<Found>,
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
    let Some(way) = flagged(evidence, &judgement) else { return judgement };
    // The version before is the better measure: the same service at the same time.
    let newest = evidence.series.last().map(|reading| reading.at);
    if newest.is_some_and(|at| evidence.series.beside(at).is_some()) {
        return judgement;
    }
    let mut weighed = Weighed {
        history: evidence.series.history(),
        newest,
        settled: evidence.settled,
        way,
        elsewhere: elsewhere.fingerprint(),
        found: None,
    };
    match track.weighed.take() {
        Some(known) if (Weighed { found: None, ..known.clone() }) == weighed => weighed = known,
        _ => weighed.found = find(evidence, elsewhere, way),
    }
    let found = weighed.found.clone();
    track.weighed = Some(weighed);
    let Some(Found { likewise, extreme }) = found else { return judgement };
    let level = match red_limit(&judgement) {
        Some(limit) if !way.is_beyond(extreme, limit) => Level::RedFlag,
        Some(_) | None => Level::Warning,
    };
    Judgement { level, blames_deploy: false, says: Says::Likewise { now: Box::new(judgement.says), likewise } }
}

/// The first of what explains it.
fn find(evidence: &Evidence<'_>, elsewhere: &Elsewhere<'_>, way: Way) -> Option<Found> {
    let then = |earlier: Option<&Earlier>, ago: Ago| {
        let earlier = earlier.filter(|earlier| earlier.moved(way))?;
        let course = Course::of(evidence.signal, &earlier.series, way)?;
        let extreme = course.extreme(evidence.series.last()?.at)?;
        let explained = explains(evidence, way, |at| course.change(at));
        explained.then_some(Found { likewise: Likewise::Ago(ago), extreme })
    };
    then(elsewhere.yesterday, Ago::Day)
        .or_else(|| then(elsewhere.last_week, Ago::Week))
        .or_else(|| among(evidence, elsewhere.neighbours, way))
}

/// Whether more than half of the neighbours moved the same way, and about as far.
fn among(evidence: &Evidence<'_>, neighbours: &[Neighbour<'_>], way: Way) -> Option<Found> {
    let courses = neighbours.iter().filter_map(|neighbour| {
        Some((neighbour.name, Course::of(evidence.signal, neighbour.series, way)?, neighbour.series))
    });
    let courses: Vec<(&str, Course, &Series)> = courses.collect();
    let moved: Vec<&str> =
        courses.iter().filter(|(.., series)| course::has_left(series, way)).map(|(name, ..)| *name).collect();
    if 2 * moved.len() <= courses.len() {
        return None;
    }
    let change = |at: Time| way.lesser_middle(courses.iter().map(|(_, course, _)| course.change(at)).collect());
    if !explains(evidence, way, change) {
        return None;
    }
    let newest = evidence.series.last()?.at;
    let extreme = way.lesser_middle(courses.iter().filter_map(|(_, course, _)| course.extreme(newest)).collect());
    let names: Vec<String> = moved.iter().take(NAMED).map(|&name| name.to_owned()).collect();
    let more = moved.len() - names.len();
    Some(Found { likewise: Likewise::Neighbours { names, more, rise: way == Way::Up }, extreme })
}

/// Whether the signal's rule raises no such flag any more once this change was taken out of each reading.
fn explains(evidence: &Evidence<'_>, way: Way, change: impl Fn(Time) -> f64) -> bool {
    let kind = evidence.signal.kind;
    let rest = evidence.series.with_since_deploy(|reading| course::without(kind, reading.sample, change(reading.at)));
    let rest = Evidence { series: &rest, ..*evidence };
    flagged(&rest, &Track::default().by_rule(&rest)) != Some(way)
}

/// Which way it went, where a judgement is a flag that this deploy could have raised.
fn flagged(evidence: &Evidence<'_>, judgement: &Judgement) -> Option<Way> {
    let is_flag = match judgement.level {
        Level::RedFlag => true,
        // Nobody is blamed for a number of a meaning of its own.
        Level::Warning => judgement.blames_deploy || evidence.signal.kind == Kind::Custom,
        _ => false,
    };
    if is_flag { way_of(&judgement.says) } else { None }
}

fn way_of(says: &Says) -> Option<Way> {
    Some(match says.measured()?.claim {
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
