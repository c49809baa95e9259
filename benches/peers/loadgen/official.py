"""The peer of the rows `loadgen-...`: the official package's Server scenario, as a process that answers rounds (peer.rs).

`measure` says what a round is:
- "first-query": ms from the call that starts a test to its first query. The check is the time of the query after the last that was made.
- "delay": us from when a query was due to when it was issued, the 99th percentile by rank, from the package's own trace. The check is the number
  of queries. The system under test only takes note of its queries, with the package's fast interface, and answers them when the test has
  issued all; the package writes its logs after that.
"""

import json
import os
import re
import sys
import tempfile
import time
from importlib.metadata import version

# The package may print. What it prints is not an answer.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import mlperf_loadgen as lg  # noqa: E402

work = json.loads(sys.stdin.readline())
delays = work["measure"] == "delay"
taken = []
first = None

settings = lg.TestSettings()
settings.scenario = lg.TestScenario.Server
settings.mode = lg.TestMode.PerformanceOnly
settings.server_target_qps = work["qps"]
settings.min_query_count = work["queries"]
settings.min_duration_ms = work["duration_ms"]
settings.qsl_rng_seed, settings.sample_index_rng_seed, settings.schedule_rng_seed = work["seeds"]
if not delays:
    # All queries are made before the first; the others need not be waited for.
    settings.max_query_count = 1


def note_time(ids, indices):
    global first
    first = time.perf_counter()
    taken.append(ids)


def answer():
    lg.QuerySamplesComplete([lg.QuerySampleResponse(one, 0, 0) for ids in taken for one in ids])
    taken.clear()


sut = lg.ConstructFastSUT((lambda ids, indices: taken.append(ids)) if delays else note_time, answer)
qsl = lg.ConstructQSL(work["total"], work["performance"], lambda samples: None, lambda samples: None)


def logs(directory):
    output = lg.LogOutputSettings()
    output.outdir = directory
    output.copy_summary_to_stdout = False
    log = lg.LogSettings()
    log.log_output = output
    log.log_mode = lg.LoggingMode.EndOfTestOnly
    log.enable_trace = delays
    return log


def read(directory, name):
    with open(os.path.join(directory, "mlperf_log_" + name), encoding="utf-8") as file:
        return file.read()


def a_round(directory):
    begun = time.perf_counter()
    lg.StartTestWithLogSettings(sut, qsl, settings, logs(directory), os.path.join(directory, "no-audit"))
    if not delays:
        duration = re.search(r'"generated_query_duration", "value": (\d+)', read(directory, "detail.txt"))
        return {"value": 1e3 * (first - begun), "check": float(duration[1])}
    late = sorted(int(ns) for ns in re.findall(r'"issue_start_ns":(\d+)', read(directory, "trace.json")))
    return {"value": late[len(late) * 99 // 100] / 1e3, "check": float(len(late))}


def say(what):
    print(json.dumps(what), file=answers, flush=True)


say({"peer": "mlcommons-loadgen " + version("mlcommons_loadgen")})
with tempfile.TemporaryDirectory() as directory:
    for _ in sys.stdin:
        say(a_round(directory))
