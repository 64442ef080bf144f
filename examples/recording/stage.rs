//! The demo's company, a screen in front of it, and a simulated clock.

use chrono::{DateTime, FixedOffset, TimeDelta};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures_util::stream::{self, LocalBoxStream, StreamExt};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use redflag::clock::Clock;
use redflag::config::{AssembleOptions, Config};
use redflag::demo::{Company, Options, Scenario};
use redflag::runtime::{Outside, QUEUE, Runtime};
use redflag::tui::glyphs::Glyphs;
use redflag::tui::hyperlink::Hyperlinks;
use redflag::tui::input::Input;
use redflag::tui::keymap::Keymap;
use redflag::tui::theme::{ColorDepth, Themes};
use redflag::tui::{Look, Tui};
use redflag::watch::Watch;
use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use tokio::sync::mpsc;

/// One picture, and for how many seconds it is seen.
pub(crate) struct Take {
    pub(crate) lasting: f64,
    pub(crate) screen: Buffer,
}

/// How much is recorded while time passes: for how long each picture is seen, and every how many seconds one is taken.
#[derive(Clone, Copy)]
struct Pace {
    lasting: f64,
    every: u32,
}

pub(crate) struct Stage {
    // Its servers stop with it.
    _company: Company,
    clock: Clock,
    keys: mpsc::UnboundedSender<Input>,
    runtime: Runtime<Tui<TestBackend>, LocalBoxStream<'static, Input>>,
    pace: Option<Pace>,
    passed: u32,
    takes: Vec<Take>,
}

type Done = Result<(), Box<dyn Error>>;

impl Stage {
    pub(crate) async fn open(scenario: Scenario, theme: &str, size: (u16, u16)) -> Result<Self, Box<dyn Error>> {
        let begun = DateTime::from_timestamp(1_790_000_000, 0).ok_or("no such time")?;
        let clock = Clock::manual(begun);
        let options = Options { age: TimeDelta::seconds(8), ..Options::of(scenario, clock.clone()) };
        let company = Company::start_with(options).await?;
        let config = Config::parse(&company.config(), "demo")?;
        let options = AssembleOptions::beginning(clock.now());
        let mut assembly = config.assemble(None, &options, &company)?;
        company.recall(&mut assembly.setup);
        let (out, inbox) = mpsc::channel(QUEUE);
        let watch = Watch::new(assembly.setup);
        let outside = Outside::new(watch.shared_setup(), assembly.sources, assembly.rollback, clock.clone(), out)
            .with_feature_flags(assembly.feature_flags);
        let look = Look {
            themes: Themes::load(theme, None, ColorDepth::True)?,
            glyphs: Glyphs::Unicode,
            hyperlinks: Hyperlinks::Off,
            zone: FixedOffset::east_opt(0).ok_or("no such zone")?,
        };
        let tui = Tui::new(Terminal::new(TestBackend::new(size.0, size.1))?, look, Keymap::default());
        let (keys, typed) = mpsc::unbounded_channel();
        let typed = stream::unfold(typed, |mut typed: mpsc::UnboundedReceiver<Input>| async move {
            Some((typed.recv().await?, typed))
        });
        let mut runtime = Runtime::new(watch, tui, typed.boxed_local(), clock.clone(), outside, inbox);
        runtime.connect();
        Ok(Self { _company: company, clock, keys, runtime, pace: None, passed: 0, takes: Vec::new() })
    }

    pub(crate) fn screen(&self) -> &Buffer {
        self.runtime.frontend().backend().buffer()
    }

    /// From now on a picture is taken every so many seconds, and each is seen for so long.
    pub(crate) fn record(&mut self, lasting: f64, every: u32) {
        self.pace = Some(Pace { lasting, every });
    }

    /// Takes one that is seen for so long.
    pub(crate) fn hold(&mut self, lasting: f64) {
        self.takes.push(Take { lasting, screen: self.screen().clone() });
    }

    pub(crate) fn taken(self) -> Vec<Take> {
        self.takes
    }

    /// Lets a second pass, and everything that it brings about happen.
    async fn second(&mut self) -> Done {
        self.clock.set(self.clock.now() + TimeDelta::seconds(1));
        while self.runtime.is_busy() {
            self.runtime.turn().await?;
        }
        for _ in 0..50 {
            tokio::task::yield_now().await;
            let mut turn = pin!(self.runtime.turn());
            std::future::poll_fn(|context| {
                let _ = turn.as_mut().poll(context);
                Poll::Ready(())
            })
            .await;
        }
        self.passed += 1;
        match self.pace {
            Some(pace) if self.passed.is_multiple_of(pace.every) => self.hold(pace.lasting),
            _ => {}
        }
        Ok(())
    }

    pub(crate) async fn seconds(&mut self, count: usize) -> Done {
        for _ in 0..count {
            self.second().await?;
        }
        Ok(())
    }

    /// Lets time pass until something is so; so many minutes at most.
    pub(crate) async fn until(&mut self, minutes: usize, is_so: impl Fn(&Watch) -> bool) -> Done {
        for _ in 0..minutes * 60 {
            if is_so(self.runtime.watch()) {
                return Ok(());
            }
            self.second().await?;
        }
        Err("what is waited for never came".into())
    }

    pub(crate) async fn press(&mut self, key: char) -> Done {
        let event = Event::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE));
        self.keys.send(Input::Event(event))?;
        self.runtime.turn().await?;
        Ok(())
    }
}
