"""Runs that keep every operation: as many records as were counted, whatever ends the run."""

import contextlib
import signal
import sqlite3

from case import equal, that, wait_until
from schemas import check_summary

_PLAN = """
target: {target}
concurrency: 4
duration: 1500ms
warmup_period: 300ms
op_log_path: ops.tsv.zst
prepare:
  ensure_objects: [{{base_uri: "set/", count: 200, object_size: 4KiB}}]
workload:
  - {{op: get, path: "set/*", weight: 5}}
  - {{op: stat, path: "set/*", weight: 3}}
  - {{op: put, path: "new/", object_size: 4KiB, weight: 1}}
  - {{op: stat, path: "not/there", weight: 1}}
error_handling: {{max_total_errors: 100000000, error_rate_threshold: 100000000}}
"""


def _ask(database, question):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


def _records(database, stage):
    return _ask(database, f"SELECT coalesce(sum(records), 0) FROM blocks_readable WHERE kind = 'records' AND stage = {stage}")[0][0]


def every_operation_that_was_counted_is_kept(case):
    case.make_dir("data")
    case.plan(_PLAN.format(target=case.path("data")))
    case.run_ok("run", "plan.yaml", "--progress", "none", "--journal", f"sqlite:{case.dir}/j.db")
    summary = check_summary((case.results() / "summary.json").read_text())
    operations = _ask(case.dir / "j.db", "SELECT count(*) FROM failed_operations WHERE status = 'not_found'")
    that(operations[0][0] > 0, "failures can be asked for")
    for index, stage in enumerate(summary["stages"]):
        counted = sum(entry["count"] + entry["errors"] for entry in stage["operations"] + stage["warmup"]["operations"])
        equal(_records(case.dir / "j.db", index + 1), counted, f"records of stage {stage['name']}")
    targets = _ask(case.dir / "j.db", "SELECT target FROM slow_operations WHERE operation = 'put'")
    that(all(name.startswith(("set/prepared-", "new/put-")) for (name,) in targets), f"targets have their names: {targets[:3]}")
    case.run_ok("results", "verify", case.results(), "--journal", f"sqlite:{case.dir}/j.db")


def kill_9_costs_the_operations_of_the_last_second_only(case):
    case.make_dir("data")
    case.plan(_PLAN.format(target=case.path("data")))
    run = case.start("run", "plan.yaml", "--duration", "60s", "--progress", "json")
    run.wait_for_stage("execute")
    database = case.results() / "journal.db"
    wait_until(lambda: database.exists() and _records(database, 2) > 0, "operations are in the journal", run)
    seen = _records(database, 2)
    run.signal(signal.SIGKILL)
    equal(run.end().exit, 137, "exit code")
    case.run_ok("results", "repair", case.results())
    case.run_ok("results", "verify", case.results())
    that(_records(database, 2) >= seen, "what was seen is there")


def a_disk_of_results_that_fills_up_fails_the_run_and_keeps_what_came_before(case):
    case.make_dir("data")
    disk = case.tmpfs("results", "size=6m")
    case.plan("""
target: null://x/?size=4KiB
concurrency: 4
op_log_path: ops.tsv.zst
workload: [{op: get, path: "data/*"}]
""")
    run = case.start("run", "plan.yaml", "--duration", "60s", "--journal", "none", "--json", "--progress", "none")
    ended = run.end()
    equal(ended.exit, 1, "exit code", ended)
    document = check_summary(ended.out)
    equal(document["run"]["status"], "failed", "status")
    that("ENOSPC" in document["error"]["where"], "the error names its cause", ended)
    (folder,) = [entry for entry in disk.iterdir() if entry.is_dir()]
    exported = case.run_ok("results", "export", folder, "--op-log", "-o", "-")
    kept = exported.out.count("\n") - 1
    that(kept > 0, "what came before can be read")
    for summary in (document, check_summary((folder / "summary.json").read_text())):
        counted = sum(entry["count"] + entry["errors"] for entry in summary["stages"][0]["operations"])
        equal(summary["op_log"]["records"], kept, "operations that are kept")
        that(summary["op_log"]["lost"] >= counted - kept > 0, f"what is lost is told: {summary['op_log']}, {counted} counted")


def a_log_that_was_cut_to_nothing_is_told_by_every_check(case):
    case.plan("""
target: null://x/?size=4KiB
duration: 300ms
workload: [{op: get, path: "data/*"}]
""")
    case.run_ok("run", "plan.yaml", "--progress", "none")
    for left in (0, 29):
        with open(case.results() / "log/local.seg", "r+b") as log:
            log.truncate(left)
        for command in ("verify", "lag"):
            asked = case.run("results", command, case.results())
            equal(asked.exit, 1, f"exit code of {command} with {left} bytes", asked)
            that("no block in the log" in asked.out + asked.err, "it says what is wrong", asked)
