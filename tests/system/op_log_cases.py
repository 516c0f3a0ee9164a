"""The op-log: every operation of a run, one by one, in its log, in the table at its end, and in answers."""

import collections
import csv
import io
import json
import re
import signal

from case import equal, that
from schemas import check_document, check_summary

_QUIET = ("--progress", "none")
_COLUMNS = ("idx thread op client_id n_objects bytes endpoint file error start first_byte end duration_ns intended offset tries "
            "stage_index stage").split()
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
# Every kind of name: of a dataset, found by a glob, made by the run, one, and one that is not there.
_MIXED = """
target: file:///DIR/data/
duration: 600ms
warmup_period: 200ms
concurrency: 4
op_log_path: ops.tsv.zst
prepare: {ensure_objects: [{base_uri: set, count: 300, object_size: 4KiB}], cleanup: true}
workload:
  - {op: get, path: "set/*", weight: 40}
  - {op: get, path: "old/*.txt", weight: 20}
  - {op: put, path: "new/", weight: 20, object_size: 1KiB}
  - {op: stat, path: "old/f7.txt", weight: 10}
  - {op: delete, path: "new/", weight: 10}
  - {op: stat, path: "gone.txt", weight: 5}
error_handling: {max_total_errors: 1_000_000, error_rate_threshold: 1_000_000}
"""
_TREE = """
target: file:///DIR/data/
duration: 300ms
concurrency: 4
op_log_path: ops.tsv
prepare:
  directory_structure: {width: 3, depth: 2, files_per_dir: 10}
  ensure_objects: [{object_size: 1KiB}]
workload:
  - {op: get, path: "d*/", weight: 60}
  - {op: list, path: "d1_w1.dir/", weight: 5}
"""
_NULL = """
target: null://x/?size=4KiB
duration: 60s
concurrency: 4
io_rate: {iops: 20000}
op_log_path: ops.tsv.zst
workload: [{op: get, path: "data/*"}]
"""


def _rows(text):
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    equal(text.split("\n", 1)[0].split("\t"), _COLUMNS, "columns")
    return rows


def _table(case, name="ops.tsv.zst"):
    """The text of the file that a run has left, unpacked by another program than ours."""
    path = case.results() / name
    if name.endswith(".zst"):
        case.tool("zstd", "-q", "-t", path)
        case.tool("zstd", "-q", "-d", "-f", "-o", case.path("unpacked"), path)
        path = case.path("unpacked")
    return path.read_text()


def _counts(document):
    """How many operations of each stage and kind the summary has: successes, and failures."""
    counts = collections.Counter()
    for index, stage in enumerate(document["stages"], 1):
        for operation in stage["operations"] + stage["warmup"]["operations"]:
            counts[index, operation["operation"].upper(), False] += operation["count"]
            counts[index, operation["operation"].upper(), True] += operation["errors"]
    return +counts


def _run(case, plan, *arguments):
    case.write("data/old/f%d.txt", "old", count=20)
    case.plan(plan)
    return check_summary(case.run_ok("run", "plan.yaml", "--json", *_QUIET, *arguments).out)


def _export(case, *arguments):
    return case.run_ok("results", "export", case.results(), "--op-log", *arguments).out


def every_operation_is_in_the_table_once_by_its_start(case):
    document = _run(case, _MIXED)
    rows = _rows(_table(case))
    found = collections.Counter((int(row["stage_index"]), row["op"], row["error"] != "") for row in rows)
    expected = _counts(document)
    # Failures of the warm-up count among the stage's.
    equal(found, expected, "operations by stage, kind and success")
    equal([row["idx"] for row in rows], [str(i) for i in range(len(rows))], "indices")
    keys = [(row["start"], row["end"], int(row["thread"])) for row in rows]
    equal(keys, sorted(keys), "order")
    for row in rows:
        that(all(_TIME.fullmatch(row[name]) for name in ("start", "end", "intended")), f"times of {row}")
        that(row["start"] <= row["end"] and int(row["duration_ns"]) >= 0, f"times of {row}")
    equal(document["op_log"]["records"], len(rows), "what the summary says of the op-log")
    equal(document["op_log"]["lost"], 0, "lost operations")
    that(document["op_log"]["bytes"] < 40 * len(rows), "its size")


