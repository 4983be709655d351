//! What a disk promises to a peer and to the harness.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use labsim::Domain;
use labsim::sync::atomic::{AtomicBool, Ordering};
use labsim::sync::{Arc, Mutex};
use raftapi::{Disk, Persister};

/// What is saved, as text.
fn contents(persister: &Persister) -> (String, String) {
    let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    (text(persister.state()), text(persister.snapshot()))
}

fn pair(state: &str, snapshot: &str) -> (String, String) {
    (state.to_string(), snapshot.to_string())
}

#[test]
fn a_new_disk_is_empty() {
    let disk = Disk::new();
    let persister = disk.mount(&Domain::new(0, 0));
    assert_eq!(contents(&persister), pair("", ""));
    assert_eq!((persister.state_len(), persister.snapshot_len()), (0, 0));
    assert_eq!(
        (disk.saves(), disk.lost_saves(), disk.bytes_written()),
        (0, 0, 0)
    );
}

#[test]
fn what_was_saved_outlives_the_incarnation() {
    let disk = Disk::default();
    let first = Domain::new(0, 0);
    disk.mount(&first).save("term 3", "snapshot");
    first.crash();
    let persister = disk.mount(&Domain::new(0, 1));
    assert_eq!(contents(&persister), pair("term 3", "snapshot"));
    assert_eq!(disk.mounts(), 2);
}

/// A crash comes before a save or after it: the two blobs are always of one save.
#[test]
fn both_blobs_change_together() {
    let disk = Disk::new();
    let domain = Domain::new(0, 0);
    let persister = disk.mount(&domain);
    persister.save("1", "one");
    persister.save("2", "two");
    assert_eq!(contents(&persister), pair("2", "two"));
    domain.crash();
    persister.save("3", "three");
    assert_eq!(contents(&disk.mount(&Domain::new(0, 1))), pair("2", "two"));
}

#[test]
fn an_empty_snapshot_erases() {
    let disk = Disk::new();
    let persister = disk.mount(&Domain::new(0, 0));
    persister.save("1", "snapshot");
    persister.save("2", persister.snapshot());
    assert_eq!(
        contents(&persister),
        pair("2", "snapshot"),
        "handed back, it stays"
    );
    persister.save("3", Bytes::new());
    assert_eq!(contents(&persister), pair("3", ""));
    assert_eq!(persister.snapshot_len(), 0);
}

#[test]
fn a_dead_incarnation_saves_nothing() {
    let disk = Disk::new();
    let (first, second) = (Domain::new(4, 0), Domain::new(4, 1));
    let old = disk.mount(&first);
    old.save("old", "old");
    first.crash();

    old.save("lost", "lost");
    let clone = old.clone();
    clone.save("lost too", "");
    first.enter(|| old.save("lost as well", "")); // a thread that acts for the dead peer
    assert_eq!((disk.saves(), disk.lost_saves()), (1, 3));

    let new = disk.mount(&second);
    new.save("new", "new");
    old.save("lost again", "lost again");
    assert_eq!(contents(&new), pair("new", "new"));
    assert_eq!(disk.bytes_written(), 12, "lost saves were not written");
    assert_eq!(disk.max_state_len(), 3, "lost saves do not count");
}

