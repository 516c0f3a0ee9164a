"""What a run leaves behind: every file there, every sum the same, nothing else touched."""

import os
import pathlib
import re
import signal

from case import Skipped, equal, that, wait_until
from schemas import check_progress, check_summary

_PLAN = """
target: file:///DIR/data/
duration: 300ms
concurrency: 3
prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 300, object_size: 4KiB}]}
workload:
  - {op: get, path: "set/*", weight: 5}
  - {op: put, path: "new/", weight: 3, object_size: 10_000}
  - {op: stat, path: "set/*", weight: 1}
  - {op: list, path: "set/", weight: 1}
  - {op: delete, path: "new/*", weight: 1}
cleanup: true
"""
_QUIET = ("--json", "--progress", "none")


def _table(path):
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    for row in rows:
        equal(len(row), len(rows[0]), f"columns of {path.name}")
    return [dict(zip(rows[0], row)) for row in rows[1:]]


def _operations(stage):
    return {operation["operation"]: operation for operation in stage["operations"]}


def _run(case, *arguments, plan=_PLAN, exit_code=0):
    case.make_dir("data")
    case.plan(plan)
    ended = case.run("run", "plan.yaml", *_QUIET, *arguments)
    equal(ended.exit, exit_code, "exit code", ended)
    return check_summary(ended.out)


def every_file_of_a_run_is_there(case):
    document = _run(case)
    there = {path.name for path in case.results().iterdir()}
    wanted = {"plan.yaml", "plan.resolved.yaml", "summary.json", "perf_log.tsv", "errors.tsv", "histograms.hlog", "log",
              "journal.db", "journal.db.lock",
              "01_prepare_results.tsv", "02_execute_results.tsv", "03_cleanup_results.tsv"}
    equal(there, wanted, "files of the run")
    name = case.results().name
    that(re.fullmatch(r"\d{8}T\d{6}Z-plan-" + document["run"]["id"], name), f"the directory's name: {name}")
    that(re.fullmatch(r"[A-Za-z0-9]+", document["run"]["id"]), "the run id is letters and digits")
    equal(check_summary((case.results() / "summary.json").read_text()), document, "summary.json and stdout")
    equal((case.results() / "plan.yaml").read_text(), case.path("plan.yaml").read_text(), "the plan as given")
    case.run_ok("validate", case.results() / "plan.resolved.yaml")


def the_time_series_adds_up_to_the_totals(case):
    document = _run(case, "--duration", "1200ms")
    rows = _table(case.results() / "perf_log.tsv")
    groups = {"get": ("get", "read"), "put": ("put", "write", "copy"),
              "meta": ("list", "stat", "delete", "mkdir", "rmdir", "rename")}
    for stage in document["stages"]:
        operations = _operations(stage)
        of_stage = [row for row in rows if row["stage"] == stage["name"]]
        for group, kinds in groups.items():
            for column, field in ((f"{group}_ops", "count"), (f"{group}_bytes", "bytes")):
                equal(sum(int(row[column]) for row in of_stage),
                      sum(operations[kind][field] for kind in kinds if kind in operations), f"{column} of {stage['name']}")
        equal(sum(int(row["errors"]) for row in of_stage), sum(o["errors"] for o in operations.values()), "errors")
    columns = ("agent_id", "timestamp_epoch_ms", "elapsed_s", "stage")
    equal(tuple(rows[0])[:4], columns, "first columns of the time series")


def the_tables_of_the_stages_add_up_to_the_totals(case):
    document = _run(case)
    for number, stage in enumerate(document["stages"], 1):
        rows = _table(case.results() / f"{number:02}_{stage['name']}_results.tsv")
        equal(tuple(rows[0]), ("operation", "size_bucket", "bucket_idx", "mean_us", "p50_us", "p90_us", "p95_us", "p99_us",
                               "max_us", "avg_bytes", "ops_per_sec", "throughput_mibps", "count"), "columns")
        for name, operation in _operations(stage).items():
            of_operation = [row for row in rows if row["operation"].lower() == name]
            classes = [row for row in of_operation if row["size_bucket"] != "ALL"]
            equal(sum(int(row["count"]) for row in classes), operation["count"], f"count of {name} by size class")
            equal(sum(c["count"] for c in operation["size_classes"]), operation["count"], f"size classes of {name}")
    # What was deleted is what was made, and nothing is counted that was not there.
    made = _operations(document["stages"][0])["put"]["count"] + _operations(document["stages"][1])["put"]["count"]
    deleted = _operations(document["stages"][1])["delete"]["count"] + _operations(document["stages"][2])["delete"]["count"]
    equal(deleted, made, "objects deleted and objects made")


