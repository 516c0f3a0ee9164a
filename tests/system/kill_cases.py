"""kill -9, closed and stuck outputs: what was measured is on the disk all the same."""

import fcntl
import filecmp
import json
import os
import shutil
import signal

from case import equal, long, that, wait_until
from schemas import check_summary

#: The number of write(2).
_JSON = ("--json", "--progress", "json", "--progress-interval", "50ms")
_PLAN = """
target: file:///DIR/data/
duration: 60s
concurrency: 2
prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 200, object_size: 1KiB}]}
workload: [{op: get, path: "set/*"}]
"""


def _rows(perf_log, stage):
    rows = [line.split("\t") for line in perf_log.read_text().splitlines()]
    return [dict(zip(rows[0], row)) for row in rows[1:] if row[3] == stage]


def kill_9_in_execute_costs_the_last_second_only(case):
    case.make_dir("data")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", *_JSON)
    seen = run.wait_for_stage("execute", stage_t_s=2.6)
    run.signal(signal.SIGKILL)
    ended = run.end()
    equal(ended.exit, 137, "exit code", ended)
    before = check_summary((case.results() / "summary.json").read_text())
    equal(before["run"]["status"], "running", "status of what it had written last")

    whole_seconds = len(_rows(case.results() / "perf_log.tsv", "execute"))
    that(whole_seconds >= 1, "the time series is there but for the last second")
    case.run_ok("results", "rebuild", case.results())
    document = check_summary((case.results() / "summary.json").read_text())
    equal(document["run"]["status"], "interrupted", "status after rebuild")
    stage = document["stages"][1]
    get = stage["operations"][0]
    that(get["count"] >= seen["ops"], f"the log holds the {seen['ops']} gets that were shown, and says {get['count']}")
    rows = _rows(case.results() / "perf_log.tsv", "execute")
    equal(sum(int(row["get_ops"]) for row in rows), get["count"], "gets in time series and summary")
    that(len(rows) >= 2, f"{len(rows)} seconds are there of more than 2")
    that(case.results().joinpath("02_execute_results.tsv").is_file(), "the tables are there")
    that(not case.results().joinpath(".reserve").exists(), "the room that was kept for a full disk is given back")


def rebuild_of_a_run_that_goes_on_is_refused(case):
    case.make_dir("data")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", *_JSON)
    run.wait_for_stage("execute")
    ended = case.run("results", "rebuild", case.results())
    equal(ended.exit, 1, "exit code", ended)
    that("another process is writing" in ended.err, "it says why", ended)
    equal(case.summary()["run"]["status"], "running", "status")
    run.signal(signal.SIGINT)
    equal(run.end().exit, 130, "exit code of the run")


def rebuild_makes_the_time_series_where_the_plan_wants_it(case):
    case.make_dir("data")
    case.plan(_PLAN + "perf_log: {path: series/mine.tsv}\n")
    case.run_ok("run", "plan.yaml", "--duration", "1200ms", "--progress", "none")
    series = case.results() / "series" / "mine.tsv"
    before = series.read_text()
    series.unlink()
    case.run_ok("results", "rebuild", case.results())
    equal(series.read_text(), before, "the time series")
    that(not (case.results() / "perf_log.tsv").exists(), "there is one only")


def kill_9_tears_the_log_and_the_rest_is_read(case):
    case.make_dir("data")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", *_JSON)
    run.wait_for_stage("execute", stage_t_s=1.2)
    run.signal(signal.SIGKILL)
    run.end()
    log = next(case.results().glob("log/*.seg"))
    os.truncate(log, log.stat().st_size - 7)
    ended = case.run_ok("results", "rebuild", case.results())
    that("the beginning of a frame that was never finished" in ended.err, "it says what could not be read", ended)
    equal(check_summary((case.results() / "summary.json").read_text())["run"]["status"], "interrupted", "status")


