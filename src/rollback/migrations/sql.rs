//! What a migration in SQL does: told from the first words of its statements, in the dialects of PostgreSQL, MySQL,
//! SQLite and SQL Server. What is not known is said to be so.

use super::effect::Effect;

const MAY_READ: &str = "may read it";
const MAY_NOT_COPE: &str = "may not cope with it";

/// Comments after which a file undoes what it did: goose, sql-migrate, dbmate.
const DOWN: [&str; 4] = ["+goose down", "+migrate down", "migrate:down", "//@undo"];

/// What the statements do on the way forward, one by one.
pub(super) fn effects(text: &str) -> Vec<Effect> {
    statements(forward(text)).iter().flat_map(|words| statement(words)).collect()
}

/// The part that runs on the way forward.
fn forward(text: &str) -> &str {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let small = line.to_lowercase();
        if (small.trim_start().starts_with("--") || small.starts_with("//@"))
            && DOWN.iter().any(|mark| small.contains(mark))
        {
            break;
        }
        length += line.len();
    }
    &text[..length]
}

/// A word as it is written, without quotes; or one of the signs `(`, `)` and `,`.
type Word = String;

/// The statements as words, without comments and literals. What is in a function's body is a literal too.
fn statements(text: &str) -> Vec<Vec<Word>> {
    let mut found = vec![Vec::new()];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '\'' => quoted(rest, '\''),
            '$' if dollar(rest).is_some() => {
                let tag = dollar(rest).unwrap_or_default();
                rest[tag.len()..].find(tag).map_or(rest.len(), |end| end + 2 * tag.len())
            }
            '"' | '`' => {
                let length = quoted(rest, first);
                push(&mut found, rest[..length].trim_matches(first));
                length
            }
            // SQL Server's quotes; PostgreSQL's arrays have no letter in them.
            '[' if rest[1..].starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                let length = rest.find(']').map_or(rest.len(), |end| end + 1);
                push(&mut found, rest[..length].trim_matches(['[', ']']));
                length
            }
            ';' => {
                found.push(Vec::new());
                1
            }
            '(' | ')' | ',' => {
                push(&mut found, &rest[..1]);
                1
            }
            c if is_word(c) => {
                let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                push(&mut found, &rest[..length]);
                length
            }
            '.' => {
                // The next word belongs to this one: `shop.orders`.
                if let Some(word) = found.last_mut().and_then(|words| words.last_mut()) {
                    word.push('.');
                }
                1
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    found.retain(|words| !words.is_empty());
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn push(found: &mut [Vec<Word>], word: &str) {
    let Some(words) = found.last_mut() else { return };
    match words.last_mut() {
        Some(last) if last.ends_with('.') => last.push_str(word),
        _ => words.push(word.to_owned()),
    }
}

/// How long the quoted text at the start is; a doubled quote is part of it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = rest[at..].find(quote) {
        at += end + 1;
        if !rest[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    rest.len()
}

/// PostgreSQL's `$$` or `$body$` at the start.
fn dollar(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 2;
    let tag = &rest[..end];
    tag[1..end - 1].chars().all(is_word).then_some(tag)
}

/// Words read one after the other, in whatever case they are written.
struct Words<'a> {
    rest: &'a [Word],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> &'a str {
        let Some((first, rest)) = self.rest.split_first() else { return "" };
        self.rest = rest;
        first
    }

    /// Takes these words if they come next.
    fn take(&mut self, words: &[&str]) -> bool {
        let there = self.rest.len() >= words.len()
            && self.rest.iter().zip(words).all(|(word, wanted)| word.eq_ignore_ascii_case(wanted));
        if there {
            self.rest = &self.rest[words.len()..];
        }
        there
    }

    fn take_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take(&[word]))
    }

    fn has(&self, words: &[&str]) -> bool {
        self.rest.windows(words.len()).any(|window| window.iter().zip(words).all(|(a, b)| a.eq_ignore_ascii_case(b)))
    }
}

