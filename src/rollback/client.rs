//! The clients that actions are performed with, and what it means that the configuration names none.

use super::{Answer, Blocked};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

/// The clients of an environment's systems, with their credentials: one of each type.
#[derive(Clone, Default)]
pub struct Clients(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl Clients {
    /// The same, with this one.
    #[must_use]
    pub fn with<T: Any + Send + Sync>(mut self, client: Arc<T>) -> Self {
        self.0.insert(TypeId::of::<T>(), client);
        self
    }

    /// The client of a system. A planner plans with the client that its action is performed with, so only a plan that was
    /// made for another configuration finds none.
    pub(crate) fn get<T: Any>(&self, system: &str) -> Result<&T, Blocked> {
        self.0.get(&TypeId::of::<T>()).and_then(|client| client.downcast_ref()).ok_or_else(|| unnamed(system))
    }
}

/// Nothing can be asked of a system that the configuration does not name.
pub(crate) fn unnamed(system: &str) -> Blocked {
    Blocked {
        reason: format!("{system} is not configured for this environment"),
        way_out: "reopen the plan".to_owned(),
    }
}

/// Nothing was asked now, yet what was sent before may have happened.
pub(crate) fn unheard(blocked: Blocked) -> Answer {
    Answer::Unknown(blocked.reason)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_found_by_its_type() {
        let clients = Clients::default().with(Arc::new(7_u8)).with(Arc::new("seven"));
        assert_eq!(clients.get::<u8>("a number").unwrap(), &7);
        assert_eq!(clients.get::<&str>("a word").unwrap(), &"seven");
        let blocked = clients.get::<u16>("Argo CD").unwrap_err();
        assert_eq!(blocked.reason, "Argo CD is not configured for this environment");
    }
}
