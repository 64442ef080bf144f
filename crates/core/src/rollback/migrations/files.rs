//! Which of the files that changed between two versions are migrations, and what each of them does.

use super::effect::{Effect, Weight};
use super::{alembic, django, sql};

/// Where the known frameworks keep their migrations, and how each is read. The first that fits counts; letters count
/// in either case.
const PLACES: [(&str, Reader); 41] = [
    ("**/migrations/versions/*.py", Reader::Alembic),
    ("**/alembic/**/*.py", Reader::Alembic),
    ("**/versions/*.py", Reader::Alembic),
    ("**/migrations/**/*.py", Reader::Django),
    ("**/migrations/**/*.sql", Reader::Sql),
    ("**/migration/**/*.sql", Reader::Sql),
    ("**/migrate/**/*.sql", Reader::Sql),
    ("**/evolutions/**/*.sql", Reader::Sql),
    ("**/flyway/**/*.sql", Reader::Sql),
    ("**/liquibase/**/*.sql", Reader::Sql),
    ("**/drizzle/**/*.sql", Reader::Sql),
    ("**/db/**/*.sql", Reader::Sql),
    ("**/database/**/*.sql", Reader::Sql),
    ("**/schema/**/*.sql", Reader::Sql),
    ("**/deploy/*.sql", Reader::Sql),
    ("**/*.up.sql", Reader::Sql),
    ("**/V[0-9]*__*.sql", Reader::Sql),
    ("**/B[0-9]*__*.sql", Reader::Sql),
    ("**/R__*.sql", Reader::Sql),
    ("**/beforeMigrate*.sql", Reader::Sql),
    ("**/afterMigrate*.sql", Reader::Sql),
    ("**/db/*migrate/*.rb", Reader::None),
    ("**/migrations/**/*.*js", Reader::None),
    ("**/migrations/**/*.*ts", Reader::None),
    ("**/migration/**/*.*ts", Reader::None),
    ("**/migrations/**/*.php", Reader::None),
    ("**/migrations/**/*.ex*", Reader::None),
    ("**/migrations/**/*.cs", Reader::None),
    ("**/migrations/**/*.go", Reader::None),
    ("**/migration*/**/*.rs", Reader::None),
    ("**/migration*/**/*.java", Reader::None),
    ("**/migration*/**/*.kt", Reader::None),
    ("**/migrations/**/*.rb", Reader::None),
    ("**/migrations/**/*.edn", Reader::None),
    ("**/migrations/**/*.json", Reader::None),
    ("**/migrations/**/*.*ml", Reader::None),
    ("**/changelog/**", Reader::None),
    ("**/changelogs/**", Reader::None),
    ("**/changesets/**", Reader::None),
    ("**/db.changelog*", Reader::None),
    ("**/sqitch.plan", Reader::None),
];

/// How a migration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Django,
    Alembic,
    Sql,
    /// It is only known that there is one.
    None,
}

/// How a file differs between two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Only the newer version has it.
    Added,
    /// Both have it, and it differs.
    Edited,
    /// Only the older version has it.
    Removed,
}

/// A migration that differs between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// From the top of the repository, with `/`.
    pub path: String,
    /// How it differs.
    pub change: Change,
    /// What the newer version has in it; `None` where that was not read.
    pub text: Option<String>,
}

/// Whether the file at this path is a migration: by its framework's custom, or by the configured `patterns`.
/// Scripts that undo (`*.down.sql`, Flyway's `U…`) run on no way forward and are none.
pub fn is_migration(path: &str, patterns: &[String]) -> bool {
    reader(path, patterns).is_some()
}

/// The known places of migrations.
pub(super) fn places<'a>() -> impl Iterator<Item = &'a str> {
    PLACES.iter().map(|(place, _)| *place)
}

fn reader(path: &str, patterns: &[String]) -> Option<Reader> {
    let small = path.to_lowercase();
    let name = small.rsplit('/').next().unwrap_or(&small);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let undoes = name.ends_with(".down.sql") || name == "down.sql" || matches("U[0-9]*__*.sql", name);
    // Django loads no module whose name begins so.
    let is_helper = extension == Some("py") && name.starts_with(['_', '~']);
    if is_helper || undoes {
        return None;
    }
    let known = PLACES.iter().find(|(pattern, _)| matches(pattern, path)).map(|(_, reader)| *reader);
    let configured = || {
        let by_name = if extension == Some("sql") { Reader::Sql } else { Reader::None };
        patterns.iter().any(|pattern| matches(pattern, path)).then_some(by_name)
    };
    known.or_else(configured)
}

/// What the migration does to the previous version.
pub(super) fn effects(migration: &Migration, patterns: &[String]) -> Vec<Effect> {
    const MAY_BREAK: &str = "may break on it";
    match migration.change {
        // What has run is not run again: nobody can tell what the database has seen.
        Change::Edited => return vec![Effect::unsure("was edited after it was added", MAY_BREAK)],
        Change::Removed => return vec![Effect::unsure("was removed", "still ships it")],
        Change::Added => {}
    }
    let Some(text) = &migration.text else {
        return vec![Effect::unsure("is new and could not be read", MAY_BREAK)];
    };
    match reader(&migration.path, patterns) {
        Some(Reader::Django) => django::effects(text),
        Some(Reader::Alembic) => alembic::effects(text),
        Some(Reader::Sql) => sql::effects(text),
        Some(Reader::None) | None => vec![Effect::unsure("is new: check what it does", MAY_BREAK)],
    }
}

