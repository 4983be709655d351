//! `cargo lab completions`: scripts that complete commands, options, parts and tests in a shell.

use std::io::Write;

use clap::CommandFactory;
use clap::builder::PossibleValuesParser;
use clap_complete::{Shell, generate};

use crate::cli::{Cli, Completions, ShellName};
use crate::{stories, workspace};

/// After the script for `lab`: `cargo lab` is completed likewise, and `cargo` as before.
const BASH: &str = r#"
# `cargo lab` like `lab`; `cargo` otherwise as before.
_lab_cargo_before=""
if declare -F _comp_load >/dev/null; then _comp_load cargo; elif declare -F _completion_loader >/dev/null; then _completion_loader cargo; fi
_lab_cargo_before=$(complete -p cargo 2>/dev/null | sed -n 's/.* -F \([^ ]*\) .*/\1/p')
_cargo_lab() {
    if [[ ${COMP_WORDS[1]} == lab && $COMP_CWORD -ge 2 ]]; then
        COMP_WORDS=("${COMP_WORDS[@]:1}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _lab lab "$2" "$3"
    elif [[ -n $_lab_cargo_before && $_lab_cargo_before != _cargo_lab ]]; then
        "$_lab_cargo_before" "$@"
    fi
}
complete -F _cargo_lab -o bashdefault -o default cargo
"#;

const ZSH: &str = r#"
# The completion of `cargo` calls this for `cargo lab`.
_cargo-lab() { _lab "$@" }
"#;

const FISH: &str = r#"
# `cargo lab` like `lab`.
complete -c cargo -n '__fish_seen_subcommand_from lab' -f -a '(complete -C (string replace -r "^\s*cargo\s+" "" -- (commandline -cp)))'
"#;

/// What the generator leaves out for fish: the values of arguments that are no options.
fn fish_values(parts: &[String], tests: &[String]) -> String {
    let line = |command: &str, values: String| {
        format!("complete -c lab -n '__fish_lab_using_subcommand {command}' -f -a '{values}'\n")
    };
    let (parts, tests) = (parts.join(" "), tests.join(" "));
    let both = format!("{parts} {tests}");
    line("test", both) + &line("replay", tests) + &line("watch", parts)
}

/// Prints the script.
///
/// # Errors
/// The suites can't be read, or nobody reads the script.
pub fn run(options: &Completions) -> Result<bool, String> {
    let suites = stories::suites(&workspace::root()?)?;
    let parts: Vec<String> = suites.iter().map(|suite| suite.part.clone()).collect();
    let tests: Vec<String> = suites.into_iter().flat_map(|suite| suite.tests).collect();
    let (shell, more) = match options.shell {
        ShellName::Bash => (Shell::Bash, BASH.to_string()),
        ShellName::Zsh => (Shell::Zsh, ZSH.to_string()),
        ShellName::Fish => (Shell::Fish, fish_values(&parts, &tests) + FISH),
    };
    let mut script = Vec::new();
    generate(shell, &mut command(parts, tests), "lab", &mut script);
    script.extend(more.bytes());
    let mut out = std::io::stdout().lock();
    out.write_all(&script).map_err(|e| format!("stdout: {e}"))?;
    Ok(true)
}

/// The commands with the names that there are today.
fn command(parts: Vec<String>, tests: Vec<String>) -> clap::Command {
    // They are never given back: this program ends with the script.
    let names = |names: Vec<String>| -> PossibleValuesParser {
        let names: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
        names.into()
    };
    let both: Vec<String> = parts.iter().chain(&tests).cloned().collect();
    Cli::command()
        .name("lab")
        .bin_name("lab")
        .mut_subcommand("test", |c| {
            c.mut_arg("what", |a| a.value_parser(names(both)))
        })
        .mut_subcommand("replay", |c| {
            c.mut_arg("test", |a| a.value_parser(names(tests)))
        })
        .mut_subcommand("watch", |c| {
            c.mut_arg("part", |a| a.value_parser(names(parts)))
        })
}
