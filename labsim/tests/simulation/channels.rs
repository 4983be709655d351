//! Channels behave as crossbeam-channel's, whatever the clock.

use crate::common::{always, show};

parity! {
    /// The error of each operation that cannot be done at once, with the message in it.
    fn errors_of_operations_that_do_not_wait() {
        let mut log = Vec::new();
        let (tx, rx) = channel::bounded(1);
        log.push(show(rx.try_recv()));
        log.push(show(tx.try_send(1)));
        log.push(show(tx.try_send(2)));
        log.push(show(tx.try_send(2).unwrap_err().is_full()));
        log.push(show(rx.try_recv()));
        let (rx2, tx2) = (rx.clone(), tx.clone());
        drop((rx, rx2));
        log.push(show(tx.try_send(3)));
        log.push(show(tx.try_send(3).unwrap_err().into_inner()));
        log.push(show(tx.send(4)));
        log.push(show(tx2.send_timeout(5, Duration::from_millis(1))));
        let (tx, rx) = channel::unbounded::<u8>();
        drop(tx);
        log.push(show(rx.try_recv()));
        log.push(show(rx.recv()));
        log.push(show(rx.recv_timeout(Duration::from_millis(1))));
        log.push(show(rx.recv_deadline(Instant::now())));
        log
    }
}

parity! {
    /// Waits that end by their time, neither early nor without an error.
    fn timed_operations_time_out() {
        let mut log = Vec::new();
        let wait = Duration::from_millis(10);
        let timed = |f: &mut dyn FnMut() -> String| {
            let before = Instant::now();
            let s = f();
            (s, before.elapsed() >= wait)
        };
        for cap in [0, 1] {
            let (tx, rx) = channel::bounded(cap);
            log.push(show(timed(&mut || show(rx.recv_timeout(wait)))));
            log.push(show(timed(&mut || show(rx.recv_deadline(Instant::now() + wait)))));
            let _ = tx.try_send(0);
            log.push(show(timed(&mut || show(tx.send_timeout(1, wait)))));
            log.push(show(timed(&mut || show(tx.send_deadline(1, Instant::now() + wait)))));
        }
        let never = channel::never::<u8>();
        log.push(show(timed(&mut || show(never.recv_timeout(wait)))));
        log.push(show(never.try_recv()));
        // A deadline that is past already is a try.
        let (tx, rx) = channel::bounded(1);
        let past = Instant::now();
        log.push(show(rx.recv_deadline(past)));
        log.push(show(tx.send_deadline(1, past)));
        log.push(show(tx.send_deadline(2, past)));
        log.push(show(rx.recv_deadline(past)));
        // Zero time likewise.
        log.push(show(rx.recv_timeout(Duration::ZERO)));
        log
    }
}

parity! {
    /// A timeout that no clock can represent is no timeout.
    fn endless_timeouts() {
        let (tx, rx) = channel::bounded(1);
        let sender = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            tx.send_timeout(7, Duration::MAX)
        });
        vec![show(rx.recv_timeout(Duration::MAX)), show(sender.join().unwrap())]
    }
}

parity! {
    fn sizes() {
        let mut log = Vec::new();
        let mut look = |tx: &channel::Sender<u8>, rx: &channel::Receiver<u8>| {
            log.push(show((tx.len(), tx.capacity(), tx.is_empty(), tx.is_full())));
            log.push(show((rx.len(), rx.capacity(), rx.is_empty(), rx.is_full())));
        };
        let (tx, rx) = channel::unbounded();
        look(&tx, &rx);
        tx.send(1).unwrap();
        look(&tx, &rx);
        let (tx, rx) = channel::bounded(2);
        look(&tx, &rx);
        tx.send(1).unwrap();
        look(&tx, &rx);
        tx.send(2).unwrap();
        look(&tx, &rx);
        let _ = rx.recv();
        look(&tx, &rx);
        let (tx, rx) = channel::bounded(0);
        look(&tx, &rx);
        let never = channel::never::<u8>();
        look(&tx, &never);
        let after = channel::after(Duration::from_millis(5));
        log.push(show((after.len(), after.capacity(), after.is_empty(), after.is_full())));
        thread::sleep(Duration::from_millis(6));
        log.push(show((after.len(), after.is_empty(), after.is_full())));
        log.push(show(after.recv().is_ok()));
        log.push(show((after.len(), after.try_recv().is_err())));
        log
    }
}

