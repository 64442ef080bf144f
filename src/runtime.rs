//! The loop: the only `select!`. Keys, news and time go in as messages, effects come out and are performed,
//! and the newest state is shown. No key ever waits for the network: everything slow is a task.

mod flags;
mod log;
mod outside;
mod recalling;
mod screen;
mod secrets;
mod stops;

pub use outside::{AdapterSpecs, Outside};
pub(crate) use recalling::recalled;
pub use secrets::PendingSecrets;
pub use stops::stops;

use crate::clock::Clock;
use crate::deploy::Time;
use crate::message::{Command, Effect, Message};
use crate::outcome::Outcome;
use crate::records::{Recorder, Records};
use crate::watch::Watch;
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt};
use std::io;
use tokio::sync::mpsc;

/// How many messages may wait. Sources are slower than the loop by far; a full queue holds a source back,
/// never a key.
pub const QUEUE: usize = 256;

/// How many messages are taken in before a key has its turn.
const BURST: usize = 64;

/// Where the state is seen and intents come from: the terminal, or lines of text.
pub trait Frontend {
    /// User input.
    type Input;

    /// Handles one input; returns what is wanted.
    fn take(&mut self, input: Self::Input, watch: &Watch) -> Vec<Intent>;

    /// Shows the newest state. Called after everything that is ready has been taken in, not after each piece.
    fn show(&mut self, watch: &Watch) -> io::Result<Vec<Intent>>;

    /// Rings the terminal bell, once. Lines of text have none.
    fn ring(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Copies a text to the clipboard. Lines of text are copied by whoever reads them.
    fn copy(&mut self, _text: &str) -> io::Result<()> {
        Ok(())
    }

    /// Says what is waited for before anybody can be asked; `None` when it has come. Without a screen it was waited for
    /// before the loop began.
    fn wait_for(&mut self, _what: Option<&str>) -> io::Result<()> {
        Ok(())
    }

    /// Stops the process as Ctrl-Z does, and comes back after `fg`. Without a screen the shell does that by itself.
    fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a frontend wants to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Ask the core.
    Ask(Command),
    /// Quit with this outcome.
    Leave(Outcome),
    /// Stop as Ctrl-Z does.
    Suspend,
    /// Copy this text.
    Copy(String),
}

/// How far apart ticks are: once a second as the watch counts it, ten times a second of real time at the most.
fn tick(clock: &Clock) -> TimeDelta {
    TimeDelta::milliseconds((clock.speed() * 100.0).max(1000.0) as i64)
}

/// A running watch.
pub struct Runtime<F, S> {
    watch: Watch,
    frontend: F,
    inputs: S,
    clock: Clock,
    outside: Outside,
    inbox: mpsc::Receiver<Message>,
    /// The secrets that are still missing.
    pending_secrets: PendingSecrets,
    next_tick: Time,
    tick: TimeDelta,
    recorder: Recorder,
}

/// What woke the loop.
enum Wakeup<I> {
    Input(I),
    InputsEnded,
    Message(Message),
    Tick,
    TaskEnded(io::Result<()>),
    Secrets(secrets::News),
}

impl<F: Frontend, S: Stream<Item = F::Input> + Unpin> Runtime<F, S> {
    /// Puts a watch, a frontend and the outside together. `inbox` is what the outside sends to.
    pub fn new(
        watch: Watch,
        frontend: F,
        inputs: S,
        clock: Clock,
        outside: Outside,
        inbox: mpsc::Receiver<Message>,
    ) -> Self {
        let tick = tick(&clock);
        let mut watch = watch;
        watch.expect_ticks_every(tick);
        let pending_secrets = PendingSecrets::none();
        let recorder = Recorder::off();
        Self { next_tick: watch.now(), watch, frontend, inputs, clock, outside, inbox, pending_secrets, tick, recorder }
    }

    /// The adapters' specifications come later: it is made for [`Outside::unconfigured`].
    #[must_use]
    pub fn with_pending_secrets(mut self, pending_secrets: PendingSecrets) -> Self {
        self.pending_secrets = pending_secrets;
        self
    }

    /// Keeps a record of the watch, where `records` says where.
    #[must_use]
    pub fn recorded(mut self, records: Option<&Records>, program: &str) -> Self {
        self.recorder = Recorder::begin(records, program, self.tick, &self.watch);
        self
    }

