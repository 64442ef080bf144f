//! A company made of messages: it answers each effect of the core as its sources would, at the scene's time.

use chrono::{FixedOffset, TimeDelta, TimeZone, Utc};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use redflag::deploy::{Deploy, ServiceId, Time, Version, WorkloadId, WorkloadKind, WorkloadRef};
use redflag::feature_flags::{self, Call, FeatureFlag, FlagState, Listing, News};
use redflag::message::{Command, Effect, Message, StreamNews};
use redflag::poll::{Issue, Novelty, Poll, PollRequest, SourceError};
use redflag::rollback::action::{Action, CiAction, Dispatch, PinnedPatch};
use redflag::rollback::deletion::Deleted;
use redflag::rollback::lease::{Holding, LeaseCall};
use redflag::rollback::request::PlanRequest;
use redflag::rollback::version_history::{Known, VersionStatus};
use redflag::rollback::{Answer, Blocked, Check, CheckKind, Covered, Readiness, Refusal, Step};
use redflag::rollout::{Pod, PodPhase, Progress, Replicas, Rollout};
use redflag::setup::{Confirm, Delivery, FlagSystemId, RollbackPolicy, Service, Setup, SourceInfo, Told, Workload};
use redflag::signal::{Kind, Point, Sample, Signal, SignalId, SourceId};
use redflag::tui::glyphs::Glyphs;
use redflag::tui::hyperlink::Hyperlinks;
use redflag::tui::keymap::{Key, Keymap};
use redflag::tui::theme::{ColorDepth, Ground, Themes};
use redflag::tui::{Look, Reaction, Tui};
use redflag::watch::Watch;
use std::sync::Arc;

/// When the deploy of every scene was made.
pub(super) fn deployed_at() -> Time {
    Utc.with_ymd_and_hms(2026, 11, 20, 14, 1, 0).unwrap()
}

/// So many seconds after the deploy.
pub(super) fn after(seconds: i64) -> Time {
    deployed_at() + TimeDelta::seconds(seconds)
}

/// The name and image of a version.
fn version(label: &str, revision: i64) -> Version {
    Version {
        images: vec![format!("registry.example.com/shop/app:{label}")],
        revision,
        hash: format!("h{label}"),
        ..Version::default()
    }
}

/// How the company is doing.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Health {
    /// As before the deploy.
    Well,
    /// The new version fails some requests and is slow.
    Bad,
    /// It fails so many that nobody doubts it.
    Broken,
}

