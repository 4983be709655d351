//! `select!` and `Select` behave as crossbeam-channel's, whatever the clock.

use crate::common::show;

parity! {
    fn select_takes_what_is_ready() {
        let mut log = Vec::new();
        let (tx, rx) = channel::unbounded();
        let (full, full_rx) = channel::bounded(1);
        full.send(1).unwrap();
        tx.send("hello").unwrap();
        select! {
            recv(rx) -> m => log.push(show(m)),
            send(full, 2) -> _ => log.push("sent".into()),
            default => log.push("nothing".into()),
        }
        select! {
            recv(rx) -> m => log.push(show(m)),
            send(full, 2) -> _ => log.push("sent".into()),
            default => log.push("nothing".into()),
        }
        full_rx.recv().unwrap();
        select! {
            recv(rx) -> m => log.push(show(m)),
            send(full, 2) -> r => log.push(show(r)),
        }
        log.push(show(full_rx.recv()));
        log
    }
}

parity! {
    fn select_with_a_timeout() {
        let (_tx, rx) = channel::unbounded::<u8>();
        let (zero, _zero_rx) = channel::bounded::<u8>(0);
        let before = Instant::now();
        let got = select! {
            recv(rx) -> _ => "received",
            send(zero, 1) -> _ => "sent",
            default(Duration::from_millis(10)) => "timed out",
        };
        let waited = before.elapsed() >= Duration::from_millis(10);
        let only_default = select! { default => "default alone" };
        let only_timeout = select! { default(Duration::from_millis(1)) => "timeout alone" };
        vec![show((got, waited)), show((only_default, only_timeout))]
    }
}

parity! {
    /// A body may be a block, with a comma after it or without, or an expression.
    fn select_arms_may_be_written_in_any_way() {
        let (tx, rx) = channel::bounded::<u8>(2);
        let (_quiet_tx, quiet) = channel::bounded::<u8>(1);
        let mut n = 0;
        select! { recv(quiet) -> _ => {}, send(tx, 1) -> r => { r.unwrap() }, }
        select! { recv(quiet) -> _ => {} send(tx, 2) -> r => r.unwrap(), default => {}, }
        select! { recv(quiet) -> _ => n += 1, default() => { n += 10 }, }
        select! { recv(quiet) -> _ => { n += 1 }, default(Duration::from_millis(1)) => { n += 100 }, }
        select! { recv(quiet) -> _ => { n += 1 } recv(rx) -> m => { n += i32::from(m.unwrap()) * 1000 } }
        let last = select! { recv(rx) -> m => m, recv(quiet) -> m => m };
        vec![show((n, last))]
    }
}

parity! {
    /// The message of a send arm is made when the arm has been chosen, not before.
    fn select_makes_a_message_only_to_send_it() {
        let (full, rx) = channel::bounded(1);
        full.send(1).unwrap();
        let mut made = 0;
        let mut make = || { made += 1; 2 };
        select! {
            send(full, make()) -> r => r.unwrap(),
            default => {}
        }
        select! {
            send(full, make()) -> r => r.unwrap(),
            default(Duration::from_millis(1)) => {}
        }
        rx.recv().unwrap();
        select! {
            send(full, make()) -> r => r.unwrap(),
        }
        vec![show(made), show(rx.recv())]
    }
}

parity! {
    /// An arm whose other side is gone is ready, to fail.
    fn select_over_disconnected_channels() {
        let mut log = Vec::new();
        for cap in [0, 1] {
            let (tx, rx) = channel::bounded::<u8>(cap);
            let (idle, _idle_rx) = channel::bounded::<u8>(0);
            drop(tx);
            select! {
                recv(rx) -> m => log.push(show(m)),
                send(idle, 1) -> _ => log.push("sent".into()),
                default => log.push("default".into()),
            }
            let (tx, rx) = channel::bounded::<u8>(cap);
            let (_quiet_tx, quiet) = channel::bounded::<u8>(0);
            drop(rx);
            select! {
                send(tx, 5) -> r => log.push(show(r)),
                recv(quiet) -> _ => log.push("received".into()),
                default => log.push("default".into()),
            }
        }
        log
    }
}

