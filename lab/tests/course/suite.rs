//! A suite that speaks the harness's language to `cargo lab`, and is built in a moment. Its one test
//! asks the submission's Raft for each seed; what it answers decides what is written down.

use std::fs::{OpenOptions, read_to_string, remove_file};
use std::io::Write;

fn main() {
    let results = std::env::var("LAB_RESULTS").unwrap();
    let mut results = OpenOptions::new().create(true).append(true).open(results).unwrap();
    if std::env::var_os("LAB_LIST").is_some() {
        let about = r#"{"part":"2A","name":"answer","title":"It answers.","points":1,"suite":"raft_2a","path":"answer","file":"f","line":1}"#;
        writeln!(results, "{about}").unwrap();
        return;
    }
    let path = std::env::var("LAB_SECRET").unwrap();
    let secret = read_to_string(&path).unwrap();
    remove_file(path).unwrap();
    let number = |name: &str| {
        let text = std::env::var(name).unwrap();
        let (digits, radix) = text.strip_prefix("0x").map_or((text.as_str(), 10), |hex| (hex, 16));
        u64::from_str_radix(digits, radix).unwrap()
    };
    for seed in number("LAB_SEED")..number("LAB_SEED") + number("LAB_RUNS") {
        let mut write = |secret: &str, result: &str, report: &str| {
            writeln!(results, r#"{{"secret":"{secret}","test":"answer","seed":{seed},"result":"{result}","virtual_ms":1.0,"cpu_ms":1.0,"trace_hash":"ab","report":"{report}"}}"#).unwrap();
        };
        match raft::answer(seed).as_str() {
            "right" => write(&secret, "passed", ""),
            // What a cheat could do that has got hold of the file, but not of the word.
            "guess" => write("0123456789abcdef0123456789abcdef", "passed", ""),
            "repeat" => (0..2).for_each(|_| write(&secret, "passed", "")),
            "environment" => {
                let all: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
                let wanted = ["LAB_", "RUST_BACKTRACE"];
                let clean = all.iter().all(|name| wanted.iter().any(|w| name.starts_with(w)));
                write(&secret, if clean { "passed" } else { "failed" }, &all.join(" "));
            }
            // The system has no memory left; the first time only, if that is what it says.
            killed @ ("killed" | "killed once") => {
                let mark = std::env::current_exe().unwrap().with_extension("killed");
                if killed == "killed once" && mark.exists() {
                    write(&secret, "passed", "");
                    continue;
                }
                std::fs::write(mark, "").unwrap();
                let kill = std::process::Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
                unreachable!("{kill:?}");
            }
            other => write(&secret, "failed", &format!("FAIL 2A answer: it said {other}.")),
        }
    }
}
