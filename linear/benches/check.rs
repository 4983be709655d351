//! How long a check takes: 3,000 operations by five clients that are always busy, on one key.
//!
//! Measured on one of two cores that others kept busy too (load 5), milliseconds:
//!
//! | history | steps | ms |
//! |---|---|---|
//! | append and get, right | 2,953 | 6 (2.6 on a quiet machine) |
//! | the same, a stale answer | 5,602 | 5 (2.7) |
//! | the same, an append shown twice | 0 | 3 |
//! | the same, an append lost | 5,600 | 4 (2.8) |
//! | its report | | 60 |
//! | 45 % gets, 5 % puts, 1 % replies lost, right | 3,047 | 3 |
//! | the same, wrong | 10,320 | 5 |
//! | the same by 20 clients, right | 8,720 | 5 |
//! | the same by 20 clients, wrong | 23,804 | 12 |
//! | 1,000 appends, then one get | 2,482 | 2 |

#[path = "../tests/common/load.rs"]
#[allow(dead_code)]
mod load;
#[path = "../tests/common/random.rs"]
#[allow(dead_code)]
mod random;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use linear::models::{Kv, KvInput, KvOutput};
use linear::{History, Settings, Verdict, check};
use load::{Fault, Load, right, unread, wrong};

type KvHistory = History<KvInput, KvOutput>;

fn case(c: &mut Criterion, name: &str, history: &KvHistory, verdict: Verdict) {
    let found = check(&Kv, history, &Settings::default());
    assert_eq!(found.verdict(), verdict, "{name}");
    println!(
        "{name}: {} operations, {} steps",
        history.operations().len(),
        found.steps()
    );
    c.bench_function(name, |b| {
        b.iter(|| check(&Kv, black_box(history), &Settings::default()).verdict());
    });
}

fn appends_and_gets(c: &mut Criterion) {
    let load = Load {
        clients: 5,
        operations: 3000,
        gets: 50,
        puts: 0,
        lost: 0,
    };
    case(
        c,
        "append+get, right",
        &right(1, load),
        Verdict::Linearizable,
    );
    for fault in [Fault::Stale, Fault::Twice, Fault::LostUpdate] {
        let name = format!("append+get, wrong: {fault:?}");
        case(c, &name, &wrong(1, load, fault), Verdict::Illegal);
    }
    let history = wrong(1, load, Fault::LostUpdate);
    let found = check(&Kv, &history, &Settings::default());
    c.bench_function("append+get, wrong: the report", |b| {
        b.iter(|| found.report(&Kv, &history))
    });
}

fn harder(c: &mut Criterion) {
    let load = Load {
        clients: 5,
        operations: 3000,
        gets: 45,
        puts: 5,
        lost: 1,
    };
    case(
        c,
        "append+get+put, 1% lost, right",
        &right(1, load),
        Verdict::Linearizable,
    );
    case(
        c,
        "append+get+put, 1% lost, wrong",
        &wrong(1, load, Fault::Stale),
        Verdict::Illegal,
    );
    let load = Load {
        clients: 20,
        operations: 3000,
        ..load
    };
    case(
        c,
        "the same by 20 clients, right",
        &right(1, load),
        Verdict::Linearizable,
    );
    case(
        c,
        "the same by 20 clients, wrong",
        &wrong(1, load, Fault::Stale),
        Verdict::Illegal,
    );
    let unread = random::history(unread(1, 200, None));
    case(
        c,
        "1000 appends, then one get",
        &unread,
        Verdict::Linearizable,
    );
}

criterion_group!(benches, appends_and_gets, harder);
criterion_main!(benches);
