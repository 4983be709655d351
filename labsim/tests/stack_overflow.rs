//! A simulated thread that overflows its stack ends the process, as any thread does, but with a message that helps.
#![cfg(target_os = "linux")]

use std::process::Command;

use labsim::{Backend, Config, run, thread};

/// Set in the child process: which backend overflows.
const CHILD: &str = "LABSIM_TEST_OVERFLOW";

#[inline(never)]
fn endless(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX {
        return 0;
    }
    endless(depth + 1) + frame[7]
}

/// The child: overflows if it was told to.
#[test]
fn child() {
    let Ok(backend) = std::env::var(CHILD) else {
        return;
    };
    let backend = if backend == "fiber" {
        Backend::Fiber
    } else {
        Backend::Os
    };
    run(Config::seed(1).backend(backend), || {
        // Others run and end before, so that the guard is the right thread's.
        let others: Vec<_> = (0..3)
            .map(|i| thread::spawn(move || thread::sleep(std::time::Duration::from_secs(i))))
            .collect();
        let t = thread::spawn(|| endless(0));
        others.into_iter().for_each(|o| o.join().unwrap());
        t.join().unwrap();
    })
    .unwrap();
    unreachable!("the stack did not overflow");
}

fn overflow(backend: &str) -> (bool, String) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CHILD, backend)
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn overflow_of_a_fiber() {
    let (success, stderr) = overflow("fiber");
    assert!(!success);
    assert!(
        stderr.contains(
            "labsim: a simulated thread overflowed its stack (does a function call itself without end?). Run it on \
             OS threads (LAB_THREADS=os) for a debugger, or set Config::stack_size."
        ),
        "{stderr}"
    );
}

#[test]
fn overflow_of_an_os_thread() {
    let (success, stderr) = overflow("os");
    assert!(!success);
    assert!(stderr.contains("has overflowed its stack"), "{stderr}");
}

/// A larger stack is to be had.
#[test]
fn stack_size_is_obeyed() {
    fn deep(n: u64) -> u64 {
        let frame = std::hint::black_box([n; 128]);
        if n == 0 {
            frame[5]
        } else {
            deep(n - 1) + frame[3]
        }
    }
    for backend in [Backend::Os, Backend::Fiber] {
        let mut config = Config::seed(1).backend(backend);
        config.stack_size = Some(32 << 20);
        run(config, || {
            thread::spawn(|| deep(10_000)).join().unwrap();
        })
        .unwrap();
    }
}
