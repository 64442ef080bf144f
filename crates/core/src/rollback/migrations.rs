//! What shipped with a version and may not survive going back: an undo restores code, never a database.
//!
//! Found from three places: an annotation of the workload, the jobs and containers that migrate, and the migrations
//! that changed between the two versions' commits. Files tell most, so they count before anything else but a
//! warning that a person wrote; only where nothing tells is it said that nobody knows.

mod alembic;
mod django;
mod effect;
mod files;
mod programs;
mod python;
mod sql;
mod values;

pub use effect::{Effect, Weight};
pub use files::{Change, Migration, is_migration};

use super::{Check, CheckKind};
use crate::deploy::Time;
use serde_json::Value;

/// The annotation by which a deploy says what migration it brings: `none`, `additive: …`, `destructive: …`, or any
/// text. On the pods' template it moves with the version; on the workload itself it stays until it is changed.
pub const ANNOTATION: &str = "redflag.dev/migration";

/// The kind of each check that comes from here.
pub const CHECK: CheckKind = CheckKind::Migration;

/// This many migrations of a kind are told one by one.
const TOLD: usize = 4;

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipped {
    /// The version that runs, as people call it.
    pub from: String,
    /// The version that is gone back to.
    pub to: String,
    /// What the cluster tells.
    pub cluster: InCluster,
    /// What the repository tells.
    pub files: Files,
}

/// What the cluster tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InCluster {
    /// The annotation's text.
    pub annotation: Option<String>,
    /// What migrated, each in one line: `job app-migrate-7 ran manage.py migrate`.
    pub ran: Vec<String>,
    /// Why something of it could not be read.
    pub unread: Option<String>,
}

/// What the repository tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Files {
    /// No repository is set.
    NoRepository,
    /// It could not tell, and why.
    Unread(String),
    /// It could.
    Read {
        /// The commits, as people write them: `1a2b3c4..5d6e7f8`.
        between: String,
        /// The migrations that differ between them; may be none.
        migrations: Vec<Migration>,
        /// Where migrations are, beside the known places.
        patterns: Vec<String>,
    },
}

/// Reads what the workload and the jobs of its namespace tell of a deploy. Jobs count when they are of the same
/// release and were made within an hour of the deploy; without its time none of them counts.
pub fn in_cluster(workload: &Value, jobs: &[Value], deployed: Option<Time>) -> InCluster {
    let template = &workload["spec"]["template"];
    let of = |object: &Value| object["metadata"]["annotations"][ANNOTATION].as_str().map(str::trim).map(str::to_owned);
    let annotation = of(template).or_else(|| of(workload)).filter(|text| !text.is_empty());
    let mut ran = programs::of_template(template);
    ran.extend(deployed.map(|deployed| programs::of_jobs(workload, jobs, deployed)).unwrap_or_default());
    InCluster { annotation, ran, unread: None }
}

/// The places of migrations for git's own search, so that it lists nothing else.
pub fn pathspecs(patterns: &[String]) -> Vec<String> {
    files::places().chain(patterns.iter().map(String::as_str)).map(|place| format!(":(glob,icase){place}")).collect()
}

/// What it all means for going back: at least one check, each of the kind [`CHECK`].
pub fn checks(shipped: &Shipped) -> Vec<Check> {
    let declared = shipped.cluster.annotation.as_deref().map(Declared::read);
    let mut checks: Vec<Check> = declared.iter().filter_map(|declared| by_annotation(shipped, declared)).collect();
    match &shipped.files {
        Files::Read { between, migrations, patterns } => {
            if !migrations.is_empty() {
                checks.extend(by_files(shipped, migrations, patterns));
            } else if checks.is_empty() {
                let (from, to) = (&shipped.from, &shipped.to);
                let sentence = format!("no migration shipped with {from}: none differs from {to} ({between})");
                checks.push(Check::ok(CHECK, sentence));
            }
        }
        // Whoever wrote the annotation knew; nothing else does.
        Files::NoRepository | Files::Unread(_) if declared.is_some() => {
            if checks.is_empty() {
                let sentence = format!("no migration shipped with {}: its annotation says so", shipped.from);
                checks.push(Check::ok(CHECK, sentence));
            }
        }
        Files::NoRepository => {
            let way_out = format!(
                "set a repository for this environment, or the annotation {ANNOTATION} on the workload (\"none\", \
                 \"additive: …\" or \"destructive: …\")"
            );
            checks.push(Check::warning(CHECK, unknown(shipped, "no repository is set"), Some(way_out)));
        }
        Files::Unread(why) => {
            let way_out = format!("fix that, or set the annotation {ANNOTATION} on the workload");
            checks.push(Check::warning(CHECK, unknown(shipped, why), Some(way_out)));
        }
    }
    checks
}

