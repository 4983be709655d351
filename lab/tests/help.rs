//! What `cargo lab` says about itself, and its completions. The golden files are kept by
//! `UPDATE_GOLDEN=1 cargo test -p lab --test help`.

mod small;

use std::process::Command;

use small::{golden, lab, root, stderr, stdout};

#[test]
fn each_command_explains_itself() {
    let help = stdout(&lab(&["--help"]).output().unwrap());
    golden("help/lab.txt", &help);
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let output = lab(&[command, "--help"]).output().unwrap();
        golden(&format!("help/{command}.txt"), &stdout(&output));
    }
}

#[test]
fn a_shell_that_is_none_is_named_with_those_that_are() {
    let output = lab(&["completions", "tcsh"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("bash, zsh, fish"),
        "{}",
        stderr(&output)
    );
}

fn script(shell: &str) -> String {
    let output = lab(&["completions", shell])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn scripts_name_commands_parts_and_tests() {
    for shell in ["bash", "zsh", "fish"] {
        let script = script(shell);
        for word in ["replay", "watch", "2A", "3B", "re_election", "cargo"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}

/// Types a line into bash, as far as the completion goes: the words that it offers.
fn offered_by_bash(line: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.bash");
    std::fs::write(&file, script("bash")).unwrap();
    let words: Vec<&str> = line.split(' ').collect();
    let function = if words[0] == "cargo" {
        "_cargo_lab"
    } else {
        "_lab"
    };
    let program = format!(
        "source {}; COMP_WORDS=({}); COMP_CWORD={}; {function} {} '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display(),
        words
            .iter()
            .map(|word| format!("'{word}'"))
            .collect::<Vec<_>>()
            .join(" "),
        words.len() - 1,
        words[0],
        words[words.len() - 1],
        words[words.len() - 2],
    );
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", &program])
        .output()
        .expect("bash is there");
    stdout(&output).lines().map(String::from).collect()
}

#[test]
fn bash_completes() {
    assert_eq!(offered_by_bash("lab re"), ["replay"]);
    assert_eq!(offered_by_bash("cargo lab re"), ["replay"]);
    assert_eq!(offered_by_bash("cargo lab replay re_"), ["re_election"]);
    assert_eq!(offered_by_bash("cargo lab watch 3"), ["3A", "3B"]);
    assert_eq!(
        offered_by_bash("cargo lab replay re_election --color a"),
        ["auto", "always"]
    );
}
