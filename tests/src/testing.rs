//! Things that the harness's own tests share.

use crate::{Story, UNGRADED};

/// A story that is only a name.
pub(crate) const STORY: Story = Story {
    name: "re_election",
    title: "A leader that was cut off is replaced (§5.2).",
    points: 3,
    original: true,
    file: "tests/suites/raft_2a.rs",
    line: 55,
    ..UNGRADED
};