def rebuild_makes_the_same_files_again(case):
    case.make_dir("data")
    case.plan(_PLAN + "cleanup: true\nthresholds: [\"get.p99 < 1ns\"]\nwarmup_period: 200ms\n")
    ended = case.run("run", "plan.yaml", "--duration", "1200ms", "--progress", "none")
    equal(ended.exit, 3, "exit code", ended)
    original = shutil.copytree(case.results(), case.path("original"))
    for path in case.results().iterdir():
        if path.name not in ("log", "plan.yaml", "plan.resolved.yaml"):
            path.unlink()
    case.run_ok("results", "rebuild", case.results())

    def files(folder):  # but for the journal, whose rows are compared in results_cases.py
        return sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("journal.db"))

    names = files(original)
    equal(files(case.results()), names, "files")
    same, different, missing = filecmp.cmpfiles(original, case.results(), names, shallow=False)
    equal((different, missing), ([], []), "files that are not the same")
    that("summary.json" in same and "perf_log.tsv" in same and "histograms.hlog" in same, f"the same: {same}")


def kill_9_in_prepare_and_the_next_run_goes_on(case):
    case.make_dir("data")
    case.plan('target: file:///DIR/data/\nduration: 200ms\nconcurrency: 1\n'
              'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 60_000, object_size: 1KiB}]}\n'
              'workload: [{op: get, path: "set/*"}]\n')
    run = case.start("run", "plan.yaml", *_JSON)
    run.wait_for_stage("prepare", done=20_000)
    run.signal(signal.SIGKILL)
    run.end()
    there = len(os.listdir(case.path("data/set"))) - 1
    ended = case.run_ok("run", "plan.yaml", *_JSON)
    document = check_summary(ended.out)
    put = next(o for o in document["stages"][0]["operations"] if o["operation"] == "put")
    that(put["count"] >= 60_000 - there, "what was missing was written")
    equal(len(os.listdir(case.path("data/set"))), 60_001, "objects and the marker")
    sizes = {entry.stat().st_size for entry in os.scandir(case.path("data/set")) if entry.name.startswith("prepared")}
    equal(sizes, {1024}, "sizes: an object that the kill cut short is written anew")


def ctrl_c_in_prepare_and_nothing_is_written_twice(case):
    case.make_dir("data")
    case.plan('target: file:///DIR/data/\nduration: 200ms\nconcurrency: 1\n'
              'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 60_000, object_size: 1KiB}]}\n'
              'workload: [{op: get, path: "set/*"}]\n')
    run = case.start("run", "plan.yaml", *_JSON)
    run.wait_for_stage("prepare", done=20_000)
    run.signal(signal.SIGINT)
    equal(run.end().exit, 130, "exit code")
    there = len(os.listdir(case.path("data/set"))) - 1
    ended = case.run_ok("run", "plan.yaml", *_JSON)
    prepare = check_summary(ended.out)["stages"][0]
    equal(prepare["operations"][0]["count"], 60_000 - there, "objects written by the second run")
    that("continued where an earlier run stopped" in prepare["note"], f"note: {prepare['note']}")


def output_that_is_closed_does_not_reach_the_log(case):
    case.make_dir("data")
    case.plan(_PLAN)
    ended = case.start("run", "plan.yaml", "--duration", "300ms", "--progress", "plain", "--progress-interval", "50ms",
                       close=(0, 1, 2)).end()
    equal(ended.exit, 0, "exit code", ended)
    rebuilt = case.run_ok("results", "rebuild", case.results())
    that("damaged" not in rebuilt.err, "the log is whole", rebuilt)
    equal(check_summary((case.results() / "summary.json").read_text())["run"]["status"], "completed", "status")


def a_pipe_that_is_closed_during_the_run_does_not_stop_it(case):
    case.make_dir("data")
    case.plan(_PLAN)
    reader, writer = os.pipe()
    run = case.start("run", "plan.yaml", "--duration", "500ms", "--progress", "plain", "--progress-interval", "50ms",
                     stdout=writer, stderr=writer)
    os.close(writer)
    os.read(reader, 1)
    os.close(reader)
    equal(run.end().exit in (0, 1), True, "it ends by itself")
    equal(check_summary((case.results() / "summary.json").read_text())["run"]["status"], "completed", "status")


def _fill(pipe):
    """Writes to a pipe until it takes no more."""
    os.set_blocking(pipe, False)  # for the process at its other end as well, until it is set back
    try:
        while True:
            os.write(pipe, b"x")
    except BlockingIOError:
        os.set_blocking(pipe, True)


