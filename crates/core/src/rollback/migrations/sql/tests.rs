//! SQL of every dialect: what each statement does, what hides one, and what is never harmless.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::super::effect::Weight::{self, Additive, Destructive, Unsure};
use super::*;

fn worst(text: &str) -> Weight {
    effects(text).iter().map(|effect| effect.weight).max().unwrap_or(Additive)
}

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
        ("ALTER TABLE orders RENAME COLUMN state TO status", Destructive, "renames orders.state to status"),
        ("ALTER TABLE orders CHANGE state status int", Destructive, "renames orders.state to status"),
        ("RENAME TABLE orders TO purchases", Destructive, "renames orders to purchases"),
        ("EXEC sp_rename 'orders.state', 'status', 'COLUMN'", Destructive, "renames a column or table"),
        ("TRUNCATE TABLE carts", Destructive, "empties carts"),
        ("DELETE FROM carts WHERE old", Destructive, "deletes rows of carts"),
        ("DROP VIEW totals", Destructive, "drops the view totals"),
        ("ALTER TABLE orders SET SCHEMA attic", Unsure, "has ALTER, and not all of it can be parsed"),
        ("ALTER TABLE t ALTER COLUMN c TYPE bigint USING c::bigint", Unsure, "changes the type of t.c"),
        ("ALTER TABLE t ALTER c SET DATA TYPE text", Unsure, "changes the type of t.c"),
        ("ALTER TABLE t MODIFY COLUMN c text", Unsure, "changes the type of t.c"),
        ("ALTER TABLE t ALTER COLUMN c SET NOT NULL", Unsure, "makes t.c NOT NULL"),
        ("ALTER TABLE t ALTER COLUMN c DROP NOT NULL", Unsure, "makes t.c nullable"),
        ("ALTER TABLE t ALTER COLUMN c DROP DEFAULT", Unsure, "drops the default of t.c"),
        ("ALTER TABLE t ALTER COLUMN c SET DEFAULT 1", Unsure, "changes the default of t.c"),
        ("ALTER TABLE t ADD c int NOT NULL", Unsure, "adds t.c, NOT NULL and without a default"),
        ("ALTER TABLE t ADD c int NOT NULL DEFAULT NULL", Unsure, "adds t.c, NOT NULL and without a default"),
        ("ALTER TABLE t ADD c int DEFAULT drop_all()", Unsure, "adds t.c with a computed default"),
        ("ALTER TABLE t ADD c int UNIQUE", Unsure, "adds t.c with a constraint"),
        ("ALTER TABLE t ADD c int REFERENCES u (id)", Unsure, "adds t.c with a foreign key to u"),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (a, b)", Unsure, "adds the unique constraint u to t"),
        ("ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID", Unsure, "adds the check constraint k to t"),
        ("ALTER TABLE t DROP CONSTRAINT u", Unsure, "drops the constraint u of t"),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", Unsure, "hides rows of t with policies"),
        ("ALTER TABLE t OWNER TO other", Unsure, "changes the owner of t"),
        ("ALTER TYPE mood ADD VALUE 'odd'", Unsure, "adds a value to the type mood"),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", Unsure, "adds the unique index i to t"),
        ("CREATE INDEX i ON t ((a::int))", Unsure, "adds the index i, computed for each row of t"),
        ("DROP INDEX IF EXISTS i", Unsure, "drops the index i"),
        ("UPDATE t SET a = 1", Unsure, "changes rows of t"),
        ("INSERT INTO t (a) VALUES (1)", Unsure, "adds rows to t"),
        (
            "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2",
            Unsure,
            "adds rows to t or overwrites them",
        ),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", Unsure, "replaces the view v"),
        ("CREATE TABLE n (o int REFERENCES orders)", Unsure, "adds the table n with a foreign key to orders"),
        ("SELECT drop_legacy_columns()", Unsure, "has a SELECT that reads tables or calls functions"),
        ("REVOKE ALL ON t FROM app", Unsure, "revokes privileges"),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS c int NULL", Additive, "adds t.c"),
        ("ALTER TABLE t ADD c int NOT NULL DEFAULT 0", Additive, "adds t.c"),
        ("ALTER TABLE t ADD c timestamptz NOT NULL DEFAULT now()", Additive, "adds t.c"),
        ("ALTER TABLE t ADD c int REFERENCES u (id) ON DELETE CASCADE", Additive, "adds t.c"),
        ("CREATE TABLE IF NOT EXISTS t (a int, b int NOT NULL)", Additive, "adds the table t"),
        ("CREATE TABLE `t` (`a` int AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB", Additive, "adds the table t"),
        ("CREATE INDEX i ON t (a)", Additive, "adds the index i to t"),
        (
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t USING gin (a) WHERE b IS NULL",
            Additive,
            "adds the index i to t",
        ),
        ("CREATE INDEX i ON t ((data ->> 'a'), lower(b))", Additive, "adds the index i to t"),
        ("CREATE VIEW v AS SELECT a FROM t", Additive, "adds the view v"),
        ("CREATE TYPE mood AS ENUM ('sad', 'ok')", Additive, "adds the type mood"),
        ("CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"", Additive, "adds the extension uuid-ossp"),
        ("COMMENT ON COLUMN t.a IS 'it''s; DROP TABLE t;'", Additive, "comments on t.a"),
        ("GRANT SELECT, INSERT, UPDATE, DELETE ON t TO app", Additive, "grants privileges"),
    ];
    for (text, weight, what) in cases {
        let found = effects(text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert_eq!((found[0].weight, found[0].what.as_str()), (weight, what), "{text}");
    }
}

