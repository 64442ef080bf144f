//! Two clusters of one name: the same context, environment, namespace, workload and templates. What was found in one of
//! them says nothing of the other.

use crate::kubernetes::gate::Gate;
use crate::kubernetes::lab::{tell, tell_elsewhere};
use crate::kubernetes::person::{Desk, ENVIRONMENT};
use crate::kubernetes::program::Program;
use redflag::deploy::WorkloadKind;

#[tokio::test]
#[ignore = "needs two real API servers: REDFLAG_TEST_KUBECONFIG, REDFLAG_TEST_OTHER_KUBECONFIG"]
async fn what_was_found_in_one_cluster_does_not_speak_for_another_of_its_name() {
    tell(async |lab| {
        let (_of, mut listener, _gate, desk) = Desk::stage(lab).await;
        let (status, said) = desk.run(&["rollback", ENVIRONMENT, "--yes"]).await;
        assert_eq!(status, Some(5), "{said}");
        listener.settled(Program::Good).await;
        // It is remembered here, where it was found.
        let tries = ["rollback", ENVIRONMENT, "--dry-run"];
        let (_, said) = desk.run(&[&tries[..], &["--to", "2"]].concat()).await;
        assert!(said.contains("revision 2 (3.10, created") && said.contains("was rolled back manually at"), "{said}");

        tell_elsewhere(lab, async |there| {
            let (_of, _listener) = there.deployed(WorkloadKind::Deployment, Program::Better, Program::Good).await;
            desk.points_at(&Gate::open(&there.cluster.client).await);
            let (status, said) = desk.run(&tries).await;
            assert!(said.contains("served before the deploy; no watch has judged it"), "{said}");
            assert!(!said.contains("manually at"), "{said}");
            assert_eq!(status, Some(0), "{said}");
        })
        .await;
    })
    .await;
}
