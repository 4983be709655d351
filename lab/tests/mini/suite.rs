//! A suite that speaks the harness's language to `cargo lab`, and is built in a moment. Its one
//! test passes if `raft::ANSWER` is 42.
/*
#[story(part = "PART", servers = 3)]
fn answer(c: &Cluster) {}
*/
use std::fs::{OpenOptions, read_to_string, remove_file, write};
use std::io::Write;

fn main() {
    let results = std::env::var("LAB_RESULTS").unwrap();
    let mut results = OpenOptions::new().create(true).append(true).open(results).unwrap();
    if std::env::var_os("LAB_LIST").is_some() {
        let about = r#"{"part":"PART","name":"answer","title":"It is 42.","points":1,"runs":1,"suite":"SUITE","path":"answer","file":"f","line":1}"#;
        writeln!(results, "{about}").unwrap();
        return;
    }
    println!("printed by the student");
    let secret = std::env::var("LAB_SECRET").ok().map(|path| {
        let word = read_to_string(&path).unwrap();
        remove_file(path).unwrap();
        word
    });
    let seed = std::env::var("LAB_SEED").unwrap();
    let seed = u64::from_str_radix(seed.trim_start_matches("0x"), 16).unwrap();
    let passed = raft::ANSWER == 42;
    let trace = std::env::var("LAB_TRACE").map_or(String::new(), |folder| {
        let path = format!("{folder}/trace.jsonl");
        write(&path, TRACE).unwrap();
        format!(r#","trace":"{path}""#)
    });
    let (result, report) = match passed {
        true => ("passed", String::new()),
        false => {
            let report = format!("FAIL PART answer: it is 42.\n  Saw {}.", raft::ANSWER);
            eprintln!("{report}");
            ("failed", format!(r#","claim":"ANSWER","report":"{}""#, report.replace('\n', "\\n")))
        }
    };
    writeln!(results, r#"{{"secret":"{}","suite":"SUITE","test":"answer","seed":{seed},"result":"{result}","virtual_ms":1250.0,"cpu_ms":1.0,"trace_hash":"00000000000000ab"{report}{trace}}}"#, secret.unwrap_or_default().trim()).unwrap();
    std::process::exit(i32::from(!passed));
}

const TRACE: &str = include_str!("trace.jsonl");
