//! How a link treats its messages, as plain data: it can be printed, stored and replayed.

use labsim::rand::RngExt;
use labsim::time::Duration;
use serde::{Deserialize, Serialize};

use crate::observer::Direction;

/// How one link, from a client's end to a server and back, treats what it carries. The default is
/// a perfect link: no loss, no delay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Link {
    /// The way to the server.
    pub request: Path,
    /// The way back.
    pub reply: Path,
    /// How long after a loss, or after a reply that a cut stopped, the caller learns that its call failed. None: at
    /// once, as if its timeout had just passed. For a cut way to the server it is the network's delay for dead servers.
    pub notice: Delay,
}

/// How one direction of a link treats its messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Path {
    /// Nothing passes.
    pub cut: bool,
    /// The probability that a message is lost, 0 to 1. It is lost after its delay.
    pub loss: f64,
    /// How long a message takes.
    pub delay: Delay,
    /// Some messages are held back longer, so that later ones overtake them.
    pub hold: Option<Hold>,
    /// The probability that a message arrives twice, 0 to 1. The second copy has a delay, hold and
    /// loss of its own.
    pub duplicate: f64,
    /// How many bytes pass in a second. Messages queue for it. `None`: any number.
    pub bytes_per_second: Option<u64>,
}

/// Some messages are delayed more than others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The probability that a message is held, 0 to 1.
    pub probability: f64,
    /// For how long, on top of the path's delay.
    pub delay: Delay,
}

/// A distribution of delays. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Delay {
    /// No delay, and no randomness drawn.
    #[default]
    None,
    /// Always the same.
    Fixed {
        /// The delay.
        us: u64,
    },
    /// `min_us`, or any number of whole steps more, up to and including `max_us`, all equally likely.
    Uniform {
        /// The shortest delay.
        min_us: u64,
        /// The longest delay.
        max_us: u64,
        /// The distance between two delays; at least 1.
        step_us: u64,
    },
    /// Exponential: most are short, few are long.
    Exponential {
        /// The mean, before the cap.
        mean_us: u64,
        /// No delay is longer.
        max_us: u64,
    },
    /// `base_us` and then below `spread_ms` whole milliseconds, short ones likelier: uniform below a
    /// bound that is itself uniform. It is how the original lab reorders replies.
    Skewed {
        /// The shortest delay.
        base_us: u64,
        /// Every delay is below `base_us` and this many milliseconds.
        spread_ms: u64,
    },
}

impl Link {
    /// What `set_reliable(false)` makes of every link: 0 to 26 ms to the server, and one in ten
    /// requests and one in ten replies lost.
    pub fn unreliable() -> Link {
        Link {
            request: Path {
                loss: 0.1,
                delay: Delay::uniform_ms(0, 26),
                ..Path::default()
            },
            reply: Path {
                loss: 0.1,
                ..Path::default()
            },
            notice: Delay::None,
        }
    }

    /// The same with what `set_long_reordering(true)` adds: two of three replies are held for 200 to
    /// 2199 ms, short times likelier.
    pub fn reordering(mut self) -> Link {
        let delay = Delay::Skewed {
            base_us: 200_000,
            spread_ms: 2000,
        };
        self.reply.hold = Some(Hold {
            probability: 600.0 / 900.0,
            delay,
        });
        self
    }

    /// Every probability, step and rate that makes no sense, in words.
    ///
    /// # Errors
    /// If there is one.
    pub fn check(&self) -> Result<(), String> {
        self.request.check("request")?;
        self.reply.check("reply")?;
        self.notice.check("notice")
    }
}

impl Link {
    /// The settings for one direction.
    pub fn path(&self, direction: Direction) -> &Path {
        match direction {
            Direction::Request => &self.request,
            Direction::Reply => &self.reply,
        }
    }
}

