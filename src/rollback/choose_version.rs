//! Which version a strategy goes to that does not read the cluster itself: from what the watch sees.

use crate::deploy::Version;
use crate::rollback::request::{Choice, PlanRequest, Seen};
use crate::rollback::version_history::{self, VersionStatus};
use crate::rollback::{Blocked, Check, CheckKind, Covered, Goal};

/// Where a rollback goes, and what is known of the version there.
pub(crate) struct Chosen {
    pub(crate) covered: Covered,
    /// What is known of the version there, and whether a rollback was done already.
    pub(crate) checks: Vec<Check>,
}

/// Picks the version that is asked for, or the one that [`version_history::default_target`] says.
pub(crate) fn choose_version(request: &PlanRequest) -> Result<Chosen, Blocked> {
    let reference = &request.reference;
    let seen = request.wanted.seen.as_ref().ok_or_else(|| Blocked {
        reason: format!("unknown what {reference} runs"),
        way_out: "wait for the cluster; redflag check shows why".to_owned(),
    })?;
    let to = choose(request, seen)?;
    if to.hash == seen.running.hash {
        let way_out = "look for the cause elsewhere, or choose another with redflag rollback --to REVISION";
        return Err(Blocked {
            reason: format!("revision {} ({}) is already running", to.revision, to.label()),
            way_out: way_out.to_owned(),
        });
    }
    let covered = Covered {
        workload: request.workload,
        reference: reference.clone(),
        uid: seen.uid.clone(),
        generation: seen.generation,
        from: seen.running.clone(),
        to: to.clone(),
    };
    Ok(Chosen { covered, checks: vec![standing(request, seen, to), is_rollback(request, seen)] })
}

/// Whether somebody has put an old revision back already, as the watch sees the history.
fn is_rollback(request: &PlanRequest, seen: &Seen) -> Check {
    let runs = seen.running.label();
    let Some(taken) = seen.rolled_back.as_ref().filter(|_| request.goal == Goal::RollBack) else {
        return Check::ok(CheckKind::AlreadyRolledBack, format!("{runs} is not itself a rollback"));
    };
    let sentence = format!("{} was rolled back: {runs} is what it was rolled back to", taken.label());
    let way_out = "continue only if you mean it; to go further back: redflag rollback --to REVISION";
    Check::typed(CheckKind::AlreadyRolledBack, sentence, way_out)
}

fn choose<'a>(request: &PlanRequest, seen: &'a Seen) -> Result<&'a Version, Blocked> {
    let others: Vec<&Version> = seen.revisions.iter().filter(|version| version.hash != seen.running.hash).collect();
    let (found, reason) = match &request.wanted.choice {
        Choice::Usual { served_before: Some(hash) } if *hash == seen.running.hash => {
            (Some(&seen.running), String::new())
        }
        Choice::Usual { .. } if seen.rolled_back.is_some() => (seen.rolled_back.as_ref(), String::new()),
        Choice::Usual { served_before } => {
            let place = version_history::default_target(&others, served_before.as_deref(), &request.wanted.known);
            let reason = match served_before {
                Some(_) => "the previous version is no longer in its history",
                None if others.is_empty() => "no earlier revision in its history",
                None => "every earlier version in its history is known to be bad",
            };
            (place.map(|place| others[place]), reason.to_owned())
        }
        Choice::Hash(hash) => (
            seen.revisions.iter().find(|version| version.hash == *hash),
            "the requested version is no longer in its history".to_owned(),
        ),
        Choice::Revision(number) => (
            seen.revisions.iter().find(|version| version.revision == *number),
            format!("no revision {number} in its history"),
        ),
    };
    found.ok_or_else(|| {
        let there: Vec<String> =
            others.iter().map(|version| format!("{} ({})", version.revision, version.label())).collect();
        let way_out = match there.as_slice() {
            [] => "redeploy the earlier version".to_owned(),
            there => format!("redeploy it, or choose an available revision: {}", there.join(", ")),
        };
        Blocked { reason, way_out }
    })
}

