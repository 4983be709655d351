//! Objects of a simulation in the hands of somebody else.

use super::{config, failure};
use crate::common::{BACKENDS, simulate};
use labsim::channel::{bounded, unbounded};
use labsim::sync::{Arc, Condvar, Mutex};
use labsim::time::Duration;
use labsim::{Config, run, thread};

/// What a thread of no simulation says when it touches what belongs to one.
fn outside<F>(touch: F) -> String
where
    F: FnOnce() + Send + 'static,
{
    let stranger = std::thread::Builder::new()
        .name("stranger".into())
        .spawn(touch)
        .unwrap();
    let payload = stranger.join().unwrap_err();
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|s| (*s).to_owned()))
        .unwrap()
}

#[test]
fn objects_touched_from_outside() {
    for backend in BACKENDS {
        let said = run(config().backend(backend), || {
            let lock = Arc::new(Mutex::new(0));
            *lock.lock() += 1;
            let changed = Arc::new(Condvar::new());
            changed.notify_one();
            let (tx, rx) = unbounded::<u8>();
            let (zero, zero_rx) = bounded::<u8>(0);
            let ticks = labsim::channel::after(Duration::from_secs(1));
            let me = thread::current();
            let (l1, l2, l3) = (lock.clone(), lock.clone(), lock.clone());
            let (c1, c2) = (changed.clone(), changed.clone());
            let (tx2, rx2) = (tx.clone(), rx.clone());
            let said = [
                (
                    "Mutex",
                    outside(move || {
                        let _ = l1.lock();
                    }),
                ),
                (
                    "Mutex",
                    outside(move || {
                        let _ = l2.try_lock();
                    }),
                ),
                (
                    "Mutex",
                    outside(move || {
                        let _ = l3.try_lock_for(Duration::ZERO);
                    }),
                ),
                (
                    "Condvar",
                    outside(move || {
                        let _ = c1.notify_one();
                    }),
                ),
                (
                    "Condvar",
                    outside(move || {
                        let _ = c2.notify_all();
                    }),
                ),
                ("channel", outside(move || tx2.send(1).unwrap())),
                (
                    "channel",
                    outside(move || {
                        let _ = rx2.recv();
                    }),
                ),
                (
                    "channel",
                    outside(move || {
                        let _ = zero.try_send(1);
                    }),
                ),
                (
                    "channel",
                    outside(move || {
                        let _ = zero_rx.try_recv();
                    }),
                ),
                (
                    "channel",
                    outside(move || {
                        let _ = ticks.try_recv();
                    }),
                ),
                (
                    "channel",
                    outside(move || labsim::channel::select! { recv(rx) -> _ => {} }),
                ),
                ("thread", outside(move || me.unpark())),
            ];
            // The run goes on unharmed.
            thread::sleep(Duration::from_secs(1));
            *lock.lock() += 1;
            drop(tx);
            said
        })
        .unwrap();
        for (i, (what, text)) in said.into_iter().enumerate() {
            assert_eq!(
                text,
                format!(
                    "a {what} of a simulation is used by thread \"stranger\", which is not part of it: start \
                     threads with labsim::thread::spawn, not std::thread::spawn"
                ),
                "case {i}, {backend:?}"
            );
        }
    }
}

#[test]
fn a_channel_made_outside() {
    let (tx, rx) = bounded::<u8>(1);
    let (tx2, rx2) = (tx.clone(), rx.clone());
    let works = simulate(&config(), move || {
        // What need not wait works: a test may hand results out so.
        (tx2.send(7), rx2.recv(), rx2.try_recv().is_err())
    });
    assert_eq!(works.unwrap(), (Ok(()), Ok(7), true));
    let waits = {
        let rx = rx.clone();
        move || {
            let _ = rx.recv();
        } // @receive
    };
    let selects = move || labsim::channel::select! { recv(rx) -> _ => {} }; // @select
    let text = "a thread of a simulation waits on a channel that was made outside it, where the simulator cannot \
                see what comes: make the channel inside the run";
    for failed in [
        simulate(&config(), waits).result,
        simulate(&config(), selects).result,
    ] {
        let report = failed.unwrap_err().to_string();
        assert!(report.ends_with(text), "{report}");
    }
    drop(tx);
}

/// A lock that somebody outside holds at that moment.
#[test]
fn a_lock_held_outside() {
    let lock = Arc::new(Mutex::new(0));
    let theirs = lock.clone();
    let _guard = lock.lock();
    let report = simulate(&config(), move || *theirs.lock() += 1)
        .result
        .unwrap_err()
        .to_string();
    assert!(
        report.ends_with(
            "Mutex is held by a thread outside the simulation, or was left locked by an earlier run"
        ),
        "{report}"
    );
}

#[test]
fn one_run_inside_another() {
    let text = failure(&config(), || run(Config::default(), || ()).unwrap()); // @inner
    assert_eq!(
        text,
        "thread 'main' panicked at @inner: labsim::run was called inside a simulation: one cannot hold another"
    );
}

/// An object of two simulations that run at the same time (a static, say) would tie them together.
#[test]
fn one_object_in_two_runs() {
    static SHARED: Mutex<u32> = Mutex::new(0);
    let (ready, other_may_go) = std::sync::mpsc::channel::<()>();
    let (end, may_end) = std::sync::mpsc::channel::<()>();
    let first = std::thread::spawn(move || {
        run(config(), move || {
            *SHARED.lock() += 1;
            ready.send(()).unwrap();
            may_end.recv().unwrap();
        })
        .unwrap();
    });
    other_may_go.recv().unwrap();
    let report = failure(&config(), || *SHARED.lock() += 1); // @second
    end.send(()).unwrap();
    first.join().unwrap();
    assert!(
        report.ends_with(
            "a Mutex is used by two simulations that run at the same time: what is shared between tests (a static, an \
             argument of both) must not be a labsim object"
        ),
        "{report}"
    );
    // One after the other is fine.
    run(config(), || *SHARED.lock() += 1).unwrap();
}
