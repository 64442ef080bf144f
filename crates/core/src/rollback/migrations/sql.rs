//! What a migration in SQL does. A text is cut by the rules of every family of databases, and each statement is read
//! by every dialect of the parser: what they cut differently, what none of them reads whole, and what is not on the
//! list of the harmless is never taken for harmless.

mod harmless;
mod judge;
mod lexer;
mod render;
mod sections;
mod strange;
mod table;
mod words;

use super::effect::{Effect, Weight};
use lexer::{Cut, FAMILIES, Kind, Statement};
use std::collections::BTreeSet;
use strange::Strange;

pub(super) use harmless::is_known_extension;

pub(super) const MAY_READ: &str = "may still read it";
pub(super) const OLD_NAME: &str = "may still use the old name";
pub(super) const MAY_BREAK: &str = "may break on it";
pub(super) const MAY_WRITE: &str = "may write what it forbids";
pub(super) const CANNOT_INSERT: &str = "cannot insert rows";
pub(super) const CANNOT_DELETE: &str = "cannot delete the rows that it refers to";

/// A longer text is not read.
const LONGEST: usize = 512 * 1024;

/// Nor are more statements.
const MOST: usize = 4_000;

/// What the statements do when applied, one by one.
pub(super) fn effects(text: &str) -> Vec<Effect> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.len() > LONGEST {
        let size = text.len() / 1024;
        return vec![Effect::unsure(format!("is too long to parse ({size} KB)"), MAY_BREAK)];
    }
    let up = sections::up_migration(text);
    let mut effects = Vec::new();
    let mut strange = strange::of(&up.text);
    let cuts: Vec<Cut<'_>> = FAMILIES.iter().map(|rules| lexer::cut(&up.text, *rules)).collect();
    strange.extend(cuts.iter().flat_map(|cut| cut.strange.iter().cloned()));
    if let Some(line) = up.before.iter().find(|line| !is_outside_of_all(&up.text, **line)) {
        strange.push(Strange { line: *line, what: "a down-migration marker inside something else" });
    }
    let (first, others) =
        cuts.split_first().map_or((&[][..], &[][..]), |(first, others)| (&first.statements[..], others));
    let parting = others.iter().find_map(|other| parting(first, &other.statements));
    effects.extend(judged(first));
    if let Some(line) = parting {
        // Whatever one database would run is told; that the others would not helps nobody.
        for statement in others.iter().flat_map(|other| &other.statements).filter(|it| !first.contains(it)).take(MOST) {
            let taken = judged(std::slice::from_ref(statement));
            for effect in taken.into_iter().filter(|effect| effect.weight == Weight::Destructive) {
                if !effects.contains(&effect) {
                    effects.push(effect);
                }
            }
        }
        let what = "has a string or comment that another database ends elsewhere";
        effects.push(Effect::unsure(what, MAY_BREAK).on(line));
    }
    let is_seen = effects.iter().any(|effect| effect.weight == Weight::Destructive);
    if !is_seen && (parting.is_some() || !strange.is_empty()) {
        effects.extend(words::suspicion(&up.text));
    }
    if let Some(first) = strange.iter().min_by_key(|it| it.line) {
        effects.push(Effect::unsure(format!("has {}", first.what), MAY_BREAK).on(first.line));
    }
    effects
}

/// Whether an expression can be computed without anything happening: a default, say.
pub(super) fn is_harmless_expression(text: &str) -> bool {
    harmless::is_harmless_text(text)
}

/// What a text that was not read whole seems to do: only ever worse than unsure.
pub(super) fn suspicion(text: &str) -> Option<Effect> {
    words::suspicion(text)
}

/// The line on which two readings of one text part.
fn parting(one: &[Statement<'_>], other: &[Statement<'_>]) -> Option<usize> {
    if one == other {
        return None;
    }
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    one.get(same).or_else(|| other.get(same)).map(|statement| statement.line)
}

/// Whether a line begins outside of any string, name and comment: everything before it must be read whole.
fn is_outside_of_all(text: &str, line: usize) -> bool {
    let before: String = text.split_inclusive('\n').take(line - 1).collect();
    FAMILIES.iter().all(|rules| lexer::cut(&before, *rules).strange.iter().all(|it| !it.what.ends_with("does not end")))
}

fn judged(statements: &[Statement<'_>]) -> Vec<Effect> {
    let mut fresh = BTreeSet::new();
    let mut effects = Vec::new();
    for statement in statements.iter().take(MOST) {
        effects.extend(judge::statement(statement, &mut fresh).into_iter().map(|effect| effect.on(statement.line)));
    }
    if let Some(next) = statements.get(MOST) {
        effects.push(Effect::unsure(format!("has more than {MOST} statements"), MAY_BREAK).on(next.line));
        // What is not read any more may still be seen.
        let mut rest = statements[MOST..].iter();
        let worst = rest.find_map(|it| words::destructive(it).map(|effect| effect.on(it.line)));
        effects.extend(worst);
    }
    effects
}

/// The names that a statement's words make from one of them on: `shop.orders`.
fn name_at(statement: &Statement<'_>, at: usize) -> Option<String> {
    let mut tokens = statement.tokens.get(at..)?.iter();
    let first = tokens.next().filter(|token| token.is_name())?;
    let mut name = first.name().to_owned();
    while let (Some(dot), Some(next)) = (tokens.next(), tokens.next()) {
        if dot.kind != Kind::Sign || dot.text != "." || !next.is_name() {
            break;
        }
        name.push('.');
        name.push_str(next.name());
    }
    Some(name)
}

#[cfg(test)]
mod tests;
