//! Whether a terminal writes on dark or on light: what it says when it is asked (OSC 11), and what its environment says
//! before it has answered.

/// What is written on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ground {
    /// Light text on dark.
    #[default]
    Dark,
    /// Dark text on light.
    Light,
}

impl Ground {
    /// What `COLORFGBG` says (rxvt, Konsole and others set it): `15;0`, the last being the ground. `variable` reads an
    /// environment variable.
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let value = variable("COLORFGBG")?;
        let index: u8 = value.rsplit(';').next()?.parse().ok()?;
        match index {
            0..=6 | 8 => Some(Self::Dark),
            7 | 9..=15 => Some(Self::Light),
            _ => None,
        }
    }

    /// What an answer to OSC 11 says: `rgb:ffff/ffff/ffff`, one to four digits to a channel, or `rgba:` with a fourth.
    pub fn parse(color: &str) -> Option<Self> {
        let channels = color.strip_prefix("rgb:").or_else(|| color.strip_prefix("rgba:"))?;
        let mut shares = channels.split('/').map(|digits| {
            let most = 16_u32.checked_pow(u32::try_from(digits.len()).ok()?)?.checked_sub(1)?;
            let is_hex = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let value = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
            Some(f64::from(value) / f64::from(most))
        });
        let (red, green, blue) = (shares.next()??, shares.next()??, shares.next()??);
        if shares.count() > 1 {
            return None;
        }
        // ITU-R BT.601: how bright eyes find it.
        let bright = 0.299 * red + 0.587 * green + 0.114 * blue;
        Some(if bright > 0.5 { Self::Light } else { Self::Dark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_any_number_of_digits() {
        for (text, ground) in [
            ("rgb:0000/0000/0000", Some(Ground::Dark)),
            ("rgb:ffff/ffff/ffff", Some(Ground::Light)),
            ("rgb:1e/1e/1e", Some(Ground::Dark)),
            ("rgb:fd/f6/e3", Some(Ground::Light)),
            ("rgb:f/f/f", Some(Ground::Light)),
            ("rgba:2828/2a2a/3636/ffff", Some(Ground::Dark)),
            ("rgb:0000/0000", None),
            ("rgb:00000/0/0", None),
            ("rgb:+f/0/0", None),
            ("rgb:/0/0", None),
            ("#ffffff", None),
            ("", None),
        ] {
            assert_eq!(Ground::parse(text), ground, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_does_any_harm(text in ".{0,40}") {
            let _ = Ground::parse(&text);
            let _ = Ground::parse(&format!("rgb:{text}"));
        }
    }

    #[test]
    fn the_environment_says_it_where_the_terminal_sets_it() {
        let of = |value: &str| Ground::detect(|name| (name == "COLORFGBG").then(|| value.to_owned()));
        assert_eq!(of("15;0"), Some(Ground::Dark));
        assert_eq!(of("0;15"), Some(Ground::Light));
        assert_eq!(of("0;default;15"), Some(Ground::Light));
        assert_eq!(of("default"), None);
        assert_eq!(Ground::detect(|_| None), None);
    }
}
