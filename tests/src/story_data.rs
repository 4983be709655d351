//! What a test says about itself.

use serde::Serialize;

/// A test of the suites: one story about a cluster. Made by the attribute [`macro@crate::story`].
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// The part of the lab it belongs to: `2A`.
    pub part: &'static str,
    /// The test function's name: `re_election`.
    pub name: &'static str,
    /// What it is about, in a sentence: the function's doc comment.
    pub title: &'static str,
    /// How many servers there are.
    pub servers: usize,
    /// So many of them are members at first, and the membership can change (part 2E); 0: all, for ever.
    pub voters: usize,
    /// Its weight in grading, before the instructor's own.
    pub points: u32,
    /// The virtual seconds it may take.
    pub limit_s: u64,
    /// Seeds tried when `LAB_RUNS` does not say; 0 means the suites' usual number.
    pub runs: u32,
    /// One of MIT 6.824's own tests, under its own limits.
    pub original: bool,
    /// It needs exact control over what happens when: skipped on the wall clock.
    pub exact: bool,
    /// The service on top of each server takes a snapshot every ten entries.
    pub snapshots: bool,
    /// How large Raft's state may grow before the key/value service takes a snapshot, in bytes; 0: it takes none.
    pub max_state: usize,
    /// How many messages the apply channel holds. 0, so that a Raft that sends with its lock held stands still at
    /// once, but where a story is about many entries and each would cost two switches.
    pub apply_room: usize,
    /// Threads of servers stand still for some milliseconds, in the mean after so many calls of labsim; 0: none does.
    pub stalls: u32,
    /// The module that holds it, which `cargo test -- --exact` wants before the name.
    #[serde(skip)]
    pub module: &'static str,
    /// The file and line that hold it.
    pub file: &'static str,
    /// See `file`.
    pub line: u32,
}

/// A story that no suite has: three servers, fixed members, no service. Others are made of it, for
/// [`rehearse`](crate::rehearse).
pub const UNGRADED: Story = Story {
    part: "2A",
    name: "a_story",
    title: "A story.",
    servers: 3,
    voters: 0,
    points: 0,
    limit_s: 120,
    runs: 0,
    original: false,
    exact: false,
    snapshots: false,
    max_state: 0,
    apply_room: 0,
    stalls: 0,
    module: "raft_2a",
    file: file!(),
    line: line!(),
};

impl Story {
    /// The suite's test target: `raft_2a`.
    pub fn suite(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }

    /// It is about the key/value service: a test of part 3.
    pub fn is_kv(&self) -> bool {
        self.part.starts_with('3')
    }

    /// The membership can change.
    pub fn is_open(&self) -> bool {
        self.voters > 0
    }

    /// Whether a server is to save its state: not yet in the parts before persistence.
    pub fn saves(&self) -> bool {
        !matches!(self.part, "2A" | "2B")
    }

    /// The name by which libtest knows it: the name, after its module's path where it has one.
    pub fn path(&self) -> String {
        match self.module.split_once("::") {
            Some((_, inner)) => format!("{inner}::{}", self.name),
            None => self.name.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn path_is_the_one_that_libtest_prints() {
        let mut story = crate::testing::STORY;
        story.module = "raft_2a::cuts";
        assert_eq!(
            (story.suite(), story.path().as_str()),
            ("raft_2a", "cuts::re_election")
        );
        story.module = "raft_2a";
        assert_eq!(story.path(), "re_election");
    }
}
