//! What drops a table is never called harmless, wherever it stands and whatever stands around it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use redflag_core::rollback::CheckOutcome;
use redflag_core::rollback::migrations::{Change, Files, InCluster, Migration, Shipped, checks};

/// The worst that is said of a new file.
fn worst(path: &str, text: &str) -> CheckOutcome {
    let migration = Migration { path: path.to_owned(), change: Change::Added, text: Some(text.to_owned()) };
    let files = Files::Read { between: "a..b".to_owned(), migrations: vec![migration], patterns: Vec::new() };
    let shipped = Shipped { from: "2".to_owned(), to: "1".to_owned(), cluster: InCluster::default(), files };
    checks(&shipped).iter().map(|check| check.outcome).max().unwrap()
}

#[test]
fn what_drops_a_table_is_never_ok() {
    for sql in [
        r"INSERT INTO t (a) VALUES ('it\'s'); DROP TABLE users;",
        r"INSERT INTO t (a) VALUES (E'it\'s'); DROP TABLE users;",
        "CREATE INDEX i ON t ((data #>> '{a,b}')); DROP TABLE users;",
        "SELECT drop_legacy_columns();",
    ] {
        assert!(worst("db/migrations/0001.sql", sql) > CheckOutcome::Ok, "{sql}");
    }
}

#[test]
fn the_sentence_names_the_file_the_line_and_what_is_gone() {
    let text = "-- the legacy id is gone\n\nALTER TABLE orders DROP COLUMN legacy_id;\n";
    let path = "migrations/0042_drop_legacy_id.sql";
    let migration = Migration { path: path.to_owned(), change: Change::Added, text: Some(text.to_owned()) };
    let files = Files::Read { between: "a..b".to_owned(), migrations: vec![migration], patterns: Vec::new() };
    let shipped = Shipped { from: "1.9.0".to_owned(), to: "1.8.3".to_owned(), cluster: InCluster::default(), files };
    let found = checks(&shipped);
    let [check] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        check.sentence,
        "migrations/0042_drop_legacy_id.sql:3 drops orders.legacy_id, and 1.8.3 may still read it"
    );
}

/// What takes something away, in some database at least.
const DESTRUCTIVE: [&str; 20] = [
    "DROP TABLE users",
    "drop table if exists users cascade",
    "ALTER TABLE users DROP COLUMN name",
    "ALTER TABLE users ADD COLUMN b int, DROP COLUMN name",
    "ALTER TABLE users RENAME COLUMN name TO title",
    "ALTER TABLE users RENAME TO people",
    "ALTER TABLE users CHANGE name title text",
    "TRUNCATE TABLE users",
    "DELETE FROM users",
    "RENAME TABLE users TO people",
    "DROP SCHEMA shop CASCADE",
    "DROP DATABASE shop",
    "DROP VIEW totals",
    "EXEC sp_rename 'users', 'people'",
    "CREATE OR REPLACE TABLE users (a int)",
    "SELECT drop_legacy_columns()",
    "DO $$ BEGIN DROP TABLE users; END $$",
    "CALL drop_legacy()",
    "WITH gone AS (DELETE FROM users RETURNING 1) SELECT 1",
    "INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = ''",
];

/// Statements that are harmless, and pieces that open something and may not close it.
const AROUND: [&str; 44] = [
    "CREATE TABLE a (b int);",
    "CREATE INDEX i ON t (a);",
    "ALTER TABLE t ADD COLUMN c text;",
    "COMMENT ON TABLE t IS 'it''s';",
    "COMMENT ON TABLE t IS 'it\\'s';",
    "COMMENT ON TABLE t IS E'it\\'s';",
    "CREATE INDEX i ON t ((data #>> '{a,b}'));",
    "CREATE TABLE `a` (`b` int) ENGINE=InnoDB;",
    "CREATE TABLE [a] ([b] int);",
    "CREATE TABLE a (b text DEFAULT $$x$$);",
    "CREATE TABLE a (b text DEFAULT \"x\\\"\");",
    "BEGIN;",
    "COMMIT;",
    "SET lock_timeout = '5s';",
    "SELECT 1;",
    "-- comment\n",
    "--comment\n",
    "--",
    "# comment\n",
    "#",
    "/* comment */",
    "/* /* nested */ */",
    "/*!50000 ",
    "/*",
    "*/",
    "'",
    "''",
    "\\'",
    "\\\\'",
    "\"",
    "`",
    "[",
    "]",
    "(",
    ")",
    "$$",
    "$a$",
    "E'",
    ";",
    "\nGO\n",
    "\n",
    "\r",
    "\\",
    " ",
];

