//! Credentials for a system as the file states them: references to secrets, not the secrets.

use super::at::At;
use super::problem::{Part, Problem, Problems};
use super::secrets::SecretRef;

/// How redflag authenticates to a system.
#[derive(Debug)]
pub(crate) enum Auth {
    /// Without credentials.
    None,
    /// By a token.
    Bearer(At<SecretRef>),
    /// By a user and a password.
    Basic {
        /// The user.
        user: String,
        /// Where the password is kept.
        password: At<SecretRef>,
    },
}

/// Token, user and password, of which a system takes one or two; `name` is its name in diagnostics.
pub(crate) fn check(
    name: &At<String>,
    token: Option<At<SecretRef>>,
    user: Option<At<String>>,
    password: Option<At<SecretRef>>,
    problems: &mut Problems,
) -> Option<Auth> {
    let problem = match (token, user, password) {
        (None, None, None) => return Some(Auth::None),
        (Some(token), None, None) => return Some(Auth::Bearer(token)),
        (None, Some(user), Some(password)) => return Some(Auth::Basic { user: user.value, password }),
        (None, Some(user), None) => Problem::new(&user.span, format!("`{}` has a user without a password", name.value))
            .way_out("add password = { env = \"NAME\" }")
            .needs(Part::Table),
        (None, None, Some(password)) => {
            Problem::new(&password.span, format!("`{}` has a password without a user", name.value))
                .way_out("add user = \"…\"")
                .needs(Part::Table)
        }
        (Some(_), user, password) => {
            let second = user.map(|at| at.span).or(password.map(|at| at.span)).unwrap_or_default();
            Problem::new(&second, format!("`{}` has a token and a user", name.value)).way_out("leave one of them out")
        }
    };
    problems.push(problem);
    None
}
