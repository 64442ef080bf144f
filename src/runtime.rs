//! The loop, and the only one that performs effects ([`follow`] shows a watch and performs none). Keys, news and time go in
//! as messages, effects come out and are performed, and the newest state is shown. No key ever waits for the network: everything slow is a task.

mod beginning;
mod flags;
mod following;
mod leaving;
mod log;
mod outside;
mod recalling;
mod screen;
mod secrets;
mod stops;

pub use beginning::{Beginning, Recording};
pub use following::{Followed, follow};
pub use outside::{AdapterSpecs, Outside};
pub(crate) use recalling::recalled;
pub use secrets::PendingSecrets;
pub use stops::stops;

use crate::clock::Clock;
use crate::deploy::Time;
use crate::message::{Command, Effect, Message};
use crate::outcome::Outcome;
use crate::records::{Recorder, Records};
use crate::session::{Following, Seat};
use crate::timeline::Mark;
use crate::watch::Watch;
use beginning::Trial;
use chrono::TimeDelta;
use futures_util::{Stream, StreamExt};
use leaving::{Asked, Askers};
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

    /// Says something in one sentence, until the next key. Lines of text have no place for it.
    fn notice(&mut self, _text: &str) {}

    /// Says that another process has the keys, or has not any more.
    fn follow(&mut self, _following: Option<&Following>) {}

    /// From here on it is another watch that is shown.
    fn begin_again(&mut self) {}

    /// Whether it leaves by itself when it knows what it was asked for, so that nobody goes on with it.
    fn knows_its_end(&self) -> bool {
        false
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
    /// What is taken in before anything else.
    first: Option<Message>,
    /// Of a watch that was resumed: whether the deploy is the same.
    trial: Option<Trial>,
    /// Who asks for the keys.
    askers: Askers,
    asked: Option<Asked>,
}

/// What woke the loop.
enum Wakeup<I> {
    Input(I),
    InputsEnded,
    Message(Message),
    Tick,
    Asked(Option<Seat>),
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
        let (recorder, tick) = (Recorder::off(), beginning::tick(&clock));
        let beginning = Beginning { watch, recorder, tick, first: None, trial: None, asker: None };
        Self::begin(beginning, frontend, inputs, clock, outside, inbox)
    }

    /// The same for a watch that begins like this.
    pub fn begin(
        beginning: Beginning,
        frontend: F,
        inputs: S,
        clock: Clock,
        outside: Outside,
        inbox: mpsc::Receiver<Message>,
    ) -> Self {
        let mut outside = outside;
        outside.set_watch(beginning.recorder.id());
        let Beginning { mut watch, recorder, tick, first, trial, asker } = beginning;
        watch.expect_ticks_every(tick);
        let pending_secrets = PendingSecrets::none();
        Self {
            next_tick: watch.now(),
            watch,
            frontend,
            inputs,
            clock,
            outside,
            inbox,
            pending_secrets,
            tick,
            recorder,
            first,
            trial,
            askers: leaving::heard(asker),
            asked: None,
        }
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
        let left = self.run_until_left().await;
        // Whoever comes next should not have to wait for it to expire. What is in progress keeps others out a little
        // longer than we are here.
        if left.is_ok() && !self.watch.rollback().is_in_progress() {
            self.outside.release_lease().await;
        }
        self.end_record(&left);
        left
    }

    async fn run_until_left(&mut self) -> io::Result<Outcome> {
        self.take_first()?;
        // The first frame waits for nobody: not for an answer, and not for a secret.
        self.frontend.wait_for(self.pending_secrets.what().as_deref())?;
        self.frontend.show(&self.watch)?;
        self.outside.connect();
        loop {
            if let Some(outcome) = self.turn().await? {
                return Ok(outcome);
            }
        }
    }

    /// Takes in what goes before everything else; [`Runtime::run`] does it before the first frame. Gives what the timeline
    /// says of an earlier watch.
    ///
    /// # Errors
    /// The frontend's.
    pub fn take_first(&mut self) -> io::Result<Option<String>> {
        let Some(first) = self.first.take() else { return Ok(None) };
        self.take_in(first)?;
        let told = self.watch.timeline().entries().rfind(|entry| entry.mark == Mark::Unknown);
        Ok(told.map(|entry| entry.text.clone()))
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
            asked = leaving::next(&mut self.askers) => Wakeup::Asked(asked),
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
                if let Some(outcome) = self.follow_asked() {
                    return Ok(Some(outcome));
                }
            }
            Wakeup::Asked(by) => self.take_asked(by),
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
        if self.trial.as_mut().is_some_and(|trial| trial.fails(&message, &self.watch)) {
            self.begin_afresh()?;
        }
        self.trial.take_if(|trial| trial.is_over());
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

    /// What was resumed turns out to be of another deploy: its record is left, and a watch of this one begins.
    fn begin_afresh(&mut self) -> io::Result<()> {
        let Some(trial) = self.trial.take() else { return Ok(()) };
        let Beginning { watch, recorder, tick, first, asker, .. } = trial.afresh(&self.clock);
        self.watch = watch;
        self.tick = tick;
        self.outside.set_watch(recorder.id());
        let left = std::mem::replace(&mut self.recorder, recorder);
        // A key need not wait until it is compressed.
        tokio::task::spawn_blocking(move || {
            if let Err(error) = left.close() {
                tracing::warn!(%error, "an earlier record could not be compressed");
            }
        });
        self.askers = leaving::heard(asker);
        self.next_tick = self.clock.now();
        self.frontend.begin_again();
        first.map_or(Ok(()), |first| self.take_in(first))
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
