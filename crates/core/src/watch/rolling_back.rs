//! Taking a deploy back, as the parts that have a hand in it see it: the desk does it, the lease keeps others out, and what
//! was computed for what it moves is forgotten.

use super::Watch;
use super::desk::{Around, Desk, Doing};
use crate::deploy::WorkloadId;
use crate::message::Effect;
use crate::rollback::lease::Holding;
use crate::rollback::{Answer, Covered, Rollback};

impl Watch {
    /// What was rolled back of a workload in this watch and still is.
    pub fn rolled_back(&self, workload: WorkloadId) -> Option<&Covered> {
        self.desk.rolled_back(workload)
    }

    /// Whether the last rollback left something that can be undone.
    pub fn can_go_forward(&self) -> bool {
        self.desk.can_go_forward()
    }

    /// Sends the first stage of the plan that is open or counted down to.
    pub(super) fn start(&mut self, automatic: bool, effects: &mut Vec<Effect>) {
        self.at_the_desk(effects, |desk, around, doing| desk.start(automatic, around, doing));
    }

    /// Takes in what came of a step, and goes on from there.
    pub(super) fn take_rollback_answer(&mut self, workload: WorkloadId, answer: Answer, effects: &mut Vec<Effect>) {
        let moved_on =
            self.at_the_desk(effects, |desk, around, doing| desk.take_answer(workload, answer, around.now, doing));
        if moved_on {
            self.follow_rollback(effects);
        }
    }

    /// Looks at where a rollback stands now: lost answers, runs, pods, flags; keeps the lease while it does.
    pub(super) fn follow_rollback(&mut self, effects: &mut Vec<Effect>) {
        self.at_the_desk(effects, Desk::follow);
        self.lease.keep(self.desk.rollback(), self.now, effects);
    }

    /// Whose the lease is, as the cluster answered.
    pub(super) fn take_holding(&mut self, holding: Holding) {
        if let Some(text) = self.lease.answered(holding, self.desk.rollback(), self.now) {
            if matches!(self.desk.rollback(), Rollback::Countdown { .. }) {
                self.desk.call_off();
            }
            self.tell(text);
        }
    }

    /// Lets the desk do something, and forgets what was computed for the workloads that it moved.
    fn at_the_desk<T>(
        &mut self,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Desk, Around<'_>, &mut Doing<'_>) -> T,
    ) -> T {
        let around = Around {
            setup: &self.setup,
            now: self.now,
            deploys: &self.deploys,
            judging: &self.judging,
            lease: &self.lease,
            attention: &self.attention,
        };
        let mut doing = Doing { journal: &mut self.journal, effects, moved: Vec::new() };
        let done = act(&mut self.desk, around, &mut doing);
        for id in doing.moved {
            self.deploys.forget_way_forward(id);
        }
        done
    }
}
