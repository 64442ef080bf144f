//! What a watch says in one sentence: the likely cause first, what follows from it after that; since when, how sure,
//! how many requests and people; and in peace how many signals are ok and which one is nearest to its limit. Data, made
//! of what findings carry as data; its `Display` is the sentence, [`Headline::facts`] the line below it.

mod causes;
mod quiet;
mod words;

pub use causes::{Cause, CauseKind, PRECEDENCE, Rule};
pub use quiet::{Nearest, Quiet, limit, toward};

use crate::deploy::{Deploy, ServiceId, Time};
use crate::poll::Ago;
use crate::rollback::Goal;
use crate::signal::{Kind, SignalId, Unit};
use crate::verdict::says::{Claim, Counted, Likewise, Measured, Spending};
use crate::verdict::{Finding, Level};
use crate::watch::Watch;
use chrono::TimeDelta;

/// What began later than this after the rollout's end is hardly its doing: new pods fail at once, or when they are full.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// What is said first.
#[derive(Debug, Clone, PartialEq)]
pub enum Headline {
    /// Something is red, or a warning.
    Trouble(Box<Trouble>),
    /// Nothing is, as far as is known.
    Quiet(Quiet),
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// [`Level::RedFlag`] or [`Level::Warning`].
    pub level: Level,
    /// The service it is seen in.
    pub service: String,
    /// The version that the deploy brought, where it is known.
    pub version: Option<String>,
    /// Where it most likely comes from.
    pub cause: Cause,
    /// The signal that tells how bad it is: what the large chart shows.
    pub worst: Symptom,
    /// Other signals that are bad because of it.
    pub consequences: Vec<Symptom>,
    /// Signals that are as bad and have nothing to do with it.
    pub beside: Vec<Symptom>,
    /// Since when.
    pub since: Time,
    /// How long after the deploy was made that is, where it was after it.
    pub after_deploy: Option<TimeDelta>,
    /// How sure it is that the deploy did it.
    pub sureness: Sureness,
    /// What it costs of its objective's error budget, where it has one: the dearest of what is told.
    pub costs: Option<Spending>,
    /// How many people saw it, where an error tracker counts them.
    pub users: u64,
    /// What speaks against the deploy as its cause.
    pub elsewhere: Vec<Elsewhere>,
}

/// A signal that is bad, with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptom {
    /// Which.
    pub id: SignalId,
    /// What it measures.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// What its number is in.
    pub unit: Unit,
    /// The number that was judged, where there is one.
    pub value: Option<f64>,
    /// The events behind it, where it is a rate of them.
    pub counted: Option<Counted>,
    /// What was usual before, where that is known.
    pub before: Option<f64>,
    /// By how many percent it changed, where that can be said.
    pub change: Option<f64>,
}

/// How sure it is that the deploy did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// A limit is passed; whether the deploy did it is not known.
    LimitOnly,
    /// The signal changed with the deploy, beyond chance.
    Significant,
    /// More than one signal did.
    Several(usize),
    /// The cluster says so itself of the new pods.
    Certain,
}

/// What speaks against the deploy as the cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elsewhere {
    /// It was as bad before.
    AsBefore,
    /// The version before is as bad in the same minutes.
    VersionBeforeToo,
    /// It began so long after the rollout had ended.
    BeganLate(TimeDelta),
    /// It was so at the same time of an earlier day.
    Ago(Ago),
    /// Services that were not deployed have it too.
    Neighbours(Vec<String>),
    /// Nothing new is seen in the code, though issues are counted.
    NoNewIssue,
}

impl Headline {
    /// What is said of a service, or of all of them.
    pub fn of(watch: &Watch, service: Option<ServiceId>) -> Self {
        let scope = Scope { watch, service };
        let worst = scope.signals().map(|id| watch.finding(id).level).max();
        match worst {
            Some(level @ (Level::RedFlag | Level::Warning)) => scope
                .trouble(level)
                .map_or_else(|| Self::Quiet(Quiet::of(scope)), |trouble| Self::Trouble(Box::new(trouble))),
            _ => Self::Quiet(Quiet::of(scope)),
        }
    }