fn statement(words: &[Word]) -> Vec<Effect> {
    let mut words = Words { rest: words };
    let verb = words.next().to_uppercase();
    let one = match verb.as_str() {
        "ALTER" if words.take(&["TABLE"]) => return alter_table(words),
        "DROP" => dropped(words),
        "TRUNCATE" => {
            words.take(&["TABLE"]);
            Effect::destructive(format!("empties {}", words.next()), MAY_READ)
        }
        "DELETE" => {
            words.take(&["FROM"]);
            Effect::destructive(format!("deletes rows of {}", words.next()), MAY_READ)
        }
        "UPDATE" => Effect::unsure(format!("changes rows of {}", words.next()), MAY_NOT_COPE),
        "RENAME" => Effect::destructive("renames a table", "may read the old name"),
        "EXEC" | "EXECUTE" if words.take(&["sp_rename"]) => {
            Effect::destructive("renames a column or table", "may read the old name")
        }
        "CREATE" => created(words),
        "INSERT" | "COMMENT" | "GRANT" => Effect::additive(format!("has {verb}")),
        // What surrounds statements does nothing itself.
        "BEGIN" | "COMMIT" | "START" | "SET" | "USE" | "GO" | "PRAGMA" | "ANALYZE" | "LOCK" | "UNLOCK" | "SELECT" => {
            return Vec::new();
        }
        _ => Effect::unsure(format!("has {verb}, which is not known here"), MAY_NOT_COPE),
    };
    vec![one]
}

fn if_exists(words: &mut Words<'_>) {
    words.take(&["IF", "EXISTS"]);
    words.take(&["IF", "NOT", "EXISTS"]);
}

fn dropped(mut words: Words<'_>) -> Effect {
    let _ = words.take(&["MATERIALIZED"]) || words.take(&["FOREIGN"]);
    let kind = words.next().to_lowercase();
    words.take(&["CONCURRENTLY"]);
    if_exists(&mut words);
    let name = words.next();
    match kind.as_str() {
        "index" => Effect::unsure(format!("drops the index {name}"), "may be slow without it"),
        "trigger" | "policy" => Effect::unsure(format!("drops the {kind} {name}"), MAY_NOT_COPE),
        _ => Effect::destructive(format!("drops the {kind} {name}"), MAY_READ),
    }
}

fn created(mut words: Words<'_>) -> Effect {
    words.take(&["OR", "REPLACE"]);
    let unique = words.take(&["UNIQUE"]);
    let kind = words.next().to_lowercase();
    words.take(&["CONCURRENTLY"]);
    if_exists(&mut words);
    let name = words.next();
    match kind.as_str() {
        "index" if unique => Effect::unsure(format!("adds the unique index {name}"), "may write what it forbids"),
        "trigger" => Effect::unsure(format!("adds the trigger {name}"), MAY_NOT_COPE),
        _ => Effect::additive(format!("adds the {kind} {name}")),
    }
}

fn alter_table(mut words: Words<'_>) -> Vec<Effect> {
    if_exists(&mut words);
    words.take(&["ONLY"]);
    let table = words.next();
    let mut depth = 0_usize;
    let actions = words.rest.split(|word| {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && word == ","
    });
    actions.filter(|action| !action.is_empty()).map(|action| alteration(table, Words { rest: action })).collect()
}

