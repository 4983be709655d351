//! A headless Chromium, driven over its debugging pipe: JSON in, JSON out, each message ended by a zero byte.

use std::cell::RefCell;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

/// Where a Chromium may be.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: RefCell<File>,
    from: RefCell<BufReader<File>>,
    session: String,
    number: RefCell<u64>,
    /// Errors and warnings of the page's console.
    pub complaints: Rc<RefCell<Vec<String>>>,
    _folder: tempfile::TempDir,
}

/// A Chromium on this machine; `None`, and a word about it, if there is none.
pub fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = NAMES.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|dir| dir.join(name))
            .find(|file| file.is_file())
    });
    if found.is_none() {
        eprintln!("skipped: no chromium on this machine (Debian: apt-get install chromium)");
    }
    found
}

impl Browser {
    /// Starts it.
    pub fn start(program: &Path) -> Browser {
        let folder = tempfile::tempdir().unwrap();
        let pipe = |name: &str| {
            let path = folder.path().join(name);
            assert!(
                Command::new("mkfifo")
                    .arg(&path)
                    .status()
                    .unwrap()
                    .success()
            );
            path
        };
        let (to, from) = (pipe("to"), pipe("from"));
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec \"$@\" 3<\"$TO\" 4>\"$FROM\"", "sh"])
            .arg(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--hide-scrollbars",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--remote-debugging-pipe",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .env("TO", &to)
            .env("FROM", &from)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().unwrap();
        // Each end waits for the other to be opened, in the shell's order.
        let to = File::options().write(true).open(to).unwrap();
        let from = BufReader::new(File::open(from).unwrap());
        let mut browser = Browser {
            child,
            to: RefCell::new(to),
            from: RefCell::new(from),
            session: String::new(),
            number: RefCell::new(0),
            complaints: Rc::default(),
            _folder: folder,
        };
        let target =
            browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"]
                .clone();
        let attached = browser.call(
            "Target.attachToTarget",
            json!({ "targetId": target, "flatten": true }),
        );
        browser.session = attached["sessionId"].as_str().unwrap().into();
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Calls a method of the debugging protocol.
    pub fn call(&self, method: &str, parameters: Value) -> Value {
        *self.number.borrow_mut() += 1;
        let number = *self.number.borrow();
        let mut message = json!({ "id": number, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.as_str().into();
        }
        let mut to = self.to.borrow_mut();
        to.write_all(message.to_string().as_bytes()).unwrap();
        to.write_all(&[0]).unwrap();
        loop {
            let answer = self.next();
            if answer["id"] == number {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    fn next(&self) -> Value {
        let mut bytes = Vec::new();
        self.from.borrow_mut().read_until(0, &mut bytes).unwrap();
        assert!(!bytes.is_empty(), "the browser is gone");
        bytes.pop();
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let complaint = match message["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => true,
            Some("Runtime.consoleAPICalled") => ["error", "warning", "assert"]
                .contains(&message["params"]["type"].as_str().unwrap_or_default()),
            _ => false,
        };
        if complaint {
            self.complaints
                .borrow_mut()
                .push(message["params"].to_string());
        }
        message
    }

    /// The value of an expression of JavaScript; waits for a promise.
    pub fn value(&self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].clone()
    }

    /// Opens a page of ours, at a moment, and waits until it is drawn.
    pub fn open(&self, page: &Path, moment: &str) {
        self.call("Page.navigate", json!({ "url": "about:blank" }));
        self.call(
            "Page.navigate",
            json!({ "url": format!("file://{}{moment}", page.display()) }),
        );
        for _ in 0..400 {
            if self.value("document.body?.dataset.ready ?? ''") == "yes" {
                return self.settle();
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!(
            "{} is not drawn; the console has {:?}",
            page.display(),
            self.complaints.borrow()
        );
    }

    /// Waits until what was asked for is drawn.
    pub fn settle(&self) {
        self.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))");
    }

    /// Presses a key.
    pub fn press(&self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            self.call(
                "Input.dispatchKeyEvent",
                json!({ "type": kind, "key": key, "text": text }),
            );
        }
        self.settle();
    }

    /// Clicks.
    pub fn click(&self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            let what = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1, "buttons": 1 });
            self.call("Input.dispatchMouseEvent", what);
        }
        self.settle();
    }

    /// How large its window is, and whether it is dark.
    pub fn look(&self, width: u32, height: u32, dark: bool) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", media);
        self.settle();
    }

    /// What is seen, as a PNG in base64.
    pub fn screenshot(&self) -> String {
        let shot = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        shot["data"].as_str().unwrap().into()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
