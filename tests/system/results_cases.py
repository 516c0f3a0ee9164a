"""What `sluice results` shows of runs: list, show, query, follow, export; and how it refuses."""

import csv
import io
import json
import os
import pathlib
import signal

from case import equal, that, wait_until
from schemas import check_document, check_lines, check_summary

_QUIET = ("--progress", "none")
_PLAN = """
target: file:///DIR/data/
duration: 300ms
concurrency: 2
prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 200, object_size: 4KiB}]}
workload: [{op: get, path: "set/*", weight: 2}, {op: stat, path: "set/*", weight: 1}]
error_handling: {max_total_errors: 1_000_000, error_rate_threshold: 1_000_000}
"""


def _results(case, *arguments, **how):
    return case.run("results", *arguments, **how)


def _list(case, *arguments):
    return check_document("list", case.run_ok("results", "list", "--json", *arguments).out)["runs"]


def _a_run(case, *arguments, name="null://x/?size=4KiB"):
    case.run_ok("run", name, "--duration", "200ms", *_QUIET, *arguments)


def _a_run_with_errors(case):
    """Half of the objects are gone before they are read. Returns the summary."""
    case.make_dir("data")
    case.plan(_PLAN)
    case.run_ok("run", "plan.yaml", "--only", "prepare", "--results", "prepared", *_QUIET)
    for path in sorted(case.path("data/set").glob("prepared-*"))[::2]:
        path.unlink()
    return check_summary(case.run_ok("run", "plan.yaml", "--skip", "prepare", "--json", *_QUIET).out)


def runs_are_listed_the_newest_first(case):
    _a_run(case)
    _a_run(case, name="null://y/?size=4KiB")
    runs = _list(case)
    equal([run["plan"] for run in runs], ["y", "x"], "plans")
    summary = check_summary((case.path(runs[0]["dir"]) / "summary.json").read_text())
    stage = next(stage for stage in summary["stages"] if stage["type"] == "execute")
    busiest = max(stage["operations"], key=lambda operation: operation["count"])
    equal((runs[0]["busiest_operation"], runs[0]["p99_ns"]), (busiest["operation"], busiest["service_ns"]["p99"]), "busiest")
    equal(runs[0]["id"], summary["run"]["id"], "run id")
    equal([run["plan"] for run in _list(case, "--plan", "x")], ["x"], "of one plan")
    equal([run["plan"] for run in _list(case, "--limit", "1")], ["y"], "the newest one")
    equal(_list(case, "--status", "failed,killed"), [], "with another status")
    equal(len(_list(case, "--status", "completed,killed", "--since", "1h")), 2, "with this status")
    equal(_list(case, "--since", "2190-01-01T00:00Z"), [], "since a day to come")
    lines = case.run_ok("results", "list").out.splitlines()
    equal(len(lines), 3, "lines of the table")
    that(lines[1].split()[2:5] == ["y", runs[0]["id"], "completed"], f"the first line is of the newest: {lines[1]}")


def a_long_name_is_whole_in_a_pipe(case):
    name = "n" * 60
    _a_run(case, name=f"null://{name}/?size=4KiB")
    that(name in case.run_ok("results", "list").out, "the plan's name")


def a_summary_that_cannot_be_read_is_made_from_the_log(case):
    _a_run(case)
    run_id = case.summary()["run"]["id"]
    (case.results() / "summary.json").write_text('{"schema": "sluice.summary/1", "run": [], "stages": 7}')
    equal([(run["id"], run["status"]) for run in _list(case)], [(run_id, "completed")], "the run")
    (case.results() / "summary.json").unlink()
    equal([(run["id"], run["status"]) for run in _list(case)], [(run_id, "completed")], "the run")
    for path in (case.results() / "log").iterdir():
        path.write_bytes(b"nothing")
    equal([(run["id"], run["status"]) for run in _list(case)], [(run_id, "unreadable")], "the run")


def show_gives_what_the_run_gave(case):
    case.make_dir("data")
    case.plan(_PLAN)
    ended = case.run_ok("run", "plan.yaml", *_QUIET)
    run_id = case.summary()["run"]["id"]
    equal(case.run_ok("results", "show", run_id[:4]).out, ended.out, "the final table")
    equal(check_summary(case.run_ok("results", "show", case.results().name, "--json").out), case.summary(), "the document")
    equal(case.run_ok("results", "show", run_id, "--json").out, (case.results() / "summary.json").read_text(), "its text")


