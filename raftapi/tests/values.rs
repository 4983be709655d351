//! The plain values: how they read, compare and travel.

use bytes::Bytes;
use raftapi::view::{EntryId, EntryView, RpcView, SavedView};
use raftapi::{ApplyMsg, LogIndex, NotLeader, PeerId, Term};

fn at(index: u64, term: u64) -> EntryId {
    EntryId {
        index: LogIndex(index),
        term: Term(term),
    }
}

fn entry(term: u64) -> EntryView {
    EntryView {
        term: Term(term),
        command: Bytes::from(format!("c{term}")),
    }
}

#[test]
fn not_leader_says_what_to_do() {
    assert_eq!(
        NotLeader {
            leader: Some(PeerId(2))
        }
        .to_string(),
        "this server does not lead; the last leader it heard from is server 2: \
         try that one, and the others in turn if it does not lead either"
    );
    assert_eq!(
        NotLeader { leader: None }.to_string(),
        "this server does not lead and has not heard from a leader in its term: \
         try the other servers in turn, and again after an election timeout"
    );
}

#[test]
fn numbers_print_as_numbers() {
    assert_eq!(
        format!("{} {} {}", Term(7), LogIndex(12), PeerId(0)),
        "7 12 0"
    );
    assert_eq!(
        format!("{:>4}|{:<3}|{:03}", Term(7), LogIndex(12), PeerId(0)),
        "   7|12 |000"
    );
    assert_eq!(at(12, 3).to_string(), "12@3");
}

#[test]
fn numbers_count() {
    assert_eq!(Term::ZERO.next(), Term(1));
    assert_eq!(LogIndex::ZERO.next(), LogIndex(1));
    assert_eq!(LogIndex(1).prev(), LogIndex::ZERO);
    assert_eq!(
        (Term::default(), LogIndex::default()),
        (Term::ZERO, LogIndex::ZERO)
    );
    assert!(Term(2) < Term(10) && LogIndex(2) < LogIndex(10));
}

#[test]
#[should_panic(expected = "no log index comes before 0, the place before the first entry")]
fn nothing_comes_before_index_0() {
    let _ = LogIndex::ZERO.prev();
}

#[test]
fn apply_messages_print_without_their_payload() {
    let command = ApplyMsg::Command {
        index: LogIndex(12),
        term: Term(3),
        command: "hello".into(),
    };
    assert_eq!(command.to_string(), "command 12@3, 5 bytes");
    assert_eq!(command.index(), LogIndex(12));
    let snapshot = ApplyMsg::Snapshot {
        index: LogIndex(40),
        term: Term(5),
        snapshot: vec![0; 999].into(),
    };
    assert_eq!(snapshot.to_string(), "snapshot 40@5, 999 bytes");
    assert_eq!(snapshot.index(), LogIndex(40));
}

/// One of each kind of message, as a picture of a run labels it.
fn messages() -> Vec<(RpcView, &'static str)> {
    let (term, leader) = (Term(7), PeerId(1));
    let append = |entries| RpcView::AppendEntries {
        term,
        leader,
        prev: at(12, 3),
        entries,
        commit: LogIndex(11),
    };
    vec![
        (
            RpcView::RequestVote {
                term,
                candidate: PeerId(2),
                last: at(12, 3),
            },
            "vote for 2 in term 7? its log ends at 12@3",
        ),
        (
            RpcView::RequestVoteReply {
                term,
                granted: true,
            },
            "vote granted, term 7",
        ),
        (
            RpcView::RequestVoteReply {
                term,
                granted: false,
            },
            "vote refused, term 7",
        ),
        (
            append(vec![]),
            "heartbeat after 12@3 from 1 in term 7, commit 11",
        ),
        (
            append(vec![entry(7)]),
            "1 entry after 12@3 from 1 in term 7, commit 11",
        ),
        (
            append(vec![entry(6), entry(7)]),
            "2 entries after 12@3 from 1 in term 7, commit 11",
        ),
        (
            RpcView::AppendEntriesReply {
                term,
                success: true,
            },
            "appended, term 7",
        ),
        (
            RpcView::AppendEntriesReply {
                term,
                success: false,
            },
            "not appended, term 7",
        ),
        (
            RpcView::InstallSnapshot {
                term,
                leader,
                last: at(12, 3),
                len: 500,
            },
            "snapshot up to 12@3 from 1 in term 7, 500 bytes",
        ),
        (
            RpcView::InstallSnapshotReply { term },
            "snapshot taken, term 7",
        ),
    ]
}

#[test]
fn views_of_messages_print_as_labels() {
    for (message, label) in messages() {
        assert_eq!(message.to_string(), label);
        assert_eq!(message.term(), Term(7), "of {message:?}");
    }
}

#[test]
fn a_saved_log_is_found_by_index() {
    let saved = SavedView {
        term: Term(5),
        vote: Some(PeerId(0)),
        snapshot: at(10, 2),
        entries: vec![entry(2), entry(4), entry(5)],
    };
    assert_eq!(saved.last(), at(13, 5));
    assert_eq!(saved.entry(LogIndex(11)), Some(&entry(2)));
    assert_eq!(saved.entry(LogIndex(13)), Some(&entry(5)));
    for gone in [0, 1, 9, 10, 14, u64::MAX] {
        assert_eq!(saved.entry(LogIndex(gone)), None, "at {gone}");
    }
    let terms: Vec<_> = (8..=14)
        .map(|i| saved.term_at(LogIndex(i)).map(|t| t.0))
        .collect();
    assert_eq!(
        terms,
        [None, None, Some(2), Some(2), Some(4), Some(5), None]
    );
}

#[test]
fn a_log_without_a_snapshot_begins_at_1() {
    let empty = SavedView::default();
    assert_eq!(empty.last(), at(0, 0));
    assert_eq!(empty.term_at(LogIndex(0)), Some(Term(0)));
    assert_eq!(empty.term_at(LogIndex(1)), None);
    let one = SavedView {
        entries: vec![entry(3)],
        ..empty
    };
    assert_eq!(one.last(), at(1, 3));
    assert_eq!(one.term_at(LogIndex(1)), Some(Term(3)));
}

/// Everything that crosses the boundary is plain data, which could go to another process.
#[test]
fn everything_travels() {
    for (message, _) in messages() {
        assert_eq!(labgob::decode(&labgob::encode(&message)), Ok(message));
    }
    let saved = SavedView {
        term: Term(1),
        entries: vec![entry(1)],
        ..SavedView::default()
    };
    assert_eq!(labgob::decode(&labgob::encode(&saved)), Ok(saved));
    let refused = NotLeader {
        leader: Some(PeerId(1)),
    };
    assert_eq!(labgob::decode(&labgob::encode(&refused)), Ok(refused));
    let msg = ApplyMsg::Command {
        index: LogIndex(1),
        term: Term(1),
        command: "x".into(),
    };
    assert_eq!(labgob::decode(&labgob::encode(&msg)), Ok(msg));
    assert_eq!(
        labgob::encoded_len(&(Term(1), LogIndex(2), PeerId(3))),
        labgob::HEADER_LEN + 3
    );
}