/// A watch, the company it watches, and the screen.
pub(super) struct Scene {
    pub(super) watch: Watch,
    pub(super) now: Time,
    pub(super) health: Health,
    /// The services that it is true of, where there are several.
    pub(super) faulty: Vec<ServiceId>,
    /// Sources that do not answer, and how.
    pub(super) down: Vec<(&'static str, SourceError)>,
    /// What is said of a rollback, instead of that it is ready.
    pub(super) readiness: Option<Readiness>,
    /// What the steps of plans are made to be, beyond a plain undo.
    pub(super) alter: fn(&mut Step),
    /// How the API server answers an undo; `None`: not at all yet.
    pub(super) answer: Option<Answer>,
    /// The same for single workloads, over it.
    pub(super) answers: Vec<(WorkloadId, Answer)>,
    /// How the API server answers the deletion of a pod; `None`: not at all yet.
    pub(super) deleted: Option<Deleted>,
    /// Whose the lease is; `None`: no answer yet.
    pub(super) holding: Option<Holding>,
    /// From when on the errors are over.
    pub(super) mended: Option<Time>,
    /// What the systems of feature flags say of their flags, by their places.
    pub(super) flags: Vec<Result<Listing, String>>,
    /// How they answer an order to turn one off; one that is taken does it.
    pub(super) flag_answer: feature_flags::Answer,
    pub(super) look: Look,
    tui: Option<Tui<TestBackend>>,
}

const SOURCES: [(&str, Delivery, i64); 5] = [
    ("kubernetes", Delivery::Streamed, 30),
    ("grafana", Delivery::Polled, 15),
    ("sentry", Delivery::Polled, 60),
    ("datadog", Delivery::Polled, 30),
    ("probe", Delivery::Polled, 10),
];

fn signal(kind: Kind, source: u16, service: u16) -> Signal {
    Signal {
        name: kind.label().to_owned(),
        kind,
        unit: kind.unit(),
        service: ServiceId(service),
        workload: (kind == Kind::Rollout).then_some(WorkloadId(service)),
        source: SourceId(source),
        of_version: kind == Kind::NewIssues,
        required: true,
        limits: kind.limits(),
        objective: None,
        step: TimeDelta::seconds(30),
        link: (kind == Kind::ErrorRate).then(|| "https://grafana.example.com/d/app?viewPanel=2".to_owned()),
        queries: match kind {
            Kind::ErrorRate => [
                "sum(increase(http_requests_total{status=~\"5..\"}[$__interval]))",
                "sum(increase(http_requests_total[$__interval]))",
            ]
            .map(str::to_owned)
            .to_vec(),
            _ => Vec::new(),
        },
    }
}

fn setup(services: &[&str]) -> Setup {
    let kinds = [
        (Kind::Rollout, 0),
        (Kind::ErrorRate, 1),
        (Kind::Latency, 1),
        (Kind::Traffic, 1),
        (Kind::Memory, 1),
        (Kind::Connections, 3),
        (Kind::NewIssues, 2),
        (Kind::Probe, 4),
    ];
    let count = services.len() as u16;
    Setup {
        environment: "production".to_owned(),
        services: services.iter().map(|name| Service { name: (*name).to_owned(), depends_on: Vec::new() }).collect(),
        workloads: services
            .iter()
            .zip(0..)
            .map(|(name, index)| Workload {
                reference: WorkloadRef {
                    kind: WorkloadKind::Deployment,
                    namespace: "production".to_owned(),
                    name: (*name).to_owned(),
                },
                service: ServiceId(index),
                container: None,
            })
            .collect(),
        signals: (0..count).flat_map(|service| kinds.map(|(kind, source)| signal(kind, source, service))).collect(),
        sources: SOURCES
            .map(|(name, delivery, seconds)| SourceInfo {
                name: name.to_owned(),
                delivery,
                interval: TimeDelta::seconds(seconds),
            })
            .to_vec(),
        window: TimeDelta::minutes(30),
        baseline: TimeDelta::minutes(60),
        coverage: 90,
        rollout_deadline: TimeDelta::minutes(10),
        confirm: Confirm::Key,
        confirm_grace: TimeDelta::milliseconds(300),
        read_only: false,
        rollback: RollbackPolicy::default(),
        feature_flags: Vec::new(),
        told: Told::default(),
        started: after(75),
    }
}

impl Scene {
    /// One service, watched from shortly after its rollout ended.
    pub(super) fn new() -> Self {
        Self::with(setup(&["app"]))
    }

    /// Twenty services.
    pub(super) fn board() -> Self {
        Self::board_of(|_| {})
    }

    /// The same with the environment's settings changed.
    pub(super) fn board_of(change: impl FnOnce(&mut Setup)) -> Self {
        let names = [
            "accounts",
            "basket",
            "billing",
            "catalogue",
            "checkout",
            "delivery",
            "email",
            "fraud",
            "gateway",
            "images",
            "inventory",
            "invoices",
            "login",
            "orders",
            "payments",
            "prices",
            "returns",
            "search",
            "stock",
            "taxes",
        ];
        let mut setup = setup(&names);
        change(&mut setup);
        Self::with(setup)
    }

    /// A shop that calls its payments, so that it is rolled back before them; and a stock that nobody calls.
    pub(super) fn shop() -> Self {
        let mut setup = setup(&["shop", "payments", "stock"]);
        setup.services[0].depends_on = vec![ServiceId(1)];
        Self::with(setup)
    }

    /// The same with the environment's settings changed.
    pub(super) fn changed(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = setup(&["app"]);
        change(&mut setup);
        Self::with(setup)
    }

