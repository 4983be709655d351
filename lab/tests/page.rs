//! The page of a trace in a real browser. `make page` runs these, also where `make test` has no Chromium and skips them.

mod browser;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use browser::{Browser, chromium};
use serde_json::{Value, json};

/// Where traces and pages are made.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn page_of(trace: &Path) -> PathBuf {
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .arg("trace")
        .arg(trace)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A run that the tests make up: three servers, an election, and a leader's heartbeats, `rounds` of them.
fn made_up(rounds: u64, more: &[Value]) -> Vec<u8> {
    let head = json!({"format": "lab trace", "version": 3, "test": "made_up", "part": "2A", "servers": 3, "seed": "0x7",
        "title": "A run.", "replay": "cargo lab replay made_up --seed 0x7"});
    let mut lines = vec![head];
    let mut call = 0;
    let mut rpc = |lines: &mut Vec<Value>,
                   at: u64,
                   from: u64,
                   to: u64,
                   ask: Value,
                   answer: Value,
                   lost: bool| {
        call += 1;
        let about = json!({"call": call, "copy": 0, "from": from, "to": to, "server": to.to_string(), "method": "Raft.rpc", "bytes": 9});
        let with = |of: &Value, more: Value| {
            let mut all = of.as_object().unwrap().clone();
            all.extend(more.as_object().unwrap().clone());
            Value::Object(all)
        };
        let line = |at: u64, server: u64, kind: &str, detail: Value| json!({"at": at, "thread": 1, "name": "raft", "server": server, "life": 0, "kind": kind, "a": call, "detail": detail});
        let fate = if lost {
            json!({"fate": "lost", "cause": "chance"})
        } else {
            json!({"fate": "arrives", "after_us": 300})
        };
        lines.push(line(at, from, "rpc.request", with(&about, fate)));
        lines.push(line(
            at,
            from,
            "view",
            with(&json!({"call": call, "copy": 0, "way": "request"}), ask),
        ));
        if lost {
            return;
        }
        lines.push(line(at + 300_000, to, "rpc.arrive", about.clone()));
        lines.push(line(
            at + 310_000,
            to,
            "rpc.reply",
            with(&about, json!({"fate": "arrives", "after_us": 200})),
        ));
        lines.push(line(
            at + 310_000,
            to,
            "view",
            with(&json!({"call": call, "copy": 0, "way": "reply"}), answer),
        ));
        lines.push(line(at + 510_000, from, "rpc.deliver", about));
    };
    for to in [1, 2] {
        rpc(
            &mut lines,
            200_000_000 + to,
            0,
            to,
            json!({"rpc": "vote", "term": 1, "candidate": 0, "last": "0@0"}),
            json!({"rpc": "vote", "term": 1, "granted": true}),
            false,
        );
    }
    lines.push(json!({"at": 201_000_000, "kind": "step", "detail": {"step": "cut off server 2"}}));
    lines.push(json!({"at": 201_000_000, "kind": "links", "detail": {"cut": [[0, 2], [2, 0], [1, 2], [2, 1]]}}));
    for round in 0..rounds {
        let at = 202_000_000 + round * 1_000_000;
        let ask = json!({"rpc": "append", "term": 1, "leader": 0, "prev": format!("{round}@1"), "entries": 1, "runs": [[round + 1, 1]], "commands": {format!("{}@1", round + 1): "x"}, "commit": round});
        rpc(
            &mut lines,
            at,
            0,
            1,
            ask.clone(),
            json!({"rpc": "append", "term": 1, "success": true}),
            false,
        );
        rpc(&mut lines, at + 1, 0, 2, ask, json!({}), true);
        lines.push(json!({"at": at + 320_000, "name": "raft", "server": 1, "kind": "log", "detail": {"level": "info", "target": "raft::log", "message": format!("log record {round}")}}));
    }
    lines.extend(more.iter().cloned());
    lines.sort_by_key(|line| line["at"].as_u64().unwrap_or(0));
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    (lines.join("\n") + "\n").into_bytes()
}

