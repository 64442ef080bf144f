//! The alert rules that Prometheus, Mimir or vmalert evaluate, and the silences of their Alertmanager.

use super::Prometheus;
use crate::deploy::Time;
use crate::poll::{Poll, SourceError};
use crate::systems::shared::fail_fast::FailFast;
use crate::systems::shared::rules::RuleSet;

impl Prometheus {
    /// Adds what the rules say. They have no page of their own that could be told from here.
    pub(super) async fn ask_alerts(&self, now: Time, fail_fast: &FailFast, poll: &mut Poll) {
        self.alerts.ask(fail_fast.ask(self.read_rules(now)), str::to_owned, now, poll).await;
    }

    async fn read_rules(&self, now: Time) -> Result<RuleSet, SourceError> {
        let mut rules = RuleSet::read(&self.http, &["api", "v1", "rules"], &[("type", "alert")], now).await?;
        if let Some(alertmanager) = self.alertmanager.as_ref().filter(|_| self.alerts.any_fires(&rules)) {
            rules.read_silences(&self.http, self.http.get_at(alertmanager.clone()), now).await;
        }
        Ok(rules)
    }
}