    fn with(setup: Setup) -> Self {
        Self {
            now: setup.started,
            watch: Watch::new(setup),
            health: Health::Well,
            faulty: vec![ServiceId(4)],
            down: Vec::new(),
            readiness: None,
            alter: |_| {},
            answer: Some(Answer::Accepted),
            answers: Vec::new(),
            deleted: None,
            holding: Some(Holding::Ours),
            mended: None,
            flags: Vec::new(),
            flag_answer: feature_flags::Answer::Accepted,
            look: Look {
                themes: Themes::load("dark", None, ColorDepth::True).unwrap(),
                glyphs: Glyphs::Unicode,
                hyperlinks: Hyperlinks::Off,
                zone: FixedOffset::east_opt(3600).unwrap(),
            },
            tui: None,
        }
    }

    /// A terminal with other means.
    pub(super) fn on(mut self, glyphs: Glyphs, theme: &str, depth: ColorDepth) -> Self {
        self.look.glyphs = glyphs;
        self.look.themes = Themes::load(theme, None, depth).unwrap();
        self.tui = None;
        self
    }

    /// Lets time go on in ticks, up to so many seconds after the deploy.
    pub(super) fn until(&mut self, seconds: i64) -> &mut Self {
        while self.now < after(seconds) {
            self.now = (self.now + TimeDelta::seconds(5)).min(after(seconds));
            self.say(Message::Tick(self.now));
            if (self.now - deployed_at()).num_seconds() % 10 == 0 {
                self.say(Message::Streamed { source: SourceId(0), at: self.now, news: StreamNews::Alive });
            }
        }
        self
    }

    /// The cluster tells of every workload: rolled out.
    pub(super) fn rolled_out(&mut self) -> &mut Self {
        self.all_tell(|desired| pods(desired, 0, 0), &Progress::Complete, Some(after(70)))
    }

    /// The cluster tells of every workload: half-way there.
    pub(super) fn rolling_out(&mut self) -> &mut Self {
        let waiting = Progress::Waiting("4 out of 12 new replicas have been updated".to_owned());
        self.all_tell(|_| pods(4, 3, 8), &waiting, None)
    }

    /// One workload as the cluster tells it.
    pub(super) fn all_tell(
        &mut self,
        pods: impl Fn(usize) -> Vec<Pod>,
        progress: &Progress,
        finished: Option<Time>,
    ) -> &mut Self {
        for index in 0..self.watch.setup().workloads.len() as u16 {
            let rollout = rollout(pods(12), progress.clone(), finished);
            self.tell(WorkloadId(index), rollout);
        }
        self
    }

    pub(super) fn tell(&mut self, id: WorkloadId, rollout: Rollout) -> &mut Self {
        let news = StreamNews::Rollout(id, Box::new(rollout));
        self.say(Message::Streamed { source: SourceId(0), at: self.now, news });
        self
    }

    /// Hands a message to the core and answers what it asks for.
    pub(super) fn say(&mut self, message: Message) {
        for effect in self.watch.update(message) {
            let at = self.now;
            match effect {
                Effect::Poll { source, request } => {
                    let result = self.poll(source, &request);
                    self.say(Message::Polled { source, at, result });
                }
                Effect::AskPast { source, ago, request } => {
                    let (from, result) = (request.from, Ok(Poll::default()));
                    self.say(Message::PastTold { source, at, ago, from, result });
                }
                Effect::Prepare(ask) => {
                    let ready = || {
                        let mut step = undo(self.watch.setup(), &ask);
                        (self.alter)(&mut step);
                        Readiness::Ready(Arc::new(step))
                    };
                    let readiness = self.readiness.clone().unwrap_or_else(ready);
                    self.say(Message::Prepared { workload: ask.workload, goal: ask.goal, at, readiness });
                }
                Effect::Send(step) | Effect::ReadBack(step) | Effect::Follow(step, _) => {
                    let own = self.answers.iter().find(|(workload, _)| *workload == step.workload());
                    if let Some(answer) = own.map(|(_, answer)| answer.clone()).or_else(|| self.answer.clone()) {
                        self.say(Message::Answered { workload: step.workload(), at, answer });
                    }
                }
                Effect::Lease(LeaseCall::Take(_) | LeaseCall::Renew) => {
                    if let Some(holding) = self.holding.clone() {
                        self.say(Message::Leased { at, holding });
                    }
                }
                Effect::DeletePods { workload, pods } => {
                    if let Some(deleted) = self.deleted.clone() {
                        let answers = pods.into_iter().map(|pod| (pod, deleted.clone())).collect();
                        self.say(Message::PodsDeleted { workload, at, answers });
                    }
                }
                Effect::FeatureFlags(system, call) => {
                    let news = self.switched(system, call);
                    self.say(Message::FeatureFlags { system, at, news });
                }
                Effect::Lease(LeaseCall::Release) | Effect::Remember(..) | Effect::Bell => {}
            }
        }
    }

