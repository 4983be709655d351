//! Lengths in damaged bytes cost no memory.
//!
//! One test in a binary of its own, since it counts what the whole process allocates.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use peak_alloc::PeakAlloc;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What the test runner's own thread may allocate meanwhile.
const NOISE: usize = 4096;

#[derive(Serialize, Deserialize, Default)]
struct Wide([u64; 32]);

/// The most bytes that were allocated at once while `f` ran, on top of what was there before.
fn peak(f: impl FnOnce()) -> usize {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    f();
    ALLOCATED.peak_usage() - before
}

/// A `T` whose body is a length of `claimed` and then `data`.
fn claim<T: Serialize + DeserializeOwned + Default>(claimed: u64, data: &[u8]) {
    let mut bytes = labgob::encode(&T::default());
    bytes.truncate(labgob::HEADER_LEN);
    bytes.extend_from_slice(&labgob::encode(&claimed)[labgob::HEADER_LEN..]);
    bytes.extend_from_slice(data);
    let name = std::any::type_name::<T>();
    let mut result = None;
    let used = peak(|| result = Some(labgob::decode::<T>(&bytes).err()));
    assert!(
        result.flatten().is_some(),
        "{name} with a length of {claimed} was accepted"
    );
    // serde allocates 1 MiB ahead at most; a table may round that up to a power of two.
    assert!(
        used < 4 << 20,
        "{name} with a length of {claimed}: {used} bytes allocated at once"
    );
}

#[test]
fn lengths_cost_no_memory_and_measuring_none() {
    for claimed in [
        1000,
        1 << 20,
        1 << 31,
        1 << 32,
        1 << 40,
        u64::MAX / 8,
        u64::MAX - 1,
        u64::MAX,
    ] {
        for data in [&[][..], &[0; 100], &[1; 900]] {
            claim::<String>(claimed, data);
            claim::<Bytes>(claimed, data);
            claim::<Vec<u8>>(claimed, data);
            claim::<Vec<u64>>(claimed, data);
            claim::<Vec<Wide>>(claimed, data);
            claim::<Vec<Vec<Vec<String>>>>(claimed, data);
            claim::<BTreeMap<u64, String>>(claimed, data);
            claim::<HashMap<u64, [u64; 30]>>(claimed, data);
        }
    }
    let large = vec!["x".repeat(1000); 100];
    let mut len = 0;
    let used = peak(|| len = labgob::encoded_len(&large));
    assert!(used < NOISE, "encoded_len allocated {used} bytes");
    assert_eq!(len, labgob::encode(&large).len());
    let used = peak(|| drop(labgob::encode(&large)));
    assert!(
        (len..len + NOISE).contains(&used),
        "encode allocated {used} bytes for {len}"
    );
}
