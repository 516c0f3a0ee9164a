"""Datasets: made once, used again, continued, and removed by nobody but those they belong to."""

import hashlib
import os

from case import equal, that
from schemas import check_summary

_QUIET = ("--json", "--progress", "none")
_PLAN = """
target: file:///DIR/data/
duration: 100ms
prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 100, object_size: 4KiB}]}
workload: [{op: get, path: "set/*"}]
"""


def _contents(directory):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(directory.rglob("*")) if p.is_file()}


def _run(case, *arguments, exit_code=0, plan="plan.yaml"):
    ended = case.run("run", plan, *_QUIET, *arguments)
    equal(ended.exit, exit_code, "exit code", ended)
    return check_summary(ended.out)


def _puts(document):
    return {o["operation"]: o["count"] for o in document["stages"][0]["operations"]}.get("put", 0)


def a_dataset_is_reused_by_the_next_run(case):
    case.make_dir("data")
    case.plan(_PLAN)
    equal(_puts(_run(case)), 100, "objects written by the first run")
    before = _contents(case.path("data"))
    document = _run(case)
    equal(_puts(document), 0, "objects written by the second run")
    that("reused" in document["stages"][0]["note"], f"note: {document['stages'][0]['note']}")
    equal(_contents(case.path("data")), before, "contents")


def an_object_that_is_missing_is_made_again(case):
    case.make_dir("data")
    case.plan(_PLAN)
    _run(case)
    case.path("data/set/prepared-00000099.dat").unlink()
    case.path("data/set/prepared-00000005.dat").write_text("cut")
    equal(_puts(_run(case)), 2, "objects written by the second run")
    equal({p.stat().st_size for p in case.path("data/set").glob("*.dat")}, {4096}, "sizes")


def force_overwrite_writes_all_anew(case):
    case.make_dir("data")
    case.plan(_PLAN)
    _run(case)
    equal(_puts(_run(case, "--set", "prepare.force_overwrite=true")), 100, "objects written by the second run")


def skip_verification_writes_nothing(case):
    case.make_dir("data")
    case.plan(_PLAN)
    document = _run(case, "--set", "prepare.skip_verification=true", exit_code=1)
    equal(document["run"]["status"], "failed", "a mix on objects that are not there fails")
    equal(os.listdir(case.path("data")), [], "what was made")


def foreign_objects_of_the_same_names_survive_cleanup(case):
    case.write("data/set/prepared-%08d.dat", "y" * 4096, count=40)
    before = _contents(case.path("data"))
    case.plan(_PLAN + "cleanup: true\n")
    case.run("run", "plan.yaml", *_QUIET)
    after = _contents(case.path("data"))
    equal({name: after.get(name) for name in before}, before, "the files that were there before")


def foreign_objects_of_other_sizes_are_not_overwritten_unasked(case):
    case.write("data/set/prepared-%08d.dat", "y" * 5000, count=3)
    before = _contents(case.path("data"))
    case.plan(_PLAN + "cleanup: true\n")
    case.run("run", "plan.yaml", *_QUIET)
    after = _contents(case.path("data"))
    equal({name: after.get(name) for name in before}, before, "the files that were there before")


def a_dataset_of_another_plan_is_not_removed(case):
    case.make_dir("data")
    case.plan(_PLAN)
    case.plan(_PLAN.replace("4KiB", "8KiB"), "other.yaml")
    _run(case)
    before = _contents(case.path("data"))
    ended = case.run("cleanup", "other.yaml", "--progress", "none")
    equal(ended.exit, 1, "exit code", ended)
    equal(_contents(case.path("data")), before, "contents")
    case.run_ok("cleanup", "plan.yaml", "--progress", "none")
    equal(_contents(case.path("data")), {}, "contents after its own cleanup")


def a_prepare_that_is_refused_does_not_claim_to_have_made_anything(case):
    case.make_dir("data")
    case.plan(_PLAN)
    case.plan(_PLAN.replace("4KiB", "8KiB") + "cleanup: true\n", "other.yaml")
    _run(case)
    ended = case.run("run", "other.yaml", *_QUIET, "--results", "of_other")
    equal(ended.exit, 1, "exit code", ended)
    notes = check_summary(ended.out)["notes"]
    that(any("did not run" in note for note in notes), f"what did not run: {notes}")
    that(not any("this run made" in note for note in notes), f"nothing was made: {notes}")


def foreign_data_is_removed_when_that_is_said(case):
    case.write("data/set/prepared-%08d.dat", "y" * 4096, count=100)
    case.write("data/set/mine.txt", "mine")
    case.plan(_PLAN)
    case.run_ok("cleanup", "plan.yaml", "--progress", "none", "--yes-delete-foreign")
    equal(list(_contents(case.path("data"))), ["mine.txt"], "files that are left")


def cleanup_modes_differ_in_what_they_forgive(case):
    case.make_dir("data")
    case.plan(_PLAN)
    for mode, exit_code in (("strict", 1), ("tolerant", 0), ("best_effort", 0)):
        _run(case)
        case.path("data/set/prepared-00000050.dat").unlink()
        ended = case.run("cleanup", "plan.yaml", "--progress", "none", "--set", f"prepare.cleanup_mode={mode}")
        equal(ended.exit, exit_code, f"exit code of {mode}", ended)
        case.run("cleanup", "plan.yaml", "--progress", "none", "--set", "prepare.cleanup_mode=best_effort")


