//! The program is killed around the key, and a watch begun that knows nothing of it, as on another machine: there is never a
//! second change, and the new watch offers the bad version to nobody who does not mean it.

use crate::kubernetes::gate::Gate;
use crate::kubernetes::hands::image;
use crate::kubernetes::lab::tell;
use crate::kubernetes::person::Desk;
use crate::kubernetes::program::Program;

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn killed_before_the_key_it_has_done_nothing_and_the_next_one_waits_for_its_lease() {
    tell(async |lab| {
        let (_of, mut listener, gate, desk) = Desk::stage(lab).await;
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        lab.hands.until_leased("ana").await;
        ana.dies();
        let mut again = desk.watch_afresh();
        again.sees("roll back to 3.9   ready").await;
        again.press("R");
        again.sees("ana holds the lock since").await;
        assert_eq!(gate.changes(), 0);
        // It expires while the plan is open.
        again.sees_the_plan("3.9").await;
        again.press("y");
        again.sees("VERIFIED: 3.9 serves,").await;
        listener.settled(Program::Good).await;
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn killed_with_the_request_out_it_is_done_once_and_the_next_one_warns() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        gate.hold();
        ana.press("y");
        gate.until_asked(1).await;
        lab.hands.until_leased("ana").await;
        ana.dies();
        gate.let_go();
        gate.until_answered(1).await;

        let mut again = desk.watch_afresh();
        again.sees("roll back to 3.10   ready").await;
        again.press("R");
        again.sees("ana holds the lock since").await;
        again.sees_the_plan("3.10").await;
        again.sees("3.10 was rolled back by redflag at").await;
        again.press("y\r");
        again.sees("not confirmed: type lab and press Enter").await;
        listener.settled(Program::Good).await;
        assert_eq!(image(&lab.hands.read(&of).await), Program::Good.version());
        assert_eq!(gate.changes(), 1);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a real API server: REDFLAG_TEST_KUBECONFIG"]
async fn a_request_of_a_killed_one_that_arrives_after_the_next_ones_changes_nothing_more() {
    tell(async |lab| {
        let (of, mut listener, gate, desk) = Desk::stage(lab).await;
        let mut ana = desk.watch();
        ana.opens_the_plan("3.9").await;
        gate.hold();
        ana.press("y");
        gate.until_asked(1).await;
        lab.hands.until_leased("ana").await;
        ana.dies();

        // Nothing of the first request is to be seen yet, and the second has its own way to the server.
        let other = Gate::open(&lab.cluster.client).await;
        desk.points_at(&other);
        let mut again = desk.watch_afresh();
        again.sees("roll back to 3.9   ready").await;
        again.press("R");
        again.sees("ana holds the lock since").await;
        again.sees_the_plan("3.9").await;
        again.press("y");
        again.sees("VERIFIED: 3.9 serves,").await;
        let after = listener.settled(Program::Good).await;
        gate.let_go();
        gate.until_answered(1).await;
        let now = lab.hands.read(&of).await;
        assert_eq!(now["metadata"]["generation"].as_i64(), Some(after.generation));
        assert_eq!(image(&now), Program::Good.version());
        assert_eq!((gate.changes(), other.changes()), (1, 1));
    })
    .await;
}
