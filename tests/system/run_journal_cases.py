"""The journal that a run fills: made as it goes on, from the log, and never in its way."""

import contextlib
import errno
import signal
import sqlite3

from case import equal, long, that, wait_until
from schemas import check_summary

_PLAN = """
target: null://x/?size=4KiB
duration: 60s
concurrency: 4
workload: [{op: get, path: "data/*"}]
"""
_SHORT = ("--duration", "1500ms", "--progress", "none")


def _ask(database, question):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


def a_run_leaves_a_journal_that_sqlite_can_be_asked(case):
    case.plan(_PLAN)
    case.run_ok("run", "plan.yaml", *_SHORT)
    database = case.results() / "journal.db"
    (run,) = _ask(database, "SELECT run, state, parties, missing_blocks, duration_s FROM runs")
    equal(run[1:4], ("ended", 1, 0), "state, parties, missing blocks")
    that(case.results().name.endswith(run[0]), "it is this run")
    that(1.5 <= run[4] < 30, f"its duration is {run[4]}")
    kinds = dict(_ask(database, "SELECT kind, count(*) FROM blocks_readable GROUP BY kind"))
    equal((kinds["run_started"], kinds["run_ended"]), (1, 1), "begin and end")
    that(kinds["interval"] >= 2, f"its seconds are there: {kinds}")
    slow = _ask(database, "SELECT operation, latency_ns, target FROM slow_operations WHERE operation = 'get' LIMIT 10")
    that(len(slow) > 0, "its slowest operations are there")
    slowest = max(entry["service_ns"]["max"] for entry in case.summary()["stages"][0]["operations"])
    equal(max(row[1] for row in slow), slowest, "the slowest in the journal and in the summary")


def a_journal_can_be_asked_while_its_run_goes_on_and_after_kill_9(case):
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", "--progress", "json")
    run.wait_for_stage("execute")
    database = case.results() / "journal.db"

    def intervals():
        return _ask(database, "SELECT count(*) FROM blocks_readable WHERE kind = 'interval'")[0][0]

    wait_until(lambda: database.exists() and intervals() >= 2, "two seconds are in the journal", run)
    seen = intervals()
    run.signal(signal.SIGKILL)
    equal(run.end().exit, 137, "exit code")
    that(intervals() >= seen, "what was seen is there")
    equal(_ask(database, "SELECT state FROM runs")[0][0] == "ended", False, "it has not ended")
    equal(_ask(database, "PRAGMA integrity_check"), [("ok",)], "SQLite's own check")


def without_a_journal_a_run_is_the_same(case):
    case.plan(_PLAN)
    case.run_ok("run", "plan.yaml", "--journal", "none", *_SHORT)
    that(not (case.results() / "journal.db").exists(), "there is none")
    equal(case.summary()["run"]["status"], "completed", "status")


def several_runs_share_a_journal(case):
    case.plan(_PLAN)
    for _ in range(2):
        case.run_ok("run", "plan.yaml", "--journal", f"sqlite:{case.dir}/shared.db", *_SHORT)
    runs = _ask(case.dir / "shared.db", "SELECT run, state, missing_blocks FROM runs")
    equal([row[1:] for row in runs], [("ended", 0)] * 2, "two whole runs")
    equal(len({row[0] for row in runs}), 2, "of different names")


def a_journal_that_another_run_writes_costs_a_warning(case):
    case.plan(_PLAN)
    first = case.start("run", "plan.yaml", "--journal", f"sqlite:{case.dir}/shared.db", "--results", "first", "--progress", "json")
    first.wait_for_stage("execute")
    done = case.run_ok("run", "plan.yaml", "--journal", f"sqlite:{case.dir}/shared.db", *_SHORT, "--json")
    document = check_summary(done.out)
    equal(document["run"]["status"], "completed", "status of the second")
    notes = [note for note in document["notes"] if "no journal of this run" in note]
    that(len(notes) == 1 and str(first.pid) in notes[0], f"it says who has it: {document['notes']}")
    first.signal(signal.SIGINT)
    equal(first.end().exit, 130, "exit code of the first")


