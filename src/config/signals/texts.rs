//! What stands in a signal's texts: variables that somebody fills in, and queries that can be read. What is certainly wrong
//! is told with its place while the file is read.

use super::super::at::At;
use super::super::problem::{Problem, list, nearest};
use super::Checker;
use crate::signal::Kind;
use crate::systems::declaration::{Form, Mistake, System};
use crate::template::{Reference, Template};

/// The variables that every text may hold.
const OWN: [&str; 3] = ["service", "environment", "namespace"];

/// How a text takes variables.
#[derive(Debug, Clone, Copy)]
struct Rules<'a> {
    /// What it is, in a sentence: `a link`.
    whose: &'a str,
    /// The variables that are filled in.
    known: &'a [&'a str],
    /// Whether a dollar may mean something else: then only what is spelt nearly like a variable is refused.
    other_dollars: bool,
    /// Whether names that begin with `__` may be somebody else's.
    macros: bool,
}

impl Checker<'_> {
    /// Whether nothing is wrong with the texts; `system` is the one that is asked, where that is known.
    pub(super) fn texts(&mut self, system: Option<&System>) -> bool {
        let raw = self.raw;
        let mut fine = true;
        for link in [&raw.link].into_iter().flatten() {
            fine &= self.fills(link, &Rules { whose: "a link", known: &OWN, other_dollars: true, macros: true });
        }
        for address in [&raw.url, &raw.path].into_iter().flatten() {
            let rules = Rules { whose: "a probe's address", known: &OWN, other_dollars: true, macros: false };
            fine &= self.fills(address, &rules);
        }
        for uid in [&raw.datasource].into_iter().flatten() {
            let rules = Rules { whose: "a data source", known: &OWN, other_dollars: false, macros: false };
            fine &= self.fills(uid, &rules);
        }
        for filter in [&raw.filter].into_iter().flatten() {
            let form = system.and_then(|system| (system.answers)(self.kind, raw.want.is_some()));
            let whose = if form == Some(Form::Release) { "this filter" } else { "the filter of alerts" };
            fine &= self.fills(filter, &Rules { whose, known: &OWN, other_dollars: false, macros: false });
        }
        for release in [&raw.release].into_iter().flatten() {
            let known = with_version(&[]);
            let rules = Rules { whose: "a release", known: &known, other_dollars: false, macros: false };
            fine &= self.fills(release, &rules);
        }
        if let Some(name) = &raw.name {
            fine &= self.is_plain(name);
        }
        // What a probe or a release would have to do with a query is another question, and asked elsewhere.
        let Some(system) = system.filter(|_| self.kind != Kind::Probe) else { return fine };
        for query in [&raw.query, &raw.errors, &raw.requests].into_iter().flatten() {
            fine &= self.query(query, system);
        }
        fine
    }

    /// A query's variables and its grammar.
    fn query(&mut self, query: &At<String>, system: &System) -> bool {
        let known: Vec<&str> = with_version(system.variables).into_iter().chain(["pods", "workloads"]).collect();
        let lower = query.to_ascii_lowercase();
        let is_other = ["{{", "select ", "|>", "from("].iter().any(|sign| lower.contains(sign));
        let rules = Rules { whose: "this query", known: &known, other_dollars: is_other, macros: system.macros };
        let filled = self.fills(query, &rules);
        let Some(Mistake { at, what, way_out }) = (system.mistake)(query) else { return filled };
        let column = query[..at.start].chars().rev().take_while(|c| *c != '\n').count() + 1;
        let name = self.raw.name.as_ref().map_or(self.kind.label(), |name| name.value.as_str());
        let problem = Problem::new(&query.part(&at), format!("the query of `{name}`: {what}, at its column {column}"));
        self.push(match way_out {
            Some(way_out) => problem.label(way_out),
            None => problem,
        });
        false
    }

    /// Whether every variable in a text is filled in; reports those that are not.
    fn fills(&mut self, written: &At<String>, rules: &Rules<'_>) -> bool {
        let mut fine = true;
        for Reference { at, name, has_format } in Template::foreign(written).references() {
            let written_as = &written[at.clone()];
            let known: Vec<String> = rules.known.iter().map(|name| format!("${name}")).collect();
            let known_here = format!("known here: {}", list(&known));
            let problem = |message: String| Problem::new(&written.part(&at), message);
            let problem = if rules.known.contains(&name) {
                if !has_format {
                    continue;
                }
                problem(format!("`{written_as}`: a format is for dashboards alone")).label(format!("write ${name}"))
            } else if name == "version" && !has_format {
                // It is one, elsewhere.
                problem(format!("$version is not known to {}", rules.whose)).way_out(known_here)
            } else if is_group(written, name) {
                continue;
            } else {
                let near = nearest(name, rules.known);
                let slips = near.map_or(usize::MAX, |near| strsim::damerau_levenshtein(near, name));
                let may_be_other =
                    rules.other_dollars && slips > 2 || rules.macros && name.starts_with("__") && slips > 1;
                if may_be_other {
                    continue;
                }
                let problem = problem(format!("unknown variable `{written_as}`")).way_out(known_here);
                match near {
                    Some(near) => problem.label(format!("did you mean `${near}`?")),
                    None => problem,
                }
            };
            fine = false;
            self.push(problem);
        }
        fine
    }

    /// A name is shown as it is written.
    fn is_plain(&mut self, name: &At<String>) -> bool {
        let variables = with_version(&[]);
        let references = Template::foreign(name).references();
        let Some(found) = references.into_iter().find(|found| variables.contains(&found.name)) else { return true };
        self.push(
            Problem::new(&name.part(&found.at), format!("a name is shown as it is written, and `${}` too", found.name))
                .way_out("leave it out: the screen says which service a signal speaks of"),
        );
        false
    }
}

/// The variables of a text that may speak of a version, with those of whoever is asked.
fn with_version<'a>(others: &[&'a str]) -> Vec<&'a str> {
    OWN.into_iter().chain(["version"]).chain(others.iter().copied()).collect()
}

/// Whether a name is that of a group of a regular expression, which `label_replace` refers to.
fn is_group(text: &str, name: &str) -> bool {
    text.contains(&format!("(?P<{name}>")) || text.contains(&format!("(?<{name}>"))
}
