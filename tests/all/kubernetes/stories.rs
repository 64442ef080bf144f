//! The tapes' stories, event by event: what kubectl would say, what is wrong, which deploy it is.

use super::tape::{self, Replay};
use redflag::deploy::WorkloadKind::{self, DaemonSet, Deployment, StatefulSet};
use redflag::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use redflag::systems::kubernetes::events::Sorter;
use serde_json::json;

fn replay(name: &str, kind: WorkloadKind, workload: &str) -> Replay {
    tape::replay(&tape::open(name), kind, workload)
}

/// What a digest says of a trouble.
fn sentence(rollout: &Rollout, kind: TroubleKind) -> String {
    rollout.troubles.iter().find(|trouble| trouble.kind == kind).unwrap().sentence.clone()
}

/// The story of a watch that begins at this moment of the tape.
fn begun_at(t_ms: i64, name: &str, kind: WorkloadKind, workload: &str) -> String {
    let tape = tape::open(name);
    tape::replay_from(tape::began(&tape), &tape::begun_at(t_ms, &tape), kind, workload).story()
}

/// `+` for a pod of the new version, its last letters, what it does, why, and its restarts.
fn pods(replay: &Replay, t_ms: i64) -> Vec<String> {
    let mark = |is_new| if is_new { '+' } else { '-' };
    let pods = replay.at(t_ms).pods.iter();
    pods.map(|pod| {
        let (_, name) = pod.name.rsplit_once('-').unwrap();
        let reason = pod.reason.as_ref().map(|reason| format!(" {reason}")).unwrap_or_default();
        let restarts = if pod.restarts > 0 { format!(" {}", pod.restarts) } else { String::new() };
        format!("{}{name} {}{reason}{restarts}", mark(pod.is_new), pod.phase.label())
    })
    .collect()
}

fn assert_story(told: &str, expected: &str) {
    let lines =
        |text: &str| text.lines().map(|line| line.trim().to_owned()).filter(|l| !l.is_empty()).collect::<Vec<_>>();
    assert_eq!(lines(told), lines(expected));
}

#[test]
fn a_good_rollout_is_followed_to_its_end_and_so_is_its_undo() {
    let replay = replay("rollout-good-then-undo.jsonl", Deployment, "web");
    assert_story(
        &replay.story(),
        r#"
         5747 status: rolled out
         5747 deploy: nothing to 1.8.3 made 02:09:30, ended 02:09:33
         6228 status: Waiting for deployment spec update to be observed...
         6236 deploy: 1.8.3 to 1.9.0 made 02:09:34, in progress
         6250 status: Waiting for deployment "web" rollout to finish: 0 out of 3 new replicas have been updated...
         6260 status: Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...
         8118 status: Waiting for deployment "web" rollout to finish: 2 out of 3 new replicas have been updated...
        11165 status: Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...
        12955 status: rolled out
        12955 deploy: 1.8.3 to 1.9.0 made 02:09:34, ended 02:09:41
        14000 status: Waiting for deployment spec update to be observed...
        14000 deploy: 1.9.0 to 1.8.3 made 02:09:42, in progress
        14027 status: Waiting for deployment "web" rollout to finish: 0 out of 3 new replicas have been updated...
        14036 status: Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...
        16499 status: Waiting for deployment "web" rollout to finish: 2 out of 3 new replicas have been updated...
        18623 status: Waiting for deployment "web" rollout to finish: 2 old replicas are pending termination...
        18629 status: Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...
        20648 status: rolled out
        20648 deploy: 1.9.0 to 1.8.3 made 02:09:42, ended 02:09:48
        "#,
    );
    assert_eq!(pods(&replay, 8080), ["+xpmwz ready", "-dvtpp ready", "-hns45 ready"]);
    assert_eq!(pods(&replay, 8071), ["+xpmwz ready", "-bfdwr terminating", "-dvtpp ready", "-hns45 ready"]);
    // The moment of the undo: the pods that ran a second ago are the old ones, and none of the new ones exists.
    assert_eq!(pods(&replay, 14_000), ["-cxc48 ready", "-ngvxp ready", "-xpmwz ready"]);
    assert_eq!(replay.at(14_000).replicas.updated, 0);
    assert_eq!(pods(&replay, 30_000), ["+lbcps ready", "+wtgxm ready", "+z7pfd ready"]);
}

