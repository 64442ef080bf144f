//! A statement that drops a table is never harmless, whatever stands around it: the input is cut into what is before
//! it and what is after. Where the input itself may have put it into a string or a comment of every database, nothing
//! is claimed; so what is before it is cut to text that opens nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redflag::rollback::CheckOutcome;
use redflag::rollback::migrations::{Change, Files, InCluster, Migration, Shipped, checks};

/// What takes something away in any database that runs it.
const DESTRUCTIVE: [&str; 6] = [
    "DROP TABLE users",
    "ALTER TABLE users DROP COLUMN name",
    "TRUNCATE TABLE users",
    "DELETE FROM users",
    "SELECT drop_legacy_columns()",
    "CALL drop_legacy()",
];

fn worst(path: &str, text: &str) -> CheckOutcome {
    let migration = Migration { path: path.to_owned(), change: Change::Added, text: Some(text.to_owned()) };
    let files = Files::Read { between: String::new(), migrations: vec![migration], patterns: Vec::new() };
    let shipped = Shipped { from: "2".to_owned(), to: "1".to_owned(), cluster: InCluster::default(), files };
    checks(&shipped).iter().map(|check| check.outcome).max().unwrap_or(CheckOutcome::Ok)
}

/// Whether a text has nothing in it that begins a string or a comment in any database, or a way back.
fn opens_nothing(text: &str) -> bool {
    !["'", "\"", "`", "[", "#", "--", "/*", "$"].iter().any(|opening| text.contains(opening))
}

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    for path in ["db/migrations/1.sql", "migrations/versions/1.py", "shop/migrations/0001_x.py"] {
        worst(path, &text);
    }
    let statement = DESTRUCTIVE[usize::from(*which) % DESTRUCTIVE.len()];
    let (before, after) = text.split_once('\u{1}').unwrap_or(("", &text));
    // In front of everything it runs in every database.
    let first = format!("{statement};\n{text}");
    assert!(worst("db/migrations/1.sql", &first) > CheckOutcome::Ok, "{first}");
    if opens_nothing(before) {
        let within = format!("{before};{statement};{after}");
        assert!(worst("db/migrations/1.sql", &within) > CheckOutcome::Ok, "{within}");
    }
    let alembic = format!("from alembic import op\n\ndef upgrade():\n    op.drop_table('t')\n    {text}\n");
    assert!(worst("migrations/versions/1.py", &alembic) > CheckOutcome::Ok, "{alembic}");
});
