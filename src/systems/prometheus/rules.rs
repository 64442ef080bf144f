//! The alert rules that Prometheus, Mimir or vmalert evaluate, and whom their Alertmanager has silenced.

use super::Prometheus;
use crate::deploy::Time;
use crate::poll::{Poll, SourceError};
use crate::systems::shared::fail_fast::Patience;
use crate::systems::shared::rules::Told;

impl Prometheus {
    /// Adds what the rules say. They have no page of their own that could be told from here.
    pub(super) async fn ask_alerts(&self, now: Time, patience: &Patience, poll: &mut Poll) {
        self.alerts.ask(patience.ask(self.read_rules(now)), str::to_owned, now, poll).await;
    }

    async fn read_rules(&self, now: Time) -> Result<Told, SourceError> {
        let mut told = Told::read(&self.http, &["api", "v1", "rules"], &[("type", "alert")], now).await?;
        if let Some(alertmanager) = self.alertmanager.as_ref().filter(|_| self.alerts.any_fires(&told)) {
            told.heed(&self.http, self.http.get_at(alertmanager.clone()), now).await;
        }
        Ok(told)
    }
}
