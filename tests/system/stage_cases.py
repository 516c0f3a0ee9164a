"""Stages: which of them run, how each of them ends, and what the command line changes."""

import os

from case import equal, that
from schemas import check_summary

_QUIET = ("--json", "--progress", "none")
_SET = 'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 50, object_size: 1KiB}]}\n'
_HEAD = "target: file:///DIR/data/\nconcurrency: 4\nduration: 200ms\n" + _SET
_MIX = 'workload: [{op: get, path: "set/*", weight: 3}, {op: put, path: "new/", object_size: 1KiB, weight: 1}]\n'


def _run(case, plan, *arguments, exit_code=0):
    case.make_dir("data")
    case.plan(plan)
    ended = case.run("run", "plan.yaml", *_QUIET, *arguments)
    equal(ended.exit, exit_code, "exit code", ended)
    return check_summary(ended.out)


def _stages(document):
    return [(stage["name"], stage["status"]) for stage in document["stages"]]


def _operations(document, name):
    stage = next(stage for stage in document["stages"] if stage["name"] == name)
    return {operation["operation"]: operation for operation in stage["operations"]}


def stages_run_in_their_order(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    "  - {name: gone, type: cleanup, order: 4}\n"
                    "  - {name: fill, type: prepare, order: 1}\n"
                    "  - {name: second, order: 3, type: execute, config: {duration: 150ms}}\n"
                    "  - {name: first, order: 2, type: execute, duration: 150ms}\n")
    equal(_stages(document), [(name, "completed") for name in ("fill", "first", "second", "gone")], "stages")
    equal(os.listdir(case.path("data/set")), [], "what is left")


def a_custom_stage_keeps_its_output(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    '  - {name: say, type: custom, command: "echo to stdout; echo to stderr >&2"}\n'
                    '  - {name: words, type: custom, command: printf, args: ["%s|", "a b", "$HOME", "*"]}\n')
    equal([stage["output"] for stage in document["stages"]], ["to stdout\nto stderr\n", "a b|$HOME|*|"], "output")


def a_custom_stage_that_fails_ends_the_run(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    '  - {name: fails, type: custom, command: "echo the reason >&2; exit 7"}\n'
                    "  - {name: load, type: execute}\n", exit_code=1)
    equal(_stages(document), [("fails", "failed")], "stages")
    that("exit status 7" in document["error"]["what"], f"the error: {document['error']}")
    that(any("load" in note for note in document["notes"]), "a note says what did not run")


def a_custom_stage_that_is_not_to_be_found(case):
    document = _run(case, _HEAD + _MIX + "stages: [{name: none, type: custom, command: /no/such/program}]\n", exit_code=1)
    that("ENOENT" in document["error"]["where"], f"the error: {document['error']}")
    that("dataset" not in str(document["error"]["try_next"]), f"no dataset helps: {document['error']}")


def an_optional_stage_may_fail(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    "  - {name: fill, type: prepare}\n"
                    '  - {name: fails, type: custom, command: "false", optional: true}\n'
                    "  - {name: load, type: execute}\n")
    equal(_stages(document), [("fill", "completed"), ("fails", "failed"), ("load", "completed")], "stages")
    equal((document["run"]["status"], document["error"]), ("completed", None), "status and error of the run")
    that(any("'fails' is optional and failed" in note for note in document["notes"]), f"notes: {document['notes']}")


def a_custom_stage_ends_by_its_timeout(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    '  - {name: sleeps, type: custom, command: "echo begun; sleep 30", timeout_secs: 1}\n', exit_code=1)
    stage = document["stages"][0]
    that(0.9 < stage["wall_s"] < 8, f"it took {stage['wall_s']} s of its one")
    equal(stage["output"], "begun\n", "output until then")
    equal(document["error"]["code"], "DeadlineExceeded", "code of the error")
    that("storage" not in str(document["error"]["likely"]), f"a command is not slow storage: {document['error']['likely']}")


def an_execute_stage_ends_by_its_timeout(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    "  - {name: fill, type: prepare}\n"
                    "  - {name: load, type: execute, duration: 30s, timeout_secs: 1}\n", exit_code=1)
    stage = document["stages"][1]
    that(0.9 < stage["wall_s"] < 5, f"it took {stage['wall_s']} s of its one")
    that(_operations(document, "load")["get"]["count"] > 0, "what was measured is there")
    equal(document["error"]["code"], "DeadlineExceeded", "code of the error")


def a_hybrid_stage_ends_at_exactly_its_tasks(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    "  - {name: fill, type: prepare}\n"
                    "  - {name: mixed, type: hybrid, max_duration: 30s, expected_tasks: 5_000}\n")
    equal(sum(o["count"] for o in _operations(document, "mixed").values()), 5_000, "operations")


def a_hybrid_stage_ends_by_its_time(case):
    document = _run(case, _HEAD + _MIX + "stages:\n"
                    "  - {name: fill, type: prepare}\n"
                    "  - {name: mixed, type: hybrid, max_duration: 300ms, expected_tasks: 1_000_000_000}\n")
    that(0.25 < document["stages"][1]["wall_s"] < 3, "it ends by its time")


def a_validation_stage_finds_what_is_missing(case):
    plan = _HEAD + _MIX + "stages: [{name: fill, type: prepare}, {name: look, type: validation, expected_objects: 50}]\n"
    _run(case, plan)
    case.path("data/set/prepared-00000017.dat").unlink()
    ended = case.run("run", "plan.yaml", *_QUIET, "--only", "look")
    equal(ended.exit, 1, "exit code", ended)
    that("1 of 50 objects" in check_summary(ended.out)["error"]["what"], "the error", ended)


