//! What is on the disk (Figure 2, "Persistent state").

use raftapi::view::SavedView;
use raftapi::{PeerId, Persister, Term};
use serde::{Deserialize, Serialize};

use crate::log::Log;
use crate::message::Entry;
use crate::node::Node;

#[derive(Serialize, Deserialize)]
struct Saved<L>(Term, Option<PeerId>, L);

pub fn restore(persister: &Persister) -> (Term, Option<PeerId>, Log) {
    let bytes = persister.state();
    if bytes.is_empty() {
        return Default::default();
    }
    let Saved(term, vote, log) = labgob::decode(&bytes).expect("what was saved here");
    (term, vote, log)
}

impl Node {
    /// To be called after each change, and before the lock is given up.
    pub fn save(&self) {
        let bytes = labgob::encode(&Saved(self.term, self.vote, &self.log));
        self.persister.save(bytes, self.snapshot.clone());
    }
}

pub fn view(bytes: &[u8]) -> Option<SavedView> {
    let Saved(term, vote, log) = labgob::decode::<Saved<Log>>(bytes).ok()?;
    Some(SavedView {
        term,
        vote,
        snapshot: log.snapshot,
        entries: log.entries().map(Entry::view).collect(),
    })
}