fn failed_end(at: u64) -> [Value; 2] {
    let broken = json!({"claim": "ONE_LEADER", "says": "one leader is elected", "section": "§5.2", "question": "Why?", "saw": "nobody leads", "line": "x.rs:1", "at": at});
    [
        json!({"at": at, "kind": "claim", "detail": {"claim": "ONE_LEADER", "saw": "nobody leads"}}),
        json!({"at": at, "kind": "end", "detail": {"passed": false, "trace_hash": "ab", "broken": broken, "report": "FAIL"}}),
    ]
}

fn number(browser: &Browser, expression: &str) -> f64 {
    browser
        .value(expression)
        .as_f64()
        .unwrap_or_else(|| panic!("{expression} is no number"))
}

fn no_complaints(browser: &Browser) {
    assert_eq!(*browser.complaints.borrow(), Vec::<String>::new());
}

/// Keeps what the page looks like, for people: `LAB_SHOTS` names a folder.
fn shot(browser: &Browser, name: &str) {
    if let Some(folder) = std::env::var_os("LAB_SHOTS") {
        let file = Path::new(&folder).join(format!("{name}.png.base64"));
        std::fs::write(file, browser.screenshot()).unwrap();
    }
}

#[test]
fn what_is_drawn_is_what_the_trace_holds_and_the_keys_work() {
    let Some(program) = chromium() else { return };
    let folder = Folder::new();
    let trace = folder.file("made up.jsonl", &made_up(5, &failed_end(208_000_000)));
    let page = page_of(&trace);
    let browser = Browser::start(&program);
    browser.look(1200, 900, false);
    browser.open(&page, "");
    shot(&browser, "made_up");

    // As many messages as the trace has, between the same servers.
    let text = std::fs::read_to_string(&trace).unwrap();
    let sent: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| matches!(line["kind"].as_str(), Some("rpc.request" | "rpc.reply")))
        .collect();
    browser.value("view.top = -2, view.zoom = view.height / (view.rows.length + 4), draw()");
    assert_eq!(
        number(&browser, "Number(document.body.dataset.drawn)"),
        sent.len() as f64
    );
    let mut ways: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for line in &sent {
        let (from, to) = (
            line["detail"]["from"].as_u64().unwrap(),
            line["detail"]["to"].as_u64().unwrap(),
        );
        *ways
            .entry(if line["kind"] == "rpc.reply" {
                (to, from)
            } else {
                (from, to)
            })
            .or_default() += 1;
    }
    let drawn = browser.value("drawn.map(([i]) => [run.m.from[i], run.m.to[i]])");
    let mut seen: BTreeMap<(u64, u64), usize> = BTreeMap::new();
    for pair in drawn.as_array().unwrap() {
        *seen
            .entry((pair[0].as_u64().unwrap(), pair[1].as_u64().unwrap()))
            .or_default() += 1;
    }
    assert_eq!(seen, ways);
    let lost = sent
        .iter()
        .filter(|line| line["detail"]["fate"] == "lost")
        .count();
    assert_eq!(
        number(
            &browser,
            "drawn.filter(([i]) => run.m.arrived[i] < 0).length"
        ),
        lost as f64
    );
    // Time goes downward, and an arrow ends in its receiver's lane.
    assert_eq!(browser.value("drawn.every(([i, x0, y0, x1, y1]) => y1 >= y0 && (run.m.arrived[i] < 0 || x1 === place.lanes[run.m.to[i]]))"), true);

    // Keys.
    let cursor = || number(&browser, "view.cursor");
    browser.press("Home");
    let first = cursor();
    browser.press("ArrowRight");
    assert!(cursor() > first, "→ goes on");
    browser.press("ArrowLeft");
    assert_eq!(cursor(), first, "← goes back");
    browser.press("2");
    browser.press("n");
    assert_eq!(
        number(&browser, "run.server[view.cursor]"),
        2.0,
        "n steps along the chosen server"
    );
    browser.press("2");
    browser.press("f");
    assert_eq!(cursor(), number(&browser, "run.broken.event"));
    assert!(
        browser
            .value("document.getElementById('claim').textContent")
            .as_str()
            .unwrap()
            .contains("nobody leads")
    );
    browser.press("w");
    assert!(
        number(&browser, "view.lit.mails.size") > 0.0,
        "why lights up messages"
    );
    browser.press("t");
    assert_eq!(browser.value("view.mode"), "time");
    browser.press("t");
    let zoom = number(&browser, "view.zoom");
    browser.press("+");
    assert!(number(&browser, "view.zoom") > zoom);
    browser.press("/");
    assert_eq!(browser.value("document.activeElement.id"), "search");
    browser.value("document.getElementById('search').value = 'log record 3'");
    browser.press("Enter");
    assert_eq!(browser.value("eventText(view.cursor)"), "log record 3");
    browser.press("Escape");
    browser.press("Home");
    browser.press(" ");
    std::thread::sleep(std::time::Duration::from_millis(700));
    browser.press(" ");
    assert!(cursor() > first, "time went on while it played");

    // What the panel says at the end: server 0 leads term 1 with five entries.
    browser.press("End");
    let cards =
        browser.value("[...document.querySelectorAll('.peer')].map(card => card.textContent)");
    let leader = cards[0].as_str().unwrap();
    assert!(
        leader.contains("leader")
            && leader.contains("term 1")
            && leader.contains("1: next 6, match 5"),
        "{leader}"
    );

    // A click on a message shows its arguments and its answer.
    browser.value("moveTo(run.m.sent[0], { center: true })");
    browser.settle();
    let spot = browser.value("(() => { const [, x0, y0, x1, y1] = drawn.find(([i]) => i === 0), box = canvas.getBoundingClientRect(); return [box.left + (x0 + x1) / 2, box.top + HEAD + (y0 + y1) / 2]; })()");
    browser.click(spot[0].as_f64().unwrap(), spot[1].as_f64().unwrap());
    let details = browser.value("document.getElementById('details').textContent");
    let details = details.as_str().unwrap();
    assert!(
        details.contains("vote in term 1? log to 0@0")
            && details.contains("vote granted")
            && details.contains("candidate0")
            && !details.contains("{"),
        "{details}"
    );

    // The moment is in the address.
    browser.value("new Promise(done => setTimeout(done, 400))");
    let moment = browser.value("location.hash");
    let event = cursor();
    browser.open(&page, moment.as_str().unwrap());
    assert_eq!(cursor(), event);

    // On a phone, and in the dark.
    for (name, width, height, dark) in [
        ("phone", 390, 844, false),
        ("phone_dark", 390, 844, true),
        ("dark", 1200, 900, true),
    ] {
        browser.look(width, height, dark);
        browser.open(&page, "");
        assert!(
            number(&browser, "document.documentElement.scrollWidth") <= f64::from(width),
            "{name}: nothing sticks out"
        );
        assert!(number(&browser, "Number(document.body.dataset.drawn)") > 0.0);
        shot(&browser, name);
    }
    no_complaints(&browser);
}