parity! {
    fn same_channel() {
        let (tx, rx) = channel::unbounded::<u8>();
        let (tx2, rx2) = channel::unbounded::<u8>();
        let (zero, zero_rx) = channel::bounded::<u8>(0);
        vec![
            show((tx.same_channel(&tx.clone()), tx.same_channel(&tx2), zero.same_channel(&zero.clone()))),
            show((rx.same_channel(&rx.clone()), rx.same_channel(&rx2), rx.same_channel(&zero_rx))),
            show(channel::never::<u8>().same_channel(&channel::never())),
        ]
    }
}

parity! {
    /// A send without room waits for a receive, and no longer.
    fn a_full_channel_blocks_its_sender() {
        let (tx, rx) = channel::bounded(2);
        let sender = thread::spawn(move || (0..6).map(|i| tx.send(i).is_ok()).filter(|ok| *ok).count());
        thread::sleep(Duration::from_millis(30));
        let waiting = !sender.is_finished();
        let got: Vec<u32> = rx.iter().collect();
        vec![show(waiting), show(got), show(sender.join().unwrap())]
    }
}

parity! {
    /// A rendezvous: the send returns when the message has been taken.
    fn a_channel_without_room_hands_over() {
        let (tx, rx) = channel::bounded(0);
        let mut log = vec![show(tx.try_send(1)), show(rx.try_recv())];
        let sender = thread::spawn(move || {
            let before = Instant::now();
            tx.send(2).unwrap();
            before.elapsed() >= Duration::from_millis(20)
        });
        thread::sleep(Duration::from_millis(40));
        log.push(show(rx.recv()));
        log.push(show(("the sender waited", sender.join().unwrap())));
        log.push(show(rx.recv()));
        let (tx, rx) = channel::bounded(0);
        let receiver = thread::spawn(move || rx.recv());
        log.push(show(tx.send_timeout(3, Duration::from_secs(5))));
        log.push(show(receiver.join().unwrap()));
        log.push(show(tx.send(4)));
        log
    }
}

parity! {
    /// A sender or receiver that waits hears of the other side's end.
    fn the_end_of_the_other_side_ends_a_wait() {
        let mut log = Vec::new();
        for cap in [0, 1] {
            let (tx, rx) = channel::bounded::<u8>(cap);
            let _ = tx.try_send(0);
            let sender = thread::spawn(move || tx.send(1));
            thread::sleep(Duration::from_millis(20));
            drop(rx);
            log.push(show(sender.join().unwrap()));
            let (tx, rx) = channel::bounded::<u8>(cap);
            let receivers = [rx.clone(), rx].map(|rx| thread::spawn(move || rx.recv()));
            thread::sleep(Duration::from_millis(20));
            drop(tx);
            log.extend(receivers.map(|r| show(r.join().unwrap())));
        }
        log
    }
}

parity! {
    /// Messages that were sent before the senders ended are still received.
    fn messages_outlive_their_senders() {
        let (tx, rx) = channel::unbounded();
        tx.send(1).unwrap();
        tx.clone().send(2).unwrap();
        drop(tx);
        vec![show(rx.recv()), show(rx.try_recv()), show(rx.try_recv())]
    }
}

parity! {
    /// The end of the last receiver drops what is in the channel, at once.
    fn the_last_receiver_discards_the_messages() {
        let value = Arc::new(());
        let (tx, rx) = channel::unbounded();
        tx.send(value.clone()).unwrap();
        tx.send(value.clone()).unwrap();
        let other = rx.clone();
        drop(rx);
        let with_one_receiver = Arc::strong_count(&value);
        drop(other);
        let with_none = Arc::strong_count(&value);
        let refused = tx.send(value.clone()).is_err();
        vec![show((with_one_receiver, with_none, refused)), show(tx.len())]
    }
}

