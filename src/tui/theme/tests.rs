//! Themes: which is in use, what a file may say, and whether its colours can be read.
#![allow(clippy::unwrap_used)]

use super::luminance::contrast;
use super::*;
use ratatui::style::{Color, Modifier};

fn themes(depth: ColorDepth) -> Themes {
    Themes::load("dark", None, depth).unwrap()
}

#[test]
fn the_slots_names_stand_where_their_numbers_say() {
    for (index, (slot, _)) in Slot::ALL.into_iter().enumerate() {
        assert_eq!(slot as usize, index);
    }
}

#[test]
fn every_built_in_theme_fills_every_slot_by_itself() {
    for (name, text) in BUILT_IN {
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table.len(), Slot::ALL.len(), "{name}");
        let blank = Theme { name: String::new(), styles: [Style::new(); Slot::ALL.len()] };
        assert_eq!(Theme::parse(name, "", text, &blank).map(|theme| theme.name), Ok(name.to_owned()));
    }
}

#[test]
fn the_key_goes_through_all_themes_and_back_to_the_first() {
    let mut themes = themes(ColorDepth::True);
    let mut labels = |ground: Ground| {
        themes.set_ground(ground);
        let step = |_| {
            themes.advance();
            themes.label()
        };
        (0..5).map(step).collect::<Vec<String>>()
    };
    assert_eq!(labels(Ground::Dark), ["light", "colorblind", "mono", "auto (dark)", "dark"]);
    let light = ["light", "colorblind (colorblind-light)", "mono", "auto (light)", "dark"];
    assert_eq!(labels(Ground::Light), light);
}

#[test]
fn the_theme_goes_by_the_terminal_s_ground_unless_one_is_named() {
    let on_light = |chosen: &str| {
        let mut themes = Themes::load(chosen, None, ColorDepth::True).unwrap();
        let is_another = themes.set_ground(Ground::Light);
        (themes.current().name().to_owned(), is_another)
    };
    assert_eq!(on_light("auto"), ("light".to_owned(), true));
    assert_eq!(on_light("colorblind"), ("colorblind-light".to_owned(), true));
    assert_eq!(on_light("dark"), ("dark".to_owned(), false), "who names it wants it");
    assert_eq!(on_light("mono"), ("mono".to_owned(), false));
    assert_eq!(Themes::load("auto", None, ColorDepth::True).unwrap().current().name(), "dark");
}

#[test]
fn a_theme_without_colours_has_none() {
    let mut themes = themes(ColorDepth::None);
    for _ in 0..5 {
        themes.advance();
        let theme = themes.current();
        for (slot, name) in Slot::ALL {
            let style = theme.style(slot);
            assert!(style.fg.is_none() && style.bg.is_none(), "{} {name}", theme.name());
        }
        assert!(theme.style(Slot::Alarm).add_modifier.contains(Modifier::REVERSED), "{}", theme.name());
    }
}

#[test]
fn a_file_named_like_a_built_in_theme_changes_only_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dark.toml"), "clear = \"bold #00ff00\"\n").unwrap();
    std::fs::write(folder.path().join("house.toml"), "clear = \"cyan\"\n").unwrap();
    let themes = Themes::load("house", Some(folder.path()), ColorDepth::True).unwrap();
    assert_eq!(themes.current().style(Slot::Clear).fg, Some(Color::Cyan));
    assert_eq!(
        names(Some(folder.path())),
        ["auto", "dark", "light", "colorblind", "colorblind-light", "mono", "house"]
    );
    assert_eq!(themes.all[0].style(Slot::Clear).fg, Some(Color::Rgb(0, 255, 0)));
    assert_eq!(themes.all[0].style(Slot::Unknown), self::themes(ColorDepth::True).current().style(Slot::Unknown));
}

#[test]
fn a_file_that_is_larger_than_any_theme_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::File::create(folder.path().join("house.toml")).unwrap().set_len(3 << 30).unwrap();
    let error = Themes::load("dark", Some(folder.path()), ColorDepth::True).unwrap_err().to_string();
    assert!(error.contains("3 GiB is over the limit of 1 MiB: is it the right file?"), "{error}");
}