#[test]
fn hostile_text_is_shown_as_text() {
    let Some(program) = chromium() else { return };
    let folder = Folder::new();
    let script = "</script><script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">";
    let record = |text: &str| json!({"at": 204_000_000, "name": script, "server": 1, "kind": "log", "detail": {"level": "info", "target": script, "message": text}});
    let large = json!({"at": 204_500_000, "server": 0, "kind": "start", "detail": {"server": 0, "index": 9, "term": 1, "command": "M".repeat(3 << 20)}});
    let note = json!({"at": 204_600_000, "server": 0, "kind": "note", "detail": {script: script}});
    let odd =
        json!({"at": 1_u64 << 63, "server": 4_000_000_000_u64, "kind": script, "detail": [script]});
    let claim =
        json!({"at": 204_700_000, "kind": "claim", "detail": {"claim": script, "saw": script}});
    let mut trace = made_up(
        3,
        &[
            record(script),
            record("\u{202e}backwards\u{1b}[31m\u{0}"),
            large,
            note,
            claim,
            odd,
        ],
    );
    trace.extend_from_slice(
        b"{\"at\":205000000,\"kind\":\"rpc.request\",\"detail\":{\"ca\xff</script>",
    );
    let page = page_of(&folder.file("hostile.jsonl", &trace));
    assert!(
        std::fs::metadata(&page).unwrap().len() < 300_000,
        "a command of megabytes is cut"
    );
    let browser = Browser::start(&program);
    browser.look(1200, 900, false);
    browser.open(&page, "");
    assert_ne!(browser.value("document.title"), "taken");
    assert_eq!(browser.value("document.querySelectorAll('img').length"), 0);
    browser.value(&format!("search({}), nextHit(1)", json!("document.title")));
    browser.settle();
    let listed = browser.value("document.getElementById('list').textContent");
    assert!(
        listed.as_str().unwrap().contains("</script>"),
        "it is shown as it is"
    );
    assert!(
        browser
            .value("document.getElementById('verdict').textContent")
            .as_str()
            .unwrap()
            .contains("no end")
    );
    for key in ["Home", "End", "t", "f", "w", "v"] {
        browser.press(key);
    }
    assert_ne!(browser.value("document.title"), "taken");
    no_complaints(&browser);
    shot(&browser, "hostile");
}