#[test]
fn an_undo_moves_the_old_revision_to_the_top_of_the_history() {
    let replay = replay("rollout-good-then-undo.jsonl", Deployment, "web");
    let history = |t_ms| {
        let revisions = replay.at(t_ms).revisions.iter();
        revisions.map(|r| format!("{} {} {} ready", r.version.revision, r.version.hash, r.ready)).collect::<Vec<_>>()
    };
    assert_eq!(history(13_000), ["2 66c979bf5d 3 ready", "1 69dc9d88f6 0 ready"]);
    assert_eq!(history(30_000), ["3 69dc9d88f6 3 ready", "2 66c979bf5d 0 ready"]);
    // What the pipeline wrote as change cause is the image, which says nothing about who deployed.
    assert_eq!(replay.at(13_000).revisions[0].cause.as_deref(), Some("company/app:1.9.0"));
    assert_eq!(replay.at(13_000).deploy.as_ref().unwrap().by, None);
}

#[test]
fn a_watch_begun_late_finds_the_same_deploy() {
    let tape = "rollout-good-then-undo.jsonl";
    assert_story(
        &begun_at(13_500, tape, Deployment, "web"),
        r#"
        13500 status: rolled out
        13500 deploy: 1.8.3 to 1.9.0 made 02:09:34, ended 02:09:41
        14000 status: Waiting for deployment spec update to be observed...
        14000 deploy: 1.9.0 to 1.8.3 made 02:09:42, in progress
        14027 status: Waiting for deployment "web" rollout to finish: 0 out of 3 new replicas have been updated...
        14036 status: Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...
        16499 status: Waiting for deployment "web" rollout to finish: 2 out of 3 new replicas have been updated...
        18623 status: Waiting for deployment "web" rollout to finish: 2 old replicas are pending termination...
        18629 status: Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...
        20648 status: rolled out
        20648 deploy: 1.9.0 to 1.8.3 made 02:09:42, ended 02:09:48
        "#,
    );
    // In the middle of an undo: the ReplicaSet is older than the deploy it serves again.
    assert_story(
        &begun_at(17_000, tape, Deployment, "web"),
        r#"
        17000 status: Waiting for deployment "web" rollout to finish: 2 out of 3 new replicas have been updated...
        17000 deploy: 1.9.0 to 1.8.3 made 02:09:42, in progress
        18623 status: Waiting for deployment "web" rollout to finish: 2 old replicas are pending termination...
        18629 status: Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...
        20648 status: rolled out
        20648 deploy: 1.9.0 to 1.8.3 made 02:09:42, ended 02:09:48
        "#,
    );
    assert_story(
        &begun_at(3_600_000, tape, Deployment, "web"),
        r"
        3600000 status: rolled out
        3600000 deploy: 1.9.0 to 1.8.3 made 02:09:42, ended 02:09:48
        ",
    );
}

#[test]
fn a_crash_loop_does_not_flicker_and_ends_with_the_undo() {
    let tape = "rollout-crashloop-deadline-undo.jsonl";
    let replay = replay(tape, Deployment, "api");
    assert_story(
        &replay.story(),
        r#"
         5275 status: rolled out
         5275 deploy: nothing to 1.8.3 made 02:09:52, ended 02:09:55
         5768 status: Waiting for deployment spec update to be observed...
         5772 deploy: 1.8.3 to 1.9.1-crash made 02:09:56, in progress
         5789 status: Waiting for deployment "api" rollout to finish: 0 out of 3 new replicas have been updated...
         5793 status: Waiting for deployment "api" rollout to finish: 1 out of 3 new replicas have been updated...
         9642 trouble: 1 of 1 new pod crash-loops: CrashLoopBackOff, exit 1 (container app; api-dcbdb5f5-fw8cw)
        26571 status: failed, deployment "api" exceeded its progress deadline
        26571 trouble: the rollout exceeded its progress deadline of 20 s: 1 of 3 pods updated, 3 available
        27784 status: Waiting for deployment spec update to be observed...
        27784 deploy: 1.9.1-crash to 1.8.3 made 02:10:18, in progress
        27784 no more trouble: 1 of 1 new pod crash-loops: CrashLoopBackOff, exit 1 (container app; api-dcbdb5f5-fw8cw)
        27784 no more trouble: the rollout exceeded its progress deadline of 20 s: 1 of 3 pods updated, 3 available
        27827 status: Waiting for deployment "api" rollout to finish: 1 old replicas are pending termination...
        27848 status: rolled out
        27848 deploy: 1.9.1-crash to 1.8.3 made 02:10:18, ended 02:10:18
        "#,
    );
    assert_eq!(pods(&replay, 8132)[0], "+fw8cw unready");
    // It runs for a second and a half between two back-offs; it is failing anyway.
    assert_eq!(pods(&replay, 11_654)[0], "+fw8cw failing CrashLoopBackOff 1");
    assert_eq!(pods(&replay, 20_232)[0], "+fw8cw failing CrashLoopBackOff 4");
    let worst_first: Vec<TroubleKind> = replay.at(26_571).troubles.iter().map(|trouble| trouble.kind).collect();
    assert_eq!(worst_first, [TroubleKind::CrashLoop, TroubleKind::DeadlineExceeded]);
    // Undone: the three that never stopped serving are the new version now.
    assert_eq!(
        pods(&replay, 27_784),
        ["+fd9kf ready", "+fg8cw ready", "+jcv5q ready", "-fw8cw failing CrashLoopBackOff 4",]
    );
    // Another Deployment of the same namespace has nothing to do with it.
    assert_story(
        &tape::replay(&tape::open(tape), Deployment, "web").story(),
        r"
        5275 status: rolled out
        5275 deploy: 1.9.0 to 1.8.3 made 02:09:42, ended 02:09:48
        ",
    );
}

