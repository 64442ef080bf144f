//! What the configuration knows of a system: one [`System`] is declared in each folder and named once, in the registry.
//! A table of the file takes three forms: as it is written ([`Table`]), checked ([`Settings`]), and with its secrets
//! as the specification of its adapter ([`SourceSpec`]).

pub(crate) mod flags;
pub(crate) mod strategy;

use super::api::SourceSpec;
use crate::net::Endpoint;
use crate::settings::access::Access;
use crate::settings::at::{At, Span};
use crate::settings::duration::HumanDuration;
use crate::settings::parser::Parser;
use crate::settings::problem::{Problem, Problems};
use crate::settings::resolve::Resolver;
use crate::setup::{Delivery, Workload};
use crate::signal::Kind;
use chrono::TimeDelta;
use flags::FlagTable;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;
use std::ops::Range;
use std::time::Duration;
use strategy::CiTable;
use toml::de::DeTable;

/// A kind of system that is read.
#[derive(Debug)]
pub(crate) struct System {
    /// What its tables say at `kind`.
    pub(crate) name: &'static str,
    /// What it is, as editors show it.
    pub(crate) about: &'static str,
    /// Whether it is asked, or tells by itself.
    pub(crate) delivery: Delivery,
    /// How often it is asked where nothing is said; of one that tells by itself, how long it may be silent.
    pub(crate) interval: TimeDelta,
    /// How long an answer may take where nothing is said.
    pub(crate) timeout: TimeDelta,
    /// How it answers a signal of a kind, if it does. The second word: whether the signal says what it wants (`want`),
    /// which tells custom signals of a release from those with a query.
    pub(crate) answers: fn(Kind, bool) -> Option<Form>,
    /// The keys of a signal with a query that mean something here, beside those that always do.
    pub(crate) series_keys: &'static [&'static str],
    /// The variables that are filled in when it is asked, beside `$service` and its like.
    pub(crate) variables: &'static [&'static str],
    /// Whether a name that begins with `__` may be a macro of whatever is behind it.
    pub(crate) macros: bool,
    /// What is certainly wrong with a query.
    pub(crate) mistake: fn(&str) -> Option<Mistake>,
    /// What it can answer, in a sentence for people.
    pub(crate) abilities: &'static str,
    /// Its section of `config.example.toml`.
    pub(crate) example: &'static str,
    /// What its table may hold.
    pub(crate) table: Shape<dyn Table>,
}

/// Something that is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The bytes of the query that it is about.
    pub(crate) at: Range<usize>,
    /// What is wrong, in a sentence without a full stop.
    pub(crate) what: String,
    /// What was probably meant, or what is expected there.
    pub(crate) way_out: Option<String>,
}

/// What a signal asks: each form has keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A query, or two counts.
    Series,
    /// A filter of alert rules or monitors.
    Alerts,
    /// A release.
    Release,
}

impl System {
    /// The keys by which a signal of a kind says what it reads here, in this form.
    pub(crate) fn keys(&self, kind: Kind, form: Form) -> Vec<&'static str> {
        match form {
            Form::Series => {
                ["query", "errors", "requests", "unit", "step"].iter().chain(self.series_keys).copied().collect()
            }
            Form::Alerts => vec!["filter"],
            Form::Release if kind == Kind::Custom => vec!["projects", "release", "filter", "want", "step"],
            Form::Release => vec!["projects", "release", "filter", "step"],
        }
    }

    /// Whether it answers PromQL: its ranges are filled in.
    pub(crate) fn speaks_promql(&self) -> bool {
        self.variables.contains(&"__rate_interval")
    }

    /// Whether it is a cluster: what tells by itself tells of workloads.
    pub(crate) fn is_cluster(&self) -> bool {
        self.delivery == Delivery::Streamed
    }

    /// Its table's schema, as one of those that a source may have.
    pub(crate) fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        self.table.tagged("kind", self.name, self.about, generator)
    }
}

/// [`System::answers`] of a system that answers queries with numbers.
pub(crate) fn series(kind: Kind, wants: bool) -> Option<Form> {
    match kind {
        Kind::Rollout | Kind::Probe | Kind::NewIssues | Kind::CrashFree | Kind::Alerts => None,
        Kind::Custom => (!wants).then_some(Form::Series),
        _ => Some(Form::Series),
    }
}