impl Path {
    fn check(&self, name: &str) -> Result<(), String> {
        let hold = self.hold.as_ref();
        let probabilities = [
            ("loss", Some(self.loss)),
            ("duplicate", Some(self.duplicate)),
            ("hold.probability", hold.map(|h| h.probability)),
        ];
        for (field, p) in probabilities {
            if let Some(p) = p.filter(|p| !(0.0..=1.0).contains(p)) {
                return Err(format!(
                    "{name}.{field} is {p}; a probability is from 0 to 1"
                ));
            }
        }
        if self.bytes_per_second == Some(0) {
            return Err(format!(
                "{name}.bytes_per_second is 0; to let nothing pass, set {name}.cut"
            ));
        }
        self.delay.check(&format!("{name}.delay"))?;
        hold.map_or(Ok(()), |h| h.delay.check(&format!("{name}.hold.delay")))
    }

    /// One message's fortune: is it lost, and after how long does that, or its arrival, happen?
    pub(crate) fn draw(&self, rng: &mut impl RngExt) -> Trip {
        let mut after = self.delay.draw(rng);
        let lost = chance(self.loss, rng);
        if let Some(hold) = &self.hold
            && !lost
            && chance(hold.probability, rng)
        {
            after += hold.delay.draw(rng);
        }
        Trip { after, lost }
    }
}

/// A day. Nobody waits longer, and sums of delays cannot overflow.
const LONGEST_US: u64 = 24 * 60 * 60 * 1_000_000;

/// What one copy of a message has before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trip {
    pub after: Duration,
    pub lost: bool,
}

impl Delay {
    /// Always `delay`.
    pub fn fixed(delay: Duration) -> Delay {
        Delay::Fixed { us: micros(delay) }
    }

    /// Uniform between the two, in microseconds.
    pub fn uniform(min: Duration, max: Duration) -> Delay {
        Delay::Uniform {
            min_us: micros(min),
            max_us: micros(max),
            step_us: 1,
        }
    }

    /// Uniform over the whole milliseconds from `min` to `max`, both included.
    pub fn uniform_ms(min: u64, max: u64) -> Delay {
        Delay::Uniform {
            min_us: min * 1000,
            max_us: max * 1000,
            step_us: 1000,
        }
    }

    /// Exponential with this mean, and never above `max`.
    pub fn exponential(mean: Duration, max: Duration) -> Delay {
        Delay::Exponential {
            mean_us: micros(mean),
            max_us: micros(max),
        }
    }

    /// No delay drawn is longer.
    fn longest_us(&self) -> u64 {
        match *self {
            Delay::None => 0,
            Delay::Fixed { us } => us,
            Delay::Uniform { max_us, .. } | Delay::Exponential { max_us, .. } => max_us,
            Delay::Skewed { base_us, spread_ms } => {
                base_us.saturating_add(spread_ms.saturating_mul(1000))
            }
        }
    }

    pub(crate) fn draw(&self, rng: &mut impl RngExt) -> Duration {
        Duration::from_micros(match *self {
            Delay::None => 0,
            Delay::Fixed { us } => us,
            Delay::Uniform {
                min_us,
                max_us,
                step_us,
            } => min_us + step_us * rng.random_range(0..=(max_us - min_us) / step_us),
            Delay::Exponential { mean_us, max_us } => {
                let u: f64 = 1.0 - rng.random_range(0.0..1.0);
                ((mean_us as f64 * -u.ln()) as u64).min(max_us)
            }
            Delay::Skewed { base_us, spread_ms } => {
                let bound = rng.random_range(0..spread_ms);
                base_us + 1000 * rng.random_range(0..=bound)
            }
        })
    }

    fn check(&self, name: &str) -> Result<(), String> {
        let longest = self.longest_us();
        if longest > LONGEST_US {
            return Err(format!(
                "{name} is up to {longest} us; delays of more than a day are refused"
            ));
        }
        match *self {
            Delay::Uniform { min_us, max_us, .. } if min_us > max_us => {
                Err(format!("{name} has min_us {min_us} above max_us {max_us}"))
            }
            Delay::Uniform { step_us: 0, .. } => {
                Err(format!("{name} has step_us 0; it must be 1 or more"))
            }
            Delay::Skewed { spread_ms: 0, .. } => {
                Err(format!("{name} has spread_ms 0; use a fixed delay"))
            }
            _ => Ok(()),
        }
    }
}

/// True with probability `p`. Certain outcomes draw nothing.
pub(crate) fn chance(p: f64, rng: &mut impl RngExt) -> bool {
    p > 0.0 && (p >= 1.0 || rng.random_bool(p))
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