    /// How bad, or how unknown.
    pub fn level(&self) -> Level {
        match self {
            Self::Trouble(trouble) => trouble.level,
            Self::Quiet(quiet) => quiet.level(),
        }
    }

    /// The signal that the large chart shows: the worst, in peace the one that is nearest to its limit.
    pub fn shown(&self) -> Option<SignalId> {
        match self {
            Self::Trouble(trouble) => Some(trouble.worst.id),
            Self::Quiet(quiet) => quiet.nearest.as_ref().map(|nearest| nearest.id),
        }
    }
}

/// What is looked at: one service, or all of them.
#[derive(Clone, Copy)]
struct Scope<'a> {
    watch: &'a Watch,
    service: Option<ServiceId>,
}

impl<'a> Scope<'a> {
    fn signals(self) -> impl Iterator<Item = SignalId> + 'a {
        let signals = self.watch.setup().signals.iter().zip(0..);
        signals
            .filter(move |(signal, _)| self.service.is_none_or(|service| signal.service == service))
            .map(|(_, index)| SignalId(index))
    }

    /// The deploys that are looked at, those of a service alone where it is given.
    fn deploys(self, service: Option<ServiceId>) -> impl Iterator<Item = &'a Deploy> {
        let workloads = self.watch.setup().workloads.iter().zip(self.watch.workloads());
        workloads
            .filter(move |(workload, _)| service.is_none_or(|service| workload.service == service))
            .filter_map(|(_, state)| state.deploy.as_ref())
    }

    /// What serves now: the deploy's version, or the one that was put back.
    fn version(self, service: Option<ServiceId>) -> Option<String> {
        let back =
            self.watch.rollback().execution().filter(|done| done.plan.goal == Goal::RollBack && done.ready.is_some());
        if let Some(done) = back {
            return Some(done.plan.target());
        }
        let mut labels: Vec<&str> = self.deploys(service).map(|deploy| deploy.to.label()).collect();
        labels.dedup();
        match labels.as_slice() {
            [one] => Some((*one).to_owned()),
            _ => None,
        }
    }

    fn symptom(self, id: SignalId) -> Symptom {
        let signal = self.watch.setup().signal(id);
        let measured = self.watch.finding(id).says.measured();
        Symptom {
            id,
            kind: signal.kind,
            name: signal.name.clone(),
            unit: signal.unit,
            value: measured.map(|measured| measured.value),
            counted: measured.and_then(|measured| measured.counted),
            before: measured.and_then(|measured| measured.against.middle()),
            change: measured.and_then(Measured::change),
        }
    }

    fn trouble(self, level: Level) -> Option<Trouble> {
        let bad: Vec<SignalId> = self.signals().filter(|id| self.watch.finding(*id).level >= Level::Warning).collect();
        let red = |id: &SignalId| self.watch.finding(*id).level == level;
        let (rule, lead, cause) = causes::first(self.watch, &bad, level)?;
        let service = self.watch.setup().signal(lead).service;
        let near = |id: &&SignalId| self.watch.setup().signal(**id).service == service;
        let explains = |id: &&SignalId| near(id) && rule.explains.contains(&self.watch.setup().signal(**id).kind);
        let consequences: Vec<SignalId> = bad.iter().filter(|id| **id != lead).filter(explains).copied().collect();
        let beside = bad.iter().filter(|id| **id != lead && red(id) && !consequences.contains(id));
        let beside: Vec<Symptom> = beside.map(|id| self.symptom(*id)).collect();
        // Of a cause without numbers, what it leads to tells how bad it is.
        let worst = causes::most_telling(self.watch, lead, &consequences);
        let since = std::iter::once(lead).chain(consequences.iter().copied()).filter(|id| red(id) || *id == lead);
        let since = since.map(|id| began(self.watch.finding(id))).min().unwrap_or(self.watch.now());
        let deploy = self.deploys(Some(service)).min_by_key(|deploy| deploy.at);
        let users = self.watch.issues().iter().filter(|issue| near(&&issue.signal)).map(|issue| issue.users);
        let told = std::iter::once(&lead).chain(&consequences).filter_map(|id| self.watch.finding(*id).says.spending());
        let costs = told.max_by(|one, other| one.burn.total_cmp(&other.burn)).copied();
        Some(Trouble {
            level,
            service: self.watch.setup().service(service).name.clone(),
            version: self.version(Some(service)),
            sureness: self.sureness(cause.kind(), lead, &consequences),
            worst: self.symptom(worst),
            consequences: consequences.iter().filter(|id| **id != worst).map(|id| self.symptom(*id)).collect(),
            beside,
            since,
            after_deploy: deploy.map(|deploy| since - deploy.at).filter(|after| *after >= TimeDelta::zero()),
            costs,
            users: users.max().unwrap_or(0),
            elsewhere: self.elsewhere(lead, worst, since, deploy),
            cause,
        })
    }

    fn sureness(self, cause: CauseKind, lead: SignalId, consequences: &[SignalId]) -> Sureness {
        if matches!(cause, CauseKind::Pods | CauseKind::Rollout) {
            return Sureness::Certain;
        }
        let all = std::iter::once(&lead).chain(consequences);
        match all.filter(|id| self.watch.finding(**id).blames_deploy).count() {
            0 => Sureness::LimitOnly,
            1 => Sureness::Significant,
            many => Sureness::Several(many),
        }
    }

    fn elsewhere(self, lead: SignalId, worst: SignalId, since: Time, deploy: Option<&Deploy>) -> Vec<Elsewhere> {
        let mut found = Vec::new();
        let setup = self.watch.setup();
        let measured = self.watch.finding(worst).says.measured();
        if let Some(Claim::Beyond { as_before, so_is_version_before, .. }) = measured.map(|measured| measured.claim) {
            found.extend(as_before.then_some(Elsewhere::AsBefore));
            found.extend(so_is_version_before.map(|_| Elsewhere::VersionBeforeToo));
        }
        let likewise = self.watch.finding(worst).says.likewise();
        if let Some(Likewise::Ago(ago)) = likewise {
            found.push(Elsewhere::Ago(*ago));
        }
        if setup.signal(lead).kind == Kind::Rollout {
            return found;
        }
        let late = deploy.and_then(|deploy| deploy.finished).map(|finished| since - finished);
        // A pool or the memory fills in its own time.
        let fills = matches!(setup.signal(lead).kind, Kind::Connections | Kind::Memory);
        let late = late.filter(|late| *late >= LATE && !fills);
        found.extend(late.map(Elsewhere::BeganLate));
        let kind = setup.signal(worst).kind;
        let deployed = self.watch.deployed_services();
        let neighbours = setup.signals.iter().zip(self.watch.findings()).filter(|(signal, finding)| {
            signal.kind == kind
                && finding.level >= Level::Warning
                && signal.service != setup.signal(lead).service
                && !deployed[usize::from(signal.service.0)]
        });
        let mut neighbours: Vec<String> =
            neighbours.map(|(signal, _)| setup.service(signal.service).name.clone()).collect();
        neighbours.dedup();
        if let Some(Likewise::Neighbours { names, .. }) = likewise {
            neighbours.clone_from(names);
        }
        if !neighbours.is_empty() {
            found.push(Elsewhere::Neighbours(neighbours));
        }
        let of_issues = setup
            .signals
            .iter()
            .zip(self.watch.findings())
            .find(|(signal, _)| signal.kind == Kind::NewIssues && signal.service == setup.signal(lead).service);
        let fails = matches!(kind, Kind::ErrorRate | Kind::ServerErrors);
        if fails && of_issues.is_some_and(|(_, finding)| finding.level == Level::Clear) {
            found.push(Elsewhere::NoNewIssue);
        }
        found
    }
}

/// Since when a finding's claim holds, where it says so, else since when its level is what it is.
fn began(finding: &Finding) -> Time {
    let lasting = finding.says.measured().and_then(|measured| measured.lasting);
    lasting.map_or(finding.since, |lasting| lasting.since.min(finding.since))
}
