//! The latest state of alert rules and monitors, and which of them were firing before the deploy.

use crate::deploy::Time;
use crate::poll::{Alert, AlertState};
use crate::setup::Setup;
use crate::signal::{SignalId, SourceId};
use std::collections::BTreeMap;

/// So many alerts from before the deploy are remembered: a rule that is called otherwise each time fills no memory.
const MOST_OLDER: usize = 5_000;

/// Everybody's alerts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Alerts {
    not_quiet: Vec<Alert>,
    unread: Vec<(SignalId, usize)>,
    /// Those that were seen to fire from before the deploy, by signal and identity, and since when. A restart of
    /// whoever evaluates them makes them fire again, with a new beginning, and they are no newer for it.
    older: BTreeMap<(SignalId, String), Time>,
}

impl Alerts {
    /// Those that are not quiet.
    pub(super) fn not_quiet(&self) -> &[Alert] {
        &self.not_quiet
    }

    /// How many rules of a signal were not read.
    pub(super) fn unread(&self, signal: SignalId) -> usize {
        self.unread.iter().filter(|(of, _)| *of == signal).map(|(_, count)| count).sum()
    }

    /// What a source tells of some signals' alerts replaces what it told of those before. `deployed` is when the deploy
    /// was made that a signal is held against.
    pub(super) fn take(
        &mut self,
        setup: &Setup,
        source: SourceId,
        told: &[SignalId],
        (fresh, unread): (Vec<Alert>, Vec<(SignalId, usize)>),
        deployed: impl Fn(SignalId) -> Option<Time>,
    ) {
        let is_own = |id: SignalId| {
            let signal = setup.signals.get(usize::from(id.0));
            signal.is_some_and(|signal| signal.source == source) && told.contains(&id)
        };
        self.not_quiet.retain(|alert| !is_own(alert.signal));
        self.unread.retain(|(id, _)| !is_own(*id));
        self.unread.extend(unread.into_iter().filter(|(id, _)| is_own(*id)));
        for mut alert in fresh.into_iter().filter(|alert| is_own(alert.signal)) {
            let key = (alert.signal, alert.id.clone());
            match (self.older.get(&key), alert.since, deployed(alert.signal)) {
                (Some(known), Some(since), _) => alert.since = Some(since.min(*known)),
                (None, Some(since), Some(deployed))
                    if since < deployed && alert.state == AlertState::Firing && self.older.len() < MOST_OLDER =>
                {
                    self.older.insert(key, since);
                }
                _ => {}
            }
            self.not_quiet.push(alert);
        }
    }
}
