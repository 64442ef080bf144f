//! The metrics store: bounded series with their baselines, and each source's health and age.

mod health;
mod series;

pub use health::{Asked, Health, SourceState};
pub use series::{Baseline, Series, reach};

use crate::deploy::Time;
use crate::poll::SourceError;
use crate::setup::Setup;
use crate::signal::{Point, SignalId, SourceId};
use chrono::TimeDelta;

/// All that is known of the signals and of the sources they come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    series: Vec<Series>,
    sources: Vec<SourceState>,
}

impl Store {
    /// An empty store for the signals and sources of a watch.
    pub fn new(setup: &Setup) -> Self {
        Self {
            series: setup.signals.iter().map(Series::of).collect(),
            sources: setup.sources.iter().map(|_| SourceState::new(setup.started)).collect(),
        }
    }

    /// The series of a signal.
    pub fn series(&self, id: SignalId) -> &Series {
        &self.series[usize::from(id.0)]
    }

    /// The state of a source.
    pub fn source(&self, id: SourceId) -> &SourceState {
        &self.sources[usize::from(id.0)]
    }

    /// The state of a source, to change it.
    pub fn source_mut(&mut self, id: SourceId) -> &mut SourceState {
        &mut self.sources[usize::from(id.0)]
    }

    /// Keeps what a source said of a signal.
    pub fn insert(&mut self, id: SignalId, points: &[Point], arrived: Time) {
        self.series[usize::from(id.0)].insert(points, arrived);
    }

    /// Keeps what a source said of a signal in the previous version.
    pub fn insert_older(&mut self, id: SignalId, points: &[Point], arrived: Time) {
        self.series[usize::from(id.0)].insert_older(points, arrived);
    }

    /// Notes the span that a signal's query was answered for.
    pub fn cover(&mut self, id: SignalId, span: (Time, Time)) {
        self.series[usize::from(id.0)].cover(span);
    }

    /// Makes every signal be asked for its whole span again.
    pub fn forget_coverage(&mut self) {
        for series in &mut self.series {
            series.forget_coverage();
        }
        for source in &mut self.sources {
            source.asked = None;
        }
    }

    /// Notes that a signal's own query failed while its source answered.
    pub fn set_trouble(&mut self, id: SignalId, error: SourceError) {
        self.series[usize::from(id.0)].set_trouble(error);
    }

    /// Notes when a signal's deploy was made: what lies before it is the baseline.
    pub fn set_deploy(&mut self, id: SignalId, at: Time) {
        self.series[usize::from(id.0)].set_deploy(at);
    }

    /// The clock was set back by `step` to `now`: every age stays what it was.
    pub fn set_back(&mut self, step: TimeDelta, now: Time) {
        for source in &mut self.sources {
            source.set_back(step, now);
        }
        for series in &mut self.series {
            series.set_back(step, now);
        }
    }
}
