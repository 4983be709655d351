//! A bank that checks, then acts. On real threads it goes wrong once in a blue moon; here a seed finds it, and replays it.
//!
//! ```text
//! cargo run --package labsim --example racy                 finds a seed that fails, and prints the run
//! LAB_SEED=17 cargo run --package labsim --example racy     runs that seed alone
//! ```

use labsim::sync::{Arc, Mutex};
use labsim::{Config, thread};

/// Pays out if there is enough. Between the question and the payment the lock is free.
fn withdraw(account: &Mutex<u32>, amount: u32) {
    let enough = *account.lock() >= amount;
    if enough {
        let mut balance = account.lock();
        *balance = balance
            .checked_sub(amount)
            .expect("the account was overdrawn");
    }
}

fn two_customers() {
    let account = Arc::new(Mutex::new(100));
    let customers = ["ann", "bob"].map(|name| {
        let account = account.clone();
        thread::Builder::new()
            .name(name.into())
            .spawn(move || withdraw(&account, 70))
            .expect("a thread")
    });
    for customer in customers {
        customer.join().expect("a customer who ended well");
    }
}

fn main() {
    match labsim::check(&Config::default(), 0..10_000, two_customers) {
        Ok(checked) => println!("{} runs without a failure", checked.runs),
        Err(failed) => {
            println!("{failed}");
            std::process::exit(1);
        }
    }
}
