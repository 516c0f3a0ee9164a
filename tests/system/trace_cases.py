"""No thread that runs an event loop makes a call that can block: the system calls of whole runs, recorded by strace.

Long, so that they run in the plain build only: the address sanitizer's leak checker cannot work under a tracer.
"""

import pathlib
import shutil
import subprocess

from case import PATIENCE, Skipped, equal, long, that
from loop_trace import Loops
from schemas import check_summary

_RECORDED = pathlib.Path(__file__).resolve().parent / "traces"


def _record(case, plan):
    """Runs a plan under strace; what its loops did, and its summary."""
    if shutil.which("strace") is None:
        raise Skipped("there is no strace")
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise Skipped(f"strace may not trace here: {tried.stderr.strip()}")
    case.plan(plan)
    traces = case.make_dir("traces")
    command = ["strace", "-ff", "-y", "-s", "16", "-e", "signal=none", "-o", traces / "thread", case.sluice, "run", "plan.yaml",
               "--json", "--progress", "json"]
    done = subprocess.run(list(map(str, command)), cwd=case.dir, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
    equal(done.returncode, 0, f"exit code; it said:\n{done.stderr[-2000:]}")
    loops = Loops()
    for trace in sorted(traces.iterdir()):
        with open(trace, encoding="utf-8", errors="replace") as lines:
            loops.add(lines)
    return loops, check_summary(done.stdout)


def _check(loops, kind):
    that(loops.of(kind) > 100, f"loops of this kind were traced: {loops.calls}")
    that(loops.of("run") > 20, f"the loops of the run itself were traced: {loops.calls}")
    equal(loops.forbidden, [], "calls of loop threads that may block")


@long
def no_socket_loop_makes_a_call_that_can_block(case):
    loops, _ = _record(case, "target: null://x/?latency=1ms\nduration: 2s\nconcurrency: 16\n"
                       'prepare: {ensure_objects: [{base_uri: "null://x/?latency=1ms", count: 500, object_size: 4KiB}]}\n'
                       'workload: [{op: get, path: "*"}, {op: put, path: "new/", object_size: 4KiB}, {op: stat, path: "*"}]\n'
                       "cleanup: true\n")
    _check(loops, "socket")


@long
def no_ring_makes_a_call_that_can_block(case):
    data = case.disk_dir()
    loops, document = _record(case, f"target: direct://{data}/\nduration: 2s\nconcurrency: 16\n"
                              f'prepare: {{ensure_objects: [{{base_uri: "direct://{data}/", count: 8, object_size: 8MiB}}]}}\n'
                              'workload: [{op: read, path: "*", weight: 3}, {op: write, path: "*", weight: 1}]\n'
                              "stages: [{name: make, type: prepare}, {name: load, type: execute}, {name: gone, type: cleanup}]\n")
    worker = next(w for w in document["client"]["workers"] if w["stage"] == "load")
    if worker["kind"] != "ring":
        raise Skipped(f"no ring is used here: {worker['why']}")
    _check(loops, "ring")


def a_call_that_can_block_is_found_in_a_recorded_trace(_):
    """Recorded from loops that did such a call on purpose, and from one that did not."""
    for path in sorted(_RECORDED.glob("*.strace")):
        loops = Loops()
        loops.add(path.read_text(encoding="utf-8").splitlines())
        that(loops.calls, f"{path.name} has a loop in it")
        expected = [] if path.stem == "a_loop_that_only_waits" else [path.stem.removeprefix("a_loop_that_calls_")]
        equal([line.split(": ", 1)[1].split("(")[0] for line in loops.forbidden], expected, path.name)
    that(len(list(_RECORDED.glob("*.strace"))) > 2, "recordings are there")