    fn switched(&mut self, system: FlagSystemId, call: Call) -> News {
        let listing = &mut self.flags[usize::from(system.0)];
        let mut flags = listing.iter_mut().flat_map(|listing| &mut listing.flags);
        match call {
            Call::Read => News::Read(listing.clone()),
            Call::ReadBack(key) => {
                let flag = flags.find(|flag| flag.key == key);
                let state = flag.map_or_else(|| FlagState::Unread("no answer".to_owned()), |flag| flag.state.clone());
                News::ReadBack(key, state)
            }
            Call::TurnOff(order) => {
                if let (feature_flags::Answer::Accepted, Some(FeatureFlag { state: FlagState::Told(standing), .. })) =
                    (&self.flag_answer, flags.find(|flag| flag.key == order.key))
                {
                    standing.on = false;
                }
                News::Answered(order.key, self.flag_answer.clone())
            }
        }
    }

    fn poll(&self, source: SourceId, request: &PollRequest) -> Result<Poll, SourceError> {
        let name = SOURCES[usize::from(source.0)].0;
        if let Some((_, error)) = self.down.iter().find(|(down, _)| *down == name) {
            return Err(error.clone());
        }
        let mut poll = Poll::default();
        for (index, signal) in self.watch.setup().signals.iter().enumerate() {
            if signal.source == source {
                poll.points.push((SignalId(index as u16), self.points(signal, request)));
            }
        }
        if name == "sentry" {
            poll.issues = Some(self.issues());
        }
        Ok(poll)
    }

    fn points(&self, signal: &Signal, request: &PollRequest) -> Vec<Point> {
        let step = signal.step.num_seconds();
        let first = request.from.timestamp().div_euclid(step) + 1;
        let last = request.to.timestamp().div_euclid(step);
        (first..=last)
            .filter_map(|bin| {
                let at = Utc.timestamp_opt(bin * step, 0).unwrap();
                Some((at, self.sample(signal, at)?))
            })
            .collect()
    }

    /// What was true of a signal: a little wave, and the fault where there is one.
    fn sample(&self, signal: &Signal, at: Time) -> Option<Sample> {
        let wave = [0.0, 0.6, -0.4, 0.2, 1.0, -0.8, 0.3][(at.timestamp() / 30).rem_euclid(7) as usize];
        let faulty_service = self.watch.setup().services.len() == 1 || self.faulty.contains(&signal.service);
        let mended = self.mended.is_some_and(|mended| at >= mended);
        let since = (at - deployed_at()).num_seconds() as f64;
        let worst = match self.health {
            Health::Well => 0.0,
            Health::Bad => 1.0,
            Health::Broken => 5.0,
        };
        let fault = if faulty_service && !mended { worst * (since / 300.0).clamp(0.0, 1.0) } else { 0.0 };
        Some(match signal.kind {
            Kind::ErrorRate => {
                let requests = 1230.0 + 20.0 * wave;
                Sample::Counts { errors: (requests * (0.0005 + 0.03 * fault)).round(), requests }
            }
            Kind::Latency => Sample::Value(430.0 + 12.0 * wave + 190.0 * fault),
            Kind::Traffic => Sample::Value(41.0 + wave - 3.0 * fault),
            Kind::Memory => Sample::Value(41.0 + 0.5 * wave),
            Kind::Connections => Sample::Value(38.0 + 2.0 * wave),
            Kind::Probe => Sample::Value(84.0 + 6.0 * wave),
            Kind::NewIssues => Sample::Value(0.0),
            _ => return None,
        })
    }