/// How one migration is reversed manually, where that is known.
pub(super) fn down_command(migration: &Migration, patterns: &[String]) -> Option<String> {
    let text = migration.text.as_deref()?;
    match reader(&migration.path, patterns)? {
        Reader::Django => {
            let app = migration.path.rsplit('/').nth(2)?;
            let before = django::predecessor(text, app)?;
            Some(format!("manage.py migrate {app} {before}"))
        }
        Reader::Alembic => Some("alembic downgrade -1".to_owned()),
        Reader::Sql | Reader::None => None,
    }
}

/// The heaviest of some effects; nothing at all is additive.
pub(super) fn heaviest(effects: &[Effect]) -> Weight {
    effects.iter().map(|effect| effect.weight).max().unwrap_or(Weight::Additive)
}

/// Whether a path fits a pattern, in either case: `*` is anything but `/`, `**/` any folders or none, `[0-9]` a digit.
fn matches(pattern: &str, path: &str) -> bool {
    fits(&pattern.to_lowercase(), &path.to_lowercase())
}

fn fits(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**/") {
        let deeper = || path.match_indices('/').any(|(at, _)| fits(rest, &path[at + 1..]));
        return fits(rest, path) || deeper();
    }
    if pattern == "**" {
        return true;
    }
    if let Some(rest) = pattern.strip_prefix("[0-9]") {
        return path.starts_with(|c: char| c.is_ascii_digit()) && fits(rest, &path[1..]);
    }
    if let Some(rest) = pattern.strip_prefix('*') {
        let end = path.find('/').unwrap_or(path.len());
        return (0..=end).filter(|at| path.is_char_boundary(*at)).any(|at| fits(rest, &path[at..]));
    }
    match (pattern.chars().next(), path.chars().next()) {
        (None, None) => true,
        (Some(wanted), Some(there)) if wanted == there => {
            fits(&pattern[wanted.len_utf8()..], &path[there.len_utf8()..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_known_by_their_place() {
        let cases = [
            ("shop/migrations/0042_drop_legacy.py", Some(Reader::Django)),
            ("migrations/0001_initial.py", Some(Reader::Django)),
            ("shop/migrations/__init__.py", None),
            ("shop/migrations/_helpers.py", None),
            // Django loads every other module, and refuses one that is no migration.
            ("shop/migrations/add_note.py", Some(Reader::Django)),
            ("db/versions/3f2a_add.py", Some(Reader::Alembic)),
            ("Shop/Migrations/2026_Add.CS", Some(Reader::None)),
            ("db/migration/V2__ADD.SQL", Some(Reader::Sql)),
            ("flyway/R__views.sql", Some(Reader::Sql)),
            ("migration/src/m2026_add.rs", Some(Reader::None)),
            ("conf/evolutions/default/1.sql", Some(Reader::Sql)),
            ("web/migrations/20260101_add.mjs", Some(Reader::None)),
            ("internal/migrations/00001_add.go", Some(Reader::None)),
            ("deploy/add_note.sql", Some(Reader::Sql)),
            ("revert/add_note.sql", None),
            ("shop/models.py", None),
            ("migrations/versions/3f2a_add.py", Some(Reader::Alembic)),
            ("app/alembic/versions/3f2a_add.py", Some(Reader::Alembic)),
            ("prisma/migrations/20260101_init/migration.sql", Some(Reader::Sql)),
            ("src/main/resources/db/migration/V2__add.sql", Some(Reader::Sql)),
            ("src/main/resources/db/migration/U2__add.sql", None),
            ("flyway/V12__drop.sql", Some(Reader::Sql)),
            ("migrations/1_add.up.sql", Some(Reader::Sql)),
            ("migrations/1_add.down.sql", None),
            ("db/migrate/20260101_add.rb", Some(Reader::None)),
            ("db/changelog/db.changelog-master.yaml", Some(Reader::None)),
            ("web/migrations/20260101_add.ts", Some(Reader::None)),
            ("docs/migrations/README.md", None),
        ];
        for (path, wanted) in cases {
            assert_eq!(reader(path, &[]), wanted, "{path}");
        }
    }

    #[test]
    fn patterns_of_the_configuration_add_places() {
        let patterns = ["schema/**/*.sql".to_owned(), "ops/*.sh".to_owned()];
        assert_eq!(reader("schema/2026/drop.sql", &patterns), Some(Reader::Sql));
        assert_eq!(reader("schema/drop.sql", &patterns), Some(Reader::Sql));
        assert_eq!(reader("ops/fill.sh", &patterns), Some(Reader::None));
        assert_eq!(reader("ops/more/fill.sh", &patterns), None);
    }

    #[test]
    fn a_pattern_fits_whole_paths_only() {
        for (pattern, path, fits) in [
            ("*", "a", true),
            ("*", "a/b", false),
            ("**", "a/b", true),
            ("a/**", "a/b/c", true),
            ("a/**", "b/a/c", false),
            ("**/x", "x", true),
            ("**/x", "yx", false),
            ("ä*", "äö", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
