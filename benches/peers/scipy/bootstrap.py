"""The peer of `block-bootstrap`: scipy.stats.bootstrap over the sessions that it is given, as a process that answers rounds (peer.rs)."""

import json
import sys
from time import perf_counter

import numpy
import scipy

work = json.loads(sys.stdin.readline())
baseline = numpy.array(work["baseline"])
colocated = numpy.array(work["colocated"])
random = numpy.random.default_rng(work["seed"])


def bounds(sessions):
    """BCa bounds of the mean of each row, from one call; the rows share their resamples."""
    interval = scipy.stats.bootstrap(
        (sessions,), numpy.mean, axis=-1, vectorized=True, n_resamples=work["resamples"], confidence_level=work["confidence"],
        method="BCa", rng=random,
    ).confidence_interval
    return numpy.stack(interval, axis=-1)


def each(logs):
    """A call for each session, so that it has resamples of its own."""
    return numpy.array([bounds(session) for session in logs])


def shared(logs):
    """Few calls. One for all is no faster, and takes ten times the memory."""
    return numpy.concatenate([bounds(logs[start : start + 200]) for start in range(0, len(logs), 200)])


intervals = {"each": each, "shared": shared}[work["draw"]]
print(json.dumps({"peer": f"scipy {scipy.__version__}"}), flush=True)
for _ in sys.stdin:
    start = perf_counter()
    low, high = intervals(numpy.log(colocated) - numpy.log(baseline)).T
    elapsed = perf_counter() - start
    print(json.dumps({"value": 1e3 * elapsed, "check": float((high - low).mean())}), flush=True)
