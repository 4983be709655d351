//! Observers, and interceptors that decide on single messages.

use crate::common::*;
use labrpc::{
    Cause, Direction, Fate, Link, MessageId, MessageSeen, Network, Observer, Server, Verdict,
};
use labsim::Domain;
use labsim::sync::{Arc, Mutex};
use labsim::time::Instant;

/// Writes down what it sees.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn add(&self, what: &str, seen: &MessageSeen<'_>, more: String) {
        let MessageId { call, copy, .. } = seen.id;
        let (from, to) = (seen.from_peer(), seen.to_peer());
        let peer = |p: Option<u32>| p.map_or("?".to_string(), |p| p.to_string());
        let line = format!("{what} {call}.{copy} {}>{} {more}", peer(from), peer(to));
        self.0.lock().push(line.trim_end().to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Observer for Log {
    fn on_request(&self, seen: &MessageSeen<'_>, fate: Fate) {
        assert!(seen.is_request() && seen.method.starts_with("Junk."));
        self.add("request", seen, short(fate));
    }
    fn on_arrival(&self, seen: &MessageSeen<'_>) {
        self.add("arrival", seen, String::new());
    }
    fn on_reply(&self, seen: &MessageSeen<'_>, fate: Fate) {
        assert!(seen.is_reply());
        self.add("reply", seen, short(fate));
    }
    fn on_delivery(&self, seen: &MessageSeen<'_>) {
        self.add("delivery", seen, String::new());
    }
    fn on_lost(&self, seen: &MessageSeen<'_>, cause: Cause) {
        let way = if seen.is_request() {
            "request"
        } else {
            "reply"
        };
        self.add("lost", seen, format!("{way} {}", cause.name()));
    }
}

fn short(fate: Fate) -> String {
    match fate {
        Fate::Arrives { after } => format!("arrives {}", after.as_millis()),
        Fate::Lost { cause, .. } => format!("lost {}", cause.name()),
        Fate::Held => "held".into(),
    }
}

/// A world whose caller is peer 3 and whose server is peer 5.
fn peers() -> (Network, Arc<Junk>, junk::Client, Arc<Log>) {
    let net = Network::new();
    let junk = Arc::new(Junk::default());
    let server = Server::in_domain(&Domain::new(5, 1));
    net.add_server("five", server.with(junk::deferred_service(junk.clone())));
    let end = net.make_end_in("3-5", &Domain::new(3, 0));
    net.connect("3-5", "five");
    net.enable("3-5", true);
    let log = Arc::new(Log::default());
    net.observe(log.clone());
    (net, junk, junk::Client::new(end), log)
}

/// Intercepts requests to handler2 with this verdict.
fn on_requests(net: &Network, verdict: Verdict) {
    net.intercept_requests(Arc::new(move |_| verdict));
}

fn on_replies(net: &Network, verdict: Verdict) {
    net.intercept_replies(Arc::new(move |_| verdict));
}

#[test]
fn observers_see_a_call_step_by_step() {
    on_clocks(|| {
        let (net, _, client, log) = peers();
        client.handler2(&1).unwrap();
        let steps = [
            "request 1.0 3>5 arrives 0",
            "arrival 1.0 3>5",
            "reply 1.0 3>5 arrives 0",
        ];
        assert_eq!(log.take(), [&steps[..], &["delivery 1.0 3>5"]].concat());
        net.enable("3-5", false);
        client.handler2(&2).unwrap_err();
        assert_eq!(log.take(), ["request 2.0 3>5 lost end-disabled"]);
        net.enable("3-5", true);
        net.delete_server("five");
        client.handler2(&3).unwrap_err();
        assert_eq!(log.take(), ["request 3.0 3>? lost no-server"]);
        net.stop_observing();
        client.handler2(&4).unwrap_err();
        assert!(log.take().is_empty());
    });
}

/// What a message carries, as observers see it, decodes to what was sent.
#[test]
fn observers_see_the_very_bytes() {
    struct Decodes(Mutex<Vec<String>>);
    impl Observer for Decodes {
        fn on_request(&self, seen: &MessageSeen<'_>, _: Fate) {
            let args: i32 = labgob::decode(seen.bytes).unwrap();
            self.0.lock().push(format!("{seen:?} {args}"));
        }
        fn on_reply(&self, seen: &MessageSeen<'_>, _: Fate) {
            let reply: String = labgob::decode(seen.bytes).unwrap();
            self.0.lock().push(format!("{seen:?} {reply}"));
        }
    }
    on_clocks(|| {
        let (net, _, client, _) = peers();
        let decodes = Arc::new(Decodes(Mutex::default()));
        net.observe(decodes.clone());
        client.handler2(&77).unwrap();
        let expected = [
            "Junk.handler2 request of call 1 by end \"3-5\" to server \"five\", 8 bytes 77",
            "Junk.handler2 reply of call 1 by end \"3-5\" to server \"five\", 18 bytes handler2-77",
        ];
        assert_eq!(*decodes.0.lock(), expected);
    });
}

#[test]
fn a_dropped_request_never_runs_and_a_dropped_reply_has_run() {
    on_clocks(|| {
        let (net, junk, client, log) = peers();
        on_requests(&net, Verdict::Drop);
        client.handler2(&1).unwrap_err();
        assert_eq!(log.take(), ["request 1.0 3>5 lost intercepted"]);
        net.stop_intercepting();
        on_replies(&net, Verdict::Drop);
        client.handler2(&2).unwrap_err();
        assert_eq!(log.take().last().unwrap(), "reply 2.0 3>5 lost intercepted");
        assert_eq!(*junk.log2.lock(), [2]);
        net.stop_intercepting();
        client.handler2(&3).unwrap();
    });
}

#[test]
fn delays_are_exact_and_leave_chance_aside() {
    on_clocks(|| {
        let (net, _, client, _) = peers();
        net.set_reliable(false);
        net.intercept(Arc::new(|_| Verdict::Delay(ms(20))));
        for n in 0..30 {
            let start = Instant::now();
            client.handler2(&n).unwrap();
            let took = start.elapsed();
            assert!(
                took >= ms(40) && took < ms(40) + slack(),
                "20 ms each way took {took:?}"
            );
        }
    });
}

/// The story this is made for: a duplicate of a request that its server has long answered.
#[test]
fn a_delayed_duplicate_runs_after_its_call_has_ended() {
    on_clocks(|| {
        let (net, junk, client, log) = peers();
        net.intercept_requests(Arc::new(|seen| {
            let first = labgob::decode::<i32>(seen.bytes).unwrap() == 1;
            if first {
                Verdict::Duplicate(ms(60))
            } else {
                Verdict::Pass
            }
        }));
        client.handler2(&1).unwrap();
        client.handler2(&2).unwrap();
        assert_eq!(*junk.log2.lock(), [1, 2]);
        eventually("the duplicate has run", || junk.log2.lock().len() == 3);
        assert_eq!(*junk.log2.lock(), [1, 2, 1]);
        let seen = log.take();
        assert!(
            seen.contains(&"request 1.1 3>5 arrives 60".to_string()),
            "{seen:#?}"
        );
        eventually("its reply is late", || {
            net.server_counters("five").late_replies == 1
        });
    });
}

#[test]
fn held_requests_wait_for_their_release() {
    on_clocks(|| {
        let (net, junk, client, log) = peers();
        on_requests(&net, Verdict::Hold);
        let first = client.background().handler2(&1);
        let second = client.background().handler2(&2);
        assert_eq!(log.take(), ["request 1.0 3>5 held", "request 2.0 3>5 held"]);
        assert!(first.try_recv().is_err() && junk.log2.lock().is_empty());
        let held = net.held();
        assert_eq!(held.len(), 2);
        assert!(net.release(held[1]));
        assert_eq!(second.recv().unwrap().unwrap(), "handler2-2");
        assert!(net.release(held[0]) && !net.release(held[0]));
        assert_eq!(first.recv().unwrap().unwrap(), "handler2-1");
        assert_eq!(*junk.log2.lock(), [2, 1]);
    });
}

#[test]
fn held_copies_arrive_twice_in_the_end() {
    on_clocks(|| {
        let (net, junk, client, _) = peers();
        on_requests(&net, Verdict::HoldCopy);
        client.handler2(&1).unwrap();
        net.stop_intercepting();
        client.handler2(&2).unwrap();
        let [held] = net.held()[..] else {
            panic!("one copy is held, not {:?}", net.held())
        };
        assert_eq!(
            (held.call.0, held.direction, held.copy),
            (1, Direction::Request, 1)
        );
        assert!(net.release(held));
        assert_eq!(*junk.log2.lock(), [1, 2, 1]);
    });
}

#[test]
fn held_replies_wait_and_are_tested_on_release() {
    on_clocks(|| {
        let (net, junk, client, _) = peers();
        on_replies(&net, Verdict::Hold);
        let first = client.background().handler2(&1);
        let second = client.background().handler2(&2);
        assert_eq!(*junk.log2.lock(), [1, 2]);
        let held = net.held();
        assert!(net.release(held[0]));
        assert_eq!(first.recv().unwrap().unwrap(), "handler2-1");
        net.enable("3-5", false);
        assert!(net.release(held[1]));
        second.recv().unwrap().unwrap_err();
    });
}

#[test]
fn held_messages_can_be_lost_for_good() {
    on_clocks(|| {
        let (net, junk, client, log) = peers();
        on_requests(&net, Verdict::Hold);
        let result = client.background().handler2(&1);
        log.take();
        let held = net.held()[0];
        assert!(net.discard(held) && !net.discard(held) && !net.release(held));
        result.recv().unwrap().unwrap_err();
        assert_eq!(log.take(), ["lost 1.0 3>5 request intercepted"]);
        assert!(junk.log2.lock().is_empty());
    });
}

/// Interceptors are not asked where there is nothing to decide, and cannot pass a cut.
#[test]
fn interceptors_decide_only_what_can_arrive() {
    on_clocks(|| {
        let (net, _, client, log) = peers();
        let asked = Arc::new(Mutex::new(0));
        let count = asked.clone();
        net.intercept(Arc::new(move |_| {
            *count.lock() += 1;
            Verdict::Pass
        }));
        net.enable("3-5", false);
        client.handler2(&1).unwrap_err();
        assert_eq!(*asked.lock(), 0);
        net.enable("3-5", true);
        client.handler2(&2).unwrap();
        assert_eq!(*asked.lock(), 2);
        on_requests(&net, Verdict::Delay(ms(30)));
        log.take();
        let result = client.background().handler2(&3);
        net.enable("3-5", false);
        result.recv().unwrap().unwrap_err();
        let seen = [
            "request 3.0 3>5 arrives 30",
            "lost 3.0 3>5 request end-disabled",
        ];
        assert_eq!(log.take(), seen);
    });
}

/// A copy's reply is named by the copy it answers; a copy of a reply by two more.
#[test]
fn every_copy_has_a_number_of_its_own() {
    on_clocks(|| {
        let (net, _, client, log) = peers();
        net.intercept(Arc::new(|_| Verdict::Duplicate(ms(10))));
        net.set_link("3-5", Some(Link::unreliable()));
        client.handler2(&1).unwrap();
        eventually("three replies were late", || {
            net.server_counters("five").late_replies == 3
        });
        let mut sent = log.take();
        sent.retain(|line| line.starts_with("re"));
        let numbers: Vec<_> = sent
            .iter()
            .map(|l| l.split(" 3>5").next().unwrap())
            .collect();
        let expected = [
            "request 1.0",
            "reply 1.0",
            "reply 1.2",
            "request 1.1",
            "reply 1.1",
            "reply 1.3",
        ];
        assert_eq!(numbers, expected);
    });
}
