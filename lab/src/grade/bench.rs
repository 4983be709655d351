//! The workspace that submissions are built in: ours, with the submission's sources in place of the
//! reference's. There is one; what does not change between submissions is built once. A crate that
//! a submission leaves out is filled in with the handout's stub.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::files;
use super::intake::without_tests;
use super::unbuilt::{Unbuilt, why};
use crate::catalog;
use crate::guard::Limits;
use crate::handout::{marks, tree};
use crate::record::Story;
use crate::sources::{self, CRATES, Sources, of_crate};
use crate::worker::{How, Watched, watch};
use crate::workspace::{self, Build, Suites, executables};

/// What a compiler may use.
const COMPILER: Limits = Limits {
    cpu: Duration::from_secs(600),
    memory: 16 << 30,
    output: 4 << 30,
    wall: Duration::from_secs(1200),
    clean: false,
};

/// The workspace for submissions.
#[derive(Debug)]
pub struct Bench {
    tree: PathBuf,
    build: Build,
    fingerprint: u64,
    output: PathBuf,
    /// The crates that a submission replaces.
    pub crates: Vec<&'static str>,
    ours: Sources,
    stubs: Sources,
    /// Held as long as the workspace is in use.
    _lock: File,
}

impl Bench {
    /// Sets it up from the workspace `root`, below `folder`.
    ///
    /// # Errors
    /// A file can't be read or written.
    pub fn new(root: &Path, folder: &Path) -> Result<Bench, String> {
        let lock = lock(folder)?;
        workspace::fetch(root)?;
        let tree = folder.join("tree");
        let mut kept = BTreeSet::new();
        let crates: Vec<&str> = CRATES
            .into_iter()
            .filter(|name| root.join(name).join("src").is_dir())
            .collect();
        let ours = sources::read(root)?;
        let mut stubs = Sources::new();
        for (name, text) in &ours {
            let parts = marks::split(text).map_err(|e| format!("{name}: {e}"))?;
            stubs.extend(parts.handout.map(|stub| (name.clone(), stub)));
            kept.insert(tree.join(name)); // what is there is dealt with when it is built
        }
        let mut hasher = DefaultHasher::new();
        for path in tree::files(root)? {
            let name = path.to_string_lossy();
            if ours.contains_key(&*name) {
                continue;
            }
            let bytes = fs::read(root.join(&path)).map_err(|e| format!("{name}: {e}"))?;
            (&path, &bytes).hash(&mut hasher);
            write_if_new(&tree.join(&path), &bytes)?;
            kept.insert(tree.join(&path));
        }
        remove_others(&tree, &kept)?;
        let build = Build {
            // Its own: cargo names what it builds by the place within a workspace, not by the workspace, so in a
            // shared one this tree's and another's raft would be taken for each other.
            target: Some(folder.join("target")),
            frozen: true,
            lean: true,
            anew: true,
            ..Build::default()
        };
        let fingerprint = hasher.finish();
        Ok(Bench {
            tree,
            build,
            fingerprint,
            output: folder.join("compiler-output"),
            crates,
            ours: without_tests(ours),
            stubs,
            _lock: lock,
        })
    }

    /// The tests that the framework has. They are asked once, and remembered as long as it stays.
    ///
    /// # Errors
    /// The suites do not build with the reference, or do not answer.
    pub fn tests(&self, stop: impl Fn() -> bool) -> Result<Vec<Story>, String> {
        let remembered = format!("tests-{:016x}.json", self.fingerprint);
        let file = self.output.with_file_name(remembered);
        let text = fs::read_to_string(&file).unwrap_or_default();
        if let Ok(stories) = serde_json::from_str(&text) {
            return Ok(stories);
        }
        let suites = self.build(&self.ours, stop).map_err(|e| {
            format!("the suites do not build with the crates of this workspace:\n{e}")
        })?;
        let tests = catalog::list(&suites)?;
        let stories: Vec<Story> = tests.iter().map(|test| test.story.clone()).collect();
        files::put(&file, &files::json(&stories)?)?;
        Ok(stories)
    }

