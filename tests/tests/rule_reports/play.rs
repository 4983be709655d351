//! Scripts, and what several of them have in common.

pub use raftapi::PeerId;
pub use raftapi::view::RpcView;
pub use tests::claim::{self, Claim};
pub use tests::prelude::*;
pub use tests::{Kind, Story, rehearse};

use crate::kept::{self, compare};
pub use crate::script::{Actor, Script, Scripted, entries, id};

/// Of a part in which servers save.
pub static STORY: Story = Story {
    part: "2C",
    module: "raft_2c",
    ..kept::STORY
};

#[track_caller]
pub fn golden<S: Script>(name: &str, claim: &Claim, tell: fn(&Cluster)) {
    compare(
        name,
        claim,
        &rehearse(&STORY, Kind::of::<Scripted<S>>(), tell, 1),
    );
}

pub fn wait(c: &Cluster) {
    c.sleep_ms(3000);
}

/// The command that the scripts' logs hold is given to somebody before it is applied.
pub fn give(c: &Cluster) {
    let refuses = Server::numbered(2);
    assert!(c.try_propose(refuses, "x").is_err());
}

/// A script: what each server does, and in some what it answers.
macro_rules! script {
    ($name:ident, $play:expr) => {
        script!($name, $play, Actor::right_answer);
    };
    ($name:ident, $play:expr, $answer:expr) => {
        struct $name;
        impl Script for $name {
            fn play(actor: &Actor) {
                let play: fn(&Actor) = $play;
                play(actor)
            }
            fn answer(actor: &Actor, asked: &RpcView) -> RpcView {
                let answer: fn(&Actor, &RpcView) -> RpcView = $answer;
                answer(actor, asked)
            }
        }
    };
}

/// Server 0 is elected in term 1 at 100 ms and brings its first entry to all.
pub fn first_leader(a: &Actor) {
    if a.me == 0 {
        a.at_ms(100);
        a.runs(1, &[1, 2]);
        a.saves(|state| state.entries = entries([(1, "x")]));
        a.leads(1, id(0, 0), &entries([(1, "x")]), 0);
    }
}

/// Asks for a vote in this term, whatever its own is.
pub fn asks_for_a_vote(a: &Actor, of: usize, term: u64) {
    let (term, candidate, last) = (Term(term), PeerId(a.me), id(0, 0));
    let ask = RpcView::RequestVote {
        term,
        candidate,
        last,
    };
    a.asks(of, &ask);
}

/// Server 0 leads term 1, and server 1 term 2 from 500 ms on.
pub fn two_leaders(a: &Actor) {
    first_leader(a);
    if a.me == 1 {
        a.at_ms(500);
        a.runs(2, &[0, 2]);
        a.leads(2, id(1, 1), &[], 0);
    }
}
