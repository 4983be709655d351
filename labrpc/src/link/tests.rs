//! Draws from seeded generators, against fixed bounds: wide enough that a right draw never fails them, narrow
//! enough that a wrong rate does.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::*;

const DRAWS: usize = 100_000;

fn rng() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(6824)
}

fn draws_ms(delay: &Delay) -> Vec<f64> {
    let mut rng = rng();
    (0..DRAWS)
        .map(|_| delay.draw(&mut rng).as_secs_f64() * 1000.0)
        .collect()
}

fn mean(of: &[f64]) -> f64 {
    of.iter().sum::<f64>() / of.len() as f64
}

/// Panics unless `value` is within `bounds`.
#[track_caller]
fn within(what: &str, value: f64, bounds: std::ops::RangeInclusive<f64>) {
    assert!(
        bounds.contains(&value),
        "{what} is {value}, and should be within {bounds:?}"
    );
}

#[test]
fn unreliable_requests_take_0_to_26_ms_in_whole_ms() {
    let times = draws_ms(&Link::unreliable().request.delay);
    for ms in 0..=26 {
        let share = times.iter().filter(|t| **t == f64::from(ms)).count() as f64 / DRAWS as f64;
        within(&format!("the share of {ms} ms"), share, 0.0335..=0.0406); // 1/27 = 0.037
    }
    within("the mean", mean(&times), 12.9..=13.1);
    assert!(times.iter().all(|t| t.fract() == 0.0 && *t <= 26.0));
}

#[test]
fn one_in_ten_unreliable_messages_is_lost_each_way() {
    let link = Link::unreliable();
    for path in [&link.request, &link.reply] {
        let mut rng = rng();
        let lost = (0..DRAWS).filter(|_| path.draw(&mut rng).lost).count() as f64;
        within(
            "the share of lost messages",
            lost / DRAWS as f64,
            0.096..=0.104,
        );
    }
    assert_eq!(link.reply.delay, Delay::None);
}

#[test]
fn reordering_holds_two_of_three_replies_for_200_to_2199_ms() {
    let link = Link::default().reordering();
    let mut rng = rng();
    let trips: Vec<Trip> = (0..DRAWS).map(|_| link.reply.draw(&mut rng)).collect();
    assert!(trips.iter().all(|t| !t.lost));
    let held: Vec<f64> = trips
        .iter()
        .map(|t| t.after.as_secs_f64() * 1000.0)
        .filter(|t| *t > 0.0)
        .collect();
    within(
        "the share of replies held",
        held.len() as f64 / DRAWS as f64,
        0.66..=0.673,
    );
    // 200 + U(0..=U(0..2000)): the mean is 200 + 1999/4.
    within("the mean hold", mean(&held), 690.0..=710.0);
    let below = |ms: f64| held.iter().filter(|t| **t < ms).count() as f64 / held.len() as f64;
    // P(U*V < x) = x (1 - ln x) for x in units of the spread.
    within("the share held below 300 ms", below(300.0), 0.19..=0.21);
    within("the share held below 1200 ms", below(1200.0), 0.84..=0.853);
    let (min, max) = held
        .iter()
        .fold((f64::MAX, 0.0f64), |(a, b), t| (a.min(*t), b.max(*t)));
    assert!(
        (200.0..=210.0).contains(&min) && (2100.0..=2199.0).contains(&max),
        "{min} to {max} ms"
    );
}

#[test]
fn exponential_delays_have_their_mean_and_their_cap() {
    let ms = Duration::from_millis;
    let times = draws_ms(&Delay::exponential(ms(20), ms(10_000)));
    within("the mean", mean(&times), 19.7..=20.3);
    let median = times.iter().filter(|t| **t < 13.863).count() as f64 / DRAWS as f64;
    within("the share below 20 ln 2", median, 0.49..=0.51);
    let capped = draws_ms(&Delay::exponential(ms(20), ms(30)));
    let at_cap = capped.iter().filter(|t| **t == 30.0).count() as f64 / DRAWS as f64;
    within("the share at the cap", at_cap, 0.218..=0.228); // exp(-1.5)
    assert!(capped.iter().all(|t| *t <= 30.0));
}

#[test]
fn uniform_delays_reach_both_ends() {
    let us = Duration::from_micros;
    let delay = Delay::uniform(us(3), us(6));
    let mut rng = rng();
    let mut seen: Vec<Duration> = (0..1000).map(|_| delay.draw(&mut rng)).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, [us(3), us(4), us(5), us(6)]);
}

/// What is certain costs no draw, so switching loss off does not shift the draws of the rest of a run.
#[test]
fn certain_outcomes_draw_nothing() {
    let mut used = rng();
    let sure = Path {
        loss: 1.0,
        delay: Delay::fixed(Duration::from_millis(3)),
        ..Path::default()
    };
    let trip = sure.draw(&mut used);
    assert_eq!(
        trip,
        Trip {
            after: Duration::from_millis(3),
            lost: true
        }
    );
    assert!(!Path::default().draw(&mut used).lost);
    assert_eq!(used, rng());
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let with = |change: fn(&mut Link)| {
        let mut link = Link::default();
        change(&mut link);
        link.check().unwrap_err()
    };
    assert_eq!(
        with(|l| l.request.loss = 1.5),
        "request.loss is 1.5; a probability is from 0 to 1"
    );
    assert_eq!(
        with(|l| l.reply.duplicate = f64::NAN),
        "reply.duplicate is NaN; a probability is from 0 to 1"
    );
    assert_eq!(
        with(|l| l.reply.hold = Some(Hold {
            probability: -1.0,
            delay: Delay::None
        })),
        "reply.hold.probability is -1; a probability is from 0 to 1"
    );
    assert_eq!(
        with(|l| l.request.bytes_per_second = Some(0)),
        "request.bytes_per_second is 0; to let nothing pass, set request.cut"
    );
    assert_eq!(
        with(|l| l.request.delay = Delay::Uniform {
            min_us: 5,
            max_us: 4,
            step_us: 1
        }),
        "request.delay has min_us 5 above max_us 4"
    );
    assert_eq!(
        with(|l| l.notice = Delay::Uniform {
            min_us: 5,
            max_us: 6,
            step_us: 0
        }),
        "notice has step_us 0; it must be 1 or more"
    );
    assert_eq!(
        with(|l| l.notice = Delay::Skewed {
            base_us: 5,
            spread_ms: 0
        }),
        "notice has spread_ms 0; use a fixed delay"
    );
    assert_eq!(
        with(|l| l.request.delay = Delay::Fixed { us: u64::MAX }),
        "request.delay is up to 18446744073709551615 us; delays of more than a day are refused"
    );
    assert!(Link::unreliable().reordering().check().is_ok());
}