/// A piece of text that surrounds a statement.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(AROUND.as_slice()).prop_map(str::to_owned),
        1 => "[ -~\\n\\t]{0,12}",
        1 => "\\PC{0,6}",
    ]
}

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat())
}

/// Whether some database would run a statement that stands between these: a simple reading of its own, by the rules
/// of one database, of where strings and comments end.
#[expect(clippy::struct_excessive_bools, reason = "each is a rule that databases have or have not")]
#[derive(Debug, Clone, Copy)]
struct Database {
    backslashes: bool,
    hashes: bool,
    spaced_dashes: bool,
    conditional: bool,
    nested: bool,
    dollars: bool,
    brackets: bool,
    backticks: bool,
}

const POSTGRES: Database = Database {
    backslashes: false,
    hashes: false,
    spaced_dashes: false,
    conditional: false,
    nested: true,
    dollars: true,
    brackets: false,
    backticks: false,
};
const MYSQL: Database = Database {
    backslashes: true,
    hashes: true,
    spaced_dashes: true,
    conditional: true,
    nested: false,
    dollars: false,
    brackets: false,
    backticks: true,
};
const SQL_SERVER: Database = Database { brackets: true, dollars: false, ..POSTGRES };
const SQLITE: Database = Database { nested: false, backticks: true, ..SQL_SERVER };

impl Database {
    /// Whether a text ends outside of every string and comment, so that what follows is run.
    fn ends_outside(self, text: &str) -> bool {
        let mut rest = text;
        let mut is_word = false;
        while let Some(first) = rest.chars().next() {
            let was_word = std::mem::replace(&mut is_word, first.is_alphanumeric() || first == '_' || first == '$');
            let line = |from: usize| rest[from..].find('\n').map(|end| from + end);
            let is_escaped = rest.starts_with("E'") && self.dollars && !was_word;
            let end = if is_escaped {
                quoted(&rest[1..], '\'', true).map(|end| end + 1)
            } else if rest.starts_with("--")
                && (!self.spaced_dashes || rest[2..].starts_with(|c: char| c.is_whitespace()) || rest.len() == 2)
            {
                line(2)
            } else if first == '#' && self.hashes {
                line(1)
            } else if self.conditional && rest.starts_with("/*!") {
                Some(3)
            } else if rest.starts_with("/*") {
                self.comment(rest)
            } else if first == '\'' || first == '"' {
                quoted(rest, first, self.backslashes)
            } else if first == '`' && self.backticks {
                quoted(rest, first, false)
            } else if first == '[' && self.brackets {
                rest.find(']').map(|end| end + 1)
            } else if first == '$' && self.dollars && !was_word {
                match rest[1..].find('$').map(|end| &rest[..end + 2]) {
                    Some(tag) if tag[1..tag.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_') => {
                        rest[tag.len()..].find(tag).map(|end| end + 2 * tag.len())
                    }
                    _ => Some(1),
                }
            } else {
                Some(first.len_utf8())
            };
            let Some(end) = end else { return false };
            rest = &rest[end..];
        }
        true
    }

    fn comment(self, rest: &str) -> Option<usize> {
        let mut depth = 1;
        let mut at = 2;
        while depth > 0 {
            at += rest[at..].find(['*', '/'])?;
            if rest[at..].starts_with("*/") {
                depth -= 1;
                at += 2;
            } else if self.nested && rest[at..].starts_with("/*") {
                depth += 1;
                at += 2;
            } else {
                at += 1;
            }
        }
        Some(at)
    }
}

