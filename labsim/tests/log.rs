//! The logger of a run. What goes to stderr is seen by running this binary again as a child, with `LAB_LOG` set.

use std::fmt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use labsim::diagnose::FindingKind;
use labsim::log::{debug, error, info, trace, warn};
use labsim::sync::{Arc, Mutex};
use labsim::time::Duration;
use labsim::{Backend, Clock, Config, Domain, Outcome, Scheduler, TraceLevel, run, thread};

const MS: Duration = Duration::from_millis(1);
const BACKENDS: [Backend; 2] = [Backend::Os, Backend::Fiber];

/// Set in the children. Without it their tests do nothing, so that `--include-ignored` is harmless.
const CHILD: &str = "LABSIM_TEST_CHILD";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one of the `child_…` tests below in a process of its own.
#[track_caller]
fn child(test: &str, lab_log: Option<&str>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]);
    command.env_remove("LAB_LOG").env(CHILD, "1");
    if let Some(spec) = lab_log {
        command.env("LAB_LOG", spec);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

/// What the child wrote to stderr.
#[track_caller]
fn said(test: &str, lab_log: Option<&str>) -> String {
    String::from_utf8(child(test, lab_log).stderr).unwrap()
}

/// What the child printed behind "result: ".
#[track_caller]
fn result(test: &str, lab_log: Option<&str>) -> String {
    let stdout = String::from_utf8(child(test, lab_log).stdout).unwrap();
    let at = stdout.find("result: ").expect("the child prints a result");
    stdout[at..].lines().next().unwrap().to_owned()
}

/// Peers that log on the way through a second and a half.
fn program() {
    info!("begins");
    let lock = Arc::new(Mutex::new(7));
    let peers = [1, 2].map(|p| Domain::new(p, 0));
    for peer in &peers {
        let lock = lock.clone();
        peer.spawn("election", move || {
            thread::sleep(MS * 1234 + Duration::from_micros(567));
            // Asks for a lock, which is a labsim call, whoever listens.
            debug!(target: "raft::election", "runs for term {}", *lock.lock());
            warn!(target: "raft::log", "two\nlines");
            trace!("{}", "detail");
        });
    }
    thread::sleep(MS * 1500);
    peers[0].enter(|| error!("on its behalf"));
}

fn simulated(config: Config) -> Outcome<()> {
    run(config.scheduler(Scheduler::RunToBlock), program)
}

#[test]
#[ignore = "run by the tests of what it prints"]
fn child_simulated() {
    if !is_child() {
        return;
    }
    for backend in BACKENDS {
        simulated(Config::seed(1).backend(backend)).unwrap();
    }
}

#[test]
fn nothing_is_printed_unless_asked_for() {
    assert_eq!(said("child_simulated", None), "");
    assert_eq!(said("child_simulated", Some("off")), "");
}

#[test]
fn records_are_printed_in_columns() {
    let once = "   0.000000 s          main          begins
   1.234568 s  peer 1  election      runs for term 7
   1.234568 s  peer 1  election      warning: two
   1.234568 s  peer 1  election      lines
   1.234568 s  peer 2  election      runs for term 7
   1.234568 s  peer 2  election      warning: two
   1.234568 s  peer 2  election      lines
   1.500000 s  peer 1  main          error: on its behalf
";
    assert_eq!(said("child_simulated", Some("debug")), once.repeat(2));
}

#[test]
fn targets_have_levels_of_their_own() {
    let once = "   1.234568 s  peer 1  election      runs for term 7
   1.234568 s  peer 2  election      runs for term 7
   1.500000 s  peer 1  main          error: on its behalf
";
    let spec = "error,raft=trace,raft::log=off";
    assert_eq!(said("child_simulated", Some(spec)), once.repeat(2));
}

#[test]
fn what_makes_no_sense_in_lab_log_is_named_once() {
    assert_eq!(
        said("child_simulated", Some("loud,raft=")),
        "LAB_LOG: \"loud\" is not LEVEL or TARGET=LEVEL and is left out; a level is off, error, warn, info, debug or trace
LAB_LOG: \"raft=\" is not LEVEL or TARGET=LEVEL and is left out; a level is off, error, warn, info, debug or trace
"
    );
}

#[test]
#[ignore = "run by the tests of what it prints"]
fn child_hash() {
    if !is_child() {
        return;
    }
    let mut hashes = Vec::new();
    for backend in BACKENDS {
        for scheduler in [Scheduler::default(), Scheduler::Random { one_in: 3 }] {
            for trace in [TraceLevel::Off, TraceLevel::Events, TraceLevel::Calls] {
                let config = Config::seed(5).backend(backend).scheduler(scheduler);
                let outcome = run(config.trace(trace), program);
                hashes.push((outcome.trace_hash, outcome.calls, outcome.elapsed));
                outcome.unwrap();
            }
        }
    }
    assert!(hashes[..3].iter().all(|h| *h == hashes[0]));
    assert_eq!(hashes[..6], hashes[6..]);
    println!("result: {hashes:?}");
}

/// A run that failed in silence fails in the same way with all logs on.
#[test]
fn a_run_is_the_same_whoever_listens() {
    let silent = result("child_hash", None);
    assert_eq!(result("child_hash", Some("trace")), silent);
    assert_eq!(result("child_hash", Some("raft=debug")), silent);
}

#[test]
fn a_recorded_trace_holds_the_records() {
    for backend in BACKENDS {
        let config = Config::seed(1).backend(backend).trace(TraceLevel::Events);
        let outcome = simulated(config);
        let records: Vec<_> = outcome.events.iter().filter(|e| e.kind == "log").collect();
        let seen: Vec<_> = records
            .iter()
            .map(|e| (e.at / 1000, e.domain, e.a, e.detail.as_str()))
            .collect();
        let of_peer = |peer: u32| {
            [
                (
                    1_234_567,
                    Some((peer, 0)),
                    4,
                    r#"{"level":"debug","target":"raft::election","message":"runs for term 7"}"#,
                ),
                (
                    1_234_567,
                    Some((peer, 0)),
                    2,
                    r#"{"level":"warn","target":"raft::log","message":"two\nlines"}"#,
                ),
                (
                    1_234_567,
                    Some((peer, 0)),
                    5,
                    r#"{"level":"trace","target":"log","message":"detail"}"#,
                ),
            ]
        };
        let mut expected = vec![(
            0,
            None,
            3,
            r#"{"level":"info","target":"log","message":"begins"}"#,
        )];
        expected.extend(of_peer(1));
        expected.extend(of_peer(2));
        expected.push((
            1_500_000,
            Some((1, 0)),
            1,
            r#"{"level":"error","target":"log","message":"on its behalf"}"#,
        ));
        assert_eq!(seen, expected);
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    }
    assert!(simulated(Config::seed(1)).events.is_empty());
}

#[test]
#[ignore = "run by the tests of what it prints"]
fn child_wall() {
    if !is_child() {
        return;
    }
    let program = || {
        info!("begins");
        let peer = Domain::new(3, 0);
        let ticker = peer.spawn("ticker", || {
            thread::sleep(MS * 200);
            info!("ticks");
        });
        ticker.join().unwrap();
        Domain::new(4, 0).enter(|| info!("enters"));
    };
    info!("before the first run: nobody listens yet");
    run(Config::seed(1).clock(Clock::Wall), program).unwrap();
    thread::Builder::new()
        .name("outside".into())
        .spawn(|| info!("outside"))
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn on_the_wall_clock_the_time_is_real() {
    let text = said("child_wall", Some("info"));
    let lines: Vec<&str> = text.lines().collect();
    let rest: Vec<&str> = lines.iter().map(|l| &l[13..]).collect();
    assert_eq!(
        rest,
        [
            "          main          begins",
            "  peer 3  ticker        ticks",
            "  peer 4  main          enters",
            "          outside       outside",
        ]
    );
    let seconds = |line: &str| line[..11].trim().parse::<f64>().unwrap();
    assert!(seconds(lines[1]) - seconds(lines[0]) > 0.199, "{text}");
    assert!(seconds(lines[2]) < 20.0, "{text}");
}

/// A program's own logger stays, and so does its level.
#[test]
#[ignore = "run by the tests of what it prints"]
fn child_own_logger() {
    if !is_child() {
        return;
    }
    struct Own;
    impl log::Log for Own {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            eprintln!("own: {}", record.args());
        }
        fn flush(&self) {}
    }
    log::set_logger(&Own).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    simulated(Config::seed(1).trace(TraceLevel::Events)).unwrap();
}

#[test]
fn the_programs_own_logger_stays() {
    assert_eq!(
        said("child_own_logger", Some("trace")),
        "own: two\nlines\nown: two\nlines\nown: on its behalf\n"
    );
}

/// A value whose `Display` makes a labsim call.
struct Peeks(Arc<Mutex<u32>>);

impl fmt::Display for Peeks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", *self.0.lock())
    }
}

