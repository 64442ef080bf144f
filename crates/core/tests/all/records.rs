//! A record: a watch written down and made again from it is the same watch, whatever happened in it.

use crate::promises::{World, any_happening};
use crate::support::{at, setup};
use chrono::TimeDelta;
use proptest::prelude::*;
use redflag_core::message::Message;
use redflag_core::record::{FORMAT, Header, Torn, Unreadable, follow, header_line, message_line, read};

/// The lines of a record of the shop's usual watch.
fn written(messages: &[Message]) -> String {
    let header = Header::new("0.1.0 (test)".to_owned(), TimeDelta::seconds(1), setup());
    let mut text = header_line(&header).unwrap() + "\n";
    for message in messages {
        text += &(message_line(message).unwrap() + "\n");
    }
    text
}

fn three_ticks() -> Vec<Message> {
    (1..=3).map(|second| Message::Tick(at(second))).collect()
}

proptest! {
    #[test]
    fn a_watch_is_made_again_from_its_record_with_every_number_and_sentence(
        happenings in prop::collection::vec(any_happening(), 1..80),
    ) {
        let mut world = World::new(setup());
        let mut messages = Vec::new();
        for happening in happenings {
            messages.push(world.message(happening));
            world.watch.update(messages.last().unwrap().clone());
        }
        let record = read(&written(&messages)).unwrap();
        // Debug prints numbers that are none alike; they are not equal to themselves.
        prop_assert_eq!(format!("{:?}", record.messages), format!("{messages:?}"));
        let mut again = record.header.begin();
        let mut straight = Header::new(String::new(), TimeDelta::seconds(1), setup()).begin();
        for message in messages {
            let effects = straight.update(message.clone());
            prop_assert_eq!(again.update(message), effects);
        }
        prop_assert_eq!(record.fold(), straight);
    }

    /// Whatever stands in a file, it is read or refused with its line.
    #[test]
    fn any_text_is_read_or_refused_with_its_line(
        lines in prop::collection::vec(prop_oneof![3 => "\\PC{0,40}", 1 => Just(message_line(&Message::Tick(at(1))).unwrap())], 0..6),
        is_whole: bool,
    ) {
        let text = lines.join("\n") + if is_whole { "\n" } else { "" };
        match follow(&text) {
            Ok((messages, end)) => {
                prop_assert_eq!(messages.len(), text[..end].lines().count());
                prop_assert!(!text[end..].contains('\n'), "what is left is no whole line");
            }
            Err((line, _)) => prop_assert!((1..=text.lines().count()).contains(&line)),
        }
        if let Err((line, _)) = read(&text) {
            prop_assert!((1..=text.lines().count().max(1)).contains(&line));
        }
    }

    /// Whatever is torn off, the rest is read, and never more than the last line is lost.
    #[test]
    fn a_record_that_was_cut_off_anywhere_loses_no_more_than_its_last_line(cut in 0.0..1.0) {
        let messages = three_ticks();
        let whole = written(&messages);
        let kept = &whole[..(whole.len() as f64 * cut) as usize];
        let ends = kept.matches('\n').count();
        match read(kept) {
            Ok(record) => {
                prop_assert_eq!(&record.messages[..], &messages[..ends - 1]);
                prop_assert_eq!(record.torn.is_none(), kept.ends_with('\n'));
            }
            Err((line, error)) => {
                prop_assert_eq!((line, ends), (1, 0), "{}", error);
            }
        }
    }
}

#[test]
fn a_torn_last_line_is_told_with_its_place() {
    let whole = written(&three_ticks());
    let record = read(&whole[..whole.len() - 5]).unwrap();
    assert_eq!(record.messages, three_ticks()[..2]);
    assert_eq!(record.torn.map(|torn| torn.line), Some(4));
    assert!(matches!(record.torn, Some(Torn { bytes: 1.., .. })));
}

#[test]
fn a_foreign_line_in_the_middle_is_an_error_with_its_number() {
    let broken = written(&three_ticks()).replacen("{\"tick\"", "{\"tock\"", 2);
    let (line, error) = read(&broken).unwrap_err();
    assert_eq!(line, 2);
    assert!(error.to_string().starts_with("not a line of a record: unknown variant `tock`"), "{error}");
}

#[test]
fn a_newer_record_names_its_format_and_the_way_out() {
    let newer = written(&[]).replace(&format!("\"format\":{FORMAT}"), &format!("\"format\":{}", FORMAT + 1));
    let (line, error) = read(&newer).unwrap_err();
    assert_eq!(line, 1);
    assert!(matches!(error, Unreadable::Newer { found } if found == FORMAT + 1));
    assert_eq!(
        error.to_string(),
        "format 2, and this redflag reads up to 1: install the redflag that wrote it, or a newer one"
    );
}

#[test]
fn nothing_and_half_a_header_are_no_record() {
    for (text, says) in [("", "not a line"), ("{\"format\":1,", "not a line"), (&written(&[])[..30], "not a line")] {
        let (line, error) = read(text).unwrap_err();
        assert_eq!(line, 1);
        assert!(error.to_string().starts_with(says), "{text:?}: {error}");
    }
    let (_, error) = read(written(&[]).trim_end()).unwrap_err();
    assert_eq!(error.to_string(), "the header was not written whole");
}
