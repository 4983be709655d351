//! Barrier and WaitGroup, on both clocks and both backends.

use labsim::sync::{Arc, Barrier, Mutex, WaitGroup};
use labsim::time::{Duration, Instant};
use labsim::{Clock, Config, Domain, run, thread};

use crate::support::{SCHEDULERS, eventually, in_turn, named, on_both};

mod real {
    pub use crossbeam_utils::sync::WaitGroup;
    pub use std::sync::{Arc, Barrier, Mutex};
    pub use std::thread;
    pub use std::time::Duration;
    pub fn push(list: &Mutex<Vec<u32>>, n: u32) {
        list.lock().unwrap().push(n);
    }
    pub fn list(list: &Mutex<Vec<u32>>) -> Vec<u32> {
        list.lock().unwrap().clone()
    }
}

mod lab {
    pub use labsim::sync::{Arc, Barrier, Mutex, WaitGroup};
    pub use labsim::thread;
    pub use labsim::time::Duration;
    pub fn push(list: &Mutex<Vec<u32>>, n: u32) {
        list.lock().push(n);
    }
    pub fn list(list: &Mutex<Vec<u32>>) -> Vec<u32> {
        list.lock().clone()
    }
}

const MS: Duration = Duration::from_millis(1);

parity! {
    /// No thread begins a round before all have ended the one before, and each round has one leader.
    fn rounds() -> (bool, usize) {
        let shared = Arc::new((Barrier::new(3), Mutex::new(Vec::new())));
        let threads: Vec<_> = (0..3)
            .map(|i| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let mut led = 0;
                    for round in 0..5 {
                        thread::sleep(Duration::from_micros(i * 100));
                        push(&shared.1, round);
                        led += usize::from(shared.0.wait().is_leader());
                    }
                    led
                })
            })
            .collect();
        let led = threads.into_iter().map(|t| t.join().unwrap()).sum();
        (list(&shared.1).is_sorted(), led)
    }

    fn a_barrier_for_one_or_none_is_open() -> [bool; 3] {
        let one = Barrier::new(1);
        [one.wait().is_leader(), one.wait().is_leader(), Barrier::new(0).wait().is_leader()]
    }

    fn a_group_waits_for_its_members() -> (Vec<u32>, bool) {
        let (group, done) = (WaitGroup::new(), Arc::new(Mutex::new(Vec::new())));
        for i in 0..3 {
            let (member, done) = (group.clone(), done.clone());
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(3));
                push(&done, i);
                if i == 0 {
                    member.wait();
                } else {
                    drop(member);
                }
            });
        }
        group.wait();
        let mut seen = list(&done);
        seen.sort_unstable();
        WaitGroup::default().wait();
        (seen, format!("{:?}", WaitGroup::new()).starts_with("WaitGroup"))
    }
}

#[test]
fn a_barrier_costs_virtual_time_only() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(7).scheduler(scheduler), || {
            let barrier = Arc::new(Barrier::new(3));
            let others = [1, 3600].map(|seconds| {
                let barrier = barrier.clone();
                thread::spawn(move || {
                    thread::sleep(Duration::from_secs(seconds) / 60);
                    barrier.wait().is_leader()
                })
            });
            let mine = barrier.wait().is_leader();
            (mine, others.map(|t| t.join().unwrap()))
        });
        assert!(outcome.elapsed >= Duration::from_secs(60));
        assert!(outcome.elapsed < Duration::from_secs(61));
        assert_eq!(outcome.unwrap(), (false, [false, true]), "the last leads");
    }
}

#[test]
fn a_deadlock_counts_who_is_there() {
    let outcome = on_both(in_turn(), || {
        let barrier = Arc::new(Barrier::new(3));
        let other = barrier.clone();
        named("other", move || other.wait()); // @other
        let group = WaitGroup::new();
        let member = group.clone();
        named("member", move || {
            let _member = member;
            thread::park(); // @park
        });
        named("group", move || group.wait()); // @group
        barrier.wait(); // @barrier
    });
    assert_eq!(
        failure!(outcome),
        "\
deadlock: no thread can run, and none waits for a time to come
  thread 'main' waits at a Barrier (2 there) at <barrier>, since 0.000000 s
  thread 'other' waits at a Barrier (2 there) at <other>, since 0.000000 s
  thread 'member' is parked at <park>, since 0.000001 s
  thread 'group' waits for the other holders of a WaitGroup at <group>, since 0.000001 s"
    );
}

