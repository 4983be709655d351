//! One child process that plays one test over a few seeds. Nothing is believed but the records that
//! the harness writes: not the exit code, not what is printed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::catalog::Test;
use crate::guard::Limits;
use crate::record::Record;
use crate::workspace::guarded;

const SIGKILL: i32 = 9;

/// The work of one process.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The test's place in the list of those that run.
    pub number: usize,
    /// The test.
    pub test: Arc<Test>,
    /// Its first seed.
    pub seed: u64,
    /// How many seeds.
    pub runs: u32,
}

/// What came of it.
#[derive(Debug)]
pub struct Harvest {
    /// The records that bear the secret, in the order of writing.
    pub records: Vec<Record>,
    /// Why the process did not do all its runs, if it did not.
    pub end: String,
    /// It was stopped from here: what is missing is nobody's fault.
    pub stopped: bool,
}

/// Plays the batch. `stop` ends it early. If the system kills it, it is played once more: it may have been another process
/// that took the memory.
///
/// # Errors
/// The machine is at fault, not the test.
pub fn play(
    batch: &Batch,
    environment: &[(&'static str, String)],
    limits: &Limits,
    stop: impl Fn() -> bool,
) -> io::Result<Harvest> {
    match play_once(batch, environment, limits, &stop)? {
        (How::Killed, _) => Ok(play_once(batch, environment, limits, &stop)?.1),
        (_, harvest) => Ok(harvest),
    }
}

fn play_once(
    batch: &Batch,
    environment: &[(&'static str, String)],
    limits: &Limits,
    stop: impl Fn() -> bool,
) -> io::Result<(How, Harvest)> {
    let folder = tempfile::Builder::new().prefix("lab-run-").tempdir()?;
    let (results, secret) = (folder.path().join("results"), folder.path().join("secret"));
    let word = random_word()?;
    fs::write(&secret, &word)?;

    let mut command = Command::new(&batch.test.executable);
    command
        .args([
            &batch.test.story.path,
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .current_dir(folder.path());
    command
        .env("LAB_RESULTS", &results)
        .env("LAB_SECRET", &secret);
    command
        .env("LAB_SEED", format!("{:#x}", batch.seed))
        .env("LAB_RUNS", batch.runs.to_string());
    command
        .env("LAB_KEEP_GOING", "yes")
        .env("RUST_BACKTRACE", "0");
    command.envs(environment.iter().map(|(name, value)| (name, value)));

    // What it says on stdout is nobody's business; on stderr a panic speaks.
    let (output, errors) = (folder.path().join("output"), folder.path().join("errors"));
    let watched = watch(command, &output, &errors, limits, stop)?;
    let records = read(&results, &word);
    if records.len() < batch.runs as usize {
        has_room(folder.path())?;
    }
    let last_words = steady(&tail(&errors)?);
    let end = match last_words.is_empty() {
        true => watched.end,
        false => format!("{}; its last words:\n{last_words}", watched.end),
    };
    let harvest = Harvest {
        records,
        end,
        stopped: watched.how == How::Stopped,
    };
    Ok((watched.how, harvest))
}

/// A record that is missing because the disk is full is not the test's fault.
fn has_room(folder: &Path) -> io::Result<()> {
    const ROOM: usize = 1 << 20;
    let path = folder.join("room");
    fs::write(&path, vec![1; ROOM])?;
    fs::remove_file(path)
}

/// How a watched process ended.
#[derive(Debug)]
pub struct Watched {
    /// In words.
    pub end: String,
    /// In a word.
    pub how: How,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Of itself, and well.
    Well,
    /// Of itself but badly, or by a signal for what it did.
    Failed,
    /// It was killed, and not from here: by the system when memory ran out, or by somebody.
    Killed,
    /// Its time on the wall was up.
    Late,
    /// It was stopped from here.
    Stopped,
}

/// Runs `command` in a process group of its own under `limits`; its output goes to files, which may
/// be the same one. Whatever is left of the group when it ends is ended too.
///
/// # Errors
/// It can't be started.
pub fn watch(
    command: Command,
    output: &Path,
    errors: &Path,
    limits: &Limits,
    stop: impl Fn() -> bool,
) -> io::Result<Watched> {
    let mut command = guarded(limits, &command).map_err(io::Error::other)?;
    let out = File::create(output)?;
    let err = match output == errors {
        true => out.try_clone()?,
        false => File::create(errors)?,
    };
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);
    let mut child = command.spawn()?;
    let began = Instant::now();
    let mut nap = Duration::from_micros(500);
    let watched = loop {
        if let Some(status) = child.try_wait()? {
            break ended(status, limits);
        }
        let late = began.elapsed() > limits.wall;
        if late || stop() {
            end_group(&child);
            child.wait()?;
            break cut_short(late, limits);
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(Duration::from_millis(20));
    };
    end_group(&child);
    Ok(watched)
}

fn ended(status: ExitStatus, limits: &Limits) -> Watched {
    let how = match status.signal() {
        _ if status.success() => How::Well,
        Some(SIGKILL) => How::Killed,
        _ => How::Failed,
    };
    let end = describe(status, limits);
    Watched { end, how }
}

fn cut_short(late: bool, limits: &Limits) -> Watched {
    let (how, end) = match late {
        true => (
            How::Late,
            format!("the process was ended after {} s", limits.wall.as_secs()),
        ),
        false => (How::Stopped, "the process was stopped".into()),
    };
    Watched { end, how }
}

/// A child that no longer exists is no error: its group may be empty.
fn end_group(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

fn describe(status: ExitStatus, limits: &Limits) -> String {
    const SIGXCPU: i32 = 24;
    const SIGXFSZ: i32 = 25;
    match status.signal() {
        Some(SIGXCPU) => format!(
            "the process was ended: it used {} s of the processor",
            limits.cpu.as_secs()
        ),
        Some(SIGKILL) => "the process was killed: by the system, if it ran out of memory".into(),
        Some(SIGXFSZ) => format!(
            "the process was ended: it wrote more than {} bytes",
            limits.output
        ),
        Some(signal) => format!("the process was ended by signal {signal}"),
        None => format!(
            "the process ended with exit code {}",
            status.code().unwrap_or(-1)
        ),
    }
}

/// The records that bear the secret. A line that is no record, or bears another word, is no word of
/// the harness's.
fn read(results: &Path, secret: &str) -> Vec<Record> {
    let bytes = fs::read(results).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let records = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Record>(line).ok());
    records.filter(|record| record.secret == secret).collect()
}

/// The last lines of what was printed, a screen at most.
pub fn tail(output: &Path) -> io::Result<String> {
    use std::io::{Seek, SeekFrom};
    const MOST: u64 = 2_000;
    let mut file = File::open(output)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_string())
}

/// Without the numbers of threads, which differ from run to run: marks of equal runs are equal.
fn steady(words: &str) -> String {
    let line = |line: &str| {
        let number = line.strip_prefix("thread '").and_then(|rest| {
            let (name, rest) = rest.split_once("' (")?;
            let (number, rest) = rest.split_once(") ")?;
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| format!("thread '{name}' {rest}"))
        });
        number.unwrap_or_else(|| line.to_string())
    };
    words.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A word that nobody can guess.
fn random_word() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A flag that Ctrl-C and a request to end set.
///
/// # Errors
/// The signal can't be caught.
pub fn interrupted() -> io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second one ends this program at once.
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())?;
        signal_hook::flag::register(signal, flag.clone())?;
    }
    Ok(flag)
}

/// The flag is set.
pub fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_with_the_secret_are_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results");
        let line = |secret: &str| {
            format!(
                r#"{{"secret":"{secret}","suite":"s","test":"t","seed":1,"result":"passed","virtual_ms":1.0,"cpu_ms":1.0,"trace_hash":"1"}}"#
            )
        };
        fs::write(
            &path,
            format!("{}\nnoise\n{}\n{{\n", line("guess"), line("word")),
        )
        .unwrap();
        assert_eq!(read(&path, "word").len(), 1);
        assert!(read(&folder.path().join("none"), "word").is_empty());
    }

    #[test]
    fn numbers_of_threads_are_left_out() {
        let words = "a\nthread 'main' (4711) panicked at x.rs:1:2:\nthread (1)";
        let expected = "a\nthread 'main' panicked at x.rs:1:2:\nthread (1)";
        assert_eq!(steady(words), expected);
    }

    #[test]
    fn the_end_of_long_output_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        fs::write(&path, format!("{}the end\n", "x".repeat(10_000))).unwrap();
        let tail = tail(&path).unwrap();
        assert!(
            tail.ends_with("the end") && tail.len() <= 2_000,
            "{}",
            tail.len()
        );
    }
}