def a_validation_stage_counts(case):
    plan = _HEAD + _MIX + "stages: [{name: fill, type: prepare}, {name: look, type: validation, expected_objects: 49}]\n"
    document = _run(case, plan, exit_code=1)
    that("50 objects" in document["error"]["what"] and "49" in document["error"]["what"], f"the error: {document['error']}")


def only_runs_the_stages_it_names(case):
    plan = _HEAD + _MIX + "cleanup: true\n"
    equal(_stages(_run(case, plan, "--only", "prepare")), [("prepare", "completed")], "stages")
    equal(len(os.listdir(case.path("data/set"))), 51, "objects and marker")


def skip_leaves_the_stages_out_that_it_names(case):
    plan = _HEAD + _MIX + "cleanup: true\n"
    equal(_stages(_run(case, plan, "--skip", "execute")), [("prepare", "completed"), ("cleanup", "completed")], "stages")


def set_changes_the_plan(case):
    document = _run(case, _HEAD + _MIX, "--set", "prepare.ensure_objects[0].count=7", "--set", "workload[1].weight=0",
                    "--set", "duration=100ms", "--set", "seed=42")
    equal(len(os.listdir(case.path("data/set"))), 8, "objects and marker")
    equal(document["run"]["seed"], 42, "seed")
    that("count: 7" in (case.results() / "plan.resolved.yaml").read_text(), "the resolved plan says so")


def options_change_the_plan(case):
    document = _run(case, _HEAD + _MIX, "--concurrency", "2", "--workers", "1", "--seed", "5", "--cpus", "0")
    equal(document["run"]["seed"], 5, "seed")
    that("concurrency: 2" in (case.results() / "plan.resolved.yaml").read_text(), "the resolved plan says so")


def the_same_seed_makes_the_same_names_and_sizes(case):
    def tree(name, seed):
        case.make_dir(name)
        case.plan(f"target: file:///DIR/{name}/\nconcurrency: 1\n"
                  "prepare:\n  directory_structure: {width: 3, depth: 2, files_per_dir: 4}\n"
                  f'  ensure_objects:\n    - base_uri: "file:///DIR/{name}/set/"\n'
                  "      size_spec: {type: lognormal, mean: 2KiB, std_dev: 1KiB, min: 1, max: 8KiB}\n      fill: prand\n"
                  'workload: [{op: put, path: "new/", size_spec: {type: uniform, min: 1, max: 9_000}}]\n'
                  "stages:\n"
                  "  - {name: fill, type: prepare}\n"
                  "  - {name: mixed, type: hybrid, expected_tasks: 200, max_duration: 60s}\n")
        case.run_ok("run", "plan.yaml", "--progress", "none", "--seed", seed)
        root = case.path(name)
        prepared = {str(p.relative_to(root)): p.read_bytes() for p in (root / "set").rglob("*.dat")}
        put = {p.name.rsplit("-", 1)[1]: p.stat().st_size for p in (root / "new").iterdir()}
        return prepared, put

    one, same, other = tree("one", 7), tree("same", 7), tree("other", 8)
    equal(one == same, True, "prepared objects and puts of the same seed are the same")
    equal(len(one[0]), 36, "files of the tree")
    equal(sorted(one[0]), sorted(other[0]), "names do not depend on the seed")
    that(one[1] != other[1], "sizes depend on the seed")


def thresholds_and_cleanup_go_together(case):
    document = _run(case, _HEAD + _MIX + 'cleanup: true\nthresholds: ["get.p99 < 1ns"]\n', exit_code=3)
    equal(_stages(document)[-1], ("cleanup", "completed"), "the last stage")


def a_cap_on_one_operation_is_kept(case):
    document = _run(case, "target: null://x/?latency=20ms\nconcurrency: 8\nduration: 1s\n"
                    'workload: [{op: get, path: "*", concurrency: 1, weight: 9}, {op: stat, path: "*"}]\n')
    counts = {name: o["count"] for name, o in _operations(document, "execute").items()}
    that(0 < counts["get"] <= 51, f"one after the other, of 20 ms each, fit 50 times into a second: {counts}")
    that(counts["stat"] > 2 * counts["get"], f"the others have the rest: {counts}")


def an_open_loop_keeps_its_rate(case):
    document = _run(case, _HEAD + "io_rate: {iops: 500, distribution: deterministic}\n" + _MIX, "--duration", "1s")
    operations = _operations(document, "execute")
    total = sum(o["count"] + o["unstarted"] for o in operations.values())
    that(495 <= total <= 505, f"{total} operations were intended in one second of 500 a second")
    that("response_ns" in operations["get"], "response times from the intended start")


def operations_that_get_no_answer_are_errors_of_their_own_while_the_run_goes_on(case):
    case.plan("target: null://x/?latency=2s\nconcurrency: 3\nduration: 1s\noperation_timeout: 300ms\n"
              'workload: [{op: stat, path: "some/*", weight: 1}]\n')
    ended = case.run("run", "plan.yaml", *_QUIET)
    equal(ended.exit, 1, "exit code: nothing succeeded", ended)
    document = check_summary(ended.out)
    stats = _operations(document, "execute")["stat"]
    equal((stats["count"], stats["errors_by_kind"]), (0, {"timed_out": 3}), "counts: each of them once, not when it returned")
    that("operation_timeout (300 ms)" in str(document["errors"]), f"the examples: {document['errors']}")
    equal(document["client"]["abandoned_calls"], 0, "they came back within the drain timeout")