#[test]
fn a_watch_begun_in_a_crash_loop_knows_it_at_once() {
    assert_story(
        &begun_at(18_800, "rollout-crashloop-deadline-undo.jsonl", Deployment, "api")
            .lines()
            .take(3)
            .collect::<Vec<_>>()
            .join("\n"),
        r#"
        18800 status: Waiting for deployment "api" rollout to finish: 1 out of 3 new replicas have been updated...
        18800 deploy: 1.8.3 to 1.9.1-crash made 02:09:56, in progress
        18800 trouble: 1 of 1 new pod crash-loops: CrashLoopBackOff (container app; api-dcbdb5f5-fw8cw)
        "#,
    );
    // After an undo that made no pod, only the controller's note tells when it was.
    assert_story(
        &begun_at(3_600_000, "rollout-crashloop-deadline-undo.jsonl", Deployment, "api"),
        r"
        3600000 status: rolled out
        3600000 deploy: 1.9.1-crash to 1.8.3 made 02:10:18, ended 02:10:18
        ",
    );
}

#[test]
fn an_image_that_cannot_be_pulled_keeps_the_registrys_own_words() {
    let replay = replay("rollout-imagepull.jsonl", Deployment, "img");
    assert_story(
        &replay.story(),
        r#"
        5673 status: rolled out
        5673 deploy: nothing to 1.8.3 made 02:10:22, ended 02:10:25
        6199 status: Waiting for deployment spec update to be observed...
        6199 deploy: 1.8.3 to 1.9.2-pull made 02:10:26, in progress
        6199 status: Waiting for deployment "img" rollout to finish: 0 out of 3 new replicas have been updated...
        6203 status: Waiting for deployment "img" rollout to finish: 1 out of 3 new replicas have been updated...
        8002 trouble: 1 of 1 new pod cannot pull company/app:1.9.2-pull: rpc error: not found (container app; img-dcc5f5585-l79lz)
        "#,
    );
    assert_eq!(pods(&replay, 8002)[0], "+l79lz failing ErrImagePull");
    assert_eq!(pods(&replay, 10_016)[0], "+l79lz failing ImagePullBackOff");
    assert_eq!(replay.at(10_016).pods.iter().filter(|pod| pod.phase == PodPhase::Ready).count(), 3);
}

