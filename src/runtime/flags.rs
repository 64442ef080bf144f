//! What is done about feature flags, and what comes of it where there is nobody to ask.

use crate::feature_flags::provider::FlagProvider;
use crate::feature_flags::spec::FeatureFlagsSpec;
use crate::feature_flags::{self, Call, FlagState, News};
use crate::rollback::Blocked;
use std::sync::Arc;

/// A system of feature flags, and its adapter: `None` until it is needed, and while it cannot be built.
pub(super) struct FlagAdapter {
    pub(super) spec: FeatureFlagsSpec,
    pub(super) adapter: Option<Arc<dyn FlagProvider>>,
}

impl FlagAdapter {
    pub(super) fn new(spec: FeatureFlagsSpec) -> Self {
        Self { spec, adapter: None }
    }
}

/// Does what is to be done about a system of feature flags.
pub(super) async fn called(system: &dyn FlagProvider, call: Call) -> News {
    match call {
        Call::Read => News::Read(system.read().await),
        Call::TurnOff(order) => {
            let answer = system.turn_off(&order).await;
            News::Answered(order.key, answer)
        }
        Call::ReadBack(key) => {
            let state = system.read_one(&key).await;
            News::ReadBack(key, state)
        }
    }
}

/// What comes of it where there is no adapter: nothing was sent.
pub(super) fn uncalled(call: Call, why: String) -> News {
    match call {
        Call::Read => News::Read(Err(why)),
        Call::TurnOff(order) => {
            let way_out = "fix this environment's flags: redflag check tries them".to_owned();
            News::Answered(order.key, feature_flags::Answer::Refused(Blocked { reason: why, way_out }))
        }
        Call::ReadBack(key) => News::ReadBack(key, FlagState::Unread(why)),
    }
}
