//! Grafana's own alert rules, those that its data sources keep, and their silences.

use super::{DataSource, Grafana, explain};
use crate::deploy::Time;
use crate::poll::{Poll, SourceError};
use crate::systems::shared::fail_fast::FailFast;
use crate::systems::shared::rules::RuleSet;

/// Instances of a rule that are looked at, the loudest first: enough to find ours among other services'.
const INSTANCES: &str = "100";

impl Grafana {
    /// Adds what the rules say.
    pub(super) async fn ask_alerts(&self, now: Time, fail_fast: &FailFast, poll: &mut Poll) {
        let link = |uid: &str| self.http.link(&["alerting", "grafana", uid, "view"]);
        self.alerts.ask(fail_fast.ask(self.read_rules(now)), link, now, poll).await;
    }

    async fn read_rules(&self, now: Time) -> Result<RuleSet, SourceError> {
        let path = ["api", "prometheus", "grafana", "api", "v1", "rules"];
        let mut rules = RuleSet::read(&self.http, &path, &[("limit_alerts", INSTANCES)], now).await.map_err(explain)?;
        for DataSource { uid, .. } in &self.datasources {
            let path = ["api", "prometheus", uid, "api", "v1", "rules"];
            match RuleSet::read(&self.http, &path, &[("type", "alert")], now).await {
                Ok(theirs) => rules.join(theirs),
                // Not every data source keeps rules.
                Err(SourceError::NotFound(_) | SourceError::BadQuery(_)) => {}
                Err(error) => {
                    rules.remarks.push(format!("the alert rules of data source {uid} cannot be read: {error}"));
                }
            }
        }
        if self.alerts.any_fires(&rules) {
            let alertmanager = self.http.get(&["api", "alertmanager", "grafana", "api", "v2", "alerts"]);
            rules.read_silences(&self.http, alertmanager, now).await;
        }
        Ok(rules)
    }
}
