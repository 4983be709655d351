//! Things that the harness's own tests share.

use crate::Story;

/// A story that is only a name.
pub(crate) const STORY: Story = Story {
    part: "2A",
    name: "re_election",
    title: "A leader that was cut off is replaced (§5.2).",
    servers: 3,
    voters: 0,
    points: 3,
    limit_s: 120,
    runs: 0,
    original: true,
    exact: false,
    snapshots: false,
    max_state: 0,
    apply_room: 0,
    module: "raft_2a",
    file: "tests/suites/raft_2a.rs",
    line: 55,
};
