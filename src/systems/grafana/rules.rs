//! Grafana's own alert rules, those that its data sources keep, and who is silenced.

use super::{DataSource, Grafana, explain};
use crate::deploy::Time;
use crate::poll::{Poll, SourceError};
use crate::systems::shared::fail_fast::Patience;
use crate::systems::shared::rules::Told;

/// Instances of a rule that are looked at, the loudest first: enough to find ours among other services'.
const INSTANCES: &str = "100";

impl Grafana {
    /// Adds what the rules say.
    pub(super) async fn ask_alerts(&self, now: Time, patience: &Patience, poll: &mut Poll) {
        let link = |uid: &str| self.http.link(&["alerting", "grafana", uid, "view"]);
        self.alerts.ask(patience.ask(self.read_rules(now)), link, now, poll).await;
    }

    async fn read_rules(&self, now: Time) -> Result<Told, SourceError> {
        let path = ["api", "prometheus", "grafana", "api", "v1", "rules"];
        let mut told = Told::read(&self.http, &path, &[("limit_alerts", INSTANCES)], now).await.map_err(explain)?;
        for DataSource { uid, .. } in &self.datasources {
            let path = ["api", "prometheus", uid, "api", "v1", "rules"];
            match Told::read(&self.http, &path, &[("type", "alert")], now).await {
                Ok(theirs) => told.join(theirs),
                // Not every data source keeps rules.
                Err(SourceError::NotFound(_) | SourceError::BadQuery(_)) => {}
                Err(error) => {
                    told.remarks.push(format!("the alert rules of data source {uid} cannot be read: {error}"));
                }
            }
        }
        if self.alerts.any_fires(&told) {
            let alertmanager = self.http.get(&["api", "alertmanager", "grafana", "api", "v2", "alerts"]);
            told.heed(&self.http, alertmanager, now).await;
        }
        Ok(told)
    }
}
