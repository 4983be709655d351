//! Once, OnceLock and LazyLock, on both clocks and both backends.

mod attempts;
mod crashes;
mod waits;

use labsim::time::Duration;

mod real {
    pub use std::sync::{Arc, LazyLock, Once, OnceLock};
    pub use std::thread;
    pub use std::time::Duration;
}

mod lab {
    pub use labsim::sync::{Arc, LazyLock, Once, OnceLock};
    pub use labsim::thread;
    pub use labsim::time::Duration;
}

const MS: Duration = Duration::from_millis(1);

parity! {
    fn one_initialiser_runs_and_all_see_its_value() -> (Vec<u32>, u32) {
        let cell = Arc::new((OnceLock::new(), std::sync::atomic::AtomicU32::new(0)));
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let cell = cell.clone();
                thread::spawn(move || {
                    let value = *cell.0.get_or_init(|| {
                        cell.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(5));
                        thread::yield_now();
                        i
                    });
                    value - *cell.0.get().unwrap()
                })
            })
            .collect();
        let differences = threads.into_iter().map(|t| t.join().unwrap()).collect();
        (differences, cell.1.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn the_api_of_a_once_lock() -> Vec<String> {
        let mut cell = OnceLock::new();
        let mut seen = vec![format!("{cell:?} {:?}", cell.get())];
        seen.push(format!("{:?}", cell.get_mut()));
        seen.push(format!("{:?} {:?}", cell.set(1), cell.set(2)));
        seen.push(format!("{cell:?} {} {}", cell.get_or_init(|| 3), cell.wait()));
        *cell.get_mut().unwrap() += 10;
        let copy = cell.clone();
        seen.push(format!("{copy:?} {}", copy == cell));
        seen.push(format!("{:?} {:?} {:?}", cell.take(), cell.take(), cell.get()));
        seen.push(format!("{} {:?}", copy == cell, cell.clone()));
        seen.push(format!("{:?} {:?}", cell.set(4), cell.into_inner()));
        seen.push(format!("{:?} {:?}", OnceLock::from(5).get(), OnceLock::<u8>::default().into_inner()));
        seen
    }

    fn wait_returns_when_another_thread_has_set_it() -> (u32, bool) {
        let both = Arc::new((OnceLock::new(), Once::new()));
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let both = both.clone();
                thread::spawn(move || {
                    both.1.wait();
                    *both.0.wait()
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(10));
        both.0.set(7).unwrap();
        let early = both.1.is_completed();
        thread::sleep(Duration::from_millis(10));
        both.1.call_once(|| ());
        (waiters.into_iter().map(|w| w.join().unwrap()).sum(), early)
    }

    /// `set` waits for an initialiser that is under way, and then comes too late.
    fn set_waits_for_the_initialiser() -> (Result<(), u32>, u32) {
        let cell = Arc::new((OnceLock::new(), OnceLock::new()));
        let other = cell.clone();
        let maker = thread::spawn(move || {
            *other.0.get_or_init(|| {
                other.1.set(()).unwrap();
                thread::sleep(Duration::from_millis(40));
                1
            })
        });
        cell.1.wait();
        (cell.0.set(2), maker.join().unwrap())
    }

    fn a_panic_leaves_the_cell_empty() -> (bool, Option<u32>, u32) {
        let cell = OnceLock::new();
        let caught = std::panic::catch_unwind(|| {
            cell.get_or_init(|| std::panic::resume_unwind(Box::new(1)));
        });
        (caught.is_err(), cell.get().copied(), *cell.get_or_init(|| 2))
    }

    fn once_runs_one_function() -> (Vec<bool>, bool) {
        let once = Arc::new(Once::new());
        let ran = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (once, ran) = (once.clone(), ran.clone());
                thread::spawn(move || {
                    once.call_once(|| {
                        thread::sleep(Duration::from_millis(5));
                        assert!(!ran.swap(true, std::sync::atomic::Ordering::SeqCst));
                    });
                    ran.load(std::sync::atomic::Ordering::SeqCst) && once.is_completed()
                })
            })
            .collect();
        let done = threads.into_iter().map(|t| t.join().unwrap()).collect();
        once.call_once(|| panic!("it has run"));
        (done, Once::new().is_completed())
    }

    fn a_lazy_value_is_made_on_first_use() -> Vec<String> {
        let made = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let m = made.clone();
        let lazy = Arc::new(LazyLock::new(move || {
            thread::sleep(Duration::from_millis(5));
            vec![m.fetch_add(1, std::sync::atomic::Ordering::SeqCst)]
        }));
        let mut seen = vec![format!("{lazy:?}")];
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let lazy = lazy.clone();
                thread::spawn(move || lazy.len() + LazyLock::force(&lazy).len())
            })
            .collect();
        seen.push(format!("{:?}", readers.into_iter().map(|r| r.join().unwrap()).collect::<Vec<_>>()));
        seen.push(format!("{lazy:?} {made:?} {:?}", LazyLock::<String>::default().as_str()));
        seen
    }
}
