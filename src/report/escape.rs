//! Foreign text made fit for the inside of Markdown and HTML: it reads as it is, and does nothing.

use std::fmt::Write;

/// Text for Markdown, in a paragraph, a list or a cell of a table: what would begin markup is escaped.
pub(super) fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for sign in text.chars() {
        match sign {
            // No text of a report has more than one line.
            '\n' | '\r' => out.push(' '),
            sign if sign.is_ascii_punctuation() && means_something(sign) => {
                out.push('\\');
                out.push(sign);
            }
            _ => out.push(sign),
        }
    }
    out
}

/// Whether CommonMark, its tables, GitHub's mathematics or Pandoc's superscripts read something into a sign within a line.
/// What means something at the beginning of a line alone is left as it is: no line of a report begins with untrusted text.
const fn means_something(sign: char) -> bool {
    matches!(sign, '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '&' | '$' | '^')
}

/// Text for HTML, between tags and in the quoted value of an attribute.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(sign),
        }
    }
    out
}

/// An address for Markdown's `<…>` and for an attribute: what could end either is percent-encoded.
pub(super) fn address(link: &str) -> String {
    let mut out = String::with_capacity(link.len());
    for sign in link.chars() {
        if matches!(sign, '<' | '>' | '"' | '\'' | '\\' | '`' | '|') || sign.is_whitespace() || sign.is_control() {
            let mut bytes = [0; 4];
            for byte in sign.encode_utf8(&mut bytes).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(sign);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    /// What a reader sees of Markdown, and whether there is anything in it but the table that it stands in.
    fn read(markdown: &str) -> (String, bool) {
        let (mut text, mut is_plain) = (String::new(), true);
        for event in Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(part) => text.push_str(&part),
                Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell)
                | Event::End(TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell) => {}
                _ => is_plain = false,
            }
        }
        (text, is_plain)
    }

    fn in_a_table(text: &str) -> String {
        format!("| t |\n| --- |\n| {} |\n", markdown(text))
    }

    #[test]
    fn markup_reads_as_it_is_written() {
        for text in [
            "<script>alert(1)</script>",
            "[click](javascript:alert(1)) ![x](https://x/y.png)",
            "**bold** _em_ `code` ~~gone~~ ~sub~ ==",
            "a | b || c \\| d",
            "&lt; &#60; &amp;",
            "$x^2$ and $$y$$ and ^above^",
            "# heading #12 [^1] <https://x>",
            "app_name_v2 * 3",
        ] {
            assert_eq!(read(&in_a_table(text)), (format!("t{text}"), true), "{}", markdown(text));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_in_markdown(text in "[ -~]{0,40}|\\PC{0,40}") {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (read, is_plain) = read(&in_a_table(&text));
            prop_assert!(is_plain, "{}", markdown(&text));
            prop_assert_eq!(read, format!("t{text}"));
        }

        #[test]
        fn nothing_that_is_written_is_a_tag_or_ends_an_attribute(text in "[<>&\"'a-z /=]{0,40}|\\PC{0,40}") {
            let escaped = html(&text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']), "{}", escaped);
            let back = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
            let read = back.iter().fold(escaped, |read, (entity, sign)| read.replace(entity, sign));
            prop_assert_eq!(read, text);
        }

        #[test]
        fn an_address_ends_where_it_should(link in "https://[ -~]{0,40}|https://\\PC{0,40}") {
            let (text, page) = (address(&link), format!("[t](<{}>)", address(&link)));
            prop_assert!(!text.contains(['<', '>', '"', '\'', ' ']));
            let links = Parser::new(&page).filter(|event| matches!(event, Event::Start(Tag::Link { .. }))).count();
            prop_assert_eq!(links, 1, "{}", page);
        }
    }
}
