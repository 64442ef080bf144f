//! The part of a file that applies a migration, where one file has up and down in it.

/// A tool that keeps both ways in one file, by its comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Up(Tool),
    Down(Tool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Goose,
    SqlMigrate,
    Dbmate,
    MyBatis,
}

/// The part of a text that runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UpMigration {
    /// The text with the way back blanked, so that lines keep their numbers.
    pub(super) text: String,
    /// The line of each mark behind which something was blanked: it must hold that the mark is a comment.
    pub(super) before: Vec<usize>,
}

/// Blanks the way back. A mark counts only if it is written exactly as its tool wants it, and only after the same
/// tool's up marker: to any other tool both are comments like any other.
pub(super) fn up_migration(text: &str) -> UpMigration {
    let mut kept = String::with_capacity(text.len());
    let mut before = Vec::new();
    let mut tool = None;
    let mut is_back = false;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match mark(line.trim_end()) {
            Some(Mark::Up(of)) if tool.is_none_or(|known| known == of) => {
                tool = Some(of);
                is_back = false;
            }
            Some(Mark::Down(of)) if tool == Some(of) || (of == Tool::MyBatis && tool.is_none()) => {
                is_back = true;
                before.push(index + 1);
            }
            _ => {}
        }
        if !is_back {
            kept.push_str(line);
        } else if line.ends_with('\n') {
            kept.push('\n');
        }
    }
    UpMigration { text: kept, before }
}

fn mark(line: &str) -> Option<Mark> {
    let comment = line.strip_prefix("--")?;
    let comment = comment.trim_start();
    if let Some(word) = comment.strip_prefix("+goose ") {
        return direction(word.trim(), "Up", "Down", Tool::Goose);
    }
    if let Some(words) = comment.strip_prefix("+migrate ") {
        // `-- +migrate Up notransaction`
        return direction(words.split_whitespace().next()?, "Up", "Down", Tool::SqlMigrate);
    }
    if comment.starts_with("migrate:") {
        // `-- migrate:up transaction:false`
        return direction(comment.split_whitespace().next()?, "migrate:up", "migrate:down", Tool::Dbmate);
    }
    (comment.strip_prefix("//")?.trim() == "@UNDO").then_some(Mark::Down(Tool::MyBatis))
}

fn direction(word: &str, up: &str, down: &str, tool: Tool) -> Option<Mark> {
    if word == up {
        Some(Mark::Up(tool))
    } else if word == down {
        Some(Mark::Down(tool))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_blanked_and_lines_keep_their_numbers() {
        for (up, down) in [
            ("-- +goose Up", "-- +goose Down"),
            ("-- migrate:up transaction:false", "-- migrate:down"),
            ("-- +migrate Up notransaction", "-- +migrate Down"),
            ("--", "-- //@UNDO"),
        ] {
            let found = up_migration(&format!("{up}\nCREATE TABLE t (a int);\n{down}\nDROP TABLE t;\n"));
            assert_eq!(found.text, format!("{up}\nCREATE TABLE t (a int);\n\n\n"), "{down}");
            assert_eq!(found.before, [3]);
        }
    }

    #[test]
    fn a_mark_that_its_tool_would_not_take_hides_nothing() {
        for text in [
            "-- +goose Down\nDROP TABLE t;",
            "-- +goose Up\n-- migrate:down\nDROP TABLE t;",
            "-- +goose Up\n /* -- +goose Down */ DROP TABLE t;",
            "-- +goose Up\n-- see +goose Down\nDROP TABLE t;",
            "-- migrate:up\n-- migrate:downwards\nDROP TABLE t;",
            "-- +goose Up\n-- +goose Down\n-- +goose Up\nDROP TABLE t;",
        ] {
            assert!(up_migration(text).text.contains("DROP TABLE t;"), "{text}");
        }
    }
}
