//! Secrets of checked settings, and paths as the file means them.

use super::access::Access;
use super::at::At;
use super::auth;
use super::problem::{Diagnostic, Document, Problem, Problems};
use super::secrets::{SecretRef, Secrets};
use crate::cluster::spec::ClusterAccess;
use crate::net::Auth;
use crate::secret::Secret;
use std::path::{Path, PathBuf};

/// Fetches secrets, and reports those that cannot be had where the file asks for them.
pub(crate) struct Resolver<'a> {
    secrets: &'a dyn Secrets,
    folder: Option<&'a Path>,
    problems: Problems,
}

impl<'a> Resolver<'a> {
    /// From where they are kept; relative paths begin at the file's folder.
    pub(crate) fn new(secrets: &'a dyn Secrets, folder: Option<&'a Path>) -> Self {
        Self { secrets, folder, problems: Problems::default() }
    }

    /// All that could not be had, where the file asks for it; fine when nothing is missing.
    pub(crate) fn into_result(self, document: &Document) -> Result<(), Vec<Diagnostic>> {
        self.problems.into_result(document)
    }

    /// The same, to be told with what else is wrong.
    pub(crate) fn into_problems(self) -> Problems {
        self.problems
    }

    /// The cluster; an environment may have a context of its own.
    pub(crate) fn access(&mut self, access: &Access, context: Option<&String>) -> Option<ClusterAccess> {
        Some(match access {
            Access::Kubeconfig { path, context: own } => ClusterAccess::Kubeconfig {
                path: path.as_ref().map(|path| self.place(path)),
                context: context.or(own.as_ref()).cloned(),
            },
            Access::Direct { url, token } => ClusterAccess::Direct {
                url: url.clone(),
                token: match token {
                    Some(token) => Some(self.secret(token)?),
                    None => None,
                },
            },
        })
    }

    /// How redflag authenticates to a system.
    pub(crate) fn auth(&mut self, auth: &auth::Auth) -> Option<Auth> {
        Some(match auth {
            auth::Auth::None => Auth::None,
            auth::Auth::Bearer(token) => Auth::Bearer(self.secret(token)?),
            auth::Auth::Basic { user, password } => {
                Auth::Basic { user: user.clone(), password: self.secret(password)? }
            }
        })
    }

    /// A secret. `None` where it cannot be had.
    pub(crate) fn secret(&mut self, written: &At<SecretRef>) -> Option<Secret> {
        let found = match &written.value {
            SecretRef::Env(name) => self.secrets.env(name),
            SecretRef::File(path) => self.secrets.file(&self.place(path)),
            SecretRef::Command(words) => self.secrets.command(words),
        };
        found.map_err(|why| self.problems.push(Problem::new(&written.span, why))).ok()
    }

    /// A path in the file: `~/` is the home folder, and other relative paths begin at the file's own folder.
    pub(crate) fn place(&self, path: &Path) -> PathBuf {
        let home = || directories::BaseDirs::new().map(|folders| folders.home_dir().to_owned());
        if let Ok(rest) = path.strip_prefix("~")
            && let Some(home) = home()
        {
            return home.join(rest);
        }
        self.folder.map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }
    /// A program and its arguments.
    pub(crate) fn words(&self, written: &[String]) -> Vec<String> {
        let mut words = written.to_vec();
        if let Some(program) = words.first_mut() {
            *program = self.program(Path::new(program)).display().to_string();
        }
        words
    }

    /// A program is looked for on the path, unless it is written as a path: then it is a path in the file.
    pub(crate) fn program(&self, written: &Path) -> PathBuf {
        let is_path = written.components().count() > 1;
        if is_path { self.place(written) } else { written.to_owned() }
    }
}
