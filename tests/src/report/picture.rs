//! A few moments as a picture of lines: time, a column a server, and what happened.

use std::fmt::Write;

use super::moments::Moment;
use crate::claim::Matter;

/// Letters between two servers' columns.
const STEP: usize = 4;
/// Letters of what a moment says.
const SAYS: usize = 90;

/// Writes these.
pub fn write(out: &mut String, led: &[Moment], servers: usize) -> std::fmt::Result {
    if led.is_empty() {
        return Ok(());
    }
    let names: String = (0..servers)
        .map(|server| format!("{server:<STEP$}"))
        .collect();
    writeln!(out, "  What led to it, by server:")?;
    writeln!(out, "     seconds  {}", names.trim_end())?;
    for moment in led {
        let says: String = moment
            .says
            .chars()
            .filter(|c| !c.is_control())
            .take(SAYS)
            .collect();
        writeln!(
            out,
            "  {:>10.6}  {} {says}",
            moment.at as f64 / 1e9,
            lane(moment, servers)
        )?;
    }
    Ok(())
}

/// `*-->` is a message from the first server that the second took, `*--x` one that was lost.
fn lane(moment: &Moment, servers: usize) -> String {
    let mut lane = vec![b' '; servers * STEP];
    (0..servers).for_each(|server| lane[server * STEP] = b'.');
    let Some(server) = moment.server else {
        if moment.matter == Matter::Step {
            lane.fill(b'=');
        }
        return String::from_utf8_lossy(&lane).into_owned();
    };
    let heard = moment.heard.and_then(|(from, _)| from);
    let (from, to, end) = match moment.lost_to {
        Some(to) => (server, to, b'x'),
        None => (heard.unwrap_or(server), server, 0),
    };
    let (a, b) = (from.min(to) * STEP, from.max(to) * STEP);
    lane[a..=b].fill(b'-');
    lane[from * STEP] = b'*';
    lane[to * STEP] = match end {
        0 if from == to => mark(moment),
        0 if from < to => b'>',
        0 => b'<',
        lost => lost,
    };
    String::from_utf8_lossy(&lane).into_owned()
}

/// What happens to one server alone.
fn mark(moment: &Moment) -> u8 {
    match moment.matter {
        Matter::Save => b's',
        Matter::Apply => b'a',
        Matter::Commit => b'c',
        Matter::Start => b'+',
        Matter::Life => b'!',
        _ => b'o',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(
        matter: Matter,
        server: Option<usize>,
        heard: Option<usize>,
        lost_to: Option<usize>,
    ) -> Moment {
        Moment {
            at: 1_500_000,
            matter,
            server,
            heard: heard.map(|from| (Some(from), 0)),
            lost_to,
            says: "x".into(),
            asked: 1,
            term: None,
            indices: None,
        }
    }

    #[test]
    fn messages_are_arrows() {
        let led = [
            moment(Matter::Step, None, None, None),
            moment(Matter::Vote, Some(2), Some(0), None),
            moment(Matter::Vote, Some(0), Some(1), None),
            moment(Matter::Vote, Some(1), Some(1), Some(2)),
            moment(Matter::Save, Some(1), None, None),
        ];
        let mut out = String::new();
        write(&mut out, &led, 3).unwrap();
        let expected = "  What led to it, by server:
     seconds  0   1   2
    0.001500  ============ x
    0.001500  *------->    x
    0.001500  <---*   .    x
    0.001500  .   *---x    x
    0.001500  .   s   .    x
";
        assert_eq!(out, expected);
    }
}
