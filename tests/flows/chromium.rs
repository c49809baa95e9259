//! A headless Chromium, spoken to through its own pipes (the DevTools protocol, messages that end in NUL): no port, no library.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value, json};

/// Its pipes are its file descriptors 3 and 4. A browser that hangs is ended by `timeout`, and then the test fails at the end of input.
const START: &str = "exec timeout 120 chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
                     --remote-debugging-pipe --user-data-dir=\"$0\" 3<&0 4>&1 1>&2";

/// One page in a browser of its own.
pub struct Browser {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Value,
    calls: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", START]).arg(profile.path());
        // Its own complaints about a machine without a desktop are of no interest.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (output, session) = (BufReader::new(output), Value::Null);
        let mut browser = Self { process, input, output, session, calls: 0, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// One command and its result; what is told in between is kept.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.calls += 1;
        let mut message = json!({"id": self.calls, "method": method, "params": params});
        if self.session.is_string() {
            message["sessionId"] = self.session.clone();
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let answer = self.read();
            if answer["id"] == self.calls {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.output.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "chromium is gone; is it installed? (apt-get install chromium)");
        serde_json::from_slice(&message).unwrap()
    }

    /// The value of an expression in the page.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let done = self
            .call("Runtime.evaluate", json!({"expression": expression, "returnByValue": true, "awaitPromise": true}));
        assert!(done["exceptionDetails"].is_null(), "{expression}: {done}");
        done["result"]["value"].clone()
    }

    /// Opens a file in a window of this size; returns what the page complained about and what it asked for, itself left out.
    pub fn open(&mut self, file: &Path, width: u32, dark: bool) -> (Vec<String>, Vec<String>) {
        let scheme = if dark { "dark" } else { "light" };
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", scheme);
        self.events.clear();
        let url = format!("file://{}", file.display());
        self.call("Page.navigate", json!({ "url": url }));
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.read();
            self.events.push(event);
        }
        let of = |names: &[&str]| {
            let events = self.events.iter().filter(|event| names.iter().any(|name| event["method"] == *name));
            events.map(|event| event["params"].clone()).collect::<Vec<Value>>()
        };
        let complaints = of(&["Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown"]);
        let requests = of(&["Network.requestWillBeSent"]);
        let asked = requests.iter().map(|request| request["request"]["url"].as_str().unwrap().to_owned());
        (complaints.iter().map(Value::to_string).collect(), asked.filter(|asked| *asked != url).collect())
    }

    /// One key, by its name and its number.
    pub fn press(&mut self, name: &str, number: u32) {
        let text = if name == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let key = json!({"type": kind, "key": name, "code": name, "windowsVirtualKeyCode": number, "text": text});
            self.call("Input.dispatchKeyEvent", key);
        }
    }

    /// Moves the pointer onto the middle of the first such element.
    pub fn point_at(&mut self, selector: &str) {
        let place = self.evaluate(&format!(
            "(async () => {{ const one = document.querySelector('{selector}'); one.scrollIntoView({{ block: 'center' }});
              for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
              const box = one.getBoundingClientRect(); return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
        ));
        let moved = json!({"type": "mouseMoved", "x": place[0], "y": place[1]});
        self.call("Input.dispatchMouseEvent", moved);
    }

    /// The page on paper.
    pub fn pdf(&mut self, paper: Value) -> Vec<u8> {
        base64(self.call("Page.printToPDF", paper)["data"].as_str().unwrap())
    }

    /// The whole page as a picture.
    pub fn picture(&mut self, file: &Path) {
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let shot = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.call("Page.captureScreenshot", shot);
        std::fs::write(file, base64(taken["data"].as_str().unwrap())).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends at the end of its input too; the end is waited for, so that its profile is not written to when it is removed.
        let _ = self.input.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = self.process.wait();
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits: Vec<u32> = text
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(|byte| DIGITS.iter().position(|digit| *digit == byte).unwrap() as u32)
        .collect();
    let group = |group: &[u32]| {
        let bits = group.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}