fn alteration(table: &str, mut words: Words<'_>) -> Effect {
    let verb = words.next().to_uppercase();
    match verb.as_str() {
        "DROP" => {
            if words.take(&["CONSTRAINT"]) || words.take(&["CHECK"]) || words.take(&["FOREIGN"]) {
                return Effect::additive(format!("drops a constraint of {table}"));
            }
            if words.take_any(&["INDEX", "KEY", "PRIMARY"]) {
                return Effect::unsure(format!("drops an index of {table}"), "may be slow without it");
            }
            words.take(&["COLUMN"]);
            if_exists(&mut words);
            Effect::destructive(format!("drops {table}.{}", words.next()), MAY_READ)
        }
        "RENAME" if words.take_any(&["CONSTRAINT", "INDEX", "KEY"]) => {
            Effect::additive(format!("renames an index or constraint of {table}"))
        }
        "RENAME" if words.take(&["TO"]) || words.take(&["AS"]) => {
            Effect::destructive(format!("renames {table} to {}", words.next()), "may read the old name")
        }
        "RENAME" => {
            words.take(&["COLUMN"]);
            let old = words.next();
            words.take(&["TO"]);
            Effect::destructive(format!("renames {table}.{old} to {}", words.next()), "may read the old name")
        }
        "CHANGE" => {
            words.take(&["COLUMN"]);
            let (old, new) = (words.next(), words.next());
            if old.eq_ignore_ascii_case(new) {
                return Effect::unsure(format!("changes the type of {table}.{old}"), MAY_NOT_COPE);
            }
            Effect::destructive(format!("renames {table}.{old} to {new}"), "may read the old name")
        }
        "MODIFY" => {
            words.take(&["COLUMN"]);
            Effect::unsure(format!("changes the type of {table}.{}", words.next()), MAY_NOT_COPE)
        }
        "ALTER" => altered_column(table, words),
        "ADD" => added(table, words),
        "ENABLE" | "VALIDATE" | "OWNER" | "COMMENT" | "CLUSTER" | "REPLICA" => {
            Effect::additive(format!("changes a setting of {table}"))
        }
        _ => Effect::unsure(format!("changes {table} with {verb}, which is not known here"), MAY_NOT_COPE),
    }
}

fn altered_column(table: &str, mut words: Words<'_>) -> Effect {
    words.take(&["COLUMN"]);
    let column = words.next();
    if words.take(&["DROP", "NOT", "NULL"]) {
        return Effect::unsure(format!("makes {table}.{column} nullable"), "may not expect an empty value");
    }
    if words.take(&["SET", "NOT", "NULL"]) {
        return Effect::unsure(format!("makes {table}.{column} NOT NULL"), "may write an empty value");
    }
    if words.take(&["SET", "DEFAULT"]) {
        return Effect::additive(format!("gives {table}.{column} a default"));
    }
    if words.take(&["DROP", "DEFAULT"]) {
        return Effect::unsure(format!("takes the default of {table}.{column} away"), "may rely on it");
    }
    Effect::unsure(format!("changes the type of {table}.{column}"), MAY_NOT_COPE)
}

fn added(table: &str, mut words: Words<'_>) -> Effect {
    if words.take_any(&["CONSTRAINT", "UNIQUE", "CHECK", "FOREIGN", "PRIMARY", "EXCLUDE"]) {
        return Effect::unsure(format!("adds a constraint to {table}"), "may write what it forbids");
    }
    if words.take_any(&["INDEX", "KEY", "FULLTEXT", "SPATIAL"]) {
        return Effect::additive(format!("adds an index to {table}"));
    }
    words.take(&["COLUMN"]);
    if_exists(&mut words);
    words.take(&["("]);
    let column = words.next();
    let by_itself = ["DEFAULT", "AUTO_INCREMENT", "IDENTITY", "GENERATED", "SERIAL", "BIGSERIAL"];
    if words.has(&["NOT", "NULL"]) && !by_itself.iter().any(|word| words.has(&[word])) {
        let what = format!("adds {table}.{column}, NOT NULL and without a default");
        return Effect::unsure(what, "cannot insert rows");
    }
    Effect::additive(format!("adds {table}.{column}"))
}

#[cfg(test)]
mod tests {
    use super::super::effect::Weight::{Additive, Destructive, Unsure};
    use super::*;