/// What an annotation declares.
enum Declared<'a> {
    None,
    Additive(&'a str),
    Destructive(&'a str),
    Free(&'a str),
}

impl<'a> Declared<'a> {
    fn read(text: &'a str) -> Self {
        let (kind, what) = text.split_once(':').unwrap_or((text, ""));
        let what = what.trim();
        match kind.trim().to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "additive" => Self::Additive(what),
            "destructive" => Self::Destructive(what),
            _ => Self::Free(text),
        }
    }
}

fn by_annotation(shipped: &Shipped, declared: &Declared<'_>) -> Option<Check> {
    let (from, to) = (&shipped.from, &shipped.to);
    let said = |what: &str| if what.is_empty() { String::new() } else { format!(": {what}") };
    match declared {
        Declared::None => None,
        Declared::Additive(what) => {
            let sentence = format!("the annotation of {from} says its migration is additive{}", said(what));
            Some(Check::ok(CHECK, sentence))
        }
        Declared::Destructive(what) => {
            let sentence =
                format!("the annotation of {from} says its migration removes what {to} may still use{}", said(what));
            Some(Check::typed(CHECK, sentence, fix_forward(from)))
        }
        Declared::Free(text) => {
            let sentence = format!("{from} shipped a migration; its annotation says: {text}");
            Some(Check::warning(CHECK, sentence, Some(format!("make sure {to} works with it"))))
        }
    }
}

fn by_files(shipped: &Shipped, migrations: &[Migration], patterns: &[String]) -> Vec<Check> {
    let (from, to) = (&shipped.from, &shipped.to);
    let judged: Vec<(&Migration, Vec<Effect>)> =
        migrations.iter().map(|migration| (migration, files::effects(migration, patterns))).collect();
    let of = |weight: Weight| judged.iter().filter(move |(_, effects)| files::heaviest(effects) == weight);
    let mut checks = Vec::new();
    for (migration, effects) in of(Weight::Destructive).take(TOLD) {
        let way_out = match files::down_command(migration, patterns) {
            // What has no reverse cannot be reversed by a command either; the command itself then says so.
            Some(command) => format!("{}; or reverse it first, from {from}: {command}", fix_forward(from)),
            None => fix_forward(from),
        };
        checks.push(Check::typed(CHECK, sentence(&migration.path, effects, to), way_out));
    }
    for (migration, effects) in of(Weight::Unsure).take(TOLD) {
        let way_out = format!("make sure {to} works with it");
        checks.push(Check::warning(CHECK, sentence(&migration.path, effects, to), Some(way_out)));
    }
    for (weight, check) in [
        (Weight::Destructive, Check::typed as fn(CheckKind, String, String) -> Check),
        (Weight::Unsure, |kind, sentence, way_out| Check::warning(kind, sentence, Some(way_out))),
    ] {
        let untold = of(weight).count().saturating_sub(TOLD);
        if untold > 0 {
            let sentence = format!("{untold} more migrations in {from} like these");
            checks.push(check(CHECK, sentence, "check them in the repository".to_owned()));
        }
    }
    let additive: Vec<_> = of(Weight::Additive).collect();
    match additive.as_slice() {
        [] => {}
        [(migration, effects)] => checks.push(Check::ok(CHECK, sentence(&migration.path, effects, to))),
        many => {
            let sentence = format!("{} additive migrations in {from}: {to} is not affected", many.len());
            checks.push(Check::ok(CHECK, sentence));
        }
    }
    checks
}

/// `shop/migrations/0042_drop_legacy.py:12 removes order.legacy_id, and 1.8.3 reads it; and 2 more changes`.
fn sentence(path: &str, effects: &[Effect], to: &str) -> String {
    let heaviest = files::heaviest(effects);
    let Some(worst) = effects.iter().find(|effect| effect.weight == heaviest) else {
        return format!("{path} changes nothing");
    };
    let line = worst.line.map(|line| format!(":{line}")).unwrap_or_default();
    let then = match (worst.weight, worst.then) {
        (Weight::Additive, _) | (_, "") => "is not affected",
        (_, then) => then,
    };
    let more = match effects.len() - 1 {
        0 => String::new(),
        1 => "; and one more change".to_owned(),
        more => format!("; and {more} more changes"),
    };
    format!("{path}{line} {}, and {to} {then}{more}", worst.what)
}

fn fix_forward(from: &str) -> String {
    format!("fix {from} forward with a new deploy")
}

/// The sentence of not knowing, with what there is to go by.
fn unknown(shipped: &Shipped, why: &str) -> String {
    let (from, to) = (&shipped.from, &shipped.to);
    let mut sentence = if let Some((first, others)) = shipped.cluster.ran.split_first() {
        let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
        format!("{first}{more}; unknown whether {to} works with what it changed: {why}")
    } else {
        format!("unknown whether a migration shipped with {from}: {why}")
    };
    if let Some(unread) = &shipped.cluster.unread {
        sentence.push_str(&format!("; {unread}"));
    }
    sentence
}

#[cfg(test)]
mod tests;
