//! What is computed of a watch once, and shown until the watch has news or a second has passed: a key changes nothing of
//! it, and is not to wait for it.

use super::standings;
use super::ui::Ui;
use super::view::{self, Courses};
use crate::deploy::ServiceId;
use crate::headline::Headline;
use crate::rollback::Plan;
use crate::watch::Watch;
use std::rc::Rc;

/// What the headlines say, what the charts show, and what the rollback key would open.
#[derive(Debug, Clone)]
pub(super) struct Known {
    of: Of,
    /// Of all that is shown, or of each service that is bad.
    pub(super) headlines: Rc<[Headline]>,
    /// Of the charts that are on the screen.
    pub(super) courses: Courses,
    /// What the rollback key would open.
    pub(super) plan: Rc<Plan>,
}

/// What it was computed of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Of {
    revision: u64,
    second: i64,
    frozen: bool,
    service: Option<ServiceId>,
    marked: Vec<ServiceId>,
}

impl Known {
    /// What is known of a watch now: what was known before, where that is still so.
    pub(super) fn of(live: &Watch, ui: &Ui, before: Option<Self>) -> Self {
        let watch = ui.shown(live);
        let of = Of {
            revision: watch.revision(),
            second: watch.now().timestamp(),
            frozen: ui.frozen.is_some(),
            service: ui.service,
            marked: ui.board.marked.clone(),
        };
        match before {
            Some(before) if before.of == of => before,
            _ => Self {
                of,
                headlines: view::headlines(watch, ui.service).into(),
                courses: Courses::of(watch, ui.service),
                plan: Rc::new(standings::plan(watch, ui.service, &ui.board)),
            },
        }
    }
}
