//! Whether the feature flags can be read, and whether they could be turned off, where their system says so in advance.

use super::{CheckStatus, Line};
use crate::clock::Clock;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::feature_flags::{FlagState, Listing, Permission};
use crate::rollback::Blocked;
use futures_util::future::join_all;

/// What to do about flags that cannot be read.
const WAY_OUT: &str = "correct the table of this environment's flags, or the rights of its token";

/// A line for each system of feature flags.
pub(super) async fn check(specs: &[FeatureFlagsSpec]) -> Vec<Line> {
    join_all(specs.iter().map(|spec| async {
        let what = format!("feature flags: {} {}", spec.provider.system().name(), spec.environment);
        let system = match spec.build(&Clock::real()) {
            Ok(system) => system,
            Err(why) => return Line::new(CheckStatus::Failed, &what, &[&why, WAY_OUT]),
        };
        match system.read().await {
            Ok(listing) => line(&what, &listing, system.permission().await),
            Err(why) => Line::new(CheckStatus::Failed, &what, &[&why, WAY_OUT]),
        }
    }))
    .await
}

/// The first flag that cannot be read speaks for all.
fn line(what: &str, listing: &Listing, permission: Permission) -> Line {
    for flag in &listing.flags {
        let key = &flag.key;
        match &flag.state {
            FlagState::Told(_) => {}
            FlagState::Unread(why) => {
                return Line::new(CheckStatus::Failed, what, &[&format!("{key} cannot be read: {why}"), WAY_OUT]);
            }
            FlagState::Untold(why) => {
                let reason = format!("{key} can be turned off, but nothing tells whether it is: {why}");
                return Line::new(CheckStatus::Warning, what, &[&reason, "set state_url in this environment's flags"]);
            }
        }
    }
    if let Some(Blocked { reason, way_out }) = permission.denied() {
        return Line::new(CheckStatus::Failed, what, &[&reason, &way_out]);
    }
    let on = listing.flags.iter().filter(|flag| flag.state.is_on() == Some(true)).count();
    let unlisted = match listing.unlisted {
        0 => String::new(),
        more => format!("{more} more are not listed: name those that matter in features"),
    };
    let outcome = if listing.unlisted > 0 || listing.flags.is_empty() { CheckStatus::Warning } else { CheckStatus::Ok };
    Line::new(outcome, what, &[&format!("{} of {} are on", on, listing.flags.len()), &unlisted])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feature_flags::{FeatureFlag, FlagStatus};

    fn flag(key: &str, state: FlagState) -> FeatureFlag {
        FeatureFlag { key: key.to_owned(), state, link: None }
    }

    fn on() -> FeatureFlag {
        flag("checkout-v2", FlagState::Told(FlagStatus { on: true, ..FlagStatus::default() }))
    }

    fn told(flags: Vec<FeatureFlag>, unlisted: usize) -> String {
        let listing = Listing { flags, unlisted, ..Listing::default() };
        line("feature flags: Unleash live", &listing, Permission::Given).to_string()
    }

    #[test]
    fn a_system_of_feature_flags_is_one_line() {
        assert_eq!(told(vec![on()], 0), "ok    feature flags: Unleash live: 1 of 1 are on");
        assert_eq!(
            told(vec![on()], 40),
            "WARN  feature flags: Unleash live: 1 of 1 are on; 40 more are not listed: name those that matter in features"
        );
        assert_eq!(
            told(vec![on(), flag("gone", FlagState::Unread("Unleash answered 404: no such flag".to_owned()))], 0),
            "FAIL  feature flags: Unleash live: gone cannot be read: Unleash answered 404: no such flag; correct the \
             table of this environment's flags, or the rights of its token"
        );
        assert_eq!(
            told(vec![flag("dark", FlagState::Untold("the webhook has no state_url to ask".to_owned()))], 0),
            "WARN  feature flags: Unleash live: dark can be turned off, but nothing tells whether it is: the webhook \
             has no state_url to ask; set state_url in this environment's flags"
        );
    }

    #[test]
    fn a_token_that_may_only_read_fails_before_the_key_does() {
        let blocked = Blocked { reason: "the token may only read".to_owned(), way_out: "use another".to_owned() };
        let listing = Listing { flags: vec![on()], ..Listing::default() };
        let told = line("feature flags: Unleash live", &listing, Permission::Denied(blocked)).to_string();
        assert_eq!(told, "FAIL  feature flags: Unleash live: the token may only read; use another");
        let untold = line("feature flags: Unleash live", &listing, Permission::Untold("no".to_owned())).to_string();
        assert_eq!(untold, "ok    feature flags: Unleash live: 1 of 1 are on", "what is not told is not denied");
    }
}
