// BEGIN SOLUTION
//! Scenes about reads that do not enter the log (§8; dissertation §6.4).

use raftapi::{LogIndex, PeerId, Term};

use super::stage::*;
use crate::message::AppendEntriesReply;
use crate::node::Node;

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

fn answer(term: u64) -> Option<AppendEntriesReply> {
    Some(AppendEntriesReply {
        term: Term(term),
        success: true,
        hint: None,
    })
}

/// A leads term 1 and has committed one entry of it.
fn leader() -> Node {
    let mut a = server(A, 3);
    wins(&mut a, &[B]);
    a.start("x".into()).unwrap();
    let (_, sent) = append_to(B, a.finish());
    a.use_append_reply(PeerId(B), sent, answer(1));
    a.finish();
    assert_eq!(a.commit, LogIndex(1));
    a
}

fn confirmed(node: &mut Node) -> Vec<LogIndex> {
    let reads = node.take_confirmed_reads();
    reads.into_iter().map(|(_, index)| index).collect()
}

#[test]
fn a_majority_confirms_a_read() {
    let mut a = leader();
    let _told = a.ask_to_read().expect("A leads");
    let calls = appends(a.finish());
    assert_eq!(calls.len(), 2, "each follower is asked at once");
    assert_eq!(confirmed(&mut a), [], "nobody has answered");
    a.use_append_reply(calls[0].0, calls[0].2, answer(1));
    assert_eq!(confirmed(&mut a), [LogIndex(1)]);
    assert_eq!(confirmed(&mut a), [], "once");
}

/// C's answer left before the read was asked for. Meanwhile B and C may have another leader.
#[test]
fn an_answer_to_an_earlier_call_confirms_nothing() {
    let mut a = leader();
    a.start("y".into()).unwrap();
    let (_, before) = append_to(C, a.finish());
    let _told = a.ask_to_read().expect("A leads");
    a.finish();
    a.use_append_reply(PeerId(C), before, answer(1));
    assert_eq!(confirmed(&mut a), []);
}

#[test]
fn a_deposed_leader_confirms_nothing() {
    let mut a = leader();
    let told = a.ask_to_read().expect("A leads");
    let calls = appends(a.finish());
    a.use_append_reply(calls[0].0, calls[0].2, answer(2)); // a reply of a later term
    a.use_append_reply(calls[1].0, calls[1].2, answer(1));
    assert_eq!(confirmed(&mut a), []);
    assert!(told.try_recv().is_err_and(|e| e.is_disconnected()));
    assert!(a.ask_to_read().is_none(), "A does not lead");
}

/// What earlier leaders have committed is known only with an entry of one's own.
#[test]
fn a_new_leader_has_reads_go_through_the_log() {
    let (mut a, mut b) = (server_with(A, 3, 1, &[1]), server_with(B, 3, 1, &[1]));
    let calls = wins(&mut a, &[B]);
    talk(&mut a, &mut b, calls);
    assert!(a.ask_to_read().is_none(), "nothing is committed");
    a.start("x".into()).unwrap();
    let calls = a.finish();
    assert!(a.ask_to_read().is_none(), "its entry is not committed yet");
    talk(&mut a, &mut b, calls);
    assert!(a.ask_to_read().is_some());
}
// END SOLUTION