    fn issues(&self) -> Vec<Issue> {
        if self.health == Health::Well || self.now < after(300) {
            return Vec::new();
        }
        let index = self.watch.setup().signals.iter().position(|signal| signal.kind == Kind::NewIssues).unwrap();
        let issue = |id: &str, title: &str, novelty, count, users| Issue {
            id: id.to_owned(),
            signal: SignalId(index as u16),
            title: title.to_owned(),
            culprit: Some("shop.cart.views in total".to_owned()),
            novelty,
            fatal: false,
            count,
            users,
            first_seen: Some(after(120)),
            last_seen: Some(self.now),
            link: Some(format!("https://sentry.example.com/issues/{id}")),
        };
        vec![
            issue("1", "TypeError: cart.total is None", Novelty::New, 1204, 311),
            issue("2", "IntegrityError: orders_fk\u{1b}[2J", Novelty::Regressed, 31, 1),
        ]
    }

    /// The screen at this size, drawn.
    pub(super) fn screen(&mut self, width: u16, height: u16) -> Buffer {
        let mut tui = self.tui.take().unwrap_or_else(|| self.make_tui(width, height));
        let area = tui.backend().buffer().area;
        if (area.width, area.height) != (width, height) {
            tui.backend_mut().resize(width, height);
            assert_eq!(tui.handle(&Event::Resize(width, height), &self.watch), []);
        }
        tui.draw(&self.watch).unwrap();
        let buffer = tui.backend().buffer().clone();
        self.tui = Some(tui);
        buffer
    }

    fn make_tui(&self, width: u16, height: u16) -> Tui<TestBackend> {
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        Tui::new(terminal, self.look.clone(), Keymap::default())
    }

    /// Presses keys; what they ask of the core is done, the rest is returned.
    pub(super) fn press(&mut self, keys: &str) -> Vec<Reaction> {
        let mut tui = self.tui.take().unwrap_or_else(|| self.make_tui(120, 40));
        let mut others = Vec::new();
        for key in keys.split(' ') {
            let key: Key = key.parse().unwrap();
            let event = Event::Key(KeyEvent::new(key.code, key.modifiers));
            for reaction in tui.handle(&event, &self.watch) {
                match reaction {
                    Reaction::Ask(command) => self.say(Message::Asked { at: self.now, command }),
                    other => others.push(other),
                }
            }
            // As the loop does: what a key leads to is seen before the next one.
            tui.draw(&self.watch).unwrap();
        }
        self.tui = Some(tui);
        others
    }

    /// Hands an event to the screen alone.
    pub(super) fn event(&mut self, event: &Event) -> Vec<Reaction> {
        let mut tui = self.tui.take().unwrap_or_else(|| self.make_tui(120, 40));
        let reactions = tui.handle(event, &self.watch);
        self.tui = Some(tui);
        reactions
    }

    /// The terminal says what it writes on.
    pub(super) fn answer_ground(&mut self, ground: Ground) {
        let mut tui = self.tui.take().unwrap_or_else(|| self.make_tui(120, 40));
        tui.set_ground(ground);
        self.tui = Some(tui);
    }

