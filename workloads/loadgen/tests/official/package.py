"""The official package, for the tests to hold ours against: one test a line of JSON on standard input, what it did a line on the output.

A test is {"settings": {LoadGen's names: values}, "total": N, "performance": N, "trace": BOOL, "service": {"ns": NS, "parts": N, "one_by_one":
BOOL} or null}. Scenario and mode are LoadGen's words. The system under test answers at once, inside the call that issues a query; or from a
thread of its own, `ns` after the query came (after the one before it was answered, if `one_by_one`), in so many `parts` over that time.

A test {"conf": TEXT, "rules": BOOL, "model": NAME, "scenario": WORD, "fields": [...]} is a configuration file instead, and comes to {"codes": of the readers,
"settings": {field: value}}.

What it did: {"sets": [{"loaded": [...], "queries": [[...], ...]}, ...], "detail": {key: [values]}, "errors": [...], "keys": those of the detail log in order,
"answers": the accuracy log, "summary": TEXT, "samples": [{sample_seq, query_seq, sample_idx, issue_start_ns, complete_ns, ts_ns}, ...]}. A set is what was loaded
and what was issued until the next one; `samples` are those of the trace, in the order in which they were completed, and `ts_ns` is when each was
scheduled; "generated_ns": when the queries of each set had been made.
"""

import json
import os
import queue
import re
import sys
import tempfile
import threading
import time

# LoadGen may print. What it prints is not an answer.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import mlperf_loadgen as lg  # noqa: E402

SAMPLE = re.compile(r'"name":"Sample","cat":"default","ph":"b","pid":\d+,"id":\d+,"ts":(-?\d+)\.(\d{3}),"args":(\{[^}]*\})')

GENERATED = re.compile(r'"name":"GenerateQueries","ph":"X","pid":\d+,"tid":\d+,"ts":(\d+)\.(\d{3}),"dur":(\d+)\.(\d{3})')
NO_NUMBER = re.compile(r'"value": -?(?:nan|inf)\b')


def settings_of(values):
    """A TestSettings with these fields; the names of ours are LoadGen's."""
    settings = lg.TestSettings()
    for name, value in values.items():
        if name == "scenario":
            value = getattr(lg.TestScenario, value)
        elif name == "mode":
            value = getattr(lg.TestMode, value)
        setattr(settings, name, value)
    return settings


def log_settings(directory, trace):
    output = lg.LogOutputSettings()
    output.outdir = directory
    output.copy_summary_to_stdout = False
    settings = lg.LogSettings()
    settings.log_output = output
    settings.log_mode_async_poll_interval_ms = 10
    settings.enable_trace = trace
    return settings


class System:
    """A system under test, and what it was asked."""

    def __init__(self, service):
        self.sets = []
        self.asked = None
        if service is not None:
            self.asked = queue.SimpleQueue()
            self.service = service
            self.thread = threading.Thread(target=self.work)
            self.thread.start()

    def load(self, samples):
        self.sets.append({"loaded": list(samples), "queries": []})

    def issue(self, samples):
        now = time.perf_counter_ns()
        self.sets[-1]["queries"].append([sample.index for sample in samples])
        answer = [lg.QuerySampleResponse(sample.id, 0, 0) for sample in samples]
        if self.asked is None:
            lg.QuerySamplesComplete(answer)
        else:
            self.asked.put((now, answer))

    def work(self):
        takes, parts, free = self.service["ns"], self.service["parts"], 0
        while (item := self.asked.get()) is not None:
            begun, answer = item
            if self.service["one_by_one"]:
                begun = max(begun, free)
            for part in range(parts):
                some = answer[len(answer) * part // parts : len(answer) * (part + 1) // parts]
                wait = begun + takes * (part + 1) // parts - time.perf_counter_ns()
                if wait > 0:
                    time.sleep(wait / 1e9)
                if some:
                    lg.QuerySamplesComplete(some)
            free = begun + takes

    def close(self):
        if self.asked is not None:
            self.asked.put(None)
            self.thread.join()


def read(directory, name):
    with open(os.path.join(directory, "mlperf_log_" + name), encoding="utf-8") as file:
        return file.read()


def details(text):
    """Values by key, the texts of errors, and the keys in order. A rate over no time is no JSON there, and null here."""
    values, errors, order = {}, [], []
    for line in text.splitlines():
        entry = json.loads(NO_NUMBER.sub('"value": null', line.split(" ", 1)[1], count=1))
        values.setdefault(entry["key"], []).append(entry["value"])
        order.append(entry["key"])
        if entry["metadata"]["is_error"]:
            errors.append(entry["value"])
    return values, errors, order


def traced(text):
    """Samples of the trace, which is no JSON as a whole."""
    samples = []
    for micros, nanos, args in SAMPLE.findall(text):
        sign = -1 if micros.startswith("-") else 1
        samples.append({**json.loads(args), "ts_ns": int(micros) * 1000 + sign * int(nanos)})
    return samples


def run(test):
    system = System(test["service"])
    sut = lg.ConstructSUT(system.issue, lambda: None)
    qsl = lg.ConstructQSL(test["total"], test["performance"], system.load, lambda samples: None)
    with tempfile.TemporaryDirectory() as directory:
        lg.StartTestWithLogSettings(
            sut, qsl, settings_of(test["settings"]), log_settings(directory, test["trace"]), os.path.join(directory, "no-audit")
        )
        system.close()
        detail, errors, order = details(read(directory, "detail.txt"))
        done = {
            "sets": system.sets,
            "detail": detail,
            "errors": errors,
            "keys": order,
            "answers": json.loads(read(directory, "accuracy.json")),
            "summary": read(directory, "summary.txt"),
        }
        trace = read(directory, "trace.json")
        done["samples"] = traced(trace)
        done["generated_ns"] = [int(us + ns) + int(for_us + for_ns) for us, ns, for_us, for_ns in GENERATED.findall(trace)]
    lg.DestroyQSL(qsl)
    lg.DestroySUT(sut)
    return done


def configured(test):
    """What configuration files come to: the embedded rules, then a user's file. Which fields there are, the test says."""
    settings = lg.TestSettings()
    codes = [settings.FromConfig("", test["model"], test["scenario"], 0)] if test["rules"] else []
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(test["conf"])
        file.flush()
        codes.append(settings.FromConfig(file.name, test["model"], test["scenario"], 2))
    values = {name: getattr(settings, name) for name in test["fields"]}
    return {"codes": codes, "settings": {**values, "mode": str(settings.mode).split(".")[-1]}}


for line in sys.stdin:
    test = json.loads(line)
    json.dump(configured(test) if "conf" in test else run(test), answers)
    answers.write("\n")
    answers.flush()