/// A peer may be in the middle of saving, on another core, when it crashes.
#[test]
fn no_save_comes_in_after_the_next_mount() {
    for _ in 0..20 {
        let disk = Disk::new();
        let first = Domain::new(0, 0);
        let old = disk.mount(&first);
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let saver = first.spawn("saver", move || {
            for n in 0.. {
                old.save(format!("{n}"), format!("{n}"));
                labsim::thread::yield_now();
                if asked.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        while disk.saves() < 20 {
            labsim::thread::yield_now();
        }
        first.crash();
        let new = disk.mount(&Domain::new(0, 1));
        let (found, saves) = (contents(&new), disk.saves());
        labsim::thread::sleep(labsim::time::Duration::from_millis(2));
        assert_eq!((contents(&new), disk.saves()), (found, saves));
        stop.store(true, Ordering::Relaxed);
        let _ = saver.join(); // an error if the crash has ended it
    }
}

#[test]
fn one_incarnation_may_mount_twice() {
    let disk = Disk::new();
    let domain = Domain::new(1, 7);
    let (raft, server) = (disk.mount(&domain), disk.mount(&domain));
    raft.save("state", "snapshot");
    assert_eq!(contents(&server), pair("state", "snapshot"));
}

#[test]
#[should_panic(
    expected = "incarnation 1 of server 2 cannot mount this disk: incarnation 0 of server 2 has it \
                and is still alive. Crash that domain first"
)]
fn two_live_incarnations_cannot_share_a_disk() {
    let disk = Disk::new();
    disk.mount(&Domain::new(2, 0));
    disk.mount(&Domain::new(2, 1));
}

/// A refused mount changes nothing: the incarnation that has the disk goes on.
#[test]
fn a_refused_mount_leaves_the_disk_usable() {
    let disk = Disk::new();
    let persister = disk.mount(&Domain::new(2, 0));
    let other = disk.clone();
    let refused = std::panic::catch_unwind(AssertUnwindSafe(|| other.mount(&Domain::new(2, 1))));
    assert!(
        refused.is_err(),
        "a second live incarnation mounted the disk"
    );
    persister.save("goes on", "");
    assert_eq!((disk.mounts(), disk.saves()), (1, 1));
}

#[test]
fn sizes_and_counts() {
    let disk = Disk::new();
    let persister = disk.mount(&Domain::new(0, 0));
    persister.save(vec![0; 900], vec![0; 20]);
    persister.save(vec![0; 30], vec![0; 500]);
    persister.save(vec![0; 40], persister.snapshot());
    assert_eq!((persister.state_len(), persister.snapshot_len()), (40, 500));
    assert_eq!((disk.state_len(), disk.snapshot_len()), (40, 500));
    assert_eq!((disk.max_state_len(), disk.max_snapshot_len()), (900, 500));
    assert_eq!(disk.saves(), 3);
    assert_eq!(disk.bytes_written(), 900 + 20 + 30 + 500 + 40 + 500);
    assert_eq!((disk.state().len(), disk.snapshot().len()), (40, 500));
}

/// Neither side copies: what was saved and what is read are the same memory.
#[test]
fn saving_and_reading_copy_nothing() {
    let disk = Disk::new();
    let persister = disk.mount(&Domain::new(0, 0));
    let (state, snapshot) = (Bytes::from(vec![1; 100]), Bytes::from(vec![2; 100]));
    persister.save(state.clone(), snapshot.clone());
    assert_eq!(persister.state().as_ptr(), state.as_ptr());
    assert_eq!(persister.snapshot().as_ptr(), snapshot.as_ptr());
    assert_eq!(disk.snapshot().as_ptr(), snapshot.as_ptr());
}

/// A value read earlier does not change under its reader.
#[test]
fn what_was_read_stays() {
    let disk = Disk::new();
    let persister = disk.mount(&Domain::new(0, 0));
    persister.save("before", "");
    let read = persister.state();
    persister.save("after", "");
    assert_eq!(read, "before");
}

#[test]
fn an_observer_sees_each_save_that_took_effect() {
    type Seen = (u32, u32, u64, Bytes, Bytes);
    let seen = Arc::new(Mutex::new(Vec::<Seen>::new()));
    let log = seen.clone();
    let disk = Disk::observed(move |s| {
        let entry = (
            s.peer,
            s.incarnation,
            s.number,
            s.state.clone(),
            s.snapshot.clone(),
        );
        log.lock().push(entry);
    });
    let first = Domain::new(3, 0);
    let persister = disk.mount(&first);
    persister.save("a", "x");
    persister.save("b", "");
    first.crash();
    persister.save("lost", "");
    disk.mount(&Domain::new(3, 1)).save("c", "z");
    let expected: Vec<Seen> = vec![
        (3, 0, 1, "a".into(), "x".into()),
        (3, 0, 2, "b".into(), "".into()),
        (3, 1, 3, "c".into(), "z".into()),
    ];
    assert_eq!(*seen.lock(), expected);
}

/// The observer may look at the disk; the save has taken effect.
#[test]
fn an_observer_may_read_the_disk() {
    let own = Arc::new(Mutex::new(None::<Disk>));
    let handle = own.clone();
    let found = Arc::new(Mutex::new(Bytes::new()));
    let result = found.clone();
    let disk = Disk::observed(move |_| {
        let disk = handle.lock().clone().expect("the disk");
        *result.lock() = disk.state();
    });
    *own.lock() = Some(disk.clone());
    disk.mount(&Domain::new(0, 0)).save("new", "");
    *own.lock() = None;
    assert_eq!(*found.lock(), "new");
}

#[test]
fn debug_prints_sizes_and_not_bytes() {
    let disk = Disk::new();
    let persister = disk.mount(&Domain::new(2, 1));
    persister.save(vec![0; 1000], vec![0; 9]);
    assert_eq!(
        format!("{disk:?}"),
        "Disk { state_len: 1000, snapshot_len: 9, saves: 1 }"
    );
    assert_eq!(
        format!("{persister:?}"),
        "Persister { peer: 2, incarnation: 1, state_len: 1000, snapshot_len: 9 }"
    );
}
