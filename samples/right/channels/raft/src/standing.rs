//! Term and role in one number, which anybody may read at any time.

use labsim::sync::atomic::{AtomicU64, Ordering};
use raftapi::Term;

#[derive(Default)]
pub struct Standing(AtomicU64);

impl Standing {
    pub fn write(&self, term: Term, leads: bool) {
        self.0
            .store(term.0 << 1 | u64::from(leads), Ordering::SeqCst);
    }

    pub fn read(&self) -> (Term, bool) {
        let number = self.0.load(Ordering::SeqCst);
        (Term(number >> 1), number & 1 == 1)
    }
}