def names_are_those_of_the_files(case):
    _run(case, _MIXED)
    root = str(case.dir / "data")
    rows = _rows(_table(case))
    equal({row["endpoint"] for row in rows}, {"file://"}, "endpoints")
    equal({row["client_id"] for row in rows}, {"local"}, "parties")
    files = collections.defaultdict(set)
    for row in rows:
        files[row["stage"], row["op"]].add(row["file"])
    flat = {f"{root}/set/prepared-{i:08}.dat" for i in range(300)}
    old = {f"{root}/old/f{i}.txt" for i in range(20)}
    equal(files["prepare", "PUT"], flat, "what prepare has put")
    that(files["execute", "GET"] <= flat | old, "what was read")
    that(files["execute", "GET"] & flat and files["execute", "GET"] & old, "both were read")
    equal(files["execute", "STAT"], {f"{root}/old/f7.txt", f"{root}/gone.txt"}, "what was looked at")
    run = case.summary()["run"]["id"]
    that(all(re.fullmatch(rf"{root}/new/put-{run}-\w+-\d+", name) for name in files["execute", "PUT"]), "what was put")
    that(files["execute", "DELETE"] <= files["execute", "PUT"], "what was deleted had been put")
    equal({row["error"] for row in rows if row["file"].endswith("gone.txt")}, {"not_found: ENOENT (2)"}, "errors")
    that(files["cleanup", "DELETE"] >= flat, "what cleanup has deleted")


def names_of_a_tree_are_those_of_its_files(case):
    document = _run(case, _TREE)
    rows = _rows(_table(case, "ops.tsv"))
    there = {str(path) for path in case.path("data").rglob("file_*.dat")}
    equal(len(there), 90, "files of the tree")
    equal({row["file"] for row in rows if row["op"] == "PUT"}, there, "what prepare has put")
    that({row["file"] for row in rows if row["op"] == "GET"} <= there, "what was read")
    directories = {row["file"].rstrip("/") for row in rows if row["op"] == "MKDIR"}
    that(all(case.path(name).is_dir() for name in directories), "directories that were made")
    equal(sum(_counts(document).values()), len(rows), "operations")


def rebuild_makes_the_same_bytes(case):
    _run(case, _MIXED)
    path = case.results() / "ops.tsv.zst"
    before = path.read_bytes()
    path.unlink()
    said = case.run_ok("results", "rebuild", case.results())
    that(str(path) in said.out, "it names the file", said)
    equal(path.read_bytes() == before, True, "the same bytes")
    equal([p.name for p in case.results().iterdir() if p.name.startswith(".new")], [], "files left behind")


def export_writes_the_same_from_the_log_and_from_the_journal(case):
    _run(case, _MIXED)
    table = _table(case)
    equal(_export(case) == table, True, "from the log")
    equal(_export(case, "-o", "-") == table, True, "to stdout by its name")
    case.run_ok("results", "import", case.results(), "--into", f"sqlite:{case.dir}/all.db")
    equal(_export(case, "--journal", f"sqlite:{case.dir}/all.db") == table, True, "from a journal")
    _export(case, "-o", "again.tsv.zst")
    equal(case.path("again.tsv.zst").read_bytes() == (case.results() / "ops.tsv.zst").read_bytes(), True, "packed")


def export_has_the_rows_as_json_and_csv(case):
    _run(case, _MIXED)
    rows = _rows(_table(case))
    lines = [json.loads(line) for line in _export(case, "--format", "json").splitlines()]
    equal(list(lines[0]), _COLUMNS, "names in JSON")
    equal([{name: "" if value is None else str(value) for name, value in line.items()} for line in lines], rows, "JSON")
    equal(list(csv.DictReader(io.StringIO(_export(case, "--format", "csv")))), rows, "CSV")


def a_packed_table_that_was_cut_has_its_beginning(case):
    case.plan(_NULL.replace("io_rate: {iops: 20000}", "").replace("60s", "1s"))
    case.run_ok("run", "plan.yaml", *_QUIET)
    table = _table(case)
    packed = (case.results() / "ops.tsv.zst").read_bytes()
    that(len(table) > 3 * (4 << 20), f"it has several frames: {len(table)} bytes")
    case.path("cut.zst").write_bytes(packed[:-100])
    done = case.tool_output("zstd", "-q", "-d", "-c", case.path("cut.zst"))
    that(len(done) >= len(table) - (6 << 20) and table.startswith(done), f"{len(done)} of {len(table)} bytes are there")