/// Two hundred thousand events open within 2 s and scroll at 30 frames a second. Not among the usual tests: a
/// machine that is busy with others fails it.
#[test]
#[ignore = "a measurement: run it alone, by make page"]
fn two_hundred_thousand_events() {
    let Some(program) = chromium() else { return };
    let folder = Folder::new();
    let page = page_of(&folder.file("large.jsonl", &made_up(33_400, &[])));
    let browser = Browser::start(&program);
    browser.look(1400, 900, false);
    browser.open(&page, "");
    let opened = number(&browser, "performance.now()");
    let events = number(&browser, "run.count");
    let opened = opened.min(number(&browser, "Number(document.body.dataset.opened)"));
    let scroll = |zoom: &str| {
        let script = format!(
            "{zoom}; new Promise(done => {{ const times = []; let k = 0; const go = now => {{ times.push(now); view.top += 400 / view.zoom; hold(); changed(); if (++k < 60) requestAnimationFrame(go); else done((times.length - 1) * 1000 / (times[times.length - 1] - times[0])); }}; requestAnimationFrame(go); }})"
        );
        number(&browser, &script)
    };
    let close = scroll("view.zoom = 18, view.top = 1000");
    let far = scroll("view.zoom = 0.2, view.top = 1000");
    let all = scroll("view.zoom = view.height / view.rows.length, view.top = 0");
    let timed = scroll("setMode('time'), view.zoom = 1e-6, view.top = 1e9");
    println!(
        "{events} events: open in {opened:.0} ms; frames/s: rows {close:.0}, thousands of rows {far:.0}, all of it {all:.0}, time {timed:.0}"
    );
    assert!(events >= 200_000.0);
    assert!(opened <= 2000.0, "opens in {opened} ms");
    assert!(
        [close, far, all, timed].iter().all(|rate| *rate >= 30.0),
        "too slow"
    );
    no_complaints(&browser);
}

/// The pages of real runs: every trace in the folder that `LAB_TRACES` names.
#[test]
#[ignore = "wants traces of real runs: make page makes some"]
fn real_runs_of_every_part() {
    let Some(program) = chromium() else { return };
    let folder = std::env::var("LAB_TRACES").expect("LAB_TRACES names a folder");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut traces: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    traces.sort();
    assert!(!traces.is_empty());
    let browser = Browser::start(&program);
    browser.look(1200, 900, false);
    for trace in traces {
        let page = page_of(&trace);
        browser.open(&page, "");
        let text = std::fs::read_to_string(&trace).unwrap();
        let sent = |line: &&str| {
            line.contains("\"kind\":\"rpc.request\"") || line.contains("\"kind\":\"rpc.reply\"")
        };
        let sent = text.lines().filter(sent).count();
        assert_eq!(
            number(&browser, "run.m.count"),
            sent as f64,
            "{}",
            trace.display()
        );
        for key in [
            "Home",
            "n",
            "p",
            "End",
            "t",
            "-",
            "t",
            "f",
            "w",
            "ArrowLeft",
        ] {
            browser.press(key);
        }
        // All messages of a stretch that is shown whole are drawn.
        let all = browser.value(
            "(() => { moveTo(run.m.sent[run.m.count >> 1], { center: true }); draw(); \
             const [first, last] = seen(); let count = 0; \
             for (let i = 0; i < run.m.count; i++) if (run.m.sent[i] <= last && run.m.until[i] >= first) count++; \
             return [count, drawn.length]; })()",
        );
        assert_eq!(all[0], all[1], "{}", trace.display());
        assert!(all[1].as_u64() > Some(0), "{}", trace.display());
        no_complaints(&browser);
        println!(
            "{}: {sent} messages",
            trace.file_name().unwrap().to_string_lossy()
        );
    }
}