#[test]
fn a_stateful_set_rolls_pod_by_pod() {
    let replay = replay("statefulset-rollout.jsonl", StatefulSet, "db");
    assert_story(
        &replay.story(),
        r"
        5802 status: rolled out
        5802 deploy: nothing to 1.0.0 made 02:11:40, ended 02:11:44
        6289 status: Waiting for statefulset spec update to be observed...
        6292 deploy: 1.0.0 to 1.1.0 made 02:11:44, in progress
        6317 status: Waiting for partitioned roll out to finish: 0 out of 2 new pods have been updated...
        6329 status: Waiting for 1 pods to be ready...
        7950 status: Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...
        7961 status: Waiting for 1 pods to be ready...
        9725 status: rolled out
        9725 deploy: 1.0.0 to 1.1.0 made 02:11:44, ended 02:11:48
        ",
    );
    assert_eq!(pods(&replay, 6300), ["-0 ready", "-1 terminating"]);
    assert_eq!(pods(&replay, 6632), ["+1 starting ContainerCreating", "-0 ready"]);
    assert_eq!(pods(&replay, 30_000), ["+0 ready", "+1 ready"]);
    assert_story(
        &begun_at(3_600_000, "statefulset-rollout.jsonl", StatefulSet, "db"),
        r"
        3600000 status: rolled out
        3600000 deploy: 1.0.0 to 1.1.0 made 02:11:44, ended 02:11:48
        ",
    );
}

#[test]
fn a_daemon_set_goes_from_node_to_node_and_stops_at_the_first_crash() {
    let replay = replay("daemonset-crashloop-undo.jsonl", DaemonSet, "agent");
    assert_story(
        &replay.story(),
        r#"
         5346 status: rolled out
         5346 deploy: nothing to 3.0 made 07:18:42, ended 07:18:45
         5992 status: Waiting for daemon set spec update to be observed...
         5997 deploy: 3.0 to 3.1 made 07:18:48, in progress
         6075 status: Waiting for daemon set "agent" rollout to finish: 0 out of 2 new pods have been updated...
         6120 status: Waiting for daemon set "agent" rollout to finish: 1 out of 2 new pods have been updated...
         8675 status: Waiting for daemon set "agent" rollout to finish: 1 of 2 updated pods are available...
        10873 status: rolled out
        10873 deploy: 3.0 to 3.1 made 07:18:48, ended 07:18:53
        16121 status: Waiting for daemon set spec update to be observed...
        16131 deploy: 3.1 to 3.2-crash made 07:18:58, in progress
        16142 status: Waiting for daemon set "agent" rollout to finish: 0 out of 2 new pods have been updated...
        16153 status: Waiting for daemon set "agent" rollout to finish: 1 out of 2 new pods have been updated...
        20006 trouble: 1 of 1 new pod crash-loops: CrashLoopBackOff, exit 1 (container app; agent-ff6th)
        25262 status: Waiting for daemon set spec update to be observed...
        25262 deploy: 3.2-crash to 3.1 made 07:19:07, in progress
        25262 no more trouble: 1 of 1 new pod crash-loops: CrashLoopBackOff, exit 1 (container app; agent-ff6th)
        25291 status: Waiting for daemon set "agent" rollout to finish: 1 out of 2 new pods have been updated...
        25308 status: Waiting for daemon set "agent" rollout to finish: 1 of 2 updated pods are available...
        27140 status: rolled out
        27140 deploy: 3.2-crash to 3.1 made 07:19:07, ended 07:19:09
        "#,
    );
}

#[test]
fn a_stateful_set_that_was_undone_waits_for_its_broken_pod_until_somebody_deletes_it() {
    let replay = replay("statefulset-imagepull-undo.jsonl", StatefulSet, "db");
    assert_story(
        &replay.story(),
        r"
         6288 status: rolled out
         6288 deploy: nothing to 1.0.0 made 07:19:16, ended 07:19:21
         6926 status: Waiting for statefulset spec update to be observed...
         6929 deploy: 1.0.0 to 1.1.0-pull made 07:19:23, in progress
         6942 status: Waiting for partitioned roll out to finish: 0 out of 2 new pods have been updated...
         6951 status: Waiting for 1 pods to be ready...
         8774 trouble: 1 of 1 new pod cannot pull company/db:1.1.0-pull: rpc error: not found (container app; db-1)
        14050 status: Waiting for statefulset spec update to be observed...
        14050 deploy: 1.1.0-pull to 1.0.0 made 07:19:30, in progress
        14050 no more trouble: 1 of 1 new pod cannot pull company/db:1.1.0-pull: rpc error: not found (container app; db-1)
        14059 status: Waiting for 1 pods to be ready...
        14059 trouble: db-1 of another version is not ready, and OrderedReady waits for it: kubectl delete pod db-1 -n production
        19218 no more trouble: db-1 of another version is not ready, and OrderedReady waits for it: kubectl delete pod db-1 -n production
        21115 status: rolled out
        21115 deploy: 1.1.0-pull to 1.0.0 made 07:19:30, ended 07:19:37
        ",
    );
}