def cleanup_removes_what_earlier_runs_put(case):
    case.make_dir("data")
    case.plan(_PLAN.replace('workload: [{op: get, path: "set/*"}]',
                            'workload: [{op: get, path: "set/*"}, {op: put, path: "new/", object_size: 1KiB}]'))
    _run(case)
    case.write("data/new/mine.txt", "mine")
    that(len(os.listdir(case.path("data/new"))) > 2, "objects were put")
    case.run("cleanup", "plan.yaml", "--progress", "none")
    equal(list(_contents(case.path("data"))), ["mine.txt"], "files that are left")


def cleanup_says_when_it_knows_no_run_whose_puts_it_could_remove(case):
    case.make_dir("data")
    case.plan(_PLAN.replace('workload: [{op: get, path: "set/*"}]',
                            'workload: [{op: get, path: "set/*"}, {op: put, path: "new/", object_size: 1KiB}]'))
    _run(case)
    ended = case.run_ok("cleanup", "plan.yaml", "--results", "elsewhere", "--progress", "none")
    that("what earlier runs have put was not looked for" in " ".join(ended.out.split()), "it says so", ended)
    that(os.listdir(case.path("data/new")), "what the run put is there")
    ended = case.run_ok("cleanup", "plan.yaml", "--progress", "none")
    that("not looked for" not in ended.out, "with their folders there is nothing to say", ended)
    equal(os.listdir(case.path("data/new")), [], "what is left of the puts")


def a_second_cleanup_of_a_plan_that_only_puts_says_that_nothing_was_there(case):
    case.make_dir("data")
    case.plan('target: file:///DIR/data/\nduration: 200ms\nworkload: [{op: put, path: "new/", object_size: 1KiB}]\n')
    _run(case)
    for said in (False, True):
        ended = case.run_ok("cleanup", "plan.yaml", "--progress", "none")
        equal("nothing was there" in ended.out, said, "whether it says that nothing was there", ended)


def validate_touches_nothing(case):
    case.make_dir("data")
    case.plan(_PLAN)
    ended = case.run_ok("validate", "plan.yaml")
    that("the plan is valid" in ended.out, "it says so", ended)
    equal((os.listdir(case.path("data")), case.path("results").exists()), ([], False), "what was made")


def the_marker_is_in_no_glob_and_no_list(case):
    case.make_dir("data")
    case.plan(_PLAN)
    _run(case)
    case.plan('target: file:///DIR/data/\nduration: 200ms\nworkload: [{op: get, path: "set/**"}, {op: list, path: "set/"}]\n',
              name="other.yaml")
    document = _run(case, plan="other.yaml")
    get = next(o for o in document["stages"][0]["operations"] if o["operation"] == "get")
    equal(get["bytes"], get["count"] * 4096, "bytes read: the marker is not among them")


def both_strategies_make_the_same(case):
    case.make_dir("data")
    two = ('  ensure_objects:\n    - {base_uri: "file:///DIR/data/a/", count: 30, object_size: 1KiB}\n'
           '    - {base_uri: "file:///DIR/data/b/", count: 20, object_size: 2KiB}\n')
    for strategy in ("sequential", "parallel"):
        case.plan(f"target: file:///DIR/data/\nduration: 100ms\nprepare:\n  prepare_strategy: {strategy}\n{two}"
                  'workload: [{op: get, path: "a/*"}]\ncleanup: true\n')
        document = _run(case)
        equal(_puts(document), 50, f"objects written ({strategy})")
        equal(_contents(case.path("data")), {}, "contents after cleanup")


def both_distributions_of_a_tree(case):
    for distribution, files in (("bottom", 4 * 3), ("all", 6 * 3)):
        case.make_dir(distribution)
        case.plan(f"target: file:///DIR/{distribution}/\nduration: 100ms\n"
                  "prepare:\n"
                  f"  directory_structure: {{width: 2, depth: 2, files_per_dir: 3, distribution: {distribution}}}\n"
                  f'  ensure_objects: [{{base_uri: "file:///DIR/{distribution}/", count: {files}, object_size: 10}}]\n'
                  'workload: [{op: get, path: "d*/"}]\n')
        _run(case)
        root = case.path(distribution)
        equal(len(list(root.rglob("*.dat"))), files, "files")
        equal(sorted(str(p.relative_to(root)) for p in root.rglob("*.dir")),
              ["d1_w1.dir", "d1_w1.dir/d2_w1.dir", "d1_w1.dir/d2_w2.dir",
               "d1_w2.dir", "d1_w2.dir/d2_w1.dir", "d1_w2.dir/d2_w2.dir"], "directories")
        first = "d1_w1.dir/d2_w1.dir/file_00000000.dat" if distribution == "bottom" else "d1_w1.dir/file_00000000.dat"
        that((root / first).is_file(), f"{first} is there")