#[test]
fn labsim_calls_in_a_display_are_a_finding() {
    for backend in BACKENDS {
        let config = Config::seed(1).backend(backend).trace(TraceLevel::Events);
        let outcome = run(config, || {
            let peer = Domain::new(2, 0);
            let logs = peer.spawn("logs", || {
                let value = Peeks(Arc::new(Mutex::new(9)));
                for _ in 0..2 {
                    info!("{value}");
                }
            });
            logs.join().unwrap();
        });
        let record = outcome.events.iter().find(|e| e.kind == "log").unwrap();
        assert!(record.detail.ends_with(r#""message":"9"}"#), "{record:?}");
        let [finding] = &outcome.findings[..] else {
            panic!("{:?}", outcome.findings)
        };
        assert_eq!(finding.kind, FindingKind::CallsInLog);
        let at = finding.at.to_string();
        assert_eq!(
            finding.to_string().replace(&at, "PLACE"),
            "thread 'logs' of peer 2 logs a value whose Display makes labsim calls (at PLACE): with logs on, the run \
             is another one than without. Take the numbers out first and log those [2 times]"
        );
        assert!(at.contains("log.rs"), "{at}");
    }
}

/// A `Display` that logs itself, one that panics, and a `Drop` that logs while its thread is ended.
#[test]
fn logging_in_awkward_places() {
    static FORMATTED: AtomicU32 = AtomicU32::new(0);
    struct Logs;
    impl fmt::Display for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!("inner {}", FORMATTED.fetch_add(1, SeqCst));
            f.write_str("outer")
        }
    }
    struct Panics;
    impl fmt::Display for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no text")
        }
    }
    struct Farewell;
    impl Drop for Farewell {
        fn drop(&mut self) {
            warn!("farewell");
        }
    }
    for backend in BACKENDS {
        let config = Config::seed(1).backend(backend).trace(TraceLevel::Events);
        let outcome = run(config, || {
            info!("{Logs}");
            let caught = std::panic::catch_unwind(|| info!("{Panics}")).is_err();
            let peer = Domain::new(1, 0);
            peer.spawn("doomed", || {
                let _farewell = Farewell;
                thread::park();
            });
            thread::sleep(MS);
            peer.crash();
            info!("after");
            caught
        });
        let messages: Vec<String> = outcome
            .events
            .iter()
            .filter(|e| e.kind == "log")
            .map(|e| e.detail.split(r#""message":"#).nth(1).unwrap().to_owned())
            .collect();
        let n = FORMATTED.load(SeqCst) - 1;
        let inner = format!("\"inner {n}\"}}");
        assert_eq!(
            messages,
            [&inner, "\"outer\"}", "\"farewell\"}", "\"after\"}"]
        );
        assert!(outcome.unwrap());
    }
    // Nobody listens, so nothing is formatted.
    if std::env::var_os("LAB_LOG").is_none() {
        let before = FORMATTED.load(SeqCst);
        run(Config::seed(1), || info!("{Logs}")).unwrap();
        assert_eq!(FORMATTED.load(SeqCst), before);
    }
}

/// Values shown by `note!`: by name, as their `Debug` has them, with the peer that showed them; the run stays the same.
#[test]
fn values_that_are_shown() {
    let shows = || {
        let peer = Domain::new(1, 0);
        let shows = peer.spawn("shows", || {
            let role = "can\"didate";
            labsim::note!(role, next_index = vec![4, 2], leads = role == "leader");
        });
        shows.join().unwrap();
    };
    for backend in BACKENDS {
        let config = |level| Config::seed(1).backend(backend).trace(level);
        let outcome = run(config(TraceLevel::Events), shows);
        let notes: Vec<_> = outcome.events.iter().filter(|e| e.kind == "note").collect();
        let [note] = &notes[..] else {
            panic!("{:?}", outcome.events)
        };
        assert_eq!(note.domain, Some((1, 0)));
        assert_eq!(
            note.detail,
            r#"{"role":"\"can\\\"didate\"","next_index":"[4, 2]","leads":"false"}"#
        );
        let silent = run(config(TraceLevel::Off), shows);
        assert_eq!(silent.trace_hash, outcome.trace_hash);
        assert!(silent.events.is_empty());
    }
    labsim::note!(outside = 1); // of a run: nobody is there to see it
}