def after_kill_9_the_table_is_made_from_what_is_there(case):
    case.plan(_NULL)
    run = case.start("run", "plan.yaml", "--progress", "json")
    run.wait_for_stage("execute", t_s=3)
    run.signal(signal.SIGKILL)
    equal(run.end().exit, 137, "exit code")
    that(not (case.results() / "ops.tsv.zst").exists(), "no table yet")
    rows = _rows(_export(case))
    that(len(rows) > 20_000, f"{len(rows)} operations of three seconds are there")
    case.run_ok("results", "rebuild", case.results())
    equal(_rows(_table(case)) == rows, True, "rebuild makes the same")
    case.run_ok("results", "verify", case.results())


def a_damaged_chunk_is_named_and_the_others_are_exported(case):
    case.plan(_NULL.replace("60s", "4s"))
    case.run_ok("run", "plan.yaml", *_QUIET)
    whole = _rows(_table(case))
    log = case.results() / "log" / "local.seg"
    content = bytearray(log.read_bytes())
    at = content.index(b"SLRC", len(content) // 2) + 1000
    content[at] ^= 1
    log.write_bytes(content)
    ended = case.run("results", "export", case.results(), "--op-log")
    equal(ended.exit, 1, "exit code", ended)
    named = re.search(r"local\.seg: .*frame (\d+) at byte ([\d,]+)", ended.err)
    that(named and abs(int(named[2].replace(",", "")) - at) < 2000, "frame and byte are named", ended)
    rows = _rows(ended.out)
    that(len(whole) // 2 < len(rows) < len(whole), f"{len(rows)} of {len(whole)} operations are there")
    checked = case.run("results", "verify", case.results())
    equal(checked.exit, 1, "exit code of verify", checked)


def verify_counts_the_operations(case):
    _run(case, _MIXED)
    said = case.run_ok("results", "verify", case.results()).out
    count = case.summary()["op_log"]["records"]
    that(f"op-log: {count:,} operations in " in said, f"it says {said}")


def every_operation_can_be_asked(case):
    _run(case, _MIXED)
    rows = _rows(_table(case))

    def ask(*arguments):
        return case.run("results", "query", case.results(), "--json", *arguments)

    def found(*arguments):
        ended = ask("--op-log", "--limit", "1000000", *arguments)
        equal(ended.exit, 0, "exit code", ended)
        return check_document("query", ended.out)["records"]

    puts = found("--op", "put")
    equal(len(puts), sum(row["op"] == "PUT" for row in rows), "puts")
    target = next(row["target"] for row in puts if row["stage_index"] == 2)
    equal({row["operation"] for row in found("--target", target)} <= {"put", "delete"}, True, "one target's")
    that(str(case.dir / "data" / target) in {row["file"] for row in rows}, "a name is relative to the target")
    equal(len(found("--errors")), sum(row["error"] != "" for row in rows), "failures")
    # To the microsecond, as times are given.
    middle = sorted(row["end"] for row in rows)[len(rows) // 2][:-4]
    equal(len(found("--to", middle + "Z")), sum(row["end"] <= middle + "000Z" for row in rows), "by their end")
    slowest = found("--slowest", "5")
    equal([row["latency_ns"] for row in slowest], sorted((int(row["duration_ns"]) for row in rows), reverse=True)[:5], "slowest")
    ended = ask("--op-log", "--limit", "3")
    equal(ended.exit, 1, "exit code where more match", ended)
    kept = ask("--slowest", "5")
    that("--op-log" in kept.err, "it says that there is more to ask", kept)


def a_run_without_an_op_log_says_so(case):
    case.run_ok("run", "null://x/?size=4KiB", "--duration", "200ms", *_QUIET)
    equal(case.summary()["op_log"], None, "in the summary")
    asked = case.run("results", "query", case.results(), "--op-log")
    equal(asked.exit, 1, "exit code", asked)
    that("this run has no op-log" in asked.err, "it says so", asked)
    exported = case.run_ok("results", "export", case.results(), "--op-log")
    that("op_log_path" in exported.err, "it says so", exported)
    equal(exported.out.split(), _COLUMNS, "a table without a row")