    #[test]
    fn each_statement_is_told_for_what_it_does() {
        let cases = [
            ("DROP TABLE orders;", Destructive, "drops the table orders"),
            ("drop table if exists shop.\"orders\" cascade", Destructive, "drops the table shop.orders"),
            ("ALTER TABLE orders DROP COLUMN legacy_id", Destructive, "drops orders.legacy_id"),
            ("alter table only orders drop if exists legacy", Destructive, "drops orders.legacy"),
            ("ALTER TABLE `orders` DROP `legacy`", Destructive, "drops orders.legacy"),
            ("ALTER TABLE [dbo].[orders] DROP COLUMN [old]", Destructive, "drops dbo.orders.old"),
            ("ALTER TABLE orders RENAME TO purchases", Destructive, "renames orders to purchases"),
            ("ALTER TABLE orders RENAME state TO status", Destructive, "renames orders.state to status"),
            ("ALTER TABLE orders RENAME COLUMN state TO status", Destructive, "renames orders.state to status"),
            ("ALTER TABLE orders CHANGE state status int", Destructive, "renames orders.state to status"),
            ("EXEC sp_rename 'orders.state', 'status', 'COLUMN'", Destructive, "renames a column or table"),
            ("TRUNCATE TABLE carts", Destructive, "empties carts"),
            ("DELETE FROM carts WHERE old", Destructive, "deletes rows of carts"),
            ("DROP VIEW totals", Destructive, "drops the view totals"),
            ("ALTER TABLE t ALTER COLUMN c TYPE bigint USING c::bigint", Unsure, "changes the type of t.c"),
            ("ALTER TABLE t ALTER c SET DATA TYPE text", Unsure, "changes the type of t.c"),
            ("ALTER TABLE t MODIFY COLUMN c text", Unsure, "changes the type of t.c"),
            ("ALTER TABLE t ALTER COLUMN c SET NOT NULL", Unsure, "makes t.c NOT NULL"),
            ("ALTER TABLE t ADD c int NOT NULL", Unsure, "adds t.c, NOT NULL and without a default"),
            ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (a, b)", Unsure, "adds a constraint to t"),
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", Unsure, "adds the unique index i"),
            ("DROP INDEX IF EXISTS i", Unsure, "drops the index i"),
            ("UPDATE t SET a = 1", Unsure, "changes rows of t"),
            ("VACUUM FULL", Unsure, "has VACUUM, which is not known here"),
            ("ALTER TABLE t ADD COLUMN IF NOT EXISTS c int NULL", Additive, "adds t.c"),
            ("ALTER TABLE t ADD c int NOT NULL DEFAULT 0", Additive, "adds t.c"),
            ("CREATE TABLE IF NOT EXISTS t (a int, b int NOT NULL)", Additive, "adds the table t"),
            ("CREATE INDEX i ON t (a)", Additive, "adds the index i"),
            ("ALTER TABLE t DROP CONSTRAINT u", Additive, "drops a constraint of t"),
        ];
        for (text, weight, what) in cases {
            let found = effects(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert_eq!((found[0].weight, found[0].what.as_str()), (weight, what), "{text}");
        }
    }

    #[test]
    fn one_statement_may_do_several_things() {
        let found = effects("ALTER TABLE t ADD a numeric(8, 2), DROP b, ALTER c TYPE varchar(9)");
        let whats: Vec<&str> = found.iter().map(|effect| effect.what.as_str()).collect();
        assert_eq!(whats, ["adds t.a", "drops t.b", "changes the type of t.c"]);
    }

    #[test]
    fn comments_literals_and_bodies_of_functions_say_nothing() {
        let text = "-- DROP TABLE a;\n/* DROP TABLE b; */\nINSERT INTO log VALUES ('it''s; DROP TABLE c;');\n\
                    CREATE FUNCTION f() RETURNS void AS $body$ BEGIN DROP TABLE d; END $body$ LANGUAGE plpgsql;\n\
                    # DROP TABLE e;\nBEGIN; COMMIT;";
        assert!(effects(text).iter().all(|effect| effect.weight == Additive), "{:?}", effects(text));
    }

    #[test]
    fn the_way_down_is_not_the_way_forward() {
        for mark in ["-- +goose Down", "-- migrate:down", "--  +migrate Down"] {
            let text = format!("-- +goose Up\nCREATE TABLE t (a int);\n{mark}\nDROP TABLE t;\n");
            assert_eq!(effects(&text), [Effect::additive("adds the table t")], "{mark}");
        }
    }

    #[test]
    fn broken_text_ends() {
        for text in ["'", "\"", "$x$", "/*", "[a", "ALTER TABLE", "ALTER TABLE t DROP", "(", ".", "", "--", "é$é"] {
            effects(text);
        }
    }
}