def a_file_of_another_program_is_no_journal_and_is_left_alone(case):
    other = case.dir / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    before = other.read_bytes()
    case.plan(_PLAN)
    done = case.run_ok("run", "plan.yaml", "--journal", f"sqlite:{other}", *_SHORT, "--json")
    that(any("no journal of this run" in note for note in check_summary(done.out)["notes"]), "it says so", done)
    equal(other.read_bytes(), before, "the file")


def a_journal_without_a_scheme_is_refused(case):
    case.plan(_PLAN)
    ended = case.run("run", "plan.yaml", "--journal", "shared.db")
    equal(ended.exit, 2, "exit code", ended)
    that("sqlite:shared.db" in ended.err, "it says what was meant", ended)


def _fill(folder):
    """Takes the last page of a small file system; returns the file that has it."""
    filler = folder / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            equal(error.errno, errno.ENOSPC, "why it takes no more")
    return filler


def _start_on_a_disk_that_fills(case, duration):
    """A run whose journal had a second when its disk, and nothing else, became full."""
    folder = case.tmpfs("small", "size=4m")
    database = folder / "shared.db"
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", "--duration", duration, "--journal", f"sqlite:{database}", "--json", "--progress", "json",
                     "--progress-interval", "100ms")
    run.wait_for_stage("execute")

    def intervals():
        return _ask(database, "SELECT count(*) FROM blocks_readable WHERE kind = 'interval'")[0][0]

    wait_until(lambda: database.exists() and intervals() >= 1, "a second is in the journal", run)
    return run, f"sqlite:{database}", _fill(folder), intervals


def a_full_disk_below_the_journal_costs_a_warning_and_nothing_else(case):
    run, journal, filler, _ = _start_on_a_disk_that_fills(case, "4s")
    ended = run.end()
    equal(ended.exit, 0, "exit code", ended)
    document = check_summary(ended.out)
    equal(document["run"]["status"], "completed", "status")
    that(document["stages"][0]["window_s"] > 3.5, "it has measured to its end", ended)
    that("the journal lacks" in ended.err and "blocks are known to be there" in ended.err, "it says what is missing", ended)
    that(f" --journal {journal}" in ended.err, "and what brings it in", ended)
    lag = case.run("results", "lag", case.results(), "--journal", journal)
    that(lag.exit == 1 and " missing: block" in lag.out, "what lag names", lag)
    filler.unlink()
    case.run_ok("results", "repair", case.results(), "--journal", journal)
    that("nothing is wrong" in case.run_ok("results", "verify", case.results(), "--journal", journal).out, "verify")


@long
def room_that_is_made_during_a_run_fills_the_journal_by_itself(case):
    run, journal, filler, intervals = _start_on_a_disk_that_fills(case, "14s")
    seen = run.wait_for_stage("execute", stage_t_s=4)
    that(seen["ops"] > 0, "operations go on")
    filler.unlink()
    wait_until(lambda: intervals() >= 5, "the journal has caught up", run)
    ended = run.end()
    equal(ended.exit, 0, "exit code", ended)
    that("the journal lacks" not in ended.err, "nothing is said to be missing", ended)
    equal(case.run_ok("results", "lag", case.results(), "--journal", journal).out, "nothing is missing\n", "lag")


def a_journal_that_another_run_has_had_gets_all_of_this_one(case):
    case.plan(_PLAN)
    shared = f"sqlite:{case.dir}/shared.db"
    first = case.start("run", "plan.yaml", "--journal", shared, "--results", "first", "--progress", "json")
    first.wait_for_stage("execute")
    second = case.start("run", "plan.yaml", "--journal", shared, "--duration", "3s", "--progress", "json")
    second.wait_for_stage("execute")
    first.signal(signal.SIGINT)
    equal(first.end().exit, 130, "exit code of the first")
    ended = second.end()
    equal(ended.exit, 0, "exit code of the second", ended)
    that("the journal lacks" not in ended.err, "nothing is said to be missing", ended)
    equal(case.run_ok("results", "lag", case.results(), "--journal", shared).out, "nothing is missing\n", "lag")