def failed_operations_are_found(case):
    summary = _a_run_with_errors(case)
    run_id = summary["run"]["id"]
    that(summary["errors"][0]["kind"] == "not_found", f"errors: {summary['errors']}")

    def query(*arguments):
        ended = case.run_ok("results", "query", run_id, "--json", *arguments)
        return check_document("query", ended.out)["records"]

    failed = query("--errors")
    that(failed and all(record["status"] == "not_found" for record in failed), f"failed operations: {failed[:3]}")
    that(all("ENOENT" in record["detail"] for record in failed), f"their errors: {failed[:3]}")
    every = query()
    equal([record for record in every if record["status"] != "success"], failed, "failed among all")
    equal([r["t_s"] for r in every], sorted(r["t_s"] for r in every), "times in order")
    equal(query("--op", "stat,get"), every, "of both operations")
    equal(query("--op", "put"), [], "of an operation that the run did not do")
    equal(query("--op", "get", "--errors"), [r for r in failed if r["operation"] == "get"], "of one operation")
    target = failed[0]["target"]
    equal(query("--target", target), [r for r in every if r["target"] == target], "of one target")
    equal(query("--prefix", target[:-1]), [r for r in every if r["target"].startswith(target[:-1])], "with a prefix")
    for wrong in (("--target", ""), ("--prefix", ""), ("--min-latency", "2s", "--max-latency", "1s"), ("--min-size", "2k", "--max-size", "1k")):
        refused = case.run("results", "query", run_id, *wrong)
        equal(refused.exit, 2, f"exit code of {wrong}", refused)
        that(wrong[0] in refused.err, f"{wrong[0]} is named", refused)
    slow = [r for r in every if r["status"] == "success"]
    middle = sorted(r["latency_ns"] for r in slow)[len(slow) // 2]
    equal(query("--min-latency", f"{middle}ns"), [r for r in every if r["latency_ns"] >= middle], "the slow ones")
    equal(query("--max-latency", f"{middle}ns"), [r for r in every if r["latency_ns"] <= middle], "the fast ones")
    equal(query("--min-size", "4KiB"), [r for r in every if r["bytes"] >= 4096], "the large ones")
    equal(query("--max-size", "4095"), [r for r in every if r["bytes"] <= 4095], "the small ones")
    slowest = [r["latency_ns"] for r in query("--slowest", "3")]
    equal(slowest, sorted((r["latency_ns"] for r in every), reverse=True)[:3], "the slowest three")
    when = every[len(every) // 2]["t_s"]
    equal(query("--from", f"{when:.6f}s", "--to", "1h") + query("--to", f"{when:.6f}s"), query("--from", f"{when:.6f}s") +
          query("--to", f"{when:.6f}s"), "from then on, and until then")
    that(0 < len(query("--to", f"{when:.6f}s")) < len(every), "the first part of the run is a part")
    equal(query("--from", summary["run"]["started"], "--to", summary["run"]["ended"]), every, "between its beginning and its end")
    text = case.run_ok("results", "query", run_id, "--errors").out
    that(target in text and "not_found" in text, f"the table: {text[:500]}")


def more_than_the_limit_is_an_error_that_says_what_to_do(case):
    _a_run(case)
    run_id = case.summary()["run"]["id"]
    for path in case.results().glob("journal.db*"):
        path.unlink()
    ended = _results(case, "query", run_id, "--limit", "1", "--json")
    equal(ended.exit, 1, "exit code", ended)
    document = check_document("query", ended.out)
    that("more than 1 match" in document["error"]["what"], f"{document['error']}")
    that(any("--limit" in step for step in document["error"]["try_next"]), f"{document['error']}")
    that("answer is made from the log" in ended.err, "where the answer would come from", ended)


def follow_goes_with_the_run_to_its_end(case):
    run = case.start("run", "null://x/?size=4KiB", "--duration", "2s", "--progress", "json", "--progress-interval", "50ms")
    run.wait_for_stage("execute")
    ended = case.run("results", "follow", case.results(), "--json")
    equal(ended.exit, 0, "exit code", ended)
    equal(run.end().exit, 0, "exit code of the run")
    lines = check_lines("follow", ended.out)
    equal(lines[0]["event"], "run_started", "the first line")
    equal((lines[-1]["event"], lines[-1]["status"]), ("run_ended", "completed"), "the last line")
    count = {}
    for line in lines:
        if line["event"] == "interval":
            count[line["stage"], line["operation"]] = count.get((line["stage"], line["operation"]), 0) + line["count"]
    told = {(stage["name"], operation["operation"]): operation["count"] for stage in case.summary()["stages"]
            for operation in stage["operations"]}
    equal(count, told, "operations that were told, and those of the summary")
    equal([line["stage"] for line in lines if line["event"] == "stage_started"],
          [stage["name"] for stage in case.summary()["stages"]], "stages, each once")
    case.run_ok("results", "repair", case.results())
    again = case.run_ok("results", "follow", case.results(), "--json")
    equal((again.out, again.err), (ended.out, ""), "what the journal tells afterwards, and a note that it is the log")
    plain = case.run_ok("results", "follow", case.results()).out.splitlines()
    equal(len(plain), len(lines), "lines for people")


def follow_ends_at_once_by_ctrl_c(case):
    run = case.start("run", "null://x/?size=4KiB", "--duration", "60s", "--progress", "json", "--progress-interval", "50ms")
    run.wait_for_stage("execute", ops=1)
    out = case.path("lines")
    with open(out, "w", encoding="utf-8") as lines:
        follower = case.start("results", "follow", case.results(), "--json", stdout=lines)
    wait_until(lambda: "interval" in out.read_text(), "a line of an interval", follower)
    follower.signal(signal.SIGINT)
    equal(follower.end().exit, 130, "exit code")
    check_lines("follow", out.read_text())
    that(run.is_running(), "the run goes on")


def a_history_is_followed_while_others_write_it(case):
    """The run is brought into a database by another process, piece by piece, and has no directory where it is followed."""
    run = case.start("run", "null://x/?size=4KiB", "--duration", "1500ms", "--progress", "json", "--progress-interval", "50ms")
    run.wait_for_stage("execute", stage_t_s=1.1)
    history = "sqlite:history.db"
    case.run_ok("results", "import", case.results(), "--into", history)
    out = case.path("lines")
    with open(out, "w", encoding="utf-8") as lines:
        follower = case.start("results", "follow", case.results().name.rsplit("-", 1)[1], "--json", "--results", "none",
                              "--journal", history, stdout=lines)
    wait_until(lambda: "run_started" in out.read_text(), "the first line", follower)
    equal(run.end().exit, 0, "exit code of the run")
    case.run_ok("results", "import", case.results(), "--into", history)
    equal(follower.end().exit, 0, "exit code")
    equal(out.read_text(), case.run_ok("results", "follow", case.results(), "--json").out, "what was told, and what the log tells")


def ctrl_c_leaves_one_document(case):
    """A log that is a pipe that nobody writes into: reading it hangs, until Ctrl-C."""
    _a_run(case)
    (case.results() / "summary.json").unlink()
    (case.results() / "log" / "local.seg").unlink()
    os.mkfifo(case.results() / "log" / "local.seg")
    for command in (("list",), ("query", case.results())):
        running = case.start("results", *command, "--json")
        stack = pathlib.Path(f"/proc/{running.pid}/task/{running.pid}/stat")
        wait_until(lambda file=stack: " S " in file.read_text() and _is_listening(running.pid), "it waits", running)
        running.signal(signal.SIGINT)
        ended = running.end()
        equal(ended.exit, 130, f"exit code of {command}", ended)
        equal(check_document(command[0], ended.out)["error"]["code"], "Cancelled", "the error in the document")


def _is_listening(pid):
    """Its signals have a thread of their own."""
    return any((task / "comm").read_text() == "signals\n" for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


def rows_of_an_export_add_up_to_the_summary(case):
    summary = _a_run_with_errors(case)
    run_id = summary["run"]["id"]

    def export(*arguments):
        return case.run_ok("results", "export", run_id, *arguments).out

    text = export("--format", "tsv")
    table = list(csv.DictReader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE))
    for stage in summary["stages"]:
        for operation in stage["operations"]:
            rows = [row for row in table if (row["stage"], row["operation"]) == (stage["name"], operation["operation"])]
            for field in ("count", "bytes", "errors"):
                equal(sum(int(row[field]) for row in rows), operation[field], f"{field} of {operation['operation']}")
            equal(max(int(row["max_ns"]) for row in rows), operation["service_ns"]["max"], "the slowest")
    equal(list(csv.DictReader(io.StringIO(export("--format", "csv")))), table, "the same as CSV")
    lines = [json.loads(line) for line in export("--format", "json").splitlines()]
    equal([{name: str(value) for name, value in line.items() if name not in ("from_s", "to_s")} for line in lines],
          [{name: value for name, value in row.items() if name not in ("from_s", "to_s")} for row in table], "as JSON")
    operations = [json.loads(line) for line in export("--format", "json", "--what", "operations").splitlines()]
    found = check_document("query", case.run_ok("results", "query", run_id, "--json").out)["records"]
    equal(sorted((o["target"], o["latency_ns"], o["status"]) for o in operations),
          sorted((r["target"], r["latency_ns"], r["status"]) for r in found), "operations, and what a query finds")
    case.run_ok("results", "export", run_id, "-o", "table.tsv")
    equal(case.path("table.tsv").read_text(), text, "the file")


def a_run_that_is_not_there_is_told_in_four_parts(case):
    _a_run(case)
    _a_run(case)
    case.make_dir("empty")
    hostile = ("zzz", "../..", "/", "nope/nope", "\x1b[31mred\n", "a" * 5000, "%n%s", "'; DROP TABLE blocks; --", "\udcff", "empty/")
    commands = ("show", "query", "follow", "verify", "lag", "repair", "export", "rebuild", "import", "discard")
    for i, name in enumerate(hostile):
        for command in (commands[i], commands[(i + 3) % len(commands)]):
            more = {"import": ("--into", "sqlite:h.db"), "discard": ("--stage", "x", "--yes")}.get(command, ())
            ended = _results(case, command, *more, "--", name)
            equal(ended.exit, 1, f"exit code of {command} {name[:20]!r}", ended)
            for part in ("error: ", "\n  where:  ", "\n  likely: 1. ", "\n  try:    1. "):
                that(part in ended.err, f"the error of {command} {name[:20]!r} has no part {part!r}", ended)
            that("\x1b" not in ended.err and len(ended.err) < 2000, f"it is made safe: {ended.err[:300]!r}")
    check_document("query", _results(case, "query", "--json", "--", hostile[-2]).out)
    check_lines("follow", _results(case, "follow", "--json", "--", hostile[-2]).out)
    check_summary(_results(case, "show", "--json", "--", hostile[-2]).out)
    for path in case.path("results").iterdir():
        path.rename(path.with_name(path.name.rsplit("-", 1)[0] + "-same" + path.name[-3:]))
    ended = _results(case, "show", "same")
    equal(ended.exit, 2, "exit code of a name that is two runs'", ended)
    that("2 runs begin with 'same'" in ended.err, "it says so", ended)


def bad_usage_has_a_document_too(case):
    _a_run(case)
    run_id = case.summary()["run"]["id"]
    for arguments in (("query", ""), ("query", run_id, "--op", "fly"), ("query", run_id, "--min-latency", "soon"),
                      ("query", run_id, "--from", "yesterday"), ("query", run_id, "--from", "9s", "--to", "1s"),
                      ("query", run_id, "--max-size", "12EiB"), ("query", run_id, "--limit", "0"), ("query",),
                      ("query", run_id, "--target", "a", "--prefix", "b"), ("query", run_id, "--journal", "mysql://h/d"),
                      ("query", run_id, "--journal", "sqlite:"), ("list", "--since", "soon"), ("list", "--status", "fine"),
                      ("list", "--limit", "-1"), ("list", "--unknown")):
        ended = _results(case, *arguments, "--json")
        equal(ended.exit, 2, f"exit code of {arguments}", ended)
        document = check_document(arguments[0], ended.out)
        that(document["error"] is not None, f"{arguments}: the error is in the document")
    ended = _results(case, "list", "--results", "missing", "--json")
    equal((ended.exit, check_document("list", ended.out)["error"]["code"]), (1, "NotFound"), "a directory that is missing")
    ended = _results(case, "query", run_id, "--journal", "sqlite:missing.db", "--json")
    equal((ended.exit, check_document("query", ended.out)["error"]["code"]), (1, "NotFound"), "a database that is missing")
    that(not case.path("missing.db").exists(), "and it is not made")


def a_reader_that_has_seen_enough_is_no_failure(case):
    _a_run(case)
    run_id = case.summary()["run"]["id"]
    for arguments in (("list",), ("list", "--json"), ("show", run_id), ("query", run_id), ("query", run_id, "--json"),
                      ("follow", run_id), ("export", run_id), ("verify", run_id), ("repair", run_id)):
        reader, writer = os.pipe()
        os.close(reader)
        running = case.start("results", *arguments, stdout=writer)
        os.close(writer)
        ended = running.end()
        equal(ended.exit, 0, f"exit code of {arguments}", ended)
        that("error" not in ended.err, f"{arguments} does not complain", ended)
        with open("/dev/full", "w", encoding="ascii") as full:
            ended = case.run("results", *arguments, stdout=full)
        equal(ended.exit, 1, f"exit code of {arguments} on a full disk", ended)
        that("ENOSPC" in ended.err, f"{arguments} says what is full", ended)
