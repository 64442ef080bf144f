//! A statement that no dialect parses, judged by its keywords. They can make it worse, never harmless.

use super::super::effect::Effect;
use super::lexer::{Cut, FAMILIES, Kind, Statement, cut};
use super::{MAY_BREAK, MAY_READ, OLD_NAME, name_at};

/// Words that take something away wherever they stand in a statement.
const TAKES_AWAY: [&str; 5] = ["drop", "truncate", "rename", "delete", "sp_rename"];

/// Words that a harmless statement has no use for. Before `DELETE` and `UPDATE` an `ON` or `FOR` is nothing of the kind.
const FOREIGN: [&str; 16] = [
    "drop",
    "truncate",
    "rename",
    "delete",
    "update",
    "insert",
    "merge",
    "exec",
    "execute",
    "call",
    "do",
    "revoke",
    "replace",
    "prepare",
    "deny",
    "sp_rename",
];

/// What a statement does that none could read.
pub(super) fn unread(statement: &Statement<'_>) -> Effect {
    let first = statement.tokens.first().map(|token| token.text.to_uppercase()).unwrap_or_default();
    if let Some(effect) = destructive(statement) {
        return effect;
    }
    let name = |at: usize| name_at(statement, at).unwrap_or_else(|| "?".to_owned());
    match first.as_str() {
        "COPY" | "LOAD" => Effect::unsure(format!("loads rows with {first}"), MAY_BREAK),
        "INSERT" | "REPLACE" => {
            let into = statement.tokens.iter().position(|token| token.is("into")).map_or(1, |at| at + 1);
            Effect::unsure(format!("changes rows of {}", name(into)), MAY_BREAK)
        }
        "UPDATE" => Effect::unsure(format!("changes rows of {}", name(1)), MAY_BREAK),
        "DO" | "CALL" | "EXEC" | "EXECUTE" | "PREPARE" => {
            Effect::unsure(format!("runs code with {first}, which cannot be parsed"), MAY_BREAK)
        }
        word if word.chars().all(char::is_alphanumeric) && word.len() <= 20 => {
            Effect::unsure(format!("has {word}, and not all of it can be parsed"), MAY_BREAK)
        }
        _ => Effect::unsure("has something that cannot be parsed as SQL", MAY_BREAK),
    }
}

/// What a statement takes away, by its words alone.
pub(super) fn destructive(statement: &Statement<'_>) -> Option<Effect> {
    let tokens = &statement.tokens;
    let verb = |at: usize| {
        let after_on = at > 0 && (tokens[at - 1].is("on") || tokens[at - 1].is("for"));
        TAKES_AWAY.iter().find(|word| tokens[at].is(word)).filter(|word| **word != "delete" || !after_on)
    };
    let runs =
        ["do", "exec", "execute", "prepare", "call", "begin", "declare", "if"].iter().any(|word| tokens[0].is(word));
    if let Some((at, word)) = (0..tokens.len()).find_map(|at| verb(at).map(|word| (at, *word))) {
        if word == "sp_rename" {
            return Some(Effect::destructive("renames a column or table", OLD_NAME));
        }
        // `DROP TABLE IF EXISTS orders`: what is dropped is the last of the words before anything else.
        let then: Vec<&str> =
            tokens[at..].iter().take_while(|token| token.is_name()).take(5).map(|it| it.text).collect();
        return Some(Effect::destructive(format!("has {}, and not all of it can be parsed", then.join(" ")), MAY_READ));
    }
    let written = tokens.iter().filter(|token| token.kind == Kind::Text);
    let hidden = written.filter(|_| runs).find_map(|text| dropped(text.text));
    hidden.map(|word| Effect::destructive(format!("runs code that has {}", word.to_uppercase()), MAY_READ))
}

/// The first word of a text that takes something away.
fn dropped(text: &str) -> Option<&'static str> {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.find_map(|word| TAKES_AWAY.into_iter().find(|known| word.eq_ignore_ascii_case(known)))
}

/// What a text that was not read whole seems to do.
pub(super) fn suspicion(text: &str) -> Option<Effect> {
    let word = dropped(text)?;
    Some(Effect::destructive(format!("has {} in SQL that cannot be fully parsed", word.to_uppercase()), MAY_READ))
}

/// A word in a statement that a reading called harmless, and that no harmless statement has.
pub(super) fn foreign(statement: &Statement<'_>) -> Option<String> {
    let tokens = &statement.tokens;
    let found = (1..tokens.len()).find(|at| {
        let before = &tokens[at - 1];
        let is_clause = ["delete", "update"].iter().any(|word| tokens[*at].is(word)) && before.is("on");
        !is_clause && FOREIGN.iter().any(|word| tokens[*at].is(word))
    });
    found.map(|at| tokens[at].text.to_uppercase())
}

/// The statements of a text by the first family's rules: for expressions.
pub(super) fn plain_cut(text: &str) -> Option<Cut<'_>> {
    let mut cuts = FAMILIES.iter().map(|rules| cut(text, *rules));
    let first = cuts.next()?;
    (first.strange.is_empty() && cuts.all(|other| other == first)).then_some(first)
}
