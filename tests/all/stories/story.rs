//! A company, a person's screen, and the loop between them: what every story is told with.

use chrono::{DateTime, FixedOffset, TimeDelta};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures_util::stream::{self, LocalBoxStream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use redflag::clock::Clock;
use redflag::config::{AssembleOptions, Config};
use redflag::demo::{Company, Options, Scenario};
use redflag::deploy::WorkloadId;
use redflag::records::Earlier;
use redflag::rollback::Readiness;
use redflag::runtime::{Beginning, Outside, QUEUE, Recording, Runtime};
use redflag::setup::Setup;
use redflag::signal::{Kind, SignalId};
use redflag::tui::glyphs::Glyphs;
use redflag::tui::hyperlink::Hyperlinks;
use redflag::tui::input::Input;
use redflag::tui::keymap::Keymap;
use redflag::tui::theme::{ColorDepth, Themes};
use redflag::tui::{Look, Tui};
use redflag::verdict::Level;
use redflag::watch::Watch;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::mpsc;

/// A company, a person's screen, and the loop between them.
pub(crate) struct Story {
    pub(crate) company: Arc<Company>,
    pub(crate) clock: Clock,
    pub(crate) keys: mpsc::UnboundedSender<Input>,
    pub(crate) runtime: Runtime<Tui<TestBackend>, LocalBoxStream<'static, Input>>,
}

impl Story {
    pub(crate) async fn begin(scenario: Scenario) -> Self {
        Self::begin_with(scenario, |_| {}).await
    }

    pub(crate) async fn begin_with(scenario: Scenario, change: impl FnOnce(&mut Setup)) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let options = Options { age: TimeDelta::seconds(8), ..Options::of(scenario, clock.clone()) };
        let company = Company::start_with(options).await.unwrap();
        Self::watch(Arc::new(company), clock, change)
    }

    /// Another person's screen over the same company.
    pub(crate) fn watch(company: Arc<Company>, clock: Clock, change: impl FnOnce(&mut Setup)) -> Self {
        let config = company.config();
        Self::watch_as_told(company, clock, &config, change, None)
    }

    /// The same from where an earlier process left off, where it left a record there.
    pub(crate) fn go_on(company: Arc<Company>, clock: Clock, recording: &Recording) -> Self {
        let config = company.config();
        Self::watch_as_told(company, clock, &config, |_| {}, Some(recording))
    }

    /// A watch over the company's StatefulSet `db` instead of its app.
    pub(crate) async fn begin_with_the_database(scenario: Scenario) -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_790_000_000, 0).unwrap());
        let company = Company::start_with(Options::of(scenario, clock.clone())).await.unwrap();
        let config = company.config().replace("deployment/app", "statefulset/db");
        Self::watch_as_told(Arc::new(company), clock, &config, |_| {}, None)
    }

    fn watch_as_told(
        company: Arc<Company>,
        clock: Clock,
        config: &str,
        change: impl FnOnce(&mut Setup),
        recording: Option<&Recording>,
    ) -> Self {
        let config = Config::parse(config, "demo").unwrap();
        let options = AssembleOptions::beginning(clock.now());
        let mut assembly = config.assemble(None, &options, &*company).unwrap();
        company.recall(&mut assembly.setup);
        change(&mut assembly.setup);
        let (out, inbox) = mpsc::channel(QUEUE);
        let setup = assembly.setup;
        let shared = Arc::new(setup.clone());
        let beginning = match recording.map(|recording| (recording, recording.earlier(&setup, false, &clock))) {
            Some((recording, Earlier::LeftOff(left))) => Beginning::resumed(*left, setup, recording.clone(), &clock),
            Some((recording, Earlier::Nothing)) => Beginning::afresh(setup, Some(recording), None, &clock),
            Some((recording, Earlier::Afresh { before, why })) => {
                Beginning::afresh(setup, Some(recording), Some((before, why)), &clock)
            }
            Some((_, Earlier::Held(_))) => panic!("another process has it"),
            None => Beginning::afresh(setup, None, None, &clock),
        };
        let outside = Outside::new(shared, assembly.sources, assembly.rollback, clock.clone(), out)
            .with_feature_flags(assembly.feature_flags);
        let look = Look {
            themes: Themes::load("dark", None, ColorDepth::True).unwrap(),
            glyphs: Glyphs::Unicode,
            hyperlinks: Hyperlinks::Off,
            zone: FixedOffset::east_opt(0).unwrap(),
        };
        let tui = Tui::new(Terminal::new(TestBackend::new(120, 40)).unwrap(), look, Keymap::default());
        let (keys, typed) = mpsc::unbounded_channel();
        let typed = stream::unfold(typed, |mut typed| async move { Some((typed.recv().await?, typed)) });
        let mut runtime = Runtime::begin(beginning, tui, typed.boxed_local(), clock.clone(), outside, inbox);
        runtime.take_first().unwrap();
        runtime.connect();
        Self { company, clock, keys, runtime }
    }

    pub(crate) fn state(&self) -> &Watch {
        self.runtime.watch()
    }

    pub(crate) fn finding(&self, kind: Kind) -> (Level, String) {
        let signals = &self.state().setup().signals;
        let index = signals.iter().position(|signal| signal.kind == kind).expect("the company has such a signal");
        let finding = self.state().finding(SignalId(index as u16));
        (finding.level, finding.sentence())
    }

    /// Lets a second pass, and everything that it brings about happen.
    pub(crate) async fn second(&mut self) {
        self.clock.set(self.clock.now() + TimeDelta::seconds(1));
        while self.runtime.is_busy() {
            assert_eq!(self.runtime.turn().await.unwrap(), None, "the screen was left");
        }
        // What the cluster tells by itself may still be on its way through the loopback: every task and socket
        // gets some turns to bring it.
        for _ in 0..50 {
            self.take_what_is_ready().await;
        }
    }

    /// One pass over all tasks and sockets; takes in what they have brought, and waits for nothing.
    pub(crate) async fn take_what_is_ready(&mut self) {
        tokio::task::yield_now().await;
        let mut turn = pin!(self.runtime.turn());
        std::future::poll_fn(|context| {
            if let Poll::Ready(left) = turn.as_mut().poll(context) {
                assert_eq!(left.unwrap(), None, "the screen was left");
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Lets time pass until something is so; an hour is more than any story takes.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a mut self,
        what: &'a str,
        is_so: impl Fn(&Watch) -> bool + 'a,
    ) -> impl Future<Output = i64> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let begun = self.clock.now();
            while !is_so(self.state()) {
                let waited = (self.clock.now() - begun).num_seconds();
                assert!(waited < 3600, "{place}: never so: {what}\n{}", self.screen());
                self.second().await;
            }
            (self.clock.now() - begun).num_seconds()
        }
    }

    pub(crate) async fn seconds(&mut self, count: usize) {
        for _ in 0..count {
            self.second().await;
        }
    }

    /// Another person's screen over the same company, at the same time.
    pub(crate) fn beside(&self, change: impl FnOnce(&mut Setup)) -> Self {
        Self::watch(Arc::clone(&self.company), self.clock.clone(), change)
    }

    /// The program is killed as it stands, and started again.
    pub(crate) fn killed_and_begun_again(self) -> Self {
        let Self { company, clock, keys, runtime } = self;
        drop((keys, runtime));
        Self::watch(company, clock, |_| {})
    }

    /// A person presses a key.
    pub(crate) async fn press(&mut self, key: char) {
        self.press_key(KeyCode::Char(key)).await;
    }

    /// A person presses a key that is no letter.
    pub(crate) async fn press_key(&mut self, code: KeyCode) {
        let event = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
        self.keys.send(Input::Event(event)).unwrap();
        assert_eq!(self.runtime.turn().await.unwrap(), None);
    }

    pub(crate) fn screen(&self) -> String {
        let buffer = self.runtime.frontend().backend().buffer();
        let lines = buffer.content.chunks(usize::from(buffer.area.width));
        let line =
            |cells: &[ratatui::buffer::Cell]| cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>();
        lines.map(|cells| line(cells).trim_end().to_owned() + "\n").collect()
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        assert!(self.screen().contains(text), "{text:?} is not on the screen:\n{}", self.screen());
    }

    pub(crate) fn is_ready(watch: &Watch) -> bool {
        matches!(watch.workload(WorkloadId(0)).readiness, Readiness::Ready(_))
    }
}

pub(crate) fn is_red(watch: &Watch, kind: Kind) -> bool {
    let signals = watch.setup().signals.iter().zip(watch.findings());
    signals.filter(|(signal, _)| signal.kind == kind).any(|(_, finding)| finding.level == Level::RedFlag)
}
