"""Ctrl-C, twice Ctrl-C, SIGTERM, SIGHUP: in every kind of stage the run ends soon, with results, and without removing anything."""

import os
import signal
import subprocess

from case import equal, long, that, wait_until
from schemas import check_progress, check_summary

_JSON = ("--json", "--progress", "json", "--progress-interval", "50ms")

#: Each stage takes much longer than it is given before the signal.
_PLAN = """
target: file:///DIR/data/
concurrency: 1
prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 100_000, object_size: 1KiB}]}
workload:
  - {op: get, path: "set/*", weight: 9}
  - {op: put, path: "new/", object_size: 1KiB, weight: 1}
stages:
  - {name: make, type: prepare}
  - {name: load, type: execute, duration: 60s}
  - {name: mixed, type: hybrid, max_duration: 60s, expected_tasks: 100_000_000}
  - {name: wait, type: custom, command: "echo begun; sleep 60"}
  - {name: remove, type: cleanup}
"""


def _start(case, stage, *arguments):
    """Starts the plan so that `stage` runs, and waits for it."""
    case.make_dir("data")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", *_JSON, *arguments)
    run.wait_for_stage(stage, **({} if stage == "wait" else {"done": 100}))
    return run


def _ends_as_interrupted(case, run, exit_code=130, patience=10):
    ended = run.end(patience)
    equal(ended.exit, exit_code, "exit code", ended)
    document = check_summary(ended.out)
    equal(document["run"]["status"], "interrupted", "status")
    that(document["run"]["ended"] is not None, "the end is in the summary")
    equal(check_summary((case.results() / "summary.json").read_text()), document, "summary.json and stdout")
    check_progress("".join(line + "\n" for line in ended.err.splitlines() if line.startswith("{")))
    for number, stage in enumerate(document["stages"], 1):
        table = case.results() / f"{number:02}_{stage['name']}_results.tsv"
        equal(table.is_file(), bool(stage["operations"]), f"{table.name} is there")
    return document