def _stuck(case, number, exit_code, **outputs):
    """A run whose output nobody reads any more, and a signal: it ends within its grace, results on the disk."""
    case.make_dir("data")
    case.plan(_PLAN)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    how = {name: writer for name in outputs}
    run = case.start("run", "plan.yaml", "--progress", "plain", "--progress-interval", "50ms", **how)
    wait_until(lambda: case.path("results").exists(), "results", run)
    _fill(writer)
    os.close(writer)
    perf_log = wait_until(lambda: next(case.path("results").glob("*/perf_log.tsv"), None), "the results directory", run)
    wait_until(lambda: _rows(perf_log, "execute"), "a second of the time series", run)
    run.signal(number)
    ended = run.end(15)
    os.close(reader)
    equal(ended.exit, exit_code, "exit code", ended)
    document = check_summary((case.results() / "summary.json").read_text())
    equal(document["run"]["status"], "interrupted", "status")
    that(document["stages"][1]["operations"][0]["count"] > 0, "results are there")


def sigterm_with_a_stderr_that_nobody_reads(case):
    _stuck(case, signal.SIGTERM, 143, stderr=True)


def sigterm_with_a_stdout_that_nobody_reads(case):
    _stuck(case, signal.SIGTERM, 143, stdout=True)


def a_reader_that_was_stopped_from_the_start_holds_nothing_up(case):
    """A full pipe for stderr before the first word: the run begins and ends, and all that was said comes when it is read."""
    case.make_dir("data")
    case.plan(_PLAN)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    _fill(writer)
    run = case.start("run", "plan.yaml", "--duration", "2s", "--progress", "json", "--progress-interval", "50ms", stderr=writer)
    os.close(writer)
    summary = wait_until(lambda: next(case.path("results").glob("*/summary.json"), None), "the results", run)
    wait_until(lambda: json.loads(summary.read_text())["run"]["status"] == "completed", "the end of the run", run)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode().lstrip("x").splitlines()
    equal(run.end().exit, 0, "exit code")
    lines = [json.loads(line) for line in said]
    that(len(lines) > 30, f"{len(lines)} lines of progress")
    times = [line["t_s"] for line in lines]
    equal(times, sorted(times), "in order")
    that(times[-1] - times[0] > 1.5, f"from {times[0]} to {times[-1]} s")
    document = check_summary(summary.read_text())
    that(document["client"]["queue_high_water"] > 0, "what waited is told")


@long
def readers_that_stop_for_ten_seconds_lose_nothing_and_cost_nothing(case):
    """stdout and stderr stop for ten seconds; max_stall stays below 20 ms and every line is there afterwards."""
    case.make_dir("data")
    case.plan(_PLAN)
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    out, out_writer = os.pipe()
    _fill(writer)
    run = case.start("run", "null://", "--duration", "10s", "--json", "--progress", "json", "--progress-interval", "50ms",
                     stderr=writer, stdout=out_writer)
    os.close(writer)
    os.close(out_writer)
    summary = wait_until(lambda: next(case.path("results").glob("*/summary.json"), None), "the results", run)
    wait_until(lambda: json.loads(summary.read_text())["run"]["status"] == "completed", "the end of the run", run, 60)
    with os.fdopen(reader, "rb") as pipe, os.fdopen(out, "rb") as result:
        said = pipe.read().decode().lstrip("x").splitlines()
        document = check_summary(result.read().decode())
    equal(run.end().exit, 0, "exit code")
    that(len([json.loads(line) for line in said]) > 150, f"{len(said)} lines")
    equal(document["client"]["abandoned_calls"], 0, "abandoned calls")
    that(document["client"]["max_stall_ms"] < 20, f"longest hold {document['client']['max_stall_ms']} ms")


@long
def ctrl_c_with_outputs_that_nobody_reads(case):
    _stuck(case, signal.SIGINT, 130, stdout=True, stderr=True)


def a_stdout_that_takes_nothing_is_an_error(case):
    case.make_dir("data")
    case.plan(_PLAN)
    with open("/dev/full", "wb") as full:
        ended = case.start("run", "plan.yaml", "--duration", "200ms", "--json", "--progress", "none", stdout=full).end()
    equal(ended.exit, 1, "exit code", ended)
    that("ENOSPC" in ended.err, "it says why", ended)
    equal(json.loads((case.results() / "summary.json").read_text())["run"]["status"], "completed", "status")
