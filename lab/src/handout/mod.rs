//! `cargo lab handout`: the tree that students get, and the proof that it is right.

pub mod marks;
mod proof;
pub mod tree;

use crate::cli::Handout;
use crate::{out, workspace};

/// Writes the students' tree into a new or empty folder, then proves it.
///
/// # Errors
/// The folder is not empty, or a proof fails.
pub fn run(options: &Handout) -> Result<bool, String> {
    let root = workspace::root()?;
    let made = tree::write(&root, &options.folder)?;
    workspace::fetch(&root)?;
    let folder = &options.folder;
    out::line(format!(
        "wrote {} files to {}",
        made.files,
        folder.display()
    ));
    proof::settle_lock(folder)?;
    proof::no_solution(folder, &made)?;
    out::line(format!(
        "proved: none of the solution's {} lines is left in any file",
        made.lines.len()
    ));
    if !options.no_proof {
        // Not in the handout itself, which is to be handed out as it is.
        let target = root.join("target/lab-handout");
        proof::builds(folder, &target)?;
        out::line("proved: it builds, and clippy has nothing to say");
        let tests = proof::zero_points(folder, &target)?;
        out::line(format!(
            "proved: all {tests} tests run to their end, and none passes"
        ));
    }
    Ok(true)
}
