//! The original's delays and losses, end to end.

use crate::common::*;
use labrpc::Network;
use labsim::channel::{Receiver, unbounded};
use labsim::time::Instant;

/// Makes so many calls at once; the latencies in ms of those that failed, in the order in which they did.
fn failures(client: &junk::Client, calls: i32) -> Vec<f64> {
    let (to, results) = unbounded();
    let start = Instant::now();
    for n in 0..calls {
        let to = to.clone();
        client
            .callback()
            .handler2(&n, move |r| to.send((r, start.elapsed())).unwrap());
    }
    drop(to);
    let failed = results.iter().filter(|(result, _)| result.is_err());
    failed
        .map(|(_, after)| after.as_secs_f64() * 1000.0)
        .collect()
}

#[track_caller]
fn check_dead_delays(net: &Network, client: &junk::Client, longest: f64) {
    let times = failures(client, 400);
    assert_eq!(times.len(), 400, "some calls to a dead server succeeded");
    assert_eq!(net.count("server"), 0);
    let slack = slack().as_secs_f64() * 1000.0;
    let last = times[399];
    assert!(last <= longest + slack, "the last failed after {last} ms");
    assert!(
        last >= 0.95 * longest,
        "the last failed after {last} ms already"
    );
    // Uniform: the mean is half, its standard deviation 0.289/20 of the whole; six of them are allowed.
    let mean = times.iter().sum::<f64>() / 400.0;
    let (low, high) = (longest * (0.5 - 0.087), longest * (0.5 + 0.087) + slack);
    assert!(
        low <= mean && mean <= high,
        "they failed after {mean} ms on average"
    );
}

#[test]
fn a_disabled_end_fails_within_99_ms() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        world.net.enable("end", false);
        check_dead_delays(&world.net, &client, 99.0);
    });
}

/// Seven seconds, on the wall clock.
#[test]
fn long_delays_fail_within_6999_ms() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let end = world.net.make_end("end");
        world.net.connect("end", "nobody");
        world.net.enable("end", true);
        world.net.set_long_delays(true);
        check_dead_delays(&world.net, &junk::Client::new(end), 6999.0);
    });
}

#[test]
fn an_unreliable_network_loses_a_tenth_each_way() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        world.net.set_reliable(false);
        let failed = failures(&client, 2000);
        // 0.9 and 0.81 of 2000, with standard deviations 13.4 and 17.5; six of them are allowed.
        let counted = world.net.method_counters("Junk.handler2");
        assert_eq!(counted.requests, 2000);
        assert!(
            (1720..=1880).contains(&counted.arrived),
            "{} requests arrived",
            counted.arrived
        );
        assert!(
            (1515..=1725).contains(&counted.replies),
            "{} replies arrived",
            counted.replies
        );
        assert_eq!(counted.replies as usize + failed.len(), 2000);
        assert_eq!(world.junk.log2.lock().len(), counted.arrived as usize);
        // Lost requests are told when they would have arrived, lost replies at once.
        let last = failed.last().unwrap();
        assert!(
            *last <= 26.0 + 2.0 * slack().as_millis() as f64,
            "a loss was told after {last} ms"
        );
    });
}

#[test]
fn long_reordering_holds_two_of_three_replies() {
    on_clocks(|| {
        let world = World::new(Mode::Deferred);
        let client = world.client("end");
        world.net.set_long_reordering(true);
        let (to, replies): (_, Receiver<f64>) = unbounded();
        let start = Instant::now();
        for n in 0..600 {
            let to = to.clone();
            client.callback().handler2(&n, move |r| {
                r.unwrap();
                to.send(start.elapsed().as_secs_f64() * 1000.0).unwrap();
            });
        }
        drop(to);
        let times: Vec<f64> = replies.iter().collect();
        let held = times.iter().filter(|t| **t >= 200.0).count();
        // 400 of 600, standard deviation 11.5.
        assert!(
            (330..=470).contains(&held),
            "{held} of 600 replies were held"
        );
        assert!(
            times[599] < 2199.0 + slack().as_millis() as f64,
            "one for {} ms",
            times[599]
        );
    });
}