#[test]
fn one_statement_may_do_several_things_and_each_has_its_line() {
    let found = effects("-- one\nALTER TABLE t ADD a numeric(8, 2), DROP COLUMN b;\n\nDROP TABLE u;");
    let told: Vec<(&str, Option<usize>)> = found.iter().map(|effect| (effect.what.as_str(), effect.line)).collect();
    assert_eq!(told, [("adds t.a", Some(2)), ("drops t.b", Some(2)), ("drops the table u", Some(4))]);
}

#[test]
fn what_is_done_to_a_table_that_the_same_file_makes_harms_nobody() {
    let text = "CREATE TABLE carts (id int PRIMARY KEY);\nCREATE UNIQUE INDEX i ON carts (id);\n\
                ALTER TABLE carts ADD CONSTRAINT u UNIQUE (id);\nINSERT INTO carts VALUES (1), (2);\n\
                CREATE TABLE lines (cart int REFERENCES carts (id));";
    assert_eq!(worst(text), Additive, "{:?}", effects(text));
    // One that may have been there before is not new.
    assert_eq!(worst("CREATE TABLE IF NOT EXISTS carts (id int);\nCREATE UNIQUE INDEX i ON carts (id);"), Unsure);
}

#[test]
fn what_surrounds_statements_does_nothing() {
    for text in [
        "",
        "-- nothing\n/* here */",
        "BEGIN;\nSET LOCAL lock_timeout = '5s';\nSET statement_timeout TO 0;\nSELECT 1;\nCOMMIT;",
        "SET standard_conforming_strings = on;\nSET search_path = public, shop;\nPRAGMA foreign_keys = OFF;",
        "USE shop\nGO\nCREATE TABLE t (a int)\nGO\n",
        "--- old style ---\n--comment\n# of MySQL\nCREATE TABLE t (a int, --key\n b int);",
        "\u{feff}CREATE TABLE t (a int);\r\nCREATE INDEX i ON t (a);\r\n",
    ] {
        assert_eq!(worst(text), Additive, "{text}: {:?}", effects(text));
    }
}

