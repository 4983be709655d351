//! What encoding and decoding one RPC costs.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct AppendEntries {
    term: u64,
    leader: usize,
    prev: (u64, u64),
    entries: Vec<Entry>,
    commit: u64,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    term: u64,
    command: Bytes,
}

fn args(entries: usize, command_len: usize) -> AppendEntries {
    let entry = || Entry {
        term: 12,
        command: vec![7; command_len].into(),
    };
    AppendEntries {
        term: 12,
        leader: 2,
        prev: (3456, 11),
        entries: (0..entries).map(|_| entry()).collect(),
        commit: 3455,
    }
}

fn codec(c: &mut Criterion) {
    for (name, args) in [
        ("heartbeat", args(0, 0)),
        ("one entry of 80 bytes", args(1, 80)),
        ("50 entries of 80 bytes", args(50, 80)),
        ("one entry of 5000 bytes", args(1, 5000)),
    ] {
        let bytes = labgob::encode(&args);
        let mut group = c.benchmark_group(format!("{name}, {} B", bytes.len()));
        group.bench_function("encode", |b| b.iter(|| labgob::encode(black_box(&args))));
        group.bench_function("encoded_len", |b| {
            b.iter(|| labgob::encoded_len(black_box(&args)))
        });
        group.bench_function("decode", |b| {
            b.iter(|| labgob::decode::<AppendEntries>(black_box(&bytes)));
        });
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