parity! {
    /// A message may hold the channel's own sender.
    fn a_channel_may_be_sent_through_itself() {
        enum Message { Sender(#[allow(dead_code)] channel::Sender<Message>) }
        let (tx, rx) = channel::unbounded();
        tx.send(Message::Sender(tx.clone())).unwrap();
        drop(rx);
        vec![show(tx.send(Message::Sender(tx.clone())).is_err())]
    }
}

parity! {
    fn iterators() {
        let (tx, rx) = channel::unbounded();
        (0..4).for_each(|i| tx.send(i).unwrap());
        let tried: Vec<u32> = rx.try_iter().take(2).collect();
        let rest: Vec<u32> = rx.try_iter().collect();
        let none = rx.try_iter().next();
        (4..8).for_each(|i| tx.send(i).unwrap());
        drop(tx);
        let first: Vec<u32> = (&rx).into_iter().take(1).collect();
        let second: Vec<u32> = rx.iter().take(1).collect();
        let all: Vec<u32> = rx.into_iter().collect();
        vec![show((tried, rest, none)), show((first, second, all))]
    }
}

parity! {
    /// Many senders and receivers: each message arrives once, those of one sender in their order.
    fn every_message_arrives_once() {
        let mut log = Vec::new();
        for cap in [Some(0), Some(1), Some(3), None] {
            let (tx, rx) = cap.map_or_else(channel::unbounded, channel::bounded);
            let senders: Vec<_> = (0..3)
                .map(|i| {
                    let tx = tx.clone();
                    thread::spawn(move || (0..5).for_each(|j| tx.send((i, j)).unwrap()))
                })
                .collect();
            drop(tx);
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let rx = rx.clone();
                    thread::spawn(move || rx.iter().collect::<Vec<(u32, u32)>>())
                })
                .collect();
            senders.into_iter().for_each(|s| s.join().unwrap());
            let mut all = Vec::new();
            for r in receivers {
                let got = r.join().unwrap();
                for i in 0..3 {
                    let of_one: Vec<u32> = got.iter().filter(|m| m.0 == i).map(|m| m.1).collect();
                    assert!(of_one.is_sorted(), "{of_one:?}");
                }
                all.extend(got);
            }
            all.sort_unstable();
            log.push(show(all));
        }
        log
    }
}

parity! {
    /// `after` delivers once, `tick` again and again, and keeps no more than one message.
    fn time_channels() {
        let mut log = Vec::new();
        let begin = Instant::now();
        let after = channel::after(Duration::from_millis(10));
        let when = after.recv().unwrap();
        log.push(show(when >= begin + Duration::from_millis(10) && Instant::now() >= when));
        log.push(show((after.try_recv().is_err(), after.recv_timeout(Duration::from_millis(1)))));
        let at = channel::at(begin + Duration::from_millis(5));
        log.push(show(at.recv().unwrap() == begin + Duration::from_millis(5)));

        let ticks = channel::tick(Duration::from_millis(20));
        let (first, second) = (ticks.recv().unwrap(), ticks.recv().unwrap());
        log.push(show(second - first >= Duration::from_millis(20)));
        thread::sleep(Duration::from_millis(90));
        // Four periods have passed; one message was kept, and the next is due a whole period after it is taken.
        log.push(show((ticks.try_recv().is_ok(), ticks.try_recv().is_err())));
        let (clone, before) = (ticks.clone(), Instant::now());
        let _ = (ticks.recv(), clone.recv());
        log.push(show(before.elapsed() >= Duration::from_millis(30)));
        log
    }
}

/// A loop that only looks, and never takes, is made of labsim calls too: virtual time passes and others run.
#[test]
fn polling_a_channel_makes_progress() {
    use labsim::channel::{bounded, never};
    use labsim::thread;
    use labsim::time::{Duration, Instant};
    always(3, || {
        let (tx, rx) = bounded(1);
        let sender = thread::spawn(move || {
            thread::sleep(Duration::from_micros(50));
            tx.send(1).unwrap();
            while !tx.is_empty() {}
        });
        while rx.is_empty() {}
        while !rx.is_full() {}
        assert_eq!(rx.recv(), Ok(1));
        sender.join().unwrap();
        let end = Instant::now() + Duration::from_micros(50);
        let nothing = never::<u8>();
        let mut looks = 0;
        while Instant::now() < end {
            assert!(nothing.try_recv().is_err());
            looks += 1;
        }
        assert!(looks < 500, "{looks} looks that cost no time");
    });
}
