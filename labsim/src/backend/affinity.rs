//! One core for all threads of a simulation: only one of them runs at a time, and a hand-over within a core
//! takes less than half as long as one between two.

use std::cell::Cell;

use parking_lot::Mutex;

/// How many simulations of this process use each core.
static USERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

thread_local! {
    /// The core that the calling thread of the pool was last confined to.
    static CONFINED: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A core in use by a simulation.
pub(crate) struct Core(Option<usize>);

impl Core {
    /// Takes the core with the fewest simulations of this process; of several, the one the caller runs on.
    pub(crate) fn claim() -> Core {
        let (allowed, here) = (system::allowed_cores(), system::this_core());
        let mut users = USERS.lock();
        let load = |users: &Vec<u32>, core: usize| users.get(core).copied().unwrap_or(0);
        let best = allowed
            .iter()
            .copied()
            .min_by_key(|core| (load(&users, *core), Some(*core) != here));
        if let Some(core) = best {
            if users.len() <= core {
                users.resize(core + 1, 0);
            }
            users[core] += 1;
        }
        Core(best)
    }

    /// Confines the calling thread, one of the pool, to the core. Best effort: a system that refuses only makes runs slower.
    pub(crate) fn confine_this_thread(&self) {
        if let Some(core) = self.0
            && CONFINED.get() != Some(core)
            && system::confine(core)
        {
            CONFINED.set(Some(core));
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        if let Some(core) = self.0 {
            USERS.lock()[core] -= 1;
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::mem;

    /// The cores that the calling thread may run on.
    pub(super) fn allowed_cores() -> Vec<usize> {
        // SAFETY: an all-zero `cpu_set_t` is an empty set, and the call fills no more than its size.
        let set = unsafe {
            let mut set: libc::cpu_set_t = mem::zeroed();
            if libc::sched_getaffinity(0, mem::size_of_val(&set), &mut set) != 0 {
                return Vec::new();
            }
            set
        };
        // SAFETY: every index is below CPU_SETSIZE.
        (0..libc::CPU_SETSIZE as usize)
            .filter(|core| unsafe { libc::CPU_ISSET(*core, &set) })
            .collect()
    }

    pub(super) fn this_core() -> Option<usize> {
        // SAFETY: takes nothing, returns a number or -1.
        usize::try_from(unsafe { libc::sched_getcpu() }).ok()
    }

    pub(super) fn confine(core: usize) -> bool {
        // SAFETY: the set is a plain value; `core` came from `allowed_cores`, so it is below CPU_SETSIZE.
        unsafe {
            let mut set: libc::cpu_set_t = mem::zeroed();
            libc::CPU_SET(core, &mut set);
            libc::sched_setaffinity(0, mem::size_of_val(&set), &set) == 0
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn allowed_cores() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn this_core() -> Option<usize> {
        None
    }

    pub(super) fn confine(_core: usize) -> bool {
        false
    }
}