def every_kind_of_operation_is_counted_and_cleaned_up(case):
    document = _run(case, plan="""
target: file:///DIR/data/
duration: 500ms
concurrency: 8
dynamic_put_pool: true
prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 200, object_size: 4KiB}]}
workload:
  - {op: get, path: "set/*"}
  - {op: put, path: "new/", object_size: 1KiB}
  - {op: copy, path: "set/*", destination: "copies/"}
  - {op: rename, path: "new/*", destination: "moved/"}
  - {op: mkdir, path: "dirs/"}
  - {op: rmdir, path: "dirs/*/"}
  - {op: delete, path: "copies/*"}
  - {op: list, path: "set/"}
  - {op: stat, path: "new/*"}
  - {op: read, path: "set/*", block_size: 1KiB, access: random}
  - {op: write, path: "set/*", block_size: 512, access: "zipf(0.9)", fsync: end}
cleanup: true
""")
    mix = {name: operation["count"] for name, operation in _operations(document["stages"][1]).items()}
    cleanup = {name: operation["count"] for name, operation in _operations(document["stages"][2]).items()}
    equal(len(mix), 11, f"operations that ran: {mix}")
    that(all(count > 0 for count in mix.values()), f"each of them ran: {mix}")
    equal(document["errors"], [], "errors")
    equal(cleanup["delete"], 200 + mix["put"] + mix["copy"] - mix["delete"], "objects that cleanup removed")
    equal(cleanup["rmdir"], mix["mkdir"] - mix["rmdir"], "directories that cleanup removed")
    equal([str(p) for p in case.path("data").rglob("*") if p.name != "set"], [], "what is left")


def the_histograms_hold_every_operation(case):
    document = _run(case)
    text = (case.results() / "histograms.hlog").read_text()
    tags = set(re.findall(r"^Tag=([^,]+),", text, re.MULTILINE))
    for stage in document["stages"]:
        for name in _operations(stage):
            that(any(name in tag and stage["name"] in tag for tag in tags), f"a histogram of {stage['name']} {name}: {tags}")


def latencies_are_in_order(case):
    for stage in _run(case)["stages"]:
        for name, operation in _operations(stage).items():
            if operation["count"] == 0:
                continue
            service = operation["service_ns"]
            values = [service[key] for key in ("min", "p50", "p90", "p95", "p99", "p999", "p9999", "max")]
            equal(values, sorted(values), f"percentiles of {name}")
            that(service["min"] <= service["mean"] <= service["max"], f"mean of {name}")


def a_missed_threshold_is_exit_code_3(case):
    document = _run(case, plan=_PLAN + 'thresholds: ["get.p99 < 1ns", "errors == 0", "put.ops_per_s > 1"]\n', exit_code=3)
    equal(document["run"]["status"], "threshold_missed", "status")
    equal([t["met"] for t in document["thresholds"]], [False, True, True], "thresholds met")


def thresholds_that_are_met_say_so(case):
    document = _run(case, plan=_PLAN + 'thresholds: ["get.p99 < 1h", "errors == 0"]\n')
    equal([t["met"] for t in document["thresholds"]], [True, True], "thresholds met")


def warmup_is_kept_apart(case):
    document = _run(case, "--duration", "500ms", plan=_PLAN + "warmup_period: 700ms\n")
    execute = document["stages"][1]
    warm = {o["operation"]: o for o in execute["warmup"]["operations"]}
    that(warm["get"]["count"] > 0, "operations of the warm-up are counted")
    rows = [row for row in _table(case.results() / "perf_log.tsv") if row["stage"] == "execute"]
    for wanted, counted in (("1", warm), ("0", _operations(execute))):
        in_rows = sum(int(row["get_ops"]) for row in rows if row["is_warmup"] == wanted)
        equal(in_rows, counted["get"]["count"], f"gets of the rows with is_warmup {wanted}")
    that(0.4 <= execute["window_s"] <= 0.9, f"the window is the duration, not {execute['window_s']} s")


