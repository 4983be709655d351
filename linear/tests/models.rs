//! Models of one's own, and that those which contradict themselves are caught.

use linear::{
    History, Interned, Model, Problem, Recorder, SearchForm, Settings, TimeUnit, Verdict, Whole,
    check,
};

/// A counter: add, and be told the sum.
struct Counter {
    /// Whether it calls its additions reads.
    lies: bool,
}

impl Model for Counter {
    type Key = Whole;
    type Input = u64;
    type Output = u64;
    type State = u64;
    type Search<'h> = Interned<'h, Counter>;

    fn key(&self, _: &u64) -> Whole {
        Whole
    }

    fn initial(&self) -> u64 {
        0
    }

    fn apply(&self, state: &mut u64, add: &u64) -> u64 {
        *state += add;
        *state
    }

    fn is_read(&self, add: &u64, _: Option<&u64>) -> bool {
        *add == 0 || self.lies
    }

    fn show_input(&self, add: &u64) -> String {
        format!("add({add})")
    }

    fn show_output(&self, sum: &u64) -> String {
        sum.to_string()
    }
}

/// Each client adds 1, all at once, and these are the sums that they are told.
fn sums(sums: &[u64]) -> History<u64, u64> {
    let mut recorder = Recorder::new(TimeUnit::Ticks);
    for (client, &sum) in sums.iter().enumerate() {
        let op = recorder.call(client as u32, 0, 1);
        recorder.reply(op, 9, sum);
    }
    recorder.finish().unwrap()
}

#[test]
fn a_model_of_ones_own() {
    let honest = Counter { lies: false };
    let verdict = |told: &[u64]| check(&honest, &sums(told), &Settings::default()).verdict();
    assert_eq!(verdict(&[3, 1, 2]), Verdict::Linearizable);
    assert_eq!(verdict(&[3, 1, 1]), Verdict::Illegal);
}

#[test]
#[should_panic(
    expected = "the model calls add(1) a read (Model::is_read), but it changes the state"
)]
fn a_read_that_changes_the_state_is_caught() {
    check(&Counter { lies: true }, &sums(&[1]), &Settings::default());
}

/// A counter whose search form knows nothing of sums.
struct Careless;

struct AnythingGoes;

impl<'h> SearchForm<'h, Careless> for AnythingGoes {
    type State = ();

    fn new(_: &'h Careless, _: &Problem<'h, Careless>, _: u64) -> Self {
        AnythingGoes
    }

    fn initial(&self) {}

    fn step(&mut self, (): (), _: usize) -> Option<()> {
        Some(())
    }

    fn fingerprint(&self, (): ()) -> u128 {
        0
    }
}

impl Model for Careless {
    type Key = Whole;
    type Input = u64;
    type Output = u64;
    type State = u64;
    type Search<'h> = AnythingGoes;

    fn key(&self, _: &u64) -> Whole {
        Whole
    }

    fn initial(&self) -> u64 {
        0
    }

    fn apply(&self, state: &mut u64, add: &u64) -> u64 {
        *state += add;
        *state
    }

    fn show_input(&self, add: &u64) -> String {
        format!("add({add})")
    }

    fn show_output(&self, sum: &u64) -> String {
        sum.to_string()
    }
}

/// A right verdict is confirmed by the plain rules, whatever the search believes.
#[test]
#[should_panic(expected = "the search put operation 1 (add(1) -> 7) at place 1 of the order")]
fn an_order_that_does_not_hold_is_caught() {
    check(&Careless, &sums(&[1, 7]), &Settings::default());
}

#[test]
#[should_panic(expected = "operation 0 had its reply at 2 and gets another at 3")]
fn a_second_reply_is_caught() {
    let mut recorder = Recorder::new(TimeUnit::Ticks);
    let op = recorder.call(0, 1, 1);
    recorder.reply(op, 2, 1);
    recorder.reply(op, 3, 1);
}
