//! Peers' threads that stand still: what takes time can happen between two of their calls.

use crate::common::{SCHEDULERS, simulate};
use labsim::sync::{Arc, Mutex};
use labsim::time::{Duration, Instant};
use labsim::{Config, Domain, Failure, Outcome, Scheduler, Stalls, TraceLevel, run, thread};

const STALLS: Stalls = Stalls {
    one_in: 20,
    longest: Duration::from_millis(10),
};

/// Threads of two peers look under a lock who is first, give it up, and then act: one a millisecond after the other, as
/// when two messages arrive. True: both took themselves for the first.
fn both_are_first() -> bool {
    let first = Arc::new(Mutex::new(None));
    let looks = |me: u64| {
        let first = first.clone();
        Domain::new(0, 0).spawn("handler", move || {
            thread::sleep(Duration::from_millis(me));
            let is_free = first.lock().is_none();
            if is_free {
                *first.lock() = Some(me);
            }
            is_free
        })
    };
    let handlers = [looks(1), looks(2)];
    handlers.into_iter().all(|handler| handler.join().unwrap())
}

fn seeds_in_which(config: impl Fn(u64) -> Config, program: fn() -> bool) -> usize {
    let is_so = |seed: &u64| simulate(&config(*seed), program).result.unwrap();
    (0..100).filter(is_so).count()
}

#[test]
fn a_message_comes_between_two_calls_only_if_a_thread_stands_still() {
    for scheduler in SCHEDULERS {
        let without = |seed| Config::seed(seed).scheduler(scheduler);
        assert_eq!(seeds_in_which(without, both_are_first), 0, "{scheduler:?}");
        let with = |seed| without(seed).stalls(STALLS);
        let found = seeds_in_which(with, both_are_first);
        assert!(found >= 3, "{scheduler:?}: {found} of 100");
    }
}

/// A thread of a peer makes a hundred calls, which cost 10 µs; says how long they took.
fn a_hundred_calls(domain: Option<Domain>) -> Duration {
    let work = || {
        let began = Instant::now();
        let number = Mutex::new(0);
        (0..50).for_each(|_| *number.lock() += 1);
        began.elapsed()
    };
    let thread = match domain {
        Some(domain) => domain.spawn("peer", work),
        None => thread::spawn(work),
    };
    thread.join().unwrap()
}

#[test]
fn only_peers_stand_still() {
    let took = |of_a_peer: bool| {
        let config = Config::seed(1).stalls(STALLS);
        let of = move || of_a_peer.then(|| Domain::new(0, 0));
        simulate(&config, move || a_hundred_calls(of()))
            .result
            .unwrap()
    };
    assert!(took(false) < Duration::from_micros(20));
    assert!(took(true) > Duration::from_millis(1));
}

/// The trace names the place, and the events' lengths are within bounds.
#[test]
fn the_trace_says_who_stands_still_and_where() {
    let config = Config::seed(1).stalls(STALLS).trace(TraceLevel::Events);
    let outcome = simulate(&config, || a_hundred_calls(Some(Domain::new(3, 0))));
    let stalls: Vec<_> = outcome
        .events
        .iter()
        .filter(|e| e.kind == "stall")
        .collect();
    assert!(!stalls.is_empty());
    for event in stalls {
        assert!(Duration::from_nanos(event.a) <= STALLS.longest, "{event}");
        assert_eq!(event.domain, Some((3, 0)));
        assert!(event.detail.contains("stalls.rs"), "{event}");
    }
}

/// A run without stalls is the one that it was before there were any: replays of old failures stay good.
#[test]
fn rare_stalls_change_nothing_before_the_first() {
    let hash = |config: Config| simulate(&config, both_are_first).trace_hash;
    let never = Stalls {
        one_in: u32::MAX,
        longest: Duration::from_millis(10),
    };
    for seed in 0..20 {
        assert_eq!(
            hash(Config::seed(seed)),
            hash(Config::seed(seed).stalls(never))
        );
    }
}

#[test]
fn who_stands_still_may_crash() {
    let long = Stalls {
        one_in: 1,
        longest: Duration::from_secs(10),
    };
    let outcome = simulate(&Config::seed(2).stalls(long), || {
        let peer = Domain::new(0, 0);
        peer.spawn("peer", || a_hundred_calls(None));
        thread::sleep(Duration::from_millis(1));
        let before = Instant::now();
        peer.crash();
        before.elapsed()
    });
    assert!(outcome.result.unwrap() < Duration::from_millis(1));
}

/// Standing still is no wait: a loop that polls for ever is still reported.
#[test]
fn a_loop_that_polls_is_still_one() {
    let program = || {
        let peer = Domain::new(0, 0);
        let polls = peer.spawn("polls", || {
            let number = Mutex::new(0);
            while *number.lock() == 0 {}
        });
        let _ = polls.join();
    };
    let short = Stalls {
        longest: Duration::from_micros(10),
        ..STALLS
    };
    let mut config = Config::seed(0)
        .scheduler(Scheduler::RunToBlock)
        .stalls(short);
    config.call_limit = 1_000_000;
    let outcome: Outcome<()> = run(config, program);
    assert!(matches!(outcome.result, Err(Failure::CallLimit { .. })));
    let findings: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    assert!(findings.join("\n").contains("without"), "{findings:?}");
}