#[test]
fn pods_that_a_policy_refuses_hold_the_rollout_up_until_it_lets_them_in() {
    let replay = replay("rollout-refused.jsonl", Deployment, "pod");
    let refused = sentence(replay.at(7299), TroubleKind::ReplicaFailure);
    assert!(
        refused.starts_with("pods are refused: FailedCreate: pods \"pod-66987d95b9-hgtqx\" is forbidden: violates")
    );
    assert_story(
        &replay.story().replace(&refused, "REFUSED"),
        r#"
         5293 status: rolled out
         5293 deploy: nothing to 1.8.3 made 07:19:44, ended 07:19:46
         7174 status: Waiting for deployment spec update to be observed...
         7189 deploy: 1.8.3 to 1.9.0 made 07:19:51, in progress
         7279 status: Waiting for deployment "pod" rollout to finish: 0 out of 2 new replicas have been updated...
         7299 trouble: REFUSED
        17574 no more trouble: REFUSED
        17594 status: Waiting for deployment "pod" rollout to finish: 1 out of 2 new replicas have been updated...
        20376 status: Waiting for deployment "pod" rollout to finish: 1 old replicas are pending termination...
        22468 status: rolled out
        22468 deploy: 1.8.3 to 1.9.0 made 07:19:51, ended 07:20:06
        "#,
    );
}

/// Objects that were answered to single requests, as if they had been listed.
fn listed(name: &str, workload: &str, history: Option<&str>) -> Replay {
    let began = tape::began(&tape::open("rollout-imagepull.jsonl"));
    let path = format!("/apis/apps/v1/namespaces/production/deployments/{workload}");
    let lines = tape::open(name).into_iter().map(|line| line.value);
    let mut got = lines.filter(|line| line["request"]["path"] == path && line["response"]["status"] == 200);
    let deployment = got.next_back().unwrap()["response"]["body"].clone();
    let history = history.map_or(json!({ "items": [] }), |path| tape::answer(name, 200, path));
    let lists =
        [("deployments", json!({ "items": [deployment] })), ("replicasets", history), ("pods", json!({ "items": [] }))];
    let line = |(stream, list): (&str, _)| tape::Line {
        t_ms: 60_000,
        stream: stream.to_owned(),
        value: json!({ "stream": stream, "list": list }),
    };
    tape::replay_from(began, &lists.map(line), Deployment, workload)
}

#[test]
fn a_paused_deployment_waits_for_ever() {
    let replay = listed("errors.jsonl", "err", None);
    let rollout = replay.at(60_000);
    assert!(matches!(&rollout.progress, Progress::Waiting(_)), "{:?}", rollout.progress);
    let sentences: Vec<&str> = rollout.troubles.iter().map(|trouble| trouble.sentence.as_str()).collect();
    assert!(sentences.contains(&"the deployment is paused: it waits until somebody resumes it"), "{sentences:?}");
}

#[test]
fn a_first_deploy_and_a_pruned_history_have_nothing_to_come_from() {
    let selector = |name: &str| format!("/apis/apps/v1/namespaces/production/replicasets?labelSelector=app%3D{name}");
    for (name, to) in [("one", "1.8.3"), ("nohist", "1.9.0")] {
        let replay = listed("no-previous-revision.jsonl", name, Some(&selector(name)));
        let rollout = replay.at(60_000);
        let deploy = rollout.deploy.as_ref().unwrap();
        assert_eq!((deploy.from.as_ref(), deploy.to.label()), (None, to), "{name}");
        assert_eq!(rollout.revisions.len(), 1, "{name}");
    }
}

#[test]
fn a_refusal_that_is_tried_again_and_again_is_one_line_of_the_timeline() {
    let tape = tape::open("rollout-refused.jsonl");
    let mut sorter = Sorter::new(tape::began(&tape));
    let events = tape.iter().filter(|line| line.stream == "events" && line.value["event"].is_object());
    let mut told = Vec::new();
    for line in events {
        sorter.take(serde_json::from_value(line.value["event"]["object"].clone()).unwrap());
        told.extend(sorter.lines(|_| Some(0)).into_iter().map(|line| line.text));
    }
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("FailedCreate: Error creating: pods \"pod-66987d95b9-hgtqx\" is forbidden: violates"));
    assert!(told[0].ends_with("(replicaset pod-66987d95b9)"));
}
