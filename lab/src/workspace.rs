//! Where the workspace is, and building its suites.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::cli::Guard;

/// The test executables by suite: `raft_2a` and so on.
pub type Suites = BTreeMap<String, PathBuf>;

/// The workspace that this command was started in.
///
/// # Errors
/// There is none.
pub fn root() -> Result<PathBuf, String> {
    if let Some(package) = std::env::var_os("CARGO_MANIFEST_DIR") {
        let parent = Path::new(&package).parent().map(Path::to_path_buf);
        return parent.ok_or_else(|| "the package `lab` lies in no workspace".into());
    }
    let here = std::env::current_dir().map_err(|e| format!("the current folder: {e}"))?;
    let found = here
        .ancestors()
        .find(|folder| folder.join("tests/suites").is_dir());
    found
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is not inside the lab's workspace", here.display()))
}

/// How a build is done.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Without optimisation.
    pub debug: bool,
    /// Where cargo puts things; `None`: where it always does.
    pub target: Option<PathBuf>,
    /// Nothing from the network, and the lock file as it is.
    pub frozen: bool,
    /// Nothing for debuggers.
    pub lean: bool,
    /// Each crate from its beginning: nothing of the last build of another's sources gets into this one.
    pub anew: bool,
    /// Only these suites; `None`: all.
    pub suites: Option<Vec<String>>,
}

impl Build {
    /// The cargo command that builds the suites in `root`.
    pub fn command(&self, root: &Path) -> Command {
        let mut cargo = cargo();
        // The words of `cargo test --test SUITE`, so that what either has built is built for both: with `--package`
        // cargo would choose other features of the dependencies, and build them all again.
        cargo.current_dir(root).args(["test", "--no-run"]);
        // Not the harness's own tests, which stand beside them.
        let all = suites(root);
        for suite in self.suites.as_ref().unwrap_or(&all) {
            cargo.args(["--test", suite]);
        }
        cargo.arg("--message-format=json-render-diagnostics");
        if !self.debug {
            cargo.arg("--release");
        }
        if self.frozen {
            cargo.args(["--offline", "--locked"]);
        }
        if self.lean {
            cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "false");
        }
        if self.anew {
            cargo.env("CARGO_INCREMENTAL", "0");
        }
        if let Some(target) = &self.target {
            cargo.env("CARGO_TARGET_DIR", target);
        }
        cargo
    }
}

/// The cargo that started this program, or the one on the path.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Downloads whatever crates are not there yet. Builds of foreign sources go without a network, and this program may
/// well be the first thing that was ever built here.
///
/// # Errors
/// Cargo says on stderr what it could not get.
pub fn fetch(root: &Path) -> Result<(), String> {
    let mut cargo = cargo();
    cargo.current_dir(root).args(["fetch", "--locked"]);
    let status = cargo.stdin(Stdio::null()).status();
    let status = status.map_err(|e| format!("cannot start cargo: {e}"))?;
    let failed = "cargo fetch failed; its message is above. The first time it needs a network";
    status.success().then_some(()).ok_or_else(|| failed.into())
}

/// The suites by their sources: `tests/suites/kvraft_3b.rs`, or the folder `tests/suites/raft_2a/` with its `main.rs`.
pub fn suites(root: &Path) -> Vec<String> {
    let entries = root.join("tests/suites").read_dir();
    let paths = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let is_suite = |path: &PathBuf| {
        path.extension().is_some_and(|end| end == "rs") || path.join("main.rs").is_file()
    };
    let mut names: Vec<String> = paths
        .filter(is_suite)
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_string()))
        .collect();
    names.sort();
    names
}

/// The files of a suite: its root first, then its modules by name.
///
/// # Errors
/// They can't be listed.
pub fn sources(root: &Path, suite: &str) -> std::io::Result<Vec<PathBuf>> {
    let folder = root.join("tests/suites");
    let alone = folder.join(format!("{suite}.rs"));
    if alone.is_file() {
        return Ok(vec![alone]);
    }
    let entries = folder.join(suite).read_dir()?;
    let paths: Result<Vec<PathBuf>, _> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    let mut sources = paths?;
    sources.retain(|path| path.extension().is_some_and(|end| end == "rs"));
    sources.sort_by_key(|path| (!path.ends_with("main.rs"), path.clone()));
    Ok(sources)
}

/// Builds the suites; the compiler speaks on stderr.
///
/// # Errors
/// They don't build.
pub fn build(root: &Path, debug: bool) -> Result<Suites, String> {
    let build = Build {
        debug,
        ..Build::default()
    };
    build_with(root, &build)
}

/// The same for builds of another kind.
///
/// # Errors
/// They don't build.
pub fn build_with(root: &Path, build: &Build) -> Result<Suites, String> {
    let done = build
        .command(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let done = done.map_err(|e| format!("cannot start cargo: {e}"))?;
    match done.status.success() {
        true => Ok(executables(&String::from_utf8_lossy(&done.stdout))),
        false => Err("the suites do not build; the compiler's message is above".into()),
    }
}

/// The suites among cargo's messages.
pub fn executables(messages: &str) -> Suites {
    #[derive(Deserialize)]
    struct Message {
        reason: String,
        executable: Option<PathBuf>,
        target: Option<Target>,
    }
    #[derive(Deserialize)]
    struct Target {
        kind: Vec<String>,
        name: String,
    }
    let artifacts = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok());
    artifacts
        .filter(|message| message.reason == "compiler-artifact")
        .filter_map(|message| Some((message.target?, message.executable?)))
        .filter(|(target, _)| target.kind == ["test"])
        .map(|(target, executable)| (target.name, executable))
        .collect()
}

/// This very program. On Linux by a name that still leads to it when a build has meanwhile put another into its place.
fn own_program() -> Result<PathBuf, String> {
    let running = Path::new("/proc/self/exe");
    match running.exists() {
        true => Ok(running.into()),
        false => std::env::current_exe().map_err(|e| format!("this program's own file: {e}")),
    }
}

/// The command line that starts `program` under `limits`, by way of this very program.
///
/// # Errors
/// This program's own file is gone.
pub fn guarded(limits: &crate::guard::Limits, program: &Command) -> Result<Command, String> {
    let mut guarded = Command::new(own_program()?);
    if limits.clean {
        guarded.env_clear();
    }
    let Guard {
        cpu,
        memory,
        output,
        ..
    } = limits.options();
    guarded.args([
        "guard",
        "--cpu",
        &cpu.to_string(),
        "--memory",
        &memory.to_string(),
    ]);
    guarded
        .args(["--output", &output.to_string(), "--"])
        .arg(program.get_program())
        .args(program.get_args());
    if let Some(folder) = program.get_current_dir() {
        guarded.current_dir(folder);
    }
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => guarded.env(name, value),
            None => guarded.env_remove(name),
        };
    }
    Ok(guarded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_test_targets_are_suites() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"tests"},"executable":"/t/tests-1"}
{"reason":"compiler-artifact","target":{"kind":["test"],"name":"raft_2a"},"executable":"/t/raft_2a-1"}
{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"bytes"},"executable":null}
{"reason":"build-finished","success":true}
running 3 tests"#;
        let suites = executables(messages);
        assert_eq!(
            suites.into_iter().collect::<Vec<_>>(),
            [("raft_2a".into(), "/t/raft_2a-1".into())]
        );
    }
}