fn standing(request: &PlanRequest, seen: &Seen, to: &Version) -> Check {
    let name = CheckKind::Target;
    let label = to.label();
    let served_before = match &request.wanted.choice {
        Choice::Usual { served_before } => served_before.as_ref().or(seen.served_before.as_ref()),
        Choice::Hash(_) | Choice::Revision(_) => seen.served_before.as_ref(),
    };
    let elsewhere = "choose another with redflag rollback --to REVISION";
    match version_history::newest(&request.wanted.known, to) {
        Some(known) if known.standing == VersionStatus::Good => {
            let at = known.at.format("%Y-%m-%d %H:%M UTC");
            Check::ok(name, format!("{label} passed its watch of {at}{}", known.by_whom()))
        }
        Some(known) if known.standing != VersionStatus::Unproven => {
            let at = known.at.format("%Y-%m-%d %H:%M UTC");
            let sentence = format!("{label} was itself rolled back, or under a red flag, on {at}{}", known.by_whom());
            match request.goal {
                Goal::RollBack => Check::typed(name, sentence, elsewhere),
                Goal::Undo => Check::warning(name, sentence, Some(elsewhere.to_owned())),
            }
        }
        _ if served_before.is_none_or(|hash| *hash != to.hash) && request.goal == Goal::RollBack => {
            let sentence = format!("{label} was not seen live before the deploy, and never watched to the end");
            Check::typed(name, sentence, elsewhere)
        }
        _ => Check::ok(name, format!("{label} was live before the deploy, never watched to the end")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::deploy::{WorkloadId, WorkloadKind, WorkloadRef};
    use crate::rollback::request::Wanted;
    use crate::rollback::version_history::Known;
    use chrono::DateTime;

    fn version(revision: i64, tag: &str) -> Version {
        Version { images: vec![format!("shop/app:{tag}")], revision, hash: format!("hash-{tag}"), ..Version::default() }
    }

    fn ask(choice: Choice, known: Vec<Known>) -> PlanRequest {
        let seen = Seen {
            uid: "uid-1".to_owned(),
            generation: 7,
            replicas: 3,
            running: version(9, "1.9.0"),
            deployed: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            revisions: vec![version(9, "1.9.0"), version(8, "1.8.3"), version(7, "1.8.2")],
            served_before: Some("hash-1.8.3".to_owned()),
            rolled_back: None,
        };
        PlanRequest {
            goal: Goal::RollBack,
            workload: WorkloadId(0),
            reference: WorkloadRef {
                kind: WorkloadKind::Deployment,
                namespace: "shop".to_owned(),
                name: "app".to_owned(),
            },
            service: "cart".to_owned(),
            environment: "production".to_owned(),
            wanted: Wanted { choice, known, seen: Some(seen), ..Wanted::default() },
        }
    }

    fn known(tag: &str, standing: VersionStatus) -> Known {
        let at = DateTime::from_timestamp(1_699_000_000, 0).unwrap();
        Known { hash: format!("hash-{tag}"), images: Vec::new(), standing, at, by: None }
    }

    fn reason(request: &PlanRequest) -> String {
        choose_version(request).err().unwrap().reason
    }

    #[test]
    fn it_goes_to_what_served_before_and_pins_what_it_saw() {
        let aim = choose_version(&ask(Choice::default(), Vec::new())).ok().unwrap();
        assert_eq!((aim.covered.from.label(), aim.covered.to.label()), ("1.9.0", "1.8.3"));
        assert_eq!((aim.covered.uid.as_str(), aim.covered.generation), ("uid-1", 7));
        assert_eq!(aim.checks[0].sentence, "1.8.3 was live before the deploy, never watched to the end");
        assert_eq!(aim.checks[1], Check::ok(CheckKind::AlreadyRolledBack, "1.9.0 is not itself a rollback"));
    }

    #[test]
    fn what_is_known_of_the_target_is_said() {
        let good = choose_version(&ask(Choice::default(), vec![known("1.8.3", VersionStatus::Good)])).ok().unwrap();
        assert_eq!(good.checks[0].sentence, "1.8.3 passed its watch of 2023-11-03 08:26 UTC");
        let past_a_bad_one =
            choose_version(&ask(Choice::default(), vec![known("1.8.3", VersionStatus::Bad)])).ok().unwrap();
        assert_eq!(past_a_bad_one.covered.to.label(), "1.8.2");
        let chosen = choose_version(&ask(Choice::Revision(8), vec![known("1.8.3", VersionStatus::Bad)])).ok().unwrap();
        assert!(chosen.checks[0].sentence.starts_with("1.8.3 was itself rolled back"), "{}", chosen.checks[0].sentence);
    }

    #[test]
    fn a_target_that_is_not_there_says_what_is() {
        let gone = ask(Choice::Revision(3), Vec::new());
        assert_eq!(reason(&gone), "no revision 3 in its history");
        assert_eq!(
            choose_version(&gone).err().unwrap().way_out,
            "redeploy it, or choose an available revision: 8 (1.8.3), 7 (1.8.2)"
        );
        assert_eq!(reason(&ask(Choice::Revision(9), Vec::new())), "revision 9 (1.9.0) is already running");
        let served = Choice::Usual { served_before: Some("hash-1.9.0".to_owned()) };
        assert_eq!(reason(&ask(served, Vec::new())), "revision 9 (1.9.0) is already running");
        let mut early = ask(Choice::default(), Vec::new());
        early.wanted.seen = None;
        assert_eq!(reason(&early), "unknown what deployment/app runs");
    }
}