    /// From now on builds these suites only.
    pub fn restrict(&mut self, suites: Vec<String>) {
        self.build.suites = Some(suites);
    }

    /// From now on builds for sources that differ by a line or two.
    pub fn expect_small_changes(&mut self) {
        self.build.anew = false;
    }

    /// Equal for equal frameworks.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The handout's stub of one crate.
    pub fn stub(&self, crate_: &str) -> Sources {
        of_crate(&self.stubs, crate_)
            .map(|(name, text)| (name.clone(), text.clone()))
            .collect()
    }

    /// The crates that `sources` leave out.
    pub fn missing(&self, sources: &Sources) -> Vec<&'static str> {
        let is_missing = |crate_: &&str| of_crate(sources, crate_).next().is_none();
        self.crates.iter().copied().filter(is_missing).collect()
    }

    /// Puts a submission in place and builds its suites.
    ///
    /// # Errors
    /// What the compiler says, or why it can't be asked. If the machine is at fault it is asked once more.
    pub fn build(&self, sources: &Sources, stop: impl Fn() -> bool) -> Result<Suites, Unbuilt> {
        match self.build_once(sources, &stop) {
            Err(Unbuilt::Machine(_)) if !stop() => self.build_once(sources, &stop),
            done => done,
        }
    }

    fn build_once(&self, sources: &Sources, stop: impl Fn() -> bool) -> Result<Suites, Unbuilt> {
        for crate_ in &self.crates {
            let mut kept = BTreeSet::new();
            for (name, text) in of_crate(sources, crate_) {
                write_if_new(&self.tree.join(name), text.as_bytes())?;
                kept.insert(self.tree.join(name));
            }
            remove_others(&self.tree.join(crate_).join("src"), &kept)?;
        }
        let watched = self.compile(stop)?;
        let said = fs::read(&self.output).map_err(|e| format!("{}: {e}", self.output.display()))?;
        let said = String::from_utf8_lossy(&said);
        match watched.how {
            How::Well => Ok(executables(&said)),
            _ => Err(why(&said, &watched)),
        }
    }

    fn compile(&self, stop: impl Fn() -> bool) -> Result<Watched, String> {
        let mut cargo: Command = self.build.command(&self.tree);
        cargo
            .env("CARGO_TERM_COLOR", "never")
            .env_remove("CARGO_MANIFEST_DIR");
        watch(cargo, &self.output, &self.output, &COMPILER, stop)
            .map_err(|e| format!("cannot start cargo: {e}"))
    }
}

/// Two gradings at a time would build in each other's workspace.
fn lock(folder: &Path) -> Result<File, String> {
    let path = folder.join("lock");
    let problem = |e: std::io::Error| format!("{}: {e}", path.display());
    fs::create_dir_all(folder).map_err(problem)?;
    let file = File::create(&path).map_err(problem)?;
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        eprintln!("another grading is going on in this workspace; waiting for its end");
        file.lock().map_err(problem)?;
    }
    Ok(file)
}

/// Leaves alone what is the same, for cargo goes by the time of a file.
fn write_if_new(path: &Path, bytes: &[u8]) -> Result<(), String> {
    match fs::read(path) {
        Ok(there) if there == bytes => Ok(()),
        _ => write(path, bytes),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let parent = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(parent).and_then(|()| fs::write(path, bytes));
    written.map_err(|e| format!("{}: {e}", path.display()))
}

/// Removes what an earlier state of the project left.
fn remove_others(tree: &Path, kept: &BTreeSet<PathBuf>) -> Result<(), String> {
    let mut folders = vec![tree.to_path_buf()];
    if !tree.is_dir() {
        return Ok(());
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .map_err(|e| format!("{}: {e}", folder.display()))?
            .flatten()
        {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if !kept.contains(&path) {
                fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
    }
    Ok(())
}
