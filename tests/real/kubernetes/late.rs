//! A request that arrives late: a slow proxy or admission has it, its answer is lost, and what became of it is not known
//! until it is.

use crate::kubernetes::gate::Gate;
use crate::kubernetes::lab::{Lab, tell};
use crate::kubernetes::listener::Listener;
use crate::kubernetes::person::{Desk, Person};
use crate::kubernetes::program::Program;

/// The key was struck, and the request waits at the gate.
async fn sent_and_held(lab: &Lab) -> (Listener, Gate, Desk, Person) {
    let (_of, listener, gate, desk) = Desk::stage(lab).await;
    let mut ana = desk.watch();
    ana.opens_the_plan("3.9").await;
    gate.hold();
    ana.press("y");
    gate.until_asked(1).await;
    (listener, gate, desk, ana)
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn an_undo_that_arrives_late_is_unknown_until_it_is_there() {
    tell(async |lab| {
        let (mut listener, gate, _desk, mut ana) = sent_and_held(lab).await;
        ana.sees("OUTCOME UNKNOWN").await;
        ana.sees("it has not taken effect, and may still for").await;
        gate.let_go();
        ana.sees("VERIFIED: 3.9 serves,").await;
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn an_undo_that_takes_effect_after_it_was_given_up_puts_the_report_right() {
    tell(async |lab| {
        let (mut listener, gate, _desk, mut ana) = sent_and_held(lab).await;
        ana.sees("FAILED: the rollback of deployment/app did not take effect").await;
        gate.let_go();
        ana.sees("the undo took effect after all").await;
        ana.sees("VERIFIED: 3.9 serves,").await;
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_run_without_a_screen_waits_for_what_arrives_late() {
    tell(async |lab| {
        let (_of, mut listener, gate, desk) = Desk::stage(lab).await;
        gate.hold();
        let mut ana = desk.rolls_back(&["--yes"]);
        gate.until_asked(1).await;
        ana.sees("the response was lost: no answer within 5 s").await;
        gate.let_go();
        ana.sees("3.9 serves again").await;
        assert_eq!(ana.leaves().await, Some(5));
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}