def _is_pending(pid, number):
    """Whether a signal to a process has not been taken yet; a second one like it would be lost."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        pending = next(line for line in status if line.startswith("ShdPnd:"))
    return bool(int(pending.split()[1], 16) >> (number - 1) & 1)


def _last_stage(document):
    return document["stages"][-1]


def ctrl_c_in_prepare(case):
    run = _start(case, "make")
    run.signal(signal.SIGINT)
    document = _ends_as_interrupted(case, run)
    equal([(s["name"], s["status"]) for s in document["stages"]], [("make", "interrupted")], "stages")
    put = _last_stage(document)["operations"][0]
    made = len(os.listdir(case.path("data/set"))) - 1  # and the marker
    equal(put["count"], made, "objects counted and objects there")
    that(100 <= made < 100_000, f"{made} objects were made")


def ctrl_c_in_execute(case):
    run = _start(case, "load", "--only", "load", "--only", "make", "--set", "prepare.ensure_objects[0].count=200")
    run.signal(signal.SIGINT)
    document = _ends_as_interrupted(case, run)
    equal([s["status"] for s in document["stages"]], ["completed", "interrupted"], "status of the stages")
    counts = {o["operation"]: o["count"] for o in _last_stage(document)["operations"]}
    equal(len(os.listdir(case.path("data/new"))), counts["put"], "objects put and objects there: nothing was removed")
    equal(len(os.listdir(case.path("data/set"))), 201, "prepared objects and the marker")


def ctrl_c_in_a_hybrid_stage(case):
    run = _start(case, "mixed", "--skip", "load", "--set", "prepare.ensure_objects[0].count=200")
    run.signal(signal.SIGINT)
    document = _ends_as_interrupted(case, run)
    equal([s["status"] for s in document["stages"]], ["completed", "interrupted"], "status of the stages")


def ctrl_c_in_a_custom_stage(case):
    run = _start(case, "wait", "--only", "wait")
    run.signal(signal.SIGINT)
    document = _ends_as_interrupted(case, run)
    equal(_last_stage(document)["output"], "begun\n", "the command's output is kept")
    children = subprocess.run(["ps", "-o", "args=", "-g", str(run.pid)], capture_output=True, text=True, check=False).stdout
    that("sleep 60" not in children, "the command is gone")


def ctrl_c_in_cleanup(case):
    case.make_dir("data")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", *_JSON, "--only", "make", "--only", "remove")
    run.wait_for_stage("remove")
    run.signal(signal.SIGINT)
    document = _ends_as_interrupted(case, run)
    equal([s["status"] for s in document["stages"]], ["completed", "interrupted"], "status of the stages")
    that(any("cleanup did not finish" in note for note in document["notes"]), f"notes: {document['notes']}")
    that(case.path("data/set/.sluice-dataset.json").exists(), "the marker stays, so that cleanup can be run again")
    case.run_ok("cleanup", "plan.yaml", "--progress", "none")
    equal(os.listdir(case.path("data/set")), [], "what is left after cleanup")


def a_second_ctrl_c_ends_the_run_at_once(case):
    case.make_dir("data")
    # A command that does not heed SIGTERM keeps the stage for its five seconds of grace.
    case.plan(_PLAN.replace("echo begun; sleep 60", "trap : TERM; echo begun; while true; do sleep 1; done"))
    run = case.start("run", "plan.yaml", *_JSON, "--only", "wait")
    run.wait_for_stage("wait", t_s=0.2)
    run.signal(signal.SIGINT)
    wait_until(lambda: not _is_pending(run.pid, signal.SIGINT), "the first one is taken", run)
    run.signal(signal.SIGINT)
    _ends_as_interrupted(case, run, patience=4)


def sigterm_ends_the_run_with_143(case):
    run = _start(case, "load", "--only", "load", "--only", "make", "--set", "prepare.ensure_objects[0].count=200")
    run.signal(signal.SIGTERM)
    _ends_as_interrupted(case, run, exit_code=143)


def sighup_ends_the_run_with_129(case):
    run = _start(case, "load", "--only", "load", "--only", "make", "--set", "prepare.ensure_objects[0].count=200")
    run.signal(signal.SIGHUP)
    _ends_as_interrupted(case, run, exit_code=129)


def a_second_sighup_does_not_hurry(case):
    """The kernel and the shell send one each when a terminal goes."""
    case.make_dir("data")
    slow = "trap 'sleep 0.5; echo done; exit' TERM; echo begun; while true; do sleep 0.1; done"
    case.plan(_PLAN.replace("echo begun; sleep 60", slow))
    run = case.start("run", "plan.yaml", *_JSON, "--only", "wait")
    run.wait_for_stage("wait", t_s=0.2)
    for _ in range(2):
        run.signal(signal.SIGHUP)
        wait_until(lambda: not _is_pending(run.pid, signal.SIGHUP), "it is taken", run)
    document = _ends_as_interrupted(case, run, exit_code=129)
    that(_last_stage(document)["output"].endswith("\ndone\n"), f"the command was given the time to end: {_last_stage(document)}")


def _with_a_results_disk_that_hangs_at_the_end(case):
    """A file that is first written then is a pipe that nobody reads: opening it hangs."""
    case.plan("target: null://x/?size=4KiB\nworkload: [{op: get, path: data/}]\n")
    run = case.start("run", "plan.yaml", *_JSON, "--duration", "3s")
    run.wait_for_stage("execute", done=100)
    hangs = case.results() / "errors.tsv.new"
    os.mkfifo(hangs)
    return run, hangs


def _has_told_of_the_hanging_disk(case, ended, hangs):
    that("waiting for the disk of the results" in ended.err, "that it waits is said", ended)
    document = check_summary(ended.out)
    equal(document["error"]["code"], "DeadlineExceeded", "the error in the document", ended)
    that(case.results().name in document["error"]["where"], "where it hangs", ended)
    counts = [operation["count"] for operation in document["stages"][0]["operations"]]
    hangs.unlink()
    case.run_ok("results", "rebuild", case.results())
    rebuilt = check_summary((case.results() / "summary.json").read_text())
    equal([operation["count"] for operation in rebuilt["stages"][0]["operations"]], counts, "what the log has")


@long
def a_results_disk_that_hangs_at_the_end_is_told_of_and_left(case):
    run, hangs = _with_a_results_disk_that_hangs_at_the_end(case)
    ended = run.end(30)
    equal(ended.exit, 1, "exit code", ended)
    _has_told_of_the_hanging_disk(case, ended, hangs)


def ctrl_c_with_a_results_disk_that_hangs(case):
    run, hangs = _with_a_results_disk_that_hangs_at_the_end(case)
    run.signal(signal.SIGINT)
    ended = run.end(15)
    equal(ended.exit, 130, "exit code", ended)
    _has_told_of_the_hanging_disk(case, ended, hangs)


def nohup_and_the_run_goes_on(case):
    case.make_dir("data")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", *_JSON, "--only", "make", "--only", "load", "--set", "prepare.ensure_objects[0].count=200",
                     "--duration", "1s", ignored=(signal.SIGHUP,))
    run.wait_for_stage("load", done=100)
    run.signal(signal.SIGHUP)
    ended = run.end()
    equal(ended.exit, 0, "exit code", ended)
    equal([s["status"] for s in check_summary(ended.out)["stages"]], ["completed"] * 2, "status of the stages")


def a_terminal_that_is_closed_leaves_complete_results(case):
    """All that the run says goes to a terminal that has gone: it hangs on nothing, and what was measured is there."""
    case.make_dir("data")
    case.plan(_PLAN)
    leader, follower = os.openpty()
    run = case.start("run", "plan.yaml", "--progress", "tty", "--only", "make", "--only", "load",
                     "--set", "prepare.ensure_objects[0].count=200", stdout=follower, stderr=follower, terminal=follower)
    os.close(follower)
    said = b""
    while b"load (execute)" not in said:
        said += os.read(leader, 65536)
    os.close(leader)
    equal(run.end(10).exit, 129, "exit code")
    document = check_summary((case.results() / "summary.json").read_text())
    equal(document["run"]["status"], "interrupted", "status")
    that(document["run"]["ended"] is not None, "the end is in the summary")
    equal([s["status"] for s in document["stages"]], ["completed", "interrupted"], "status of the stages")
    that((case.results() / "02_load_results.tsv").is_file(), "the tables are there")


def ctrl_c_while_a_large_directory_is_listed(case):
    case.write("data/f%06d", count=20_000)
    case.plan('target: file:///DIR/data/\nduration: 60s\nworkload: [{op: get, path: "f*"}]\n')
    run = case.start("run", "plan.yaml", *_JSON)
    run.wait_for_stage("execute")
    run.signal(signal.SIGINT)
    _ends_as_interrupted(case, run)


def ctrl_c_in_a_cleanup_command(case):
    case.make_dir("data")
    case.plan(_PLAN)
    case.run_ok("run", "plan.yaml", "--only", "make", "--progress", "none")
    run = case.start("cleanup", "plan.yaml", "--progress", "none", "--concurrency", "1")
    wait_until(lambda: not case.path("data/set/prepared-00000000.dat").exists(), "the first object is gone", run)
    run.signal(signal.SIGINT)
    ended = run.end(10)
    equal(ended.exit, 130, "exit code", ended)
    case.run_ok("cleanup", "plan.yaml", "--progress", "none")
    equal(os.listdir(case.path("data/set")), [], "what is left")
