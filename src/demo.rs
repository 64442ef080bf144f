//! A small company on loopback: a Grafana with a Prometheus behind it, a Sentry, a Datadog, a website, an
//! Argo CD, an Unleash and a Kubernetes API server, all of one simulated world that lives on a [`Clock`].
//!
//! redflag talks to it over HTTP through the same adapters as to real systems, with a configuration that it could
//! have read from a file. What the metrics say follows from which pods serve: a rollback really changes them.

mod configuration;

pub use crate::simulated::faults::{Fault, Faults, Peer, Request, Requests};
pub use crate::simulated::scenario::{Scenario, UnknownScenario};

use crate::clock::Clock;
use crate::config::Secrets;
use crate::secret::Secret;
use crate::setup::Setup;
use crate::simulated::server;
use crate::simulated::state::Simulation;
use crate::simulated::world::World;
use crate::systems::registry::peers;
use chrono::TimeDelta;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The name under which the configuration asks for the company's token.
pub const TOKEN: &str = "REDFLAG_DEMO_TOKEN";
/// The name of the token that may only read.
pub const VIEWER_TOKEN: &str = "REDFLAG_DEMO_VIEWER_TOKEN";

/// The options of a company.
#[derive(Debug, Clone)]
pub struct Options {
    /// What happens.
    pub scenario: Scenario,
    /// The time it happens in. The deploy is made two seconds after its beginning.
    pub clock: Clock,
    /// How long ago it began.
    pub age: TimeDelta,
    /// The seed of all noise and names: equal seeds tell equal stories.
    pub seed: u64,
    /// The first of seven ports, one a peer in the order of [`Peer::ALL`]; any free ones when not given.
    pub port: Option<u16>,
    /// The token to let in; a random one when not given.
    pub token: Option<String>,
}

impl Options {
    /// A company that begins now, on free ports, with a token of its own.
    pub fn of(scenario: Scenario, clock: Clock) -> Self {
        Self { scenario, clock, age: TimeDelta::zero(), seed: 1, port: None, token: None }
    }
}

/// A running company. Its servers stop when it is dropped.
pub struct Company {
    state: Arc<Simulation>,
    scenario: Scenario,
    ports: [u16; Peer::ALL.len()],
}

impl Company {
    /// Starts a company on free ports.
    ///
    /// # Errors
    /// When no port can be opened on the loopback interface.
    pub async fn start(scenario: Scenario, clock: Clock) -> io::Result<Self> {
        Self::start_with(Options::of(scenario, clock)).await
    }

    /// Starts a company. Must be called within a tokio runtime, which its servers live on.
    ///
    /// # Errors
    /// When a port cannot be opened on the loopback interface, most often because it is taken.
    pub async fn start_with(options: Options) -> io::Result<Self> {
        let Options { scenario, clock, age, seed, port, token } = options;
        let world = World::new(scenario, clock.now() - age, seed);
        let token = token.unwrap_or_else(|| format!("demo-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)));
        let viewer = format!("{token}-viewer");
        let state = Arc::new(Simulation::new(clock, world, token, viewer));
        let mut ports = [0; Peer::ALL.len()];
        for (place, peer) in (0..).zip(Peer::ALL) {
            let served = peers::served(peer, state.clone());
            let wanted = port.map(|first| first.saturating_add(place));
            ports[usize::from(place)] =
                server::open(&state, peer, wanted, served).await.inspect_err(|_| state.close())?;
        }
        tokio::spawn(live(state.clone()));
        Ok(Self { state, scenario, ports })
    }

    /// What happens in it.
    pub fn scenario(&self) -> Scenario {
        self.scenario
    }

    /// Where a peer answers: `http://127.0.0.1:40123`.
    pub fn url(&self, peer: Peer) -> String {
        format!("http://127.0.0.1:{}", self.ports[peer as usize])
    }

    /// The configuration that watches it, in TOML. Its secrets are names: see [`Company::secret`].
    pub fn config(&self) -> String {
        configuration::write(self)
    }

    /// The value of a secret that the configuration names: [`TOKEN`], [`VIEWER_TOKEN`].
    pub fn secret(&self, name: &str) -> Option<String> {
        match name {
            TOKEN => Some(self.state.operator_token.clone()),
            VIEWER_TOKEN => Some(self.state.viewer_token.clone()),
            _ => None,
        }
    }

    /// Adds to a watch of it what earlier watches found of its versions: what ran before the deploy has run well for
    /// days.
    pub fn recall(&self, setup: &mut Setup) {
        let workloads = setup.workloads.iter();
        setup.rollback.known =
            self.state.with(|world, _| workloads.map(|it| world.known(&it.reference.name)).collect());
    }

    /// Sets and clears faults of its peers, and acts as other users.
    pub fn faults(&self) -> Faults {
        Faults(self.state.clone())
    }

    /// What was asked of it so far.
    pub fn requests(&self) -> Requests {
        self.state.board.requests()
    }
}

/// The company tells its own secrets; nothing of the user's environment is read.
impl Secrets for Company {
    fn env(&self, name: &str) -> Result<Secret, String> {
        let value = self.secret(name).ok_or_else(|| format!("the demo has no secret {name}"))?;
        Ok(Secret::new(&value))
    }

    fn file(&self, path: &Path) -> Result<Secret, String> {
        Err(format!("the demo reads no files such as {}", path.display()))
    }

    fn command(&self, words: &[String]) -> Result<Secret, String> {
        Err(format!("the demo runs no programs such as {}", words.join(" ")))
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        self.state.close();
    }
}

/// Advances the world when there are no requests: watches must see changes when they happen.
async fn live(state: Arc<Simulation>) {
    loop {
        tokio::select! {
            () = state.closed() => return,
            () = state.clock.sleep(TimeDelta::seconds(1)) => state.with(|_, _| ()),
        }
    }
}