/// Each of these makes some database drop a table, empty one or run something that may.
#[test]
fn a_statement_that_hides_is_found() {
    for text in [
        r"INSERT INTO t (a) VALUES ('it\'s'); DROP TABLE users;",
        r"INSERT INTO t (a) VALUES (E'it\'s'); DROP TABLE users;",
        "CREATE TABLE t (a text DEFAULT '\\'); DROP TABLE users; --');",
        "CREATE INDEX i ON t ((data #>> '{a,b}')); DROP TABLE users;",
        "DO $$ BEGIN EXECUTE 'DROP TABLE users;'; END $$",
        "/*!50000 DROP TABLE users */;",
        "/*M!100100 DROP TABLE users */;",
        "CREATE TABLE t (a int /*! ) */ ); /*! DROP TABLE users */;",
        "/* /* */ DROP TABLE users; -- */",
        "/* /* */ */ DROP TABLE users;",
        "SELECT 1 --1; DROP TABLE users;\n;",
        "COMMENT ON TABLE t IS $$ ' $$; DROP TABLE users; COMMENT ON TABLE t IS $$ ' $$;",
        "COMMENT ON TABLE t IS $a$ x $b$ y $a$; DROP TABLE users;",
        "-- one\rDROP TABLE users;",
        "-- one\u{2028}DROP TABLE users;",
        "CREATE TABLE \"a\\\" (b int); DROP TABLE users; --\" (c int);",
        "CREATE TABLE `a'` (b int); DROP TABLE users; -- '",
        "CREATE TABLE [a'] (b int); DROP TABLE users; -- '",
        "CREATE TABLE t (a int) /* '*/; DROP TABLE users; -- '",
        "\\i drop.sql",
        "\\copy t from 'x'",
        "SELECT 'DROP TABLE users' \\gexec",
        "DELIMITER //\nCREATE TABLE t (a int)//",
        "CREATE TABLE :name (a int);",
        "CREATE TABLE ${table} (a int);",
        "{{ drop_everything }}",
        "COPY t FROM stdin;\n1\tx\n\\.\n",
        "SELECT setval('s', 1);",
        "SELECT * FROM clean_up();",
        "SELECT a INTO OUTFILE '/x' FROM t;",
        "WITH gone AS (DELETE FROM t RETURNING 1) SELECT 1;",
        "EXPLAIN ANALYZE DELETE FROM t;",
        "CREATE TABLE t AS SELECT drop_legacy_columns();",
        "CREATE OR REPLACE TABLE t (a int);",
        "CREATE FUNCTION f() RETURNS int AS 'SELECT 1' LANGUAGE sql;",
        "CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql;",
        "CREATE TRIGGER t BEFORE INSERT ON o FOR EACH ROW EXECUTE FUNCTION f();",
        "CREATE TRIGGER t AFTER INSERT ON o BEGIN DELETE FROM p; END;",
        "CREATE PROCEDURE p() BEGIN DROP TABLE users; END;",
        "CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING;",
        "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f();",
        "CREATE POLICY p ON t USING (false);",
        "CREATE TABLE t (a int) DROP TABLE users",
        "CREATE TABLE t (a int) END DROP TABLE users",
        "BEGIN DROP TABLE users END",
        "IF EXISTS (SELECT 1) DROP TABLE users",
        "PREPARE p AS DELETE FROM t; EXECUTE p;",
        "CALL clean_up();",
        "EXEC clean_up",
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE",
        "REPLACE INTO t VALUES (1)",
        "INSERT OR REPLACE INTO t VALUES (1)",
        "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
        "LOAD DATA INFILE 'x' INTO TABLE t",
        "SET GLOBAL sql_mode = 'ANSI_QUOTES'",
        "SET sql_mode = 'NO_BACKSLASH_ESCAPES'",
        "SET standard_conforming_strings = off",
        "SET ROLE other",
        "PRAGMA writable_schema = 1",
        "ALTER TABLE t DISABLE TRIGGER ALL",
        "ALTER TABLE t DETACH PARTITION p",
        "ALTER TABLE t RENAME state TO status",
        "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
        "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM app",
        "DROP OWNED BY app",
        "VACUUM FULL",
        "CREATE TABLE t (a int); \0 DROP TABLE users;",
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "'",
        "\"",
        "$x$",
        "/*",
        "[a",
        "ALTER TABLE",
        "ALTER TABLE t DROP",
        "(",
        ".",
        "é$é",
    ] {
        let found = effects(text);
        assert!(worst(text) > Additive, "{text}: {found:?}");
        if text.contains("DROP TABLE users;") {
            assert_eq!(worst(text), Destructive, "{text}: {found:?}");
        }
    }
}

#[test]
fn the_way_down_is_not_the_way_forward() {
    for (up, down) in [
        ("-- +goose Up", "-- +goose Down"),
        ("-- migrate:up", "-- migrate:down"),
        ("-- +migrate Up", "-- +migrate Down"),
    ] {
        let both = format!("{up}\nCREATE TABLE t (a int);\n{down}\nDROP TABLE t;\n");
        assert_eq!(effects(&both), [Effect::additive("adds the table t").on(2)], "{down}");
        // A mark within a comment or a string is one to the tool and none to the database.
        for (open, close) in [("/*", "*/"), ("SELECT '", "';")] {
            let hidden = format!("{up}\n{open}\n{down}\n{close}\nDROP TABLE t;\n");
            assert!(worst(&hidden) > Additive, "{hidden}: {:?}", effects(&hidden));
        }
    }
}

#[test]
fn what_is_long_or_deep_ends() {
    let many = "CREATE TABLE t (a int);\n".repeat(MOST + 1) + "DROP TABLE users;";
    assert_eq!(worst(&many), Destructive);
    let sum = format!("ALTER TABLE t ADD a int DEFAULT 1{}", "+1".repeat(100_000));
    assert_eq!(worst(&sum), Unsure);
    let sum = format!("ALTER TABLE t ADD a int DEFAULT 1{}", "+1".repeat(1_400));
    assert!(worst(&sum) <= Unsure);
    for open in
        ["(", "NOT ", "CASE ", "[", "{", "SELECT (", "- ", "/*", "EXPLAIN ", "ARRAY<", "INTERVAL ", "a -> ", "x("]
    {
        let deep = format!("ALTER TABLE t ADD a int DEFAULT {}", open.repeat(20_000));
        assert_eq!(worst(&deep), Unsure, "{open}");
        let deep = format!("ALTER TABLE t ADD a int DEFAULT {}", open.repeat(1_000));
        assert_eq!(worst(&deep), Unsure, "{open}");
    }
    assert_eq!(effects(&"-".repeat(LONGEST + 1))[0].what, "is too long to parse (512 KB)");
}
