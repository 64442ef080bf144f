//! What the company's servers share: the world, the clock, the tokens, and the active faults.

use super::faults::{Board, Fault, Peer, is_change, scheduled};
use super::world::World;
use crate::clock::Clock;
use crate::deploy::Time;
use axum::http::{HeaderMap, header};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Who a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// May do everything.
    Operator,
    /// May only read.
    Viewer,
}

impl User {
    /// As the API server's messages name them.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Operator => "dana",
            Self::Viewer => "viewer",
        }
    }
}

/// Shared by all servers.
pub(crate) struct Simulation {
    pub(crate) clock: Clock,
    pub(crate) board: Board,
    pub(crate) operator_token: String,
    pub(crate) viewer_token: String,
    world: Mutex<World>,
    /// The cluster's newest resource version.
    news: watch::Sender<u64>,
    closing: watch::Sender<bool>,
}

impl Simulation {
    pub(crate) fn new(clock: Clock, world: World, operator_token: String, viewer_token: String) -> Self {
        let news = watch::Sender::new(world.cluster.etcd.version());
        Self {
            clock,
            board: Board::default(),
            operator_token,
            viewer_token,
            world: Mutex::new(world),
            news,
            closing: watch::Sender::new(false),
        }
    }

    /// Looks at or changes the world as it is now, and tells the watches when the cluster changed.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut World, Time) -> R) -> R {
        let now = self.clock.now();
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance(now);
        let result = act(&mut world, now);
        let version = world.cluster.etcd.version();
        drop(world);
        self.news.send_if_modified(|known| std::mem::replace(known, version) != version);
        result
    }

    /// Wakes at each change of the cluster.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// The fault that a request to this peer meets now: one that was set, else a scheduled one.
    pub(crate) fn fault(&self, peer: Peer, method: &str, path_and_query: &str) -> Option<Fault> {
        let set = self.board.of(peer, is_change(method, path_and_query));
        set.or_else(|| self.with(|world, now| scheduled(world.scenario, peer, world.age(now))))
    }

    /// Whose `Authorization: Bearer` this is.
    pub(crate) fn bearer(&self, headers: &HeaderMap) -> Option<User> {
        let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        self.user(token)
    }

    /// Whose token this is.
    pub(crate) fn user(&self, token: &str) -> Option<User> {
        match token {
            token if token == self.operator_token => Some(User::Operator),
            token if token == self.viewer_token => Some(User::Viewer),
            _ => None,
        }
    }

    /// Starts the shutdown.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Waits for the shutdown.
    pub(crate) async fn closed(&self) {
        // The sender lives as long as this does; an error would mean closed anyway.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }
}
