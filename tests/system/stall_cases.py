"""What takes long holds no loop: huge directories, huge trees, a terminal that has stopped. Each of them tells of itself."""

import json
import os
import signal
import termios

from case import equal, long, that, wait_until
from schemas import check_progress, check_summary

_MILLION = 1_000_000
#: The promise is a second and 20 ms; the rest of the second is what a busy machine adds.
_SILENCE_MAX_S = 1.5
_HOLD_MAX_MS = 20


def _is_never_silent(times):
    gap = max(b - a for a, b in zip([0.0, *times], times))
    that(gap < _SILENCE_MAX_S, f"the longest silence was {gap:.2f} s: {times}")


def _holds_nothing(document):
    held = document["client"]["max_stall_ms"]
    that(held < _HOLD_MAX_MS, f"a loop was held for {held} ms: {document['notes']}")


def _check(ended):
    lines = check_progress("".join(line + "\n" for line in ended.err.splitlines() if line.startswith("{")))
    _is_never_silent([line["t_s"] for line in lines])
    document = check_summary(ended.out)
    _holds_nothing(document)
    return lines, document


@long
def a_glob_and_a_list_of_a_million_files_in_one_directory(case):
    case.make_files("data/big/f%06d", _MILLION)
    case.plan('target: file:///DIR/data/\nconcurrency: 2\n'
              'workload: [{op: stat, path: "big/f*"}, {op: list, path: "big/"}]\n'
              "stages: [{name: load, type: execute, duration: 3s}]\n")
    # A second is long for it: only a shorter interval shows that the count goes up.
    lines, document = _check(case.run_ok("run", "plan.yaml", "--json", "--progress", "json", "--progress-interval", "100ms"))
    listed = [line for line in lines if line["unit"] == "entries"]
    that(listed, f"the glob tells how far it is: {[line['activity'] for line in lines]}")
    operations = {o["operation"]: o for o in document["stages"][0]["operations"]}
    that(operations["list"]["count"] > 0, f"lists: {operations}")
    equal((operations["list"]["errors"], operations["stat"]["errors"]), (0, 0), "errors")


@long
def ctrl_c_in_a_glob_or_a_list_of_a_million_files(case):
    """A listing looks at the request to stop every thousand entries: it ends long before the directory does."""
    case.make_files("data/big/f%06d", _MILLION)
    case.plan('target: file:///DIR/data/\nconcurrency: 1\nworkload: [{op: WHAT}]\nstages: [{name: load, type: execute, '
              "duration: 60s}]\n")
    quick = ("--json", "--progress", "json", "--progress-interval", "50ms")
    for what in ('stat, path: "big/f*"', 'list, path: "big/"'):
        run = case.start("run", "plan.yaml", *quick, "--results", "of_" + what[:4], "--set", "workload=[{op: " + what + "}]")
        if what.startswith("stat"):
            begun = run.wait_for_progress(lambda line: line["unit"] == "entries" and line["done"] >= 1000)
        else:
            begun = run.wait_for_stage("load", stage_t_s=0.05)
        run.signal(signal.SIGINT)
        ended = run.end()
        equal(ended.exit, 130, "exit code", ended)
        document = check_summary(ended.out)
        last = ended.progress[-1]
        if what.startswith("stat"):
            that(last["done"] < _MILLION, f"all entries were listed after the stop: {last}")
        took = document["stages"][0]["wall_s"] - begun["stage_t_s"]
        # 100 ms and the time between two lines of progress; a listing to its end takes about a second.
        that(took < 0.6, f"{what}: {took:.2f} s from the last look to the stage's end")
        for operation in document["stages"][0]["operations"]:
            equal(operation["errors"], 0, f"what the stop has ended is no error: {operation}")


@long
def a_tree_of_a_hundred_thousand_directories_is_prepared(case):
    case.make_dir("data")
    case.plan("target: file:///DIR/data/\nconcurrency: 4\n"
              "prepare:\n  directory_structure: {width: 316, depth: 2, files_per_dir: 0}\n"
              '  ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 0, object_size: 0}]\n'
              'workload: [{op: list, path: "set/"}]\n'
              "stages: [{name: make, type: prepare}, {name: remove, type: cleanup}]\n")
    lines, document = _check(case.run_ok("run", "plan.yaml", "--json", "--progress", "json"))
    made = next(o for o in document["stages"][0]["operations"] if o["operation"] == "mkdir")
    equal((made["count"], made["errors"]), (316 + 316 * 316, 0), "directories made")
    that(any(line["unit"] == "directories" and line["total"] for line in lines), "the prepare tells its total")
    equal(os.listdir(case.path("data/set")), [], "what is left after the cleanup")


def _run_with_a_stopped_terminal(case, progress):
    """A run whose terminal (stderr) is stopped by its user before the first word and goes on when the run has ended."""
    results = f"results_{progress}"
    ours, terminal = os.openpty()
    mode = termios.tcgetattr(terminal)
    mode[1] &= ~termios.OPOST  # lines as they were written
    termios.tcsetattr(terminal, termios.TCSANOW, mode)
    termios.tcflow(terminal, termios.TCOOFF)  # as by Ctrl-S
    run = case.start("run", "null://", "--duration", "4s", "--progress", progress, "--progress-interval", "100ms",
                     "--results", results, stderr=terminal)
    summary = wait_until(lambda: next(case.path(results).glob("*/summary.json"), None), "the results", run)
    wait_until(lambda: json.loads(summary.read_text())["run"]["status"] == "completed", "the end of the run", run)
    termios.tcflow(terminal, termios.TCOON)
    os.close(terminal)
    said = b""
    try:
        while piece := os.read(ours, 65536):
            said += piece
    except OSError:  # the last one who had the terminal open has gone
        pass
    os.close(ours)
    equal(run.end().exit, 0, "exit code")
    document = check_summary(summary.read_text())
    _holds_nothing(document)
    equal(document["client"]["abandoned_calls"], 0, "abandoned calls")
    rows = next(case.path(results).glob("*/perf_log.tsv")).read_text().splitlines()
    that(len(rows) > 4, f"the time series went on: {rows}")
    return said.decode()


@long
def a_terminal_that_has_stopped_holds_nothing_up(case):
    lines = [json.loads(line) for line in _run_with_a_stopped_terminal(case, "json").splitlines() if line.startswith("{")]
    that(len(lines) > 20, f"{len(lines)} lines of progress")
    _is_never_silent([line["t_s"] for line in lines])
    that(_run_with_a_stopped_terminal(case, "tty"), "the block of the display is drawn when the terminal goes on")