    /// Types a text, sign by sign.
    pub(super) fn type_text(&mut self, text: &str) {
        let mut tui = self.tui.take().unwrap_or_else(|| self.make_tui(120, 40));
        for sign in text.chars() {
            let event = Event::Key(KeyEvent::new(KeyCode::Char(sign), KeyModifiers::NONE));
            for reaction in tui.handle(&event, &self.watch) {
                assert_eq!(reaction, Reaction::Ask(Command::Touch), "a letter is no command");
                self.say(Message::Asked { at: self.now, command: Command::Touch });
            }
            tui.draw(&self.watch).unwrap();
        }
        self.tui = Some(tui);
    }
}

/// Pods: so many of the new version ready, so many of it starting, so many of the old one.
pub(super) fn pods(ready: usize, starting: usize, old: usize) -> Vec<Pod> {
    let pod = |index: usize, is_new: bool, phase: PodPhase| Pod {
        name: format!("app-{index}"),
        uid: format!("uid-of-app-{index}"),
        is_new,
        hash: if is_new { "h1.9.0" } else { "h1.8.3" }.to_owned(),
        phase,
        reason: None,
        restarts: 0,
        oom_killed: false,
        created: None,
        ready_since: None,
        unready_since: None,
        node: None,
        zone: None,
        last_words: None,
        images: Vec::new(),
    };
    let new = (0..ready).map(|index| pod(index, true, PodPhase::Ready));
    let starting = (0..starting).map(|index| pod(100 + index, true, PodPhase::Starting));
    let old = (0..old).map(|index| pod(200 + index, false, PodPhase::Ready));
    new.chain(starting).chain(old).collect()
}

pub(super) fn rollout(pods: Vec<Pod>, progress: Progress, finished: Option<Time>) -> Rollout {
    let count = |wanted: fn(&Pod) -> bool| pods.iter().map(|pod| i64::from(wanted(pod))).sum::<i64>();
    Rollout {
        uid: "u".to_owned(),
        generation: 7,
        progress,
        replicas: Replicas {
            desired: 12,
            updated: count(|pod| pod.is_new),
            ready: count(|pod| pod.phase == PodPhase::Ready),
            available: count(|pod| pod.phase == PodPhase::Ready),
            total: count(|_| true),
        },
        troubles: Vec::new(),
        deadline: redflag::rollout::Deadline::default(),
        changed_by: None,
        deploy: Some(Deploy {
            at: deployed_at(),
            finished,
            from: Some(version("1.8.3", 41)),
            to: version("1.9.0", 42),
            by: Some("ada".to_owned()),
        }),
        revisions: Vec::new(),
        pods,
    }
}

/// The cluster after an undo was accepted: so many pods of the previous version ready, the others of the new.
pub(super) fn undone(ready: usize, starting: usize, left: usize) -> Rollout {
    let mut pods = pods(left, 0, ready);
    pods.extend((0..starting).map(|index| Pod {
        name: format!("app-old-{index}"),
        uid: format!("uid-of-app-old-{index}"),
        is_new: false,
        hash: "h1.8.3".to_owned(),
        phase: PodPhase::Starting,
        reason: None,
        restarts: 0,
        oom_killed: false,
        created: None,
        ready_since: None,
        unready_since: None,
        node: None,
        zone: None,
        last_words: None,
        images: Vec::new(),
    }));
    // The version that is rolled out now is the old one.
    for pod in &mut pods {
        pod.is_new = pod.hash == "h1.8.3";
    }
    let done = starting == 0 && left == 0;
    let progress = if done {
        Progress::Complete
    } else {
        Progress::Waiting(format!("{ready} of 12 updated replicas are available"))
    };
    let mut rollout = rollout(pods, progress, None);
    rollout.generation = 8;
    let deploy = rollout.deploy.as_mut().unwrap();
    std::mem::swap(&mut deploy.to, deploy.from.as_mut().unwrap());
    rollout
}

/// What the API server would say to an undo: to the version that does not run.
fn undo(setup: &Setup, ask: &PlanRequest) -> Step {
    let workload = ask.workload;
    let reference = setup.workload(workload).reference.clone();
    let (uid, generation) = ("u".to_owned(), 7);
    let document = json_patch::Patch::default();
    let mut versions = [version("1.9.0", 42), version("1.8.3", 41)];
    if ask.wanted.seen.as_ref().is_some_and(|seen| seen.running.label() == "1.8.3") {
        versions.reverse();
    }
    let [from, to] = versions;
    let (label, revision) = (to.label().to_owned(), to.revision);
    Step {
        goal: ask.goal,
        subject: reference.to_string(),
        place: "prod-eu (https://10.0.0.1:6443)".to_owned(),
        manual_command: format!(
            "kubectl --context prod-eu -n production rollout undo {reference} --to-revision={revision}"
        ),
        covers: vec![Covered { workload, reference: reference.clone(), uid: uid.clone(), generation, from, to }],
        does: vec![format!("revert {reference} to revision {revision} ({label})")],
        action: Action::Patch(PinnedPatch { reference, uid, generation, document }),
        checks: vec![
            Check::ok(CheckKind::Permission, "may patch deployments in production"),
            Check::ok(CheckKind::DryRun, "the API server would accept it"),
            Check::warning(CheckKind::Autoscaler, "hpa/app may change the number of pods while it runs", None),
        ],
        not_reverted: vec!["ConfigMap app-settings was changed 14:00 and stays as it is".to_owned()],
        expected: TimeDelta::seconds(70),
    }
}

/// It was looked for all that an automatic rollback must know.
pub(super) fn looked(step: &mut Step) {
    step.checks.push(Check::ok(CheckKind::Migration, "no migration shipped with 1.9.0"));
    step.checks.push(Check::ok(CheckKind::AlreadyRolledBack, "1.9.0 is not itself a rollback"));
}

/// A migration went out with the version: what it dropped does not come back.
pub(super) fn with_migration(step: &mut Step) {
    step.checks.push(Check::typed(
        CheckKind::Migration,
        "a migration drops orders.legacy_id",
        "restore the column first, or take the feature back with its flag",
    ));
}

/// It goes pod by pod.
pub(super) fn slow(step: &mut Step) {
    step.expected = TimeDelta::seconds(260);
}

/// A job of a CI system does it, and does not refuse by itself when somebody was quicker.
pub(super) fn by_a_workflow(step: &mut Step) {
    *step = Step {
        subject: "workflow rollback.yml".to_owned(),
        place: "github.com/example/shop".to_owned(),
        does: vec![
            "workflow rollback.yml is dispatched on main with version=1.8.3".to_owned(),
            "its run is followed to its end".to_owned(),
        ],
        action: Action::Ci(CiAction::Dispatch(Dispatch {
            repository: "example/shop".to_owned(),
            names_run: true,
            prepared: after(-60),
            workflow: "rollback.yml".to_owned(),
            git_ref: "main".to_owned(),
            inputs: vec![("version".to_owned(), "1.8.3".to_owned())],
            marker: "redflag-1".to_owned(),
        })),
        manual_command: "gh workflow run rollback.yml --ref main -f version=1.8.3".to_owned(),
        ..step.clone()
    };
}

/// What earlier watches found: the previous version survived its own.
pub(super) fn known_good() -> Vec<Vec<Known>> {
    let before = version("1.8.3", 41);
    vec![vec![Known {
        hash: before.hash,
        images: before.images,
        standing: VersionStatus::Good,
        at: after(-86_400),
        by: None,
    }]]
}

/// A rollback that an owner would put back, with all that was checked.
pub(super) fn owned() -> Readiness {
    let reason = "Argo CD (application shop) keeps deployment/app as Git has it, and would put an undo back";
    let way_out = "choose strategy = \"argocd\", or revert the commit in Git";
    let blocked = Blocked { reason: reason.to_owned(), way_out: way_out.to_owned() };
    Readiness::Blocked(Refusal {
        checks: vec![
            Check::ok(CheckKind::Permission, "may patch deployments in production"),
            Check::blocked(CheckKind::Owner, blocked.clone()),
            Check::warning(CheckKind::Image, "the tag of app:main moves", Some("deploy by digest".to_owned())),
        ],
        ..Refusal::from(blocked)
    })
}

/// A rollback that cannot be done.
pub(super) fn blocked() -> Readiness {
    Readiness::Blocked(Refusal::from(Blocked {
        reason: "no earlier revision is kept (revisionHistoryLimit is 0)".to_owned(),
        way_out: "deploy 1.8.3 again with the pipeline".to_owned(),
    }))
}
