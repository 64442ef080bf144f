//! What earlier watches found of versions, kept in a file: one line of JSON a finding, only ever appended.
//!
//! Two watches may write at the same time: an append of one short line is whole or not there. A line that
//! cannot be read (bytes that are no text, a disk that was full, a newer redflag, one of megabytes) is passed over and
//! the others stand. Half a line at the end is ended before the next one is written, so that it swallows nothing.

mod shared;

pub use shared::{NAME, Shared, Told};

use crate::deploy::{Time, WorkloadRef, version_label};
use crate::files;
use crate::lines::{self, BoundedLines};
use crate::rollback::version_history::{Known, Recalled, VersionStatus};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The most findings that are kept of one workload; the newest count.
const PER_WORKLOAD: usize = 100;

/// A line of a finding is shorter than this, in bytes: an image's name is short.
const LONGEST_LINE: usize = 64 << 10;

/// Of the file, so many bytes are read, from its end: the newest findings count.
const READ: u64 = 16 << 20;

/// The file.
#[derive(Debug, Clone)]
pub struct Memory {
    path: PathBuf,
}

/// Of which workload a finding speaks.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Which cluster: the uid of its namespace `kube-system`, else its address.
    pub cluster: &'a str,
    /// Kind, namespace and name.
    pub workload: &'a WorkloadRef,
    /// The workload's uid.
    pub uid: &'a str,
}

/// A version that earlier watches remember, for people to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The environment as it was called then.
    pub environment: String,
    /// What people call the version.
    pub label: String,
    /// What was found.
    pub standing: VersionStatus,
    /// When it was found.
    pub at: Time,
}

/// One line of it.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    environment: String,
    /// Which cluster: the uid of its namespace `kube-system`, else its address. Missing in what was written before
    /// clusters were told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    /// The workload's uid; missing in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    /// Namespace and `deployment/app`.
    namespace: String,
    workload: String,
    hash: String,
    images: Vec<String>,
    standing: Word,
    at: Time,
    /// Whose word it is, in what is shared with other machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Good,
    Bad,
    RolledBack,
    Unproven,
}

impl From<VersionStatus> for Word {
    fn from(standing: VersionStatus) -> Self {
        match standing {
            VersionStatus::Good => Self::Good,
            VersionStatus::Bad => Self::Bad,
            VersionStatus::RolledBack => Self::RolledBack,
            VersionStatus::Unproven => Self::Unproven,
        }
    }
}

impl From<Word> for VersionStatus {
    fn from(word: Word) -> Self {
        match word {
            Word::Good => Self::Good,
            Word::Bad => Self::Bad,
            Word::RolledBack => Self::RolledBack,
            Word::Unproven => Self::Unproven,
        }
    }
}

impl Line {
    /// This machine's own finding.
    fn of(environment: &str, of: Whose<'_>, known: &Known) -> Self {
        let Whose { cluster, workload, uid } = of;
        Self {
            environment: environment.to_owned(),
            cluster: Some(cluster.to_owned()),
            uid: Some(uid.to_owned()),
            namespace: workload.namespace.clone(),
            workload: workload.to_string(),
            hash: known.hash.clone(),
            images: known.images.clone(),
            standing: known.standing.into(),
            at: known.at,
            by: None,
        }
    }
}