/// Who was ended at the barrier has not come: its successor and one more open it.
#[test]
fn a_crash_at_the_barrier_is_no_arrival() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(7).scheduler(scheduler), || {
            let barrier = Arc::new(Barrier::new(2));
            let peer = Domain::new(1, 0);
            let b = barrier.clone();
            peer.spawn("first life", move || b.wait());
            thread::sleep(MS);
            peer.crash();
            let b = barrier.clone();
            let second = named("second life", move || b.wait().is_leader());
            thread::sleep(MS);
            let waits = !second.is_finished();
            let mine = barrier.wait().is_leader();
            // Who was ended after the barrier had opened for it changes nothing.
            let peer = Domain::new(2, 0);
            let b = barrier.clone();
            peer.spawn("late", move || b.wait());
            thread::sleep(MS);
            barrier.wait();
            peer.crash();
            let b = barrier.clone();
            let last = named("last", move || b.wait().is_leader());
            thread::sleep(MS);
            let waits_again = !last.is_finished();
            barrier.wait();
            (waits, mine, second.join().unwrap(), waits_again)
        });
        assert_eq!(outcome.unwrap(), (true, true, false, true), "{scheduler:?}");
    }
}

/// A member that is ended leaves the group; one that waits and is ended was gone already.
#[test]
fn a_crash_leaves_the_group() {
    for scheduler in SCHEDULERS {
        let outcome = on_both(Config::seed(7).scheduler(scheduler), || {
            let group = WaitGroup::new();
            let peer = Domain::new(1, 0);
            for waits in [false, true] {
                let member = group.clone();
                peer.spawn("member", move || {
                    if waits {
                        member.wait();
                    } else {
                        let _member = member;
                        thread::park();
                    }
                });
            }
            let patient = {
                let group = group.clone();
                named("patient", move || group.wait())
            };
            thread::sleep(MS);
            let waits = !patient.is_finished();
            peer.crash();
            let begun = Instant::now();
            group.wait();
            patient.join().unwrap();
            (waits, begun.elapsed() < MS)
        });
        assert_eq!(outcome.unwrap(), (true, true), "{scheduler:?}");
    }
}

#[test]
fn on_the_wall_clock_a_crash_ends_waits() {
    let outcome = run(Config::seed(1).clock(Clock::Wall), || {
        let (barrier, group) = (Arc::new(Barrier::new(2)), WaitGroup::new());
        let peer = Domain::new(1, 0);
        let b = barrier.clone();
        peer.spawn("barrier", move || b.wait());
        let member = group.clone();
        peer.spawn("group", move || member.wait());
        eventually(|| peer.threads().len() == 2);
        thread::sleep(MS * 30);
        let waiting = peer.threads().len();
        peer.crash();
        group.wait();
        let b = barrier.clone();
        let second = named("second", move || b.wait().is_leader());
        thread::sleep(MS * 10);
        let waits = !second.is_finished();
        barrier.wait();
        second.join().unwrap();
        (waiting, peer.threads().len(), waits)
    });
    assert_eq!(outcome.unwrap(), (2, 0, true));
}

#[test]
fn locks_held_at_a_meeting_are_findings() {
    let outcome = on_both(in_turn(), || {
        let (barrier, group) = (Arc::new(Barrier::new(2)), WaitGroup::new());
        let (b, member) = (barrier.clone(), group.clone());
        named("other", move || {
            thread::sleep(MS);
            b.wait();
            thread::sleep(MS);
            drop(member);
        });
        let lock = Mutex::new(1u8);
        let _guard = lock.lock();
        barrier.wait();
        group.wait();
    });
    let texts: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].contains("while it waits for others at a Barrier"),
        "{texts:?}"
    );
    assert!(
        texts[1].contains("while it waits for the others of a WaitGroup"),
        "{texts:?}"
    );
}

#[test]
fn statics_and_drops_serve_run_after_run() {
    static GATE: Barrier = Barrier::new(2);
    let mut hashes = Vec::new();
    for _ in 0..3 {
        let outcome = on_both(Config::seed(1), || {
            let other = named("other", || GATE.wait().is_leader());
            let mine = GATE.wait().is_leader();
            // Ended with the run, while it waits.
            named("left", || GATE.wait());
            let leaders = u8::from(mine) + u8::from(other.join().unwrap());
            thread::sleep(MS);
            leaders
        });
        hashes.push(outcome.trace_hash);
        assert_eq!(outcome.unwrap(), 1);
    }
    assert!(hashes.iter().all(|h| *h == hashes[0]), "{hashes:?}");
}