    /// Runs until the frontend wants to leave; gives the outcome.
    pub async fn run(&mut self) -> io::Result<Outcome> {
        // The first frame waits for nobody: not for an answer, and not for a secret.
        self.frontend.wait_for(self.pending_secrets.what().as_deref())?;
        self.frontend.show(&self.watch)?;
        self.outside.connect();
        let outcome = loop {
            if let Some(outcome) = self.turn().await? {
                break outcome;
            }
        };
        // Whoever comes next should not have to wait for it to expire. What is in progress keeps others out a little
        // longer than we are here.
        if !self.watch.rollback().is_in_progress() {
            self.outside.release_lease().await;
        }
        if let Err(error) = std::mem::take(&mut self.recorder).close() {
            // What was written stays, and can be read.
            tracing::warn!(%error, "the record could not be compressed");
        }
        Ok(outcome)
    }

    /// One turn: waits for something to happen, takes it and all else that is ready in, shows the result.
    pub async fn turn(&mut self) -> io::Result<Option<Outcome>> {
        let next_tick = self.watch.wakes_at().map_or(self.next_tick, |wakes| wakes.min(self.next_tick));
        let happening = tokio::select! {
            // In this order: keys first, then messages, then time. A flood of news cannot hold up a key,
            // and what is overdue by a tick is no worse for it.
            biased;
            input = self.inputs.next() => input.map_or(Wakeup::InputsEnded, Wakeup::Input),
            Some(message) = self.inbox.recv() => Wakeup::Message(message),
            () = self.clock.sleep_until(next_tick) => Wakeup::Tick,
            ended = self.outside.join_next() => Wakeup::TaskEnded(ended),
            news = self.pending_secrets.next() => Wakeup::Secrets(news),
        };
        let mut intents = Vec::new();
        match happening {
            Wakeup::Input(input) => intents = self.frontend.take(input, &self.watch),
            Wakeup::InputsEnded => return Ok(Some(Outcome::of(&self.watch))),
            Wakeup::Message(message) => {
                self.take_in(message)?;
                // Draw only the newest state: whatever else is here already belongs in the same frame, up to a number
                // that a key can wait for.
                for _ in 0..BURST {
                    let Ok(message) = self.inbox.try_recv() else { break };
                    self.take_in(message)?;
                }
            }
            Wakeup::Tick => {
                let now = self.clock.now();
                self.next_tick = now + self.tick;
                self.take_in(Message::Tick(now))?;
            }
            Wakeup::TaskEnded(ended) => ended?,
            Wakeup::Secrets(secrets::News::Waiting(what)) => self.frontend.wait_for(Some(&what))?,
            Wakeup::Secrets(secrets::News::Fetched(specs)) => {
                self.frontend.wait_for(None)?;
                self.outside.configure((*specs)?);
            }
        }
        loop {
            if let Some(outcome) = self.grant(intents)? {
                return Ok(Some(outcome));
            }
            intents = self.frontend.show(&self.watch)?;
            if intents.is_empty() {
                return Ok(None);
            }
        }
    }

    fn grant(&mut self, intents: Vec<Intent>) -> io::Result<Option<Outcome>> {
        for intent in intents {
            match intent {
                Intent::Ask(command) => self.take_in(Message::Asked { at: self.clock.now(), command })?,
                Intent::Leave(outcome) => return Ok(Some(outcome)),
                Intent::Suspend => self.frontend.suspend()?,
                Intent::Copy(text) => self.frontend.copy(&text)?,
            }
        }
        Ok(None)
    }

    fn take_in(&mut self, message: Message) -> io::Result<()> {
        self.outside.heard(&message);
        log::message(&message, self.watch.setup());
        self.recorder.append(&message);
        let effects = self.watch.update(message);
        self.recorder.before(&effects, &self.watch);
        if let Some(why) = self.recorder.lost() {
            let unrecorded = Message::Unrecorded { at: self.clock.now(), why };
            log::message(&unrecorded, self.watch.setup());
            // It asks for nothing.
            self.watch.update(unrecorded);
        }
        for effect in effects {
            log::effect(&effect);
            match effect {
                Effect::Bell => self.frontend.ring()?,
                effect => self.outside.perform(effect),
            }
        }
        Ok(())
    }

    /// The state.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The frontend.
    pub fn frontend(&self) -> &F {
        &self.frontend
    }

    /// The frontend, to change it between turns.
    pub fn frontend_mut(&mut self) -> &mut F {
        &mut self.frontend
    }

    /// Whether answers are awaited or not taken in yet: what a test waits for before it moves its clock on.
    pub fn is_busy(&self) -> bool {
        self.outside.awaits_answers() || !self.inbox.is_empty() || self.clock.now() >= self.next_tick
    }

    /// Begins to talk to the outside; [`Runtime::run`] does it after the first frame.
    pub fn connect(&mut self) {
        self.outside.connect();
    }
}
