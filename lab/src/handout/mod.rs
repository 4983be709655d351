//! `cargo lab handout`: the tree that students get, and the proof that it is right.

pub mod marks;
mod proof;
pub mod tree;

use crate::cli::Handout;
use crate::workspace;

/// Writes the students' tree into a new or empty folder, then proves it.
///
/// # Errors
/// The folder is not empty, or a proof fails.
pub fn run(options: &Handout) -> Result<bool, String> {
    let root = workspace::root()?;
    let made = tree::write(&root, &options.folder)?;
    println!("wrote {} files to {}", made.files, options.folder.display());
    proof::no_solution(&options.folder, &made)?;
    println!(
        "proved: none of {} traces of the solution is left in any file",
        made.solution.len()
    );
    if !options.no_proof {
        proof::builds(&options.folder)?;
        println!("proved: it builds, and clippy has nothing to say");
        let tests = proof::zero_points(&options.folder)?;
        println!("proved: all {tests} tests run to their end, and none passes");
    }
    Ok(true)
}
