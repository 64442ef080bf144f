//! What is told of what was heard: digests, warning events, and how the cluster stands.

use super::{Closed, FeedId, Streamer};
use crate::deploy::Time;
use crate::message::{Message, StreamNews};
use crate::poll::SourceError;
use crate::systems::kubernetes::watched::Watched;

impl Streamer {
    /// Why the cluster counts as down, if it does. Warning events are a help, not a foundation.
    fn trouble(&self) -> Option<&SourceError> {
        let failing = self.failing.iter().find(|(feed, _)| !matches!(feed, FeedId::Events(_)));
        failing.map(|(_, error)| error).or(self.liveness_error.as_ref())
    }

    pub(super) async fn tell(&mut self) -> Result<(), Closed> {
        let now = self.clock.now();
        let mut said_anything = false;
        for index in 0..self.watched.len() {
            let watched = &mut self.watched[index];
            if !std::mem::take(&mut watched.has_news) || !watched.fold.is_complete() {
                continue;
            }
            let rollout = watched.fold.digest(now);
            if watched.told.as_ref() == Some(&rollout) {
                continue;
            }
            watched.told = Some(rollout.clone());
            // Whatever was asked before is older than this.
            self.cluster.facts.forget();
            let news = StreamNews::Rollout(watched.id, Box::new(rollout));
            self.send(now, news).await?;
            said_anything = true;
        }
        said_anything |= self.tell_warnings(now).await?;
        let trouble = self.trouble().cloned();
        match trouble {
            // Good news of one workload does not retract the bad news of another.
            Some(error) if self.down.as_ref() != Some(&error) || said_anything => {
                self.send(now, StreamNews::Down(error.clone())).await?;
                self.down = Some(error);
            }
            Some(_) => {}
            None if !self.watched.iter().all(|watched| watched.fold.is_complete()) => {}
            None => {
                let is_back = self.down.take().is_some();
                if (std::mem::take(&mut self.is_alive) || is_back) && !said_anything {
                    self.send(now, StreamNews::Alive).await?;
                }
            }
        }
        Ok(())
    }

    async fn tell_warnings(&mut self, now: Time) -> Result<bool, Closed> {
        let mut due = Vec::new();
        for (index, warnings) in self.warnings.iter_mut().enumerate() {
            let here = |watched: &Watched| watched.reference.namespace == warnings.namespace;
            let first = self.watched.iter().find(|watched| here(watched)).map(|watched| watched.id);
            if !self.watched.iter().filter(|watched| here(watched)).all(|watched| watched.fold.is_complete()) {
                continue;
            }
            // Everything else can be read, so only the events are missing.
            let refusal = self.failing.get(&FeedId::Events(index));
            if let (Some(error), Some(workload), false) = (refusal, first, warnings.is_refused) {
                warnings.is_refused = true;
                let text = format!("warning events of namespace {} are not shown: {error}", warnings.namespace);
                due.push(StreamNews::Event { workload, seen: now, text });
            }
            let whose = |uid: &str| self.watched.iter().position(|watched| watched.fold.owns(uid));
            due.extend(warnings.sorter.lines(whose).into_iter().map(|line| StreamNews::Event {
                workload: self.watched[line.workload].id,
                seen: line.seen,
                text: line.text,
            }));
        }
        let said_anything = !due.is_empty();
        for news in due {
            self.send(now, news).await?;
        }
        Ok(said_anything)
    }

    async fn send(&mut self, at: Time, news: StreamNews) -> Result<(), Closed> {
        self.last_told = at;
        let message = Message::Streamed { source: self.source, at, news };
        self.out.send(message).await.map_err(|_| Closed)
    }
}
