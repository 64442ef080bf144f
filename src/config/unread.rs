//! The sources that an environment does not read: `redflag check` tries them, too.

use super::environments::Environment;
use super::resolve::Resolver;
use super::secrets::Secrets;
use super::{Config, ConfigError};
use crate::systems::api::SourceSpec;
use crate::systems::declaration::Place;

/// A source that an environment does not read.
#[derive(Debug)]
pub struct Unread {
    /// Its name.
    pub name: String,
    /// What its adapter is told, without any question; or why that is not known, in sentences.
    pub spec: Result<SourceSpec, Vec<String>>,
}

impl Config {
    /// The sources that an environment does not read, in the file's order. A secret that cannot be had is no error: nobody
    /// needs it there.
    ///
    /// # Errors
    /// When there is no such environment.
    pub fn unread(&self, environment: Option<&str>, secrets: &dyn Secrets) -> Result<Vec<Unread>, ConfigError> {
        let environment = self.choose(environment)?;
        let read = super::assemble::used(environment, self.sources.len());
        let others = (0..self.sources.len()).filter(|place| !read.contains(place));
        Ok(others.map(|place| self.alone(place, environment, secrets)).collect())
    }

    fn alone(&self, place: usize, environment: &Environment, secrets: &dyn Secrets) -> Unread {
        let source = &self.sources[place];
        let mut resolver = Resolver::new(secrets, self.folder.as_deref());
        // Neither the environment's workloads nor its context are there.
        let at = Place {
            name: &source.name,
            timeout: source.timeout,
            environment: &environment.name,
            context: None,
            workloads: &[],
        };
        let spec = source.settings.resolve(&at, &mut resolver);
        let problems = resolver.into_problems();
        let why = || problems.sentences().map(ToOwned::to_owned).collect();
        Unread { name: source.name.clone(), spec: spec.filter(|_| problems.is_empty()).ok_or_else(why) }
    }
}
