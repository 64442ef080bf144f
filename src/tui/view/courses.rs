//! What the charts on the screen show: computed once, and drawn again until the watch has news or a second has passed.

use super::chart::{self, Axis};
use crate::deploy::ServiceId;
use crate::signal::SignalId;
use crate::watch::Watch;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The bins of a chart, shared by whoever draws it.
type Bins = Rc<[Option<f64>]>;

/// One axis, and on it the bins of each signal that was drawn, by the number of columns.
#[derive(Debug, Clone)]
pub(in crate::tui) struct Courses {
    axis: Axis,
    bins: RefCell<BTreeMap<(SignalId, usize), Bins>>,
}

impl Courses {
    /// Of a service's signals as they are now, or of all.
    pub(in crate::tui) fn of(watch: &Watch, service: Option<ServiceId>) -> Self {
        Self { axis: Axis::of(watch, service), bins: RefCell::default() }
    }

    /// The time that they show.
    pub(super) const fn axis(&self) -> &Axis {
        &self.axis
    }

    /// [`chart::bins`] of a signal. `watch` is the one that these are of.
    pub(super) fn bins(&self, watch: &Watch, id: SignalId, columns: usize) -> Bins {
        let work_out = || {
            let (signal, series) = (watch.setup().signal(id), watch.store().series(id));
            chart::bins(series, signal, &self.axis, watch.now(), columns).into()
        };
        Rc::clone(self.bins.borrow_mut().entry((id, columns)).or_insert_with(work_out))
    }
}
