//! A server as the tests see it.

use labrpc::{ClientEnd, Service};
use labsim::channel::{Sender, bounded, unbounded};
use labsim::sync::Arc;
use labsim::thread;
use labsim::time::Duration;
use raftapi::kv::KvServer;
use raftapi::{PeerId, Persister, Raft};

use crate::message::{Letter, NotDone, box_rpc};
use crate::owner::{Mail, Owner};

/// A server.
pub struct Server<R: Raft> {
    raft: Arc<R>,
    post: Sender<Mail>,
}

struct Slot(Sender<Mail>);

impl<R: Raft> KvServer for Server<R> {
    fn start(
        peers: Vec<ClientEnd>,
        me: PeerId,
        persister: Persister,
        max_state: Option<usize>,
    ) -> Self {
        let saved = persister.snapshot();
        let (post, mail) = unbounded();
        let (apply_tx, apply_rx) = unbounded();
        let raft = Arc::new(R::make(peers, me, persister.clone(), apply_tx));
        let feed = post.clone();
        thread::spawn(move || {
            for message in apply_rx {
                let _ = feed.send(Mail::Committed(message));
            }
            let _ = feed.send(Mail::End);
        });
        let owner = Owner::new(raft.clone(), persister, max_state, &saved);
        thread::spawn(move || owner.run(mail));
        let tick = post.clone();
        thread::spawn(move || {
            while tick.send(Mail::Tick).is_ok() {
                thread::sleep(Duration::from_millis(30));
            }
        });
        Server { raft, post }
    }

    fn services(&self) -> Vec<Service> {
        let slot = Slot(self.post.clone());
        vec![self.raft.service(), box_rpc::service(Arc::new(slot))]
    }

    fn raft(&self) -> &dyn Raft {
        &*self.raft
    }

    fn kill(&self) {
        self.raft.kill();
        let _ = self.post.send(Mail::End);
    }
}

impl box_rpc::Handler for Slot {
    fn post(&self, letter: Letter) -> Result<String, NotDone> {
        let (answer, answered) = bounded(1);
        self.0
            .send(Mail::Asked(letter, answer))
            .map_err(|_| NotDone)?;
        // Closed if the owner has ended. No limit: the owner dismisses who waits in vain.
        answered.recv().unwrap_or(Err(NotDone))
    }
}
