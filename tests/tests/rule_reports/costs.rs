//! Limits on messages, bytes and what is on disk.

use super::play::*;

/// A golden file, a claim, and a story that finds it broken.
type Cost = (&'static str, &'static Claim, fn(&Cluster));

#[test]
fn costs() {
    script!(Talks, |a| {
        first_leader(a);
        if a.me == 0 {
            (2..60).for_each(|k| {
                a.at_ms(100 + 10 * k);
                a.leads(1, id(1, 1), &[], 0);
            });
        }
    });
    let costs: [Cost; 6] = [
        ("few_rpcs", &claim::FEW_RPCS, |c| {
            c.fail(
                &claim::FEW_RPCS,
                format!("{} RPCs for one command, expected 20", c.rpcs()),
            )
        }),
        ("quick_backup", &claim::QUICK_BACKUP, |c| {
            c.fail(
                &claim::QUICK_BACKUP,
                "server 1 was sent 40 requests before its log matched",
            )
        }),
        ("quiet_when_idle", &claim::QUIET_WHEN_IDLE, |c| {
            c.fail(
                &claim::QUIET_WHEN_IDLE,
                format!("server 0 sent {} RPCs in a second", c.rpcs()),
            )
        }),
        ("election_rpcs", &claim::ELECTION_RPCS, |c| {
            c.fail(&claim::ELECTION_RPCS, format!("{} RPCs", c.rpcs()))
        }),
        ("few_bytes", &claim::FEW_BYTES, |c| {
            c.fail(
                &claim::FEW_BYTES,
                format!("{} bytes for one command", c.bytes()),
            )
        }),
        ("state_size", &claim::STATE_SIZE, |c| {
            let (server, size) = c.largest_state();
            c.fail(
                &claim::STATE_SIZE,
                format!("{server} has {size} bytes of state on disk"),
            );
        }),
    ];
    for (name, claim, tell) in costs {
        static TELL: std::sync::Mutex<Option<fn(&Cluster)>> = std::sync::Mutex::new(None);
        *TELL.lock().unwrap() = Some(tell);
        golden::<Talks>(name, claim, |c| {
            c.sleep_ms(500);
            let tell = TELL.lock().unwrap().expect("it was set");
            tell(c)
        });
    }
}
