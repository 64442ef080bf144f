//! Secrets that a program prints when somebody has touched a key: waited for beside the screen, never before it.

use super::AdapterSpecs;
use crate::config::{SecretProgram, SystemSecrets};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

/// Makes the adapters' specifications, once no secret is missing any more.
type Finish = Box<dyn FnOnce() -> io::Result<AdapterSpecs> + Send>;

/// The secrets that are still missing. One program is run at a time: two of them would ask for the same key to be
/// touched. Whoever drops this ends the one that runs.
pub struct PendingSecrets {
    secrets: Arc<SystemSecrets>,
    programs: VecDeque<SecretProgram>,
    running: Option<BoxFuture<'static, ()>>,
    finish: Option<Finish>,
}

/// What there is to know of them.
pub(super) enum News {
    /// This is waited for now.
    Waiting(String),
    /// None is missing any more.
    Fetched(Box<io::Result<AdapterSpecs>>),
}

impl PendingSecrets {
    /// Nothing: all secrets are there.
    pub fn none() -> Self {
        Self { secrets: Arc::default(), programs: VecDeque::new(), running: None, finish: None }
    }

    /// What `secrets` lacks; then `finish` is called.
    pub fn new(
        secrets: Arc<SystemSecrets>,
        finish: impl FnOnce() -> io::Result<AdapterSpecs> + Send + 'static,
    ) -> Self {
        let programs = secrets.missing().into();
        Self { secrets, programs, running: None, finish: Some(Box::new(finish)) }
    }

    /// What is waited for now, in a sentence.
    pub(super) fn what(&self) -> Option<String> {
        self.programs.front().map(SecretProgram::waiting)
    }

    /// Waits for the next secret. Never returns while nothing is missing; may be dropped and called again.
    pub(super) async fn next(&mut self) -> News {
        let Some(program) = self.programs.front() else { return self.finished().await };
        let running = self.running.get_or_insert_with(|| {
            let (secrets, program) = (Arc::clone(&self.secrets), program.clone());
            async move { secrets.keep(program.clone(), program.printed().await) }.boxed()
        });
        running.await;
        self.running = None;
        self.programs.pop_front();
        match self.what() {
            Some(what) => News::Waiting(what),
            None => self.finished().await,
        }
    }

    async fn finished(&mut self) -> News {
        match self.finish.take() {
            Some(finish) => News::Fetched(Box::new(finish())),
            None => std::future::pending().await,
        }
    }
}