/// The same of one that has alert rules, too.
pub(crate) fn series_and_alerts(kind: Kind, wants: bool) -> Option<Form> {
    if kind == Kind::Alerts { Some(Form::Alerts) } else { series(kind, wants) }
}

/// Reads a table, with its place and that of its header. `None` where it was reported.
type Read<T> = fn(&mut Parser, DeTable<'_>, Span, &Span) -> Option<Box<T>>;

/// How a table that has one of several forms is read in this form, and what of it an editor is told. `T` is what all the
/// forms have in common.
#[derive(Debug)]
pub(crate) struct Shape<T: ?Sized> {
    /// Reads it.
    pub(crate) read: Read<T>,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl<T: ?Sized> Shape<T> {
    /// The table's schema, as one of the forms that are told apart by what stands at `key`.
    pub(crate) fn tagged(&self, key: &str, name: &str, about: &str, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = (self.schema)(generator);
        schema.remove("title");
        schema.insert("description".to_owned(), json!(about));
        let tag = json!({ "const": name, "type": "string" });
        if let Some(properties) = schema.get_mut("properties").and_then(|all| all.as_object_mut()) {
            properties.insert(key.to_owned(), tag);
        }
        let needs = schema.remove("required").and_then(|needs| needs.as_array().cloned()).unwrap_or_default();
        let needs: Vec<_> = [json!(key)].into_iter().chain(needs).collect();
        schema.insert("required".to_owned(), json!(needs));
        schema
    }
}

/// A type is made one of the forms by naming what they have in common: the compiler does it for a trait that it knows.
macro_rules! forms {
    ($($form:ident),*) => {$(
        impl Shape<dyn $form> {
            /// That of a type.
            pub(crate) const fn of<T: $form + DeserializeOwned + JsonSchema + 'static>() -> Self {
                fn read<T: $form + DeserializeOwned + 'static>(
                    parser: &mut Parser,
                    table: DeTable<'_>,
                    span: Span,
                    header: &Span,
                ) -> Option<Box<dyn $form>> {
                    Some(Box::new(parser.entries::<T>(table, span, header)?))
                }
                Self { read: read::<T>, schema: T::json_schema }
            }
        }
    )*};
}

forms!(Table, CiTable, FlagTable);

/// A system's table as it is written: known keys and right types.
pub(crate) trait Table: Debug {
    /// `interval` and `timeout`.
    fn timing(&self) -> (Option<&At<HumanDuration>>, Option<&At<HumanDuration>>);

    /// What it means. `None` where something is wrong with it: all of that is reported at once.
    fn check(self: Box<Self>, name: &At<String>, problems: &mut Problems) -> Option<Box<dyn Settings>>;
}

/// A system's table, checked, without its secrets.
pub(crate) trait Settings: Debug + Send + Sync {
    /// How far apart the samples of its series are, where it says so.
    fn scrape(&self) -> Option<TimeDelta> {
        None
    }

    /// The uid of the data source that a signal asks, which may have named one; empty for systems that have none. `at` is
    /// where the signal is reported.
    fn datasource(&self, _written: Option<&str>, _at: &Span) -> Result<String, Problem> {
        Ok(String::new())
    }

    /// How the cluster is reached that it speaks of, if it speaks of one.
    fn access(&self) -> Option<&Access> {
        None
    }

    /// The specification of the adapter, still without queries. `None` where a secret cannot be had: that is reported.
    fn resolve(&self, place: &Place<'_>, resolver: &mut Resolver<'_>) -> Option<SourceSpec>;
}

/// Where a source stands: its own name and pace, and the environment that it is read for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The source's name in the configuration.
    pub(crate) name: &'a str,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
    /// The environment's name.
    pub(crate) environment: &'a str,
    /// The environment's own context of a kubeconfig.
    pub(crate) context: Option<&'a String>,
    /// The environment's workloads, by [`crate::deploy::WorkloadId`].
    pub(crate) workloads: &'a [Workload],
}

impl Place<'_> {
    /// The source at an address.
    pub(crate) fn endpoint(&self, url: &str) -> Endpoint {
        Endpoint { name: self.name.to_owned(), url: url.to_owned(), timeout: self.timeout }
    }
}
