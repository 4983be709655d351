//! RwLock and RecursiveRwLock, on both clocks and both backends: here beside the originals, whose behaviour they have.

mod crashes;
mod races;
mod reports;
mod waits;

use labsim::time::Duration;

mod real {
    pub use parking_lot::{
        RecursiveRwLock, RwLock, RwLockReadGuard, RwLockWriteGuard, RwLockWriteGuard as Write,
    };
    pub use std::sync::{Arc, Barrier};
    pub use std::thread;
    pub use std::time::{Duration, Instant};
}

mod lab {
    pub use labsim::sync::{Arc, Barrier, RecursiveRwLock, RwLock};
    pub use labsim::sync::{RwLockReadGuard, RwLockWriteGuard, RwLockWriteGuard as Write};
    pub use labsim::thread;
    pub use labsim::time::{Duration, Instant};
}

const MS: Duration = Duration::from_millis(1);

parity! {
    /// Two threads are inside at once, or the barrier would never open.
    fn readers_share() -> u32 {
        let shared = Arc::new((RwLock::new(20), Barrier::new(3)));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let value = shared.0.read();
                    shared.1.wait();
                    *value
                })
            })
            .collect();
        let value = *shared.0.read();
        shared.1.wait();
        value + readers.into_iter().map(|r| r.join().unwrap()).sum::<u32>()
    }

    fn writers_exclude_each_other_and_readers() -> (u32, bool) {
        let lock = Arc::new(RwLock::new((0, 0)));
        let writers: Vec<_> = (0..3)
            .map(|_| {
                let lock = lock.clone();
                thread::spawn(move || {
                    for _ in 0..20 {
                        let mut pair = lock.write();
                        pair.0 += 1;
                        thread::yield_now();
                        pair.1 += 1;
                    }
                })
            })
            .collect();
        let mut consistent = true;
        for _ in 0..20 {
            let pair = lock.read();
            thread::yield_now();
            consistent &= pair.0 == pair.1;
            drop(pair);
            thread::yield_now();
        }
        for w in writers {
            w.join().unwrap();
        }
        let pair = lock.read();
        (pair.0 + pair.1, consistent)
    }

    fn try_gives_what_is_free() -> Vec<(&'static str, bool)> {
        fn ask(lock: &Arc<RwLock<u8>>) -> (bool, bool) {
            let lock = lock.clone();
            thread::spawn(move || (lock.try_read().is_some(), lock.try_write().is_some()))
                .join()
                .unwrap()
        }
        let lock = Arc::new(RwLock::new(0));
        let mut seen = Vec::new();
        let mut note = |names: [&'static str; 2], (r, w): (bool, bool)| {
            seen.extend([(names[0], r), (names[1], w)]);
        };
        note(["free: read", "free: write"], ask(&lock));
        let reader = lock.read();
        note(["read: read", "read: write"], ask(&lock));
        drop(reader);
        let writer = lock.write();
        note(["written: read", "written: write"], ask(&lock));
        let reader = RwLockWriteGuard::downgrade(writer);
        note(["downgraded: read", "downgraded: write"], ask(&lock));
        drop(reader);
        note(["free again: read", "free again: write"], ask(&lock));
        seen
    }

    /// The policy that parking_lot documents: no new reader while a writer waits.
    fn a_waiting_writer_keeps_readers_out() -> (bool, bool, u32) {
        let lock = Arc::new(RwLock::new(0));
        let first = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() += 1)
        };
        while lock.try_read().is_some() {
            thread::sleep(Duration::from_millis(1));
        }
        let shut_out = lock.try_read().is_none();
        let late = {
            let lock = lock.clone();
            thread::spawn(move || *lock.read())
        };
        thread::sleep(Duration::from_millis(30));
        let still = !late.is_finished();
        drop(first);
        writer.join().unwrap();
        let _ = late.join().unwrap();
        let seen = *lock.read();
        (shut_out, still, seen)
    }

    fn a_recursive_lock_lets_a_reader_in_again() -> u32 {
        let lock = Arc::new(RecursiveRwLock::new(1));
        let first = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() += 1)
        };
        thread::sleep(Duration::from_millis(30));
        let second = lock.read();
        let sum = *first + *second;
        drop((first, second));
        writer.join().unwrap();
        sum + *lock.read()
    }

    fn timeouts_expire_or_do_not() -> Vec<bool> {
        let lock = Arc::new(RwLock::new(0));
        let mut seen = Vec::new();
        let short = Duration::from_millis(10);
        let long = Duration::from_secs(10);
        let writer = lock.write();
        let other = lock.clone();
        seen.extend(
            thread::spawn(move || {
                let begun = Instant::now();
                // Each in a statement of its own, which drops its guard.
                let a = other.try_read_for(short).is_some();
                let b = other.try_write_for(short).is_some();
                let c = other.try_read_until(Instant::now() + short).is_some();
                let d = other.try_write_until(Instant::now() + short).is_some();
                [a, b, c, d, begun.elapsed() >= short * 4]
            })
            .join()
            .unwrap(),
        );
        let other = lock.clone();
        let patient = thread::spawn(move || {
            let a = other.try_read_for(long).is_some();
            let b = other.try_write_for(long).is_some();
            let c = other.try_write_for(Duration::MAX).is_some();
            let d = other.try_read_for(Duration::MAX).is_some();
            [a, b, c, d]
        });
        thread::sleep(short);
        drop(writer);
        seen.extend(patient.join().unwrap());
        seen
    }

    /// A writer that gives up no longer keeps readers out.
    fn a_writer_that_gives_up_lets_readers_in() -> (bool, u32) {
        let lock = Arc::new(RwLock::new(7));
        let _first = lock.read();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || lock.try_write_for(Duration::from_millis(60)).is_some())
        };
        thread::sleep(Duration::from_millis(10));
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || *lock.read())
        };
        (writer.join().unwrap(), reader.join().unwrap())
    }

    /// No writer comes between the write lock and the read lock it becomes.
    fn downgrade_lets_no_writer_in() -> (u32, bool, u32) {
        let lock = Arc::new(RwLock::new(0));
        let mut guard = lock.write();
        let writer = {
            let lock = lock.clone();
            thread::spawn(move || *lock.write() = 9)
        };
        let reader = {
            let lock = lock.clone();
            thread::spawn(move || *lock.read())
        };
        thread::sleep(Duration::from_millis(10));
        *guard = 5;
        let guard = Write::downgrade(guard);
        thread::sleep(Duration::from_millis(10));
        let mine = *guard;
        drop(guard);
        writer.join().unwrap();
        let seen = reader.join().unwrap();
        let last = *lock.read();
        (mine, seen == 5 || seen == 9, last)
    }

    fn guards_narrow_and_step_out() -> (String, Vec<i32>) {
        let lock = RwLock::new((String::from("a"), vec![1]));
        {
            let mut part = RwLockWriteGuard::map(lock.write(), |v| &mut v.0);
            part.push('b');
            assert!(lock.try_read().is_none());
        }
        {
            let part = RwLockReadGuard::map(lock.read(), |v| &v.0);
            assert_eq!(format!("{part} {part:?}"), r#"ab "ab""#);
            assert!(lock.try_read().is_some() && lock.try_write().is_none());
        }
        let mut guard = lock.write();
        guard.1.push(2);
        RwLockWriteGuard::unlocked(&mut guard, || lock.write().1.push(3));
        guard.1.push(4);
        drop(guard);
        let mut guard = lock.read();
        RwLockReadGuard::unlocked(&mut guard, || lock.write().1.push(5));
        assert!(std::ptr::eq(RwLockReadGuard::rwlock(&guard), &lock));
        (guard.0.clone(), guard.1.clone())
    }

    fn the_rest_of_the_api() -> (String, Vec<bool>, i32) {
        let mut lock: RwLock<i32> = RwLock::from(3);
        *lock.get_mut() += 1;
        let mut text = format!("{lock:?} {:?}", RwLock::<u8>::default());
        text += &format!(" {} {:?}", lock.read(), lock.read());
        text += &format!(" {}", lock.write());
        let mut locked = vec![lock.is_locked(), lock.is_locked_exclusive()];
        let guard = lock.read();
        locked.extend([lock.is_locked(), lock.is_locked_exclusive()]);
        drop(guard);
        let guard = lock.write();
        locked.extend([lock.is_locked(), lock.is_locked_exclusive()]);
        drop(guard);
        (text, locked, lock.into_inner())
    }

    /// No poisoning, and the lock is free after a panic, for reading and for writing.
    fn a_panic_drops_its_guards() -> (Vec<bool>, u32) {
        let lock = RwLock::new(1);
        let panics = |f: &dyn Fn()| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).is_err() && lock.try_write().is_some()
        };
        let all = vec![
            panics(&|| {
                let _guard = lock.read();
                std::panic::resume_unwind(Box::new(1));
            }),
            panics(&|| {
                *lock.write() += 1;
                let _guard = lock.write();
                std::panic::resume_unwind(Box::new(1));
            }),
            panics(&|| {
                let mut guard = lock.write();
                RwLockWriteGuard::unlocked(&mut guard, || std::panic::resume_unwind(Box::new(1)));
            }),
            panics(&|| {
                let _part = RwLockReadGuard::map(lock.read(), |_| std::panic::resume_unwind(Box::new(1)) as &u8);
            }),
        ];
        let value = *lock.read();
        (all, value)
    }
}
