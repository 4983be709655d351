//! A clear message when a fiber's stack overflows. Rust's own handler knows only the guard pages of OS threads.

use std::cell::Cell;

/// The smallest page there is: every guard is at least as large.
const PAGE: usize = 4096;

thread_local! {
    /// The guard page below the running fiber's stack.
    static GUARD: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Notes the stack of the fiber that is about to run.
#[inline]
pub(crate) fn watch(guard: usize) {
    GUARD.set((guard, guard + PAGE));
}

/// No fiber runs on this thread any more.
pub(crate) fn unwatch() {
    GUARD.set((0, 0));
}

#[cfg(unix)]
mod handler {
    use std::mem;
    use std::sync::Once;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const MESSAGE: &[u8] = b"\nlabsim: a simulated thread overflowed its stack (does a function call itself without end?). \
Run it on OS threads (LAB_THREADS=os) for a debugger, or set Config::stack_size.\n";

    /// The handler that was there before: Rust's own.
    static BEFORE: AtomicUsize = AtomicUsize::new(0);

    pub(crate) fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            // SAFETY: both structures are plain data that the calls read and fill; the handler is async-signal-safe.
            unsafe {
                let mut action: libc::sigaction = mem::zeroed();
                action.sa_sigaction = on_fault as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                let mut before: libc::sigaction = mem::zeroed();
                if libc::sigaction(libc::SIGSEGV, &action, &mut before) == 0 {
                    BEFORE.store(before.sa_sigaction, Ordering::SeqCst);
                }
            }
        });
    }

    extern "C" fn on_fault(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the kernel passes a valid `info`. GUARD is const-initialised and without a destructor, so reading
        // it allocates nothing. `write` and `abort` are async-signal-safe.
        unsafe {
            let address = (*info).si_addr() as usize;
            let (low, high) = super::GUARD.get();
            if (low..high).contains(&address) {
                libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len());
                libc::abort();
            }
            call_before(signal, info, context);
        }
    }

    /// # Safety
    /// Only from the handler, with what it was given.
    unsafe fn call_before(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        type Handler = unsafe extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        match BEFORE.load(Ordering::SeqCst) {
            libc::SIG_DFL | libc::SIG_IGN => {
                // SAFETY: restores the default action; the fault happens again on return, and ends the process.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
            before => {
                // SAFETY: `before` came from `sigaction`, and Rust installs its handler with SA_SIGINFO.
                unsafe { mem::transmute::<usize, Handler>(before)(signal, info, context) };
            }
        }
    }
}

#[cfg(unix)]
pub(crate) use handler::install;

#[cfg(not(unix))]
pub(crate) fn install() {}
