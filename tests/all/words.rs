//! Every sentence: each thing that a finding, or a headline, can say is said once, and all of them stand in one file, to
//! be read as a person on call reads them. What is added and not said here does not compile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod headlines;
mod sentences;

use std::fmt::{Display, Write as _};

/// Everything that one type can say. Each pattern stands beside its samples, and the match is exhaustive: a variant that
/// is added does not compile until it has its own.
macro_rules! every {
    ($of:ty { $($pattern:pat => [$($sample:expr),+ $(,)?]),+ $(,)? }) => {{
        fn pattern_of(said: &$of) -> &'static str {
            match said { $($pattern => stringify!($pattern)),+ }
        }
        let mut all: Vec<$of> = Vec::new();
        $(for sample in [$(<$of>::from($sample)),+] {
            assert_eq!(pattern_of(&sample), stringify!($pattern), "it stands beside another's pattern");
            all.push(sample);
        })+
        all
    }};
}
use every;

/// One chapter of the file.
fn chapter<T: Display>(name: &str, said: impl IntoIterator<Item = T>) -> String {
    let mut chapter = format!("# {name}\n");
    for sentence in said {
        let _ = writeln!(chapter, "  {sentence}");
    }
    chapter
}

fn committed(name: &str, chapters: &[String]) {
    insta::with_settings!({ snapshot_path => "words", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name.to_owned(), chapters.join("\n"));
    });
}
