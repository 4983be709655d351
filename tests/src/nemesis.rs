//! Faults as plain data: a schedule that can be printed, stored, and played again.

use std::fmt;

use labsim::rand::{IndexedRandom, RngExt, rng};
use labsim::time::Duration;
use serde::{Deserialize, Serialize};

use crate::{Cluster, Server};

/// Something that happens to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A server is taken off the network.
    CutOff(Server),
    /// A server is put back on the network; nothing happens to one that is down.
    Rejoin(Server),
    /// A server loses its power; nothing happens to one that is down.
    Crash(Server),
    /// A server gets power and network again, if either is gone.
    Revive(Server),
    /// Everything from one server to another gets lost.
    CutOneWay(Server, Server),
    /// The network falls apart into groups.
    Partition(Vec<Vec<Server>>),
    /// Partitions and one-way cuts end.
    Heal,
    /// The network loses and delays messages, or is reliable again.
    Unreliable(bool),
    /// Replies overtake each other, or don't.
    LongReordering(bool),
}

/// A schedule of faults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nemesis {
    /// What happens, and when: milliseconds after the one before.
    pub faults: Vec<(u64, Fault)>,
}

impl Nemesis {
    /// The churn of the original lab: rounds, 700 ms apart, in which one random server in five is
    /// cut off, one in two revived, and one in five crashed.
    pub fn churn(servers: &[Server], rounds: usize) -> Nemesis {
        let mut faults = Vec::new();
        let mut rng = rng();
        for _ in 0..rounds {
            let mut wait = 700;
            let mut then = |odds: u32, fault: fn(Server) -> Fault| {
                let server = *servers.choose(&mut rng).expect("there are servers");
                if rng.random_ratio(odds, 1000) {
                    faults.push((std::mem::take(&mut wait), fault(server)));
                }
            };
            then(200, Fault::CutOff);
            then(500, Fault::Revive);
            then(200, Fault::Crash);
        }
        Nemesis { faults }
    }

    /// Reads a schedule as it was printed.
    ///
    /// # Errors
    /// It is none, in serde_json's words.
    pub fn from_json(text: &str) -> Result<Nemesis, String> {
        serde_json::from_str(text).map_err(|e| e.to_string())
    }
}

/// As JSON, in a line.
impl fmt::Display for Nemesis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Cluster {
    /// Plays a schedule to its end. If a claim breaks, the report shows it.
    pub fn play(&self, nemesis: &Nemesis) {
        self.shared
            .run
            .board
            .update(|facts| facts.nemesis = Some(nemesis.to_string()));
        for (wait, fault) in &nemesis.faults {
            self.sleep(Duration::from_millis(*wait));
            self.strike(fault);
        }
        self.shared.run.board.update(|facts| facts.nemesis = None);
    }

    /// Lets one fault happen.
    pub fn strike(&self, fault: &Fault) {
        match fault {
            Fault::CutOff(server) => self.cut_off(*server),
            Fault::Rejoin(server) if self.is_up(*server) => self.rejoin(*server),
            Fault::Crash(server) if self.is_up(*server) => self.crash(*server),
            Fault::Rejoin(_) | Fault::Crash(_) => {}
            Fault::Revive(server) if self.is_up(*server) => self.rejoin(*server),
            Fault::Revive(server) => self.restart(*server),
            Fault::CutOneWay(from, to) => self.cut_one_way(*from, *to),
            Fault::Partition(groups) => {
                self.partition(&groups.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
            Fault::Heal => self.heal(),
            Fault::Unreliable(unreliable) => self.set_reliable(!unreliable),
            Fault::LongReordering(reordering) => self.set_long_reordering(*reordering),
        }
    }

    /// Gives every server power and network.
    pub fn revive_all(&self) {
        self.servers()
            .into_iter()
            .for_each(|server| self.strike(&Fault::Revive(server)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_survives_being_printed() {
        let servers: Vec<Server> = (0..5).map(Server::numbered).collect();
        let mut schedule = Nemesis::churn(&servers, 20);
        schedule.faults.push((
            5,
            Fault::Partition(vec![servers[..2].to_vec(), servers[2..].to_vec()]),
        ));
        schedule
            .faults
            .push((0, Fault::CutOneWay(servers[0], servers[4])));
        assert_eq!(Nemesis::from_json(&schedule.to_string()), Ok(schedule));
    }

    #[test]
    fn it_reads_well() {
        let schedule = Nemesis {
            faults: vec![(700, Fault::CutOff(Server::numbered(3))), (0, Fault::Heal)],
        };
        assert_eq!(
            schedule.to_string(),
            r#"{"faults":[[700,{"cut_off":3}],[0,"heal"]]}"#
        );
    }
}