def the_page_cache_share_tells_reads_of_the_device_from_those_of_memory(case):
    disk = case.disk_dir()
    (disk / "data").mkdir()
    case.plan(f"target: file://{disk}/data/\nduration: 500ms\nconcurrency: 2\n"
              "prepare: {ensure_objects: [{base_uri: set, count: 20, object_size: 1MiB}]}\n"
              'workload: [{op: get, path: "set/*"}]\n'
              f'stages: [{{name: fill, type: prepare}}, {{name: sync, type: custom, command: "sync {disk}/data/set/*"}}, '
              "{name: load, type: execute}]\n")

    def share(mode, *arguments):
        ended = case.run_ok("run", "plan.yaml", *_QUIET, "--set", f"page_cache_mode={mode}", *arguments)
        return check_summary(ended.out)["client"]["page_cache_share"]

    cold = share("dontneed")  # what was read is dropped: it comes from the device each time
    if cold == 1:
        raise Skipped(f"{disk} is in memory")
    hot = share("none", "--only", "load")
    that(cold < 0.5 < hot, f"shares of memory: {cold} with dontneed, {hot} without")


def fsync_reaches_the_device_as_often_as_the_plan_says(case):
    with open(case.path("image"), "wb") as image:
        image.truncate(16 << 20)
    case.tool("mkfs.ext4", "-q", case.path("image"))
    device = case.loop_device(case.path("image"))
    case.mount(device, "data")
    case.plan("target: file:///DIR/data/\nconcurrency: 1\n"
              "prepare: {ensure_objects: [{base_uri: set, count: 1, object_size: 1MiB}]}\n"
              'workload: [{op: write, path: "set/*", block_size: 4KiB, fsync: none}]\n'
              "stages: [{name: fill, type: prepare}, {name: load, type: hybrid, completion: tasks_done, expected_tasks: 40}]\n")
    case.run_ok("run", "plan.yaml", *_QUIET, "--only", "fill")

    def flushes(fsync):
        def told():
            return int(pathlib.Path(f"/sys/block/{pathlib.Path(device).name}/stat").read_text().split()[15])

        before = told()
        case.run_ok("run", "plan.yaml", *_QUIET, "--only", "load", "--set", f"workload[0].fsync={fsync}")
        return told() - before

    none, end, each = flushes("none"), flushes("end"), flushes("each")
    that(each >= 40, f"{each} flushes for 40 writes")
    that(1 <= end < 20, f"{end} flushes with one at the end")
    that(none < 20, f"{none} flushes without; the file system may flush by itself")


def errors_are_kept_by_kind_with_examples(case):
    plan = _PLAN.replace('path: "set/*", weight: 1', 'path: "gone", weight: 1')
    plan += "error_handling: {max_total_errors: 1_000_000_000, error_rate_threshold: 1_000_000_000}\n"
    document = _run(case, plan=plan)
    stat = _operations(document["stages"][1])["stat"]
    equal((stat["count"], set(stat["errors_by_kind"])), (0, {"not_found"}), "successes and kinds of error")
    row = _table(case.results() / "errors.tsv")[0]
    equal((row["kind"], int(row["count"])), ("not_found", stat["errors"]), "errors.tsv")
    that("gone" in "".join(row.values()), "an example with its key")


def a_foreign_file_survives_cleanup(case):
    case.write("data/set/mine.txt", "mine")
    case.write("data/set/deep/er/mine.txt", "mine")
    case.write("data/beside.txt", "mine")
    _run(case)
    left = sorted(str(p.relative_to(case.path("data"))) for p in case.path("data").rglob("*") if p.is_file())
    equal(left, ["beside.txt", "set/deep/er/mine.txt", "set/mine.txt"], "files that are left")


def the_base_directory_stays(case):
    _run(case)
    that(case.path("data").is_dir(), "the target is there")
    equal([p for p in case.path("data").rglob("*") if p.is_file()], [], "files that are left")
    that(not case.path("data/new").exists(), "a directory that the run made is gone")


def a_run_without_a_plan_leaves_the_directory_as_it_was(case):
    case.write("data/mine.txt", "mine")
    before = os.stat(case.path("data/mine.txt"))
    ended = case.run_ok("run", "data", "--duration", "300ms", *_QUIET)
    document = check_summary(ended.out)
    equal(sorted(_operations(document["stages"][1])), ["get", "list", "put", "stat"], "operations of the safe mix")
    equal(os.listdir(case.path("data")), ["mine.txt"], "what is in the directory")
    equal(os.stat(case.path("data/mine.txt")), before, "the file that was there")