fn quoted(text: &str, end: char, backslashes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslashes {
            chars.next();
        } else if c == end {
            match chars.peek() {
                Some((_, next)) if *next == end => _ = chars.next(),
                _ => return Some(at + end.len_utf8()),
            }
        }
    }
    None
}

/// How many cases: more of them with `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(250);
    // In many of the texts the statement stands within a string or comment of every database.
    let max_global_rejects = 1_000 + 10 * cases;
    ProptestConfig { cases, max_global_rejects, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// A statement that some database would run is seen, whatever stands around it.
    #[test]
    fn a_destructive_statement_anywhere_is_never_ok(
        before in pieces(),
        statement in prop::sample::select(DESTRUCTIVE.as_slice()),
        after in pieces(),
        path in prop::sample::select(&["db/migrations/1.sql", "V1__x.sql", "m/migration.sql", "x/migrate/1.up.sql"][..]),
    ) {
        let runs = [POSTGRES, MYSQL, SQL_SERVER, SQLITE].iter().any(|database| database.ends_outside(&before));
        prop_assume!(runs);
        let text = format!("{before};{statement};{after}");
        prop_assert!(worst(path, &text) > CheckOutcome::Ok, "{text}");
    }

    /// Nor does the same hide in a migration of Alembic or Django, however Python writes it.
    #[test]
    fn nor_in_python(
        before in prop::collection::vec(prop::sample::select(PYTHON.as_slice()), 0..4),
        statement in prop::sample::select(RUNS.as_slice()),
        after in prop::collection::vec(prop::sample::select(PYTHON.as_slice()), 0..4),
        noise in "[ -~\\n]{0,8}",
    ) {
        let body = |indent: &str| {
            let lines: Vec<String> =
                before.iter().chain([&statement]).chain(&after).map(|line| format!("{indent}{line}")).collect();
            lines.join("\n")
        };
        let alembic = format!("from alembic import op\nimport sqlalchemy as sa\n{noise}\n\ndef upgrade():\n{}\n", body("    "));
        prop_assert!(worst("migrations/versions/1.py", &alembic) > CheckOutcome::Ok, "{alembic}");
        let top = format!("from alembic import op\n{}\ndef upgrade():\n    pass\n", body(""));
        prop_assert!(worst("migrations/versions/1.py", &top) > CheckOutcome::Ok, "{top}");
        let django = format!("class Migration:\n    operations = []\n{}\n", body("    "));
        prop_assert!(worst("shop/migrations/0001_x.py", &django) > CheckOutcome::Ok, "{django}");
    }

    /// Arbitrary text ends, and nothing but a warning comes of what is no migration.
    #[test]
    fn any_text_ends(text in "\\PC{0,200}", pieces in pieces()) {
        for path in ["db/migrations/1.sql", "migrations/versions/1.py", "shop/migrations/0001_x.py"] {
            worst(path, &text);
            worst(path, &pieces);
        }
    }
}

/// Lines of Python that do nothing to a database, or only seem to.
const PYTHON: [&str; 10] = [
    "op.create_index('i', 't', ['a'])",
    "op.add_column('t', sa.Column('a', sa.Text()))",
    "# op.drop_table('t')",
    "'op.drop_table'",
    "pass",
    "\"\"\"a\nb\"\"\"",
    "\\",
    "# it's\r",
    "if True:",
    "(",
];

/// Lines of Python that take something away, or may.
const RUNS: [&str; 14] = [
    "op.drop_table('t')",
    "op.drop_column('t', 'a')",
    "op.execute('DROP TABLE t')",
    "op.execute(f'DROP TABLE {t}')",
    "op.execute('DR' 'OP TABLE t')",
    "op.execute(\"\"\"\nDROP TABLE t\n\"\"\")",
    "op.execute(sa.text('DROP TABLE t'))",
    "op.execute(SQL)",
    "op.get_bind().execute(SQL)",
    "drop_legacy()",
    "if True: op.drop_table('t')",
    "op.create_index('i', 't', ['a']); op.drop_table('t')",
    "x = op.drop_table('t')",
    "operations = [migrations.DeleteModel('T'), migrations.RunSQL('DROP TABLE t', '')]",
];