parity! {
    /// A select that waits hears of a message, of room, and of the other side's end.
    fn select_waits() {
        let mut log = Vec::new();
        for cap in [0, 1] {
            let (tx, rx) = channel::bounded(cap);
            let (_quiet_tx, quiet) = channel::bounded::<u8>(cap);
            let selects = |rx: channel::Receiver<u8>| {
                let quiet = quiet.clone();
                thread::spawn(move || select! {
                    recv(rx) -> m => show(m),
                    recv(quiet) -> _ => "quiet".into(),
                })
            };
            let waits = selects(rx.clone());
            thread::sleep(Duration::from_millis(10));
            tx.send(8).unwrap();
            log.push(waits.join().unwrap());
            let waits = selects(rx);
            thread::sleep(Duration::from_millis(10));
            drop(tx);
            log.push(waits.join().unwrap());

            let (tx, rx) = channel::bounded(cap);
            let _ = tx.try_send(0);
            let quiet = quiet.clone();
            let waits = thread::spawn(move || select! {
                send(tx, 9) -> r => show(r),
                recv(quiet) -> _ => "quiet".into(),
            });
            thread::sleep(Duration::from_millis(10));
            log.push(show(rx.iter().last()));
            log.push(waits.join().unwrap());
        }
        log
    }
}

parity! {
    /// Two selects meet at a channel without room, one sending, one receiving.
    fn select_against_select() {
        let (a, a_rx) = channel::bounded::<u8>(0);
        let (b, b_rx) = channel::bounded::<u8>(0);
        let gives = thread::spawn(move || {
            (0..10)
                .map(|i| select! {
                    send(a, i) -> r => r.is_ok(),
                    send(b, i) -> r => r.is_ok(),
                })
                .filter(|sent| *sent)
                .count()
        });
        let mut got = Vec::new();
        while got.len() < 10 {
            select! {
                recv(a_rx) -> m => got.push(m.unwrap()),
                recv(b_rx) -> m => got.push(m.unwrap()),
            }
        }
        vec![show(got), show(gives.join().unwrap())]
    }
}

parity! {
    /// `Select` itself, whose operations are counted in the order they were added.
    fn select_by_hand() {
        let mut log = Vec::new();
        let (tx, rx) = channel::bounded(1);
        let (_quiet_tx, quiet) = channel::unbounded::<u8>();
        let mut select = channel::Select::new();
        let indexes = (select.recv(&quiet), select.recv(&rx));
        log.push(show(indexes));
        log.push(show(select.try_select().map(|_| ()).is_err()));
        log.push(show(select.select_timeout(Duration::from_millis(1)).map(|_| ())));
        log.push(show(select.select_deadline(Instant::now()).map(|_| ())));
        tx.send(3).unwrap();
        let operation = select.select();
        log.push(show(operation.index()));
        log.push(show(operation.recv(&rx)));
        tx.send(4).unwrap();
        let operation = select.select_timeout(Duration::from_secs(5)).unwrap();
        log.push(show(operation.recv(&rx)));
        let mut select = channel::Select::new();
        select.send(&tx);
        let operation = select.try_select().unwrap();
        log.push(show((operation.index(), operation.send(&tx, 5))));
        log.push(show(select.try_select().is_err()));
        log.push(show(rx.recv()));
        log
    }
}

parity! {
    /// A chosen operation must be completed.
    fn a_dropped_selected_operation_panics() {
        let caught = thread::spawn(|| {
            std::panic::catch_unwind(|| {
                let (tx, rx) = channel::bounded(1);
                tx.send(1).unwrap();
                let mut select = channel::Select::new();
                select.recv(&rx);
                drop(select.select());
            })
            .unwrap_err()
        });
        let payload = caught.join().unwrap();
        let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        vec![show(text.or_else(|| payload.downcast_ref::<String>().cloned()))]
    }
}

parity! {
    fn a_select_over_nothing_panics() {
        let panics = |f: fn()| std::panic::catch_unwind(f).is_err();
        vec![show((
            panics(|| { let _ = channel::Select::new().select(); }),
            channel::Select::new().try_select().is_err(),
            channel::Select::new().select_timeout(Duration::from_millis(1)).is_err(),
        ))]
    }
}

parity! {
    fn select_over_time_channels() {
        let end = channel::after(Duration::from_millis(70));
        let ticks = channel::tick(Duration::from_millis(20));
        let (_tx, rx) = channel::unbounded::<u8>();
        let mut n = 0;
        loop {
            select! {
                recv(ticks) -> _ => n += 1,
                recv(end) -> _ => break,
                recv(rx) -> _ => unreachable!(),
            }
        }
        vec![show((1..=3).contains(&n))]
    }
}

parity! {
    /// Twelve arms: more than the wait has room for without a heap.
    fn select_over_many_channels() {
        let channels: Vec<_> = (0..12).map(|_| channel::unbounded::<u8>()).collect();
        let mut select = channel::Select::new();
        for (_, rx) in &channels {
            select.recv(rx);
        }
        let tx = channels[10].0.clone();
        let sender = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            tx.send(1).unwrap();
        });
        let operation = select.select();
        let index = operation.index();
        sender.join().unwrap();
        vec![show((index, operation.recv(&channels[index].1)))]
    }
}