def a_run_without_a_plan_says_that_it_takes_a_gibibyte_at_most(case):
    case.make_dir("data")
    run = case.start("run", "data", "--progress", "plain")
    wait_until(lambda: list(case.path("results").glob("*/summary.json")), "the run has begun", run)
    run.signal(signal.SIGINT)
    said = run.end().err
    needed = re.search(r"preflight: needs about ([\d.]+) ([KMG])iB", said)
    that(needed and float(needed[1]) * {"K": 2**-20, "M": 2**-10, "G": 1}[needed[2]] <= 1, f"what it needs: {said}")


def puts_over_objects_that_are_there_need_no_space(case):
    _run(case, "--skip", "cleanup", plan=_PLAN.replace('{op: put, path: "new/"', '{op: put, path: "set/*"'))
    ended = case.run_ok("validate", "plan.yaml")
    that("preflight: needs no space; " in ended.out, "it says so", ended)


def a_load_that_was_held_back_says_so(case):
    document = _run(case, "--duration", "1s", plan=_PLAN.replace('path: "set/*", weight: 1', 'path: "gone", weight: 1') +
                    "error_handling: {max_total_errors: 1_000_000, error_rate_threshold: 1, backoff_duration: 100ms}\n")
    that(any("held back" in note and "100 ms" in note for note in document["notes"]), f"notes: {document['notes']}")


def a_run_without_a_plan_on_the_null_store(case):
    said = case.run_ok("run", "null://", "--duration", "100ms", "--progress", "plain", "--results", "others")
    that(said.out.startswith("null: completed"), "it has a name", said)
    that("preflight: needs no space\n" in said.err, "nothing needs space there", said)
    document = check_summary(case.run_ok("run", "null://x/?size=4KiB", "--duration", "300ms", *_QUIET).out)
    that(_operations(document["stages"][-2])["get"]["count"] > 10_000, "the null store does nothing, often")


def json_is_one_document_in_every_ending(case):
    case.make_dir("data")
    case.plan(_PLAN, "good.yaml")
    case.plan(_PLAN + "duraton: 1s\n", "bad.yaml")
    case.plan('target: s3://bucket/\nworkload: [{op: get, path: "*"}]\n', "unbuilt.yaml")
    for exit_code, status, arguments in (
        (0, "completed", ("run", "good.yaml", "--duration", "100ms")),
        (2, "failed", ("run", "bad.yaml")),
        (2, "failed", ("run", "unbuilt.yaml")),
        (2, "failed", ("run", "missing.yaml")),
        (2, "failed", ("run", "good.yaml", "--no-such-option")),
        (1, "failed", ("run", "good.yaml", "--set", "target=file:///no/such/place/", "--set", "prepare.ensure_objects=[]")),
    ):
        ended = case.run(*arguments, "--json", "--progress", "none")
        equal(ended.exit, exit_code, f"exit code of {arguments}", ended)
        document = check_summary(ended.out)
        equal(document["run"]["status"], status, f"status of {arguments}")
        equal(document["error"] is None, exit_code == 0, "there is an error")
        that(exit_code == 0 or f"error: {document['error']['what']}" in ended.err, "the same on stderr", ended)


def progress_comes_every_second_while_a_tree_is_prepared(case):
    case.make_dir("data")
    case.plan("target: null://x/?latency=1ms\nduration: 100ms\nconcurrency: 1\n"
              "prepare:\n  directory_structure: {width: 10, depth: 2, files_per_dir: 30}\n"
              '  ensure_objects: [{base_uri: "null://x/?latency=1ms", count: 3000, object_size: 0}]\n'
              'workload: [{op: get, path: "d*/"}]\n')
    ended = case.run_ok("run", "plan.yaml", "--json", "--progress", "json")
    _check_gaps(ended)
    that(any(line["stage"] == "prepare" and line["total"] for line in ended.progress), "prepare tells its total", ended)


def _check_gaps(ended):
    lines = check_progress("".join(line + "\n" for line in ended.err.splitlines() if line.startswith("{")))
    times = [0.0, *(line["t_s"] for line in lines)]
    gap = max(b - a for a, b in zip(times, times[1:]))
    that(gap < 1.5, f"the longest silence was {gap:.2f} s: {times}")  # a second, and what a busy machine adds
    that(lines, "there is progress", ended)
