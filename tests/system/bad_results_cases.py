"""Results that cannot be written, from the start or from some moment on."""

import os
import shutil

from case import equal, that, wait_until
from schemas import check_summary

_PLAN = ('target: file:///DIR/data/\nduration: 300ms\nconcurrency: 2\n'
         'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/", count: 10, object_size: 1KiB}]}\n'
         'workload: [{op: get, path: "*"}]\n')


def _nothing_was_prepared(case):
    equal(os.listdir(case.path("data")), [], "what was made in the target")


def a_results_directory_that_may_not_be_written(case):
    case.make_dir("data", 0o777)
    case.make_dir("results", 0o555)
    case.plan(_PLAN)
    case.fails(1, "run", "plan.yaml", "--progress", "none", as_nobody=True)
    _nothing_was_prepared(case)


def a_results_directory_that_is_a_file(case):
    case.make_dir("data")
    case.write("results", "a file")
    case.plan(_PLAN)
    case.fails(2, "run", "plan.yaml", "--progress", "none")
    _nothing_was_prepared(case)


def a_results_directory_where_none_can_be_made(case):
    case.make_dir("data")
    case.plan(_PLAN)
    case.fails(1, "run", "plan.yaml", "--progress", "none", "--results", "/proc/x")
    _nothing_was_prepared(case)


def a_results_disk_that_is_full_from_the_start(case):
    case.make_dir("data")
    full = case.tmpfs("results", "size=4k")
    case.plan(_PLAN)
    case.fails(1, "run", "plan.yaml", "--progress", "none", masks=((r"-RUN/[\w./]+", "-RUN/FILE"),))
    _nothing_was_prepared(case)
    equal(list(full.glob("*/log/*")), [], "half a log")


def _gets_in(perf_log):
    """The gets of stage execute in a time series."""
    rows = [line.split("\t") for line in perf_log.read_text().splitlines()]
    return sum(int(row[rows[0].index("get_ops")]) for row in rows[1:] if row[3] == "execute")


def a_results_disk_that_fills_up_during_the_run(case):
    case.make_dir("data")
    disk = case.tmpfs("results", "size=1m")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", "--duration", "60s", "--json", "--progress", "json", "--progress-interval", "50ms")
    run.wait_for_stage("execute")
    seen = wait_until(lambda: _gets_in(next(disk.glob("*/perf_log.tsv"))), "a second of the time series", run)
    with open(disk / "hog", "wb", buffering=0) as hog:
        with_room = True
        while with_room:
            try:
                hog.write(b"x" * 512)
            except OSError:
                with_room = False
    ended = run.end()
    ended.err = "".join(line + "\n" for line in ended.err.splitlines() if not line.startswith("{"))
    equal(ended.exit, 1, "exit code", ended)
    document = check_summary(ended.out)
    equal(ended.err.count(f"error: {document['error']['what']}\n"), 1, "how often the error is told")
    equal(document["run"]["status"], "failed", "status")
    that("ENOSPC" in document["error"]["where"], "the error names its cause", ended)
    that(document["stages"][1]["operations"][0]["count"] > 0, "what was measured is in the document")

    (disk / "hog").unlink()
    found = list(disk.iterdir())
    equal(len(found), 1, "results directories")
    check_summary((found[0] / "summary.json").read_text())
    copied = shutil.copytree(found[0], case.path("copied"))
    case.run_ok("results", "rebuild", copied)
    rebuilt = check_summary((copied / "summary.json").read_text())
    that(rebuilt["run"]["status"] in ("failed", "interrupted"), f"status of the rebuilt summary: {rebuilt['run']['status']}")
    counted = rebuilt["stages"][1]["operations"][0]["count"]
    that(seen <= counted <= document["stages"][1]["operations"][0]["count"], "the log holds what was measured until then")
    equal(_gets_in(copied / "perf_log.tsv"), counted, "gets in the rebuilt time series")