impl Memory {
    /// The file of this name; it need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The usual place: the state folder of this user; `None` where the system has no home for one.
    pub fn usual() -> Option<Self> {
        Some(Self::at(files::state_folder()?.join("versions.jsonl")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is known of the versions of each of these workloads in a cluster, oldest first. A file that is not there knows
    /// nothing. It is read once, however many workloads there are. Lines that name no cluster are read too: see
    /// [`Recalled::of`] for what they count.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn recall<'a>(
        &self,
        environment: &str,
        cluster: &str,
        workloads: impl IntoIterator<Item = &'a WorkloadRef>,
    ) -> io::Result<Vec<Vec<Recalled>>> {
        // What is kept here is this machine's own word.
        let is_own = |line: &Line| {
            line.by.is_none()
                && line.environment == environment
                && line.cluster.as_ref().is_none_or(|named| named == cluster)
        };
        let own = match self.open(OpenOptions::new().read(true)) {
            Ok(file) => findings(file, is_own)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(workloads.into_iter().map(|workload| of(workload, &own)).collect())
    }

    /// The versions of every environment, oldest first; one that was seen twice is there twice.
    ///
    /// # Errors
    /// When the file is not there or cannot be read.
    pub fn versions(&self) -> io::Result<Vec<Remembered>> {
        let lines = findings(self.open(OpenOptions::new().read(true))?, |_| true)?.into_iter();
        let remembered = |line: Line| {
            let label = version_label(line.images.first()?).to_owned();
            Some(Remembered { environment: line.environment, label, standing: line.standing.into(), at: line.at })
        };
        Ok(lines.filter_map(remembered).collect())
    }

    /// Adds a finding.
    ///
    /// # Errors
    /// When the folder or the file cannot be written.
    pub fn add(&self, environment: &str, of: Whose<'_>, known: &Known) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_string(&Line::of(environment, of, known))?;
        text.push('\n');
        let mut file = self.open(OpenOptions::new().create(true).read(true).append(true))?;
        if is_torn(&mut file)? {
            text.insert(0, '\n');
        }
        file.write_all(text.as_bytes())
    }

    /// Opens the file, if it is one: a pipe would hold up whoever opens it until somebody writes there, and a device
    /// may never end.
    fn open(&self, options: &OpenOptions) -> io::Result<File> {
        match fs::metadata(&self.path) {
            Ok(found) if !found.is_file() => Err(io::Error::other("not a regular file")),
            _ => options.open(&self.path),
        }
    }
}

/// Whether the last line lacks its end: whoever wrote it was killed, or the disk was full.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// What can be read of those findings that are wanted. What is no text in a line costs that line alone.
fn findings(mut file: File, wanted: impl Fn(&Line) -> bool) -> io::Result<Vec<Line>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
    let mut found = Vec::new();
    for line in BoundedLines::new(BufReader::new(file.take(READ)), LONGEST_LINE) {
        let lines::Line::Whole(line) = line? else { continue };
        found.extend(serde_json::from_slice::<Line>(&line).ok().filter(&wanted));
    }
    Ok(found)
}

/// The newest of the lines that speak of a workload.
fn of(workload: &WorkloadRef, lines: &[Line]) -> Vec<Recalled> {
    let (namespace, name) = (&workload.namespace, workload.to_string());
    let own = lines.iter().filter(|line| line.namespace == *namespace && line.workload == name);
    let known = |line: &Line| Recalled {
        known: Known {
            hash: line.hash.clone(),
            images: line.images.clone(),
            standing: line.standing.into(),
            at: line.at,
            by: line.by.clone(),
        },
        uid: line.uid.clone(),
    };
    let mut known: Vec<Recalled> = own.map(known).collect();
    known.drain(..known.len().saturating_sub(PER_WORKLOAD));
    known
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::deploy::WorkloadKind;
    use chrono::DateTime;

    fn workload(namespace: &str) -> WorkloadRef {
        WorkloadRef { kind: WorkloadKind::Deployment, namespace: namespace.to_owned(), name: "app".to_owned() }
    }

    fn known(hash: &str, standing: VersionStatus, second: i64) -> Known {
        let images = vec![format!("app:{hash}")];
        Known { hash: hash.to_owned(), images, standing, at: DateTime::from_timestamp(second, 0).unwrap(), by: None }
    }

    fn of_app(workload: &WorkloadRef) -> Whose<'_> {
        Whose { cluster: "c-1", workload, uid: "uid-1" }
    }

    fn recall(memory: &Memory, environment: &str, workload: &WorkloadRef) -> Vec<Known> {
        let found = memory.recall(environment, "c-1", [workload]).unwrap().remove(0);
        found.into_iter().filter_map(|found| found.of("uid-1")).collect()
    }

    #[test]
    fn what_was_found_is_recalled_for_the_same_workload_of_the_same_environment_alone() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("state/versions.jsonl"));
        let app = workload("shop");
        assert_eq!(recall(&memory, "production", &app), [], "nothing was written yet");
        let entries = [
            known("a", VersionStatus::Good, 1),
            known("b", VersionStatus::Bad, 2),
            known("b", VersionStatus::Unproven, 3),
        ];
        for entry in &entries {
            memory.add("production", of_app(&app), entry).unwrap();
        }
        assert_eq!(recall(&memory, "production", &app), entries);
        assert_eq!(recall(&memory, "staging", &app), []);
        assert_eq!(recall(&memory, "production", &workload("other")), []);
    }

    #[test]
    fn two_clusters_of_one_name_do_not_know_each_others_versions() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("versions.jsonl"));
        let app = workload("shop");
        let add = |cluster, uid, hash| {
            let whose = Whose { cluster, workload: &app, uid };
            memory.add("production", whose, &known(hash, VersionStatus::Good, 1)).unwrap();
        };
        add("c-1", "uid-1", "ours");
        add("c-2", "uid-1", "a copy of the cluster's");
        add("c-1", "uid-2", "of a workload that was deleted");
        let hashes: Vec<String> = recall(&memory, "production", &app).into_iter().map(|known| known.hash).collect();
        assert_eq!(hashes, ["ours"]);
    }

    #[test]
    fn what_was_written_before_clusters_were_told_apart_warns_and_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("versions.jsonl"));
        let line = |hash: &str, standing: &str| {
            format!(
                r#"{{"environment":"production","namespace":"shop","workload":"deployment/app","hash":"{hash}","images":[],"standing":"{standing}","at":"2026-01-01T00:00:00Z"}}"#
            )
        };
        fs::write(memory.path(), format!("{}\n{}\n", line("a", "good"), line("b", "bad"))).unwrap();
        let found = recall(&memory, "production", &workload("shop"));
        let found: Vec<(&str, VersionStatus)> =
            found.iter().map(|known| (known.hash.as_str(), known.standing)).collect();
        assert_eq!(found, [("b", VersionStatus::RolledBack)]);
    }

    #[test]
    fn the_versions_of_every_environment_can_be_chosen_from() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("versions.jsonl"));
        assert!(memory.versions().is_err(), "there is no file yet");
        memory.add("production", of_app(&workload("shop")), &known("1.8.3", VersionStatus::Good, 1)).unwrap();
        memory.add("staging", of_app(&workload("shop")), &known("1.9.0", VersionStatus::Bad, 2)).unwrap();
        let versions = memory.versions().unwrap();
        let told: Vec<_> =
            versions.iter().map(|it| (it.environment.as_str(), it.label.as_str(), it.standing)).collect();
        assert_eq!(told, [("production", "1.8.3", VersionStatus::Good), ("staging", "1.9.0", VersionStatus::Bad)]);
    }

    #[test]
    fn a_broken_line_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("versions.jsonl"));
        memory.add("production", of_app(&workload("shop")), &known("a", VersionStatus::Good, 1)).unwrap();
        let text = fs::read_to_string(memory.path()).unwrap();
        fs::write(memory.path(), format!("{{\"half\n\n{text}[1]\n{}", &text[..30])).unwrap();
        assert_eq!(recall(&memory, "production", &workload("shop")).len(), 1);
    }

    #[test]
    fn bytes_that_are_no_text_and_half_a_line_cost_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("versions.jsonl"));
        let (app, add) = (workload("shop"), |hash, second| {
            memory.add("production", of_app(&workload("shop")), &known(hash, VersionStatus::Good, second)).unwrap();
        });
        add("a", 1);
        let mut bytes = fs::read(memory.path()).unwrap();
        let torn = bytes[..30].to_vec();
        bytes.extend_from_slice(b"\xff\xfe{}\n");
        bytes.extend_from_slice(&vec![b'x'; LONGEST_LINE + 1]);
        bytes.push(b'\n');
        bytes.extend_from_slice(&torn);
        fs::write(memory.path(), bytes).unwrap();
        assert_eq!(recall(&memory, "production", &app).len(), 1);
        add("b", 2);
        add("c", 3);
        let hashes: Vec<String> = recall(&memory, "production", &app).into_iter().map(|known| known.hash).collect();
        assert_eq!(hashes, ["a", "b", "c"], "the half line swallowed none of them");
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_its_place_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("versions.jsonl"));
        assert!(std::process::Command::new("mkfifo").arg(memory.path()).status().unwrap().success());
        let error = memory.recall("production", "c-1", [&workload("shop")]).unwrap_err();
        assert_eq!(error.to_string(), "not a regular file");
        assert!(memory.add("production", of_app(&workload("shop")), &known("a", VersionStatus::Good, 1)).is_err());
    }

    #[test]
    fn only_the_newest_findings_are_kept_in_mind() {
        let folder = tempfile::tempdir().unwrap();
        let memory = Memory::at(folder.path().join("versions.jsonl"));
        for second in 0..150 {
            memory.add("production", of_app(&workload("shop")), &known("a", VersionStatus::Good, second)).unwrap();
        }
        let recalled = recall(&memory, "production", &workload("shop"));
        assert_eq!((recalled.len(), recalled[0].at.timestamp()), (PER_WORKLOAD, 50));
    }
}