#[test]
fn mistakes_are_named_with_their_line_and_the_nearest_right_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("house.toml");
    let error = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let error = Themes::load("dark", Some(folder.path()), ColorDepth::True).unwrap_err();
        error.to_string().replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(
        error("clear = \"green\"\nred_flags = \"red\"\n"),
        "house.toml:2: unknown slot `red_flags`; did you mean `red_flag`?"
    );
    assert_eq!(
        error("clear = \"grene\"\n"),
        "house.toml:1: `grene` is neither a colour (a name, #rrggbb, 0 to 255) nor one of bold, dim, italic, \
         underline, reverse; did you mean `green`?"
    );
    assert_eq!(
        error("red_flags = \"red\"\nclear = \"grene\"\n").lines().count(),
        2,
        "all that is wrong with a file is told at once"
    );
    assert!(error("\nclear = 3\n").starts_with("house.toml:2: "), "{}", error("\nclear = 3\n"));
}

#[test]
fn a_theme_that_is_not_there_is_refused_with_those_that_are() {
    let error = Themes::load("solarized", None, ColorDepth::True).unwrap_err();
    let known = "there are auto, dark, light, colorblind, colorblind-light, mono";
    assert_eq!(error.to_string(), format!("there is no theme `solarized`; {known}"));
    let error = Themes::load("drak", None, ColorDepth::True).unwrap_err();
    assert_eq!(error.to_string(), format!("there is no theme `drak`; did you mean `dark`? {known}"));
}

/// Black, what most dark terminals have, and the lightest that are still called dark.
const DARK: [u32; 4] = [0x0000_0000, 0x001e_1e1e, 0x0028_2a36, 0x002e_3440];
/// White, and paper.
const PALE: [u32; 3] = [0x00ff_ffff, 0x00fd_f6e3, 0x00ef_f1f5];

/// Lines and areas: what nobody reads.
const DRAWN: [Slot; 5] = [Slot::Border, Slot::BorderAlarm, Slot::Baseline, Slot::Band, Slot::Chart];

#[test]
fn text_can_be_read_on_the_ground_that_a_theme_is_for() {
    let themes = [("dark", &DARK[..]), ("colorblind", &DARK), ("light", &PALE), ("colorblind-light", &PALE)];
    for (name, grounds) in themes {
        let themes = Themes::load(name, None, ColorDepth::True).unwrap();
        let theme = themes.current();
        let row = theme.style(Slot::Selection).bg.unwrap();
        let grounds: Vec<Color> = grounds.iter().copied().map(Color::from_u32).chain([row]).collect();
        for (slot, word) in Slot::ALL.into_iter().filter(|(slot, _)| !DRAWN.contains(slot)) {
            let style = theme.style(slot);
            let Some(ink @ Color::Rgb(..)) = style.fg else { continue };
            for ground in style.bg.map_or(grounds.clone(), |own| vec![own]) {
                let found = contrast(ink, ground);
                assert!(found >= 4.5, "{name}: {word} has {found:.2} on {ground:?}");
            }
        }
    }
}

#[test]
fn with_256_colours_it_can_be_read_as_well() {
    let themes =
        [("dark", &DARK[..2]), ("colorblind", &DARK[..2]), ("light", &PALE[..1]), ("colorblind-light", &PALE[..1])];
    for (name, grounds) in themes {
        let themes = Themes::load(name, None, ColorDepth::Indexed256).unwrap();
        let rgb = |color: Color| match color {
            Color::Indexed(index) => color::rgb(index),
            other => other,
        };
        for (slot, word) in Slot::ALL.into_iter().filter(|(slot, _)| !DRAWN.contains(slot)) {
            let style = themes.current().style(slot);
            let Some(ink @ Color::Indexed(_)) = style.fg else { continue };
            let own = style.bg.map(rgb);
            for ground in own.map_or(grounds.iter().copied().map(Color::from_u32).collect(), |own| vec![own]) {
                let found = contrast(rgb(ink), ground);
                assert!(found >= 4.5, "{name}: {word} has {found:.2} on {ground:?}");
            }
        }
    }
}
