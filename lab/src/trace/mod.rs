//! `cargo lab trace`: a trace as a page, or in the form that another viewer reads.
//!
//! | file | what it holds |
//! |---|---|
//! | `read` | reading a trace |
//! | `model`, `mail`, `server`, `log`, `ops` | what happened, put together from its events: messages, servers, operations |
//! | `says` | what a message says, in a line |
//! | `data`, `html` | the page: the model in columns, and the scripts of `page/` |
//! | `perfetto`, `shiviz` | other viewers' forms |
//! | `keep`, `record` | traces and pages under `target/lab`; playing a failed run once more for them |

mod data;
mod html;
pub mod keep;
mod log;
mod mail;
mod model;
mod ops;
mod perfetto;
pub mod read;
pub mod record;
pub mod says;
mod server;
mod shiviz;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::cli::{Shown, Trace};
use crate::paint::Color;
use crate::replay;
use model::Model;

/// Writes a trace in another form.
///
/// # Errors
/// It is no trace, or the other form can't be written.
pub fn run(options: &Trace) -> Result<bool, String> {
    if options.text {
        let shown = Shown {
            color: Color::Auto,
            ..Shown::default()
        };
        let mut text = Vec::new();
        replay::show(&mut text, &options.file, &shown)?;
        put(options.output.as_deref(), &text)?;
        return Ok(true);
    }
    let model = Model::read(&options.file)?;
    let (made, ending) = match (options.perfetto, options.shiviz) {
        (true, _) => (perfetto::write(&model), "perfetto.json"),
        (_, true) => (shiviz::write(&model), "shiviz.log"),
        _ => (html::page(&model), "html"),
    };
    let to = options
        .output
        .clone()
        .unwrap_or_else(|| beside(&options.file, ending));
    put(Some(&to), made.as_bytes())?;
    crate::out::line(to.display());
    Ok(true)
}

/// The page of a trace, beside it.
///
/// # Errors
/// It is no trace, or the page can't be written.
pub fn page(trace: &Path) -> Result<PathBuf, String> {
    let page = beside(trace, "html");
    put(Some(&page), html::page(&Model::read(trace)?).as_bytes())?;
    Ok(page)
}

/// The same name with another ending.
fn beside(file: &Path, ending: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.trim_end_matches(".gz").trim_end_matches(".jsonl");
    file.with_file_name(format!("{stem}.{ending}"))
}

fn put(to: Option<&Path>, bytes: &[u8]) -> Result<(), String> {
    match to {
        Some(path) if path != Path::new("-") => {
            std::fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()))
        }
        _ => match std::io::stdout().lock().write_all(bytes) {
            Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("stdout: {e}")),
            _ => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_stands_beside_its_trace() {
        let page = |name: &str| beside(Path::new(name), "html").display().to_string();
        assert_eq!(page("x/2A-a-0x7.jsonl"), "x/2A-a-0x7.html");
        assert_eq!(page("2A-a.jsonl.gz"), "2A-a.html");
        assert_eq!(page("odd"), "odd.html");
    }
}
