"""Targets that are not what the plan takes them for, or stop being it while the run is on."""

import os
import shutil

from case import equal, that
from schemas import check_summary

#: Errors in a row end the run by its budget and not by waiting for the storage to recover.
_NO_BACKOFF = "error_handling: {max_total_errors: 20, error_rate_threshold: 1_000_000}\n"
_GET = 'duration: 300ms\nworkload: [{op: get, path: "*"}]\n'
_PUT = 'duration: 300ms\nworkload: [{op: put, path: "new/", object_size: 4KiB}]\n'
_QUIET = ("--json", "--progress", "none")


def _fails(case, *arguments, exit_code=1, **how):
    """A run that fails: its error on stderr, and a document that says the same on stdout."""
    ended = case.fails(exit_code, "run", "plan.yaml", *_QUIET, *arguments, **how)
    document = check_summary(ended.out)
    equal(document["run"]["status"], "failed", "status")
    that(f"error: {document['error']['what']}\n" in ended.err, "stdout and stderr say the same error", ended)
    return document


def _operations(document, stage):
    found = [s for s in document["stages"] if s["name"] == stage]
    equal(len(found), 1, f"stages called {stage}")
    return {operation["operation"]: operation for operation in found[0]["operations"]}


def a_target_that_does_not_exist(case):
    case.plan("target: file:///DIR/not/here/\n" + _PUT)
    _fails(case)
    that(not case.path("not").exists(), "nothing was made above the target")


def a_device_that_is_not_there(case):
    case.plan('target: direct:///dev/sluice-has-no-such-device\nduration: 300ms\n'
              'workload: [{op: write, path: "*", block_size: 4KiB}]\n')
    _fails(case)
    that(not os.path.exists("/dev/sluice-has-no-such-device"), "nothing was made of its name")


def a_target_to_be_read_that_does_not_exist(case):
    case.plan("target: file:///DIR/nothere/\n" + _GET)
    _fails(case)


def a_target_that_is_a_file(case):
    case.write("data", "a file")
    case.plan("target: file:///DIR/data/\n" + _PUT)
    _fails(case, exit_code=2)
    equal(case.path("data").read_text(), "a file", "the file")


def a_target_below_a_file(case):
    case.write("data", "a file")
    case.plan("target: file:///DIR/data/below/\n" + _PUT)
    _fails(case, exit_code=2)


def a_target_that_may_not_be_written(case):
    case.make_dir("data", 0o555)
    case.plan("target: file:///DIR/data/\n" + _PUT)
    _fails(case, "--results", "/tmp", as_nobody=True)


def a_target_that_is_mounted_read_only(case):
    case.tmpfs("data", "ro,size=1m")
    case.plan("target: file:///DIR/data/\n" + _PUT)
    _fails(case)


def a_target_that_vanishes_during_the_run(case):
    case.make_dir("data")
    case.plan("target: file:///DIR/data/\nduration: 60s\nconcurrency: 4\ncleanup: true\n" + _NO_BACKOFF +
              'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 200, object_size: 1KiB}]}\n'
              'workload: [{op: get, path: "set/*", weight: 3}, {op: stat, path: "set/*", weight: 1}]\n')
    run = case.start("run", "plan.yaml", "--json", "--progress", "json", "--progress-interval", "50ms")
    run.wait_for_stage("execute", done=1000)
    shutil.rmtree(case.path("data"))
    ended = run.end()
    ended.err = "".join(line + "\n" for line in ended.err.splitlines() if not line.startswith("{"))
    case.check_golden(ended)
    equal(ended.exit, 1, "exit code", ended)
    document = check_summary(ended.out)
    operations = _operations(document, "execute")
    that(operations["get"]["count"] > 500, "what was measured before is there")
    that(operations["get"]["errors"] > 0, "errors are counted")
    equal(set(operations["get"]["errors_by_kind"]), {"not_found"}, "kinds of error")
    equal(document["errors"][0]["kind"], "not_found", "kind of error")
    that("prepared-" in document["errors"][0]["examples"][0]["key"], "an example names its key")
    equal(document["client"]["limited_by"], "error budget", "what limited the run")
    that([s["name"] for s in document["stages"]] == ["prepare", "execute"], "no cleanup after a failure")
    that(case.results().joinpath("02_execute_results.tsv").is_file(), "the tables are there")
    total = sum(error["count"] for error in document["errors"])
    that(20 < total < 20 + 200, f"the run ends soon after its budget of 20 errors is spent, not after {total}")


def a_target_that_fills_up_during_the_mix(case):
    case.tmpfs("data", "size=1m")
    case.plan("target: file:///DIR/data/\nduration: 60s\nconcurrency: 4\n" + _NO_BACKOFF +
              'workload: [{op: put, path: "new/", object_size: 4KiB}]\n')
    document = _fails(case)
    put = _operations(document, "execute")["put"]
    that(200 <= put["count"] <= 256, f"{put['count']} puts of 4 KiB fit into 1 MiB")
    equal(set(put["errors_by_kind"]), {"no_space"}, "kinds of error")


def a_target_that_fills_up_during_prepare(case):
    case.tmpfs("data", "size=8m")
    # It would fit, had not somebody else been quicker.
    case.plan("target: file:///DIR/data/\nconcurrency: 4\n"
              'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/set/", count: 400, object_size: 16KiB}]}\n'
              "stages:\n"
              '  - {name: other, type: custom, command: "head -c 5M /dev/zero >/DIR/data/other"}\n'
              "  - {name: prepare, type: prepare}\n")
    document = _fails(case, masks=((r"\b\d+ of 400 objects", "N of 400 objects"),))
    put = _operations(document, "prepare")["put"]
    that(100 <= put["count"] < 200, f"{put['count']} objects fit")
    that(64 <= put["errors"] < 150, f"the rest is not tried: {put['errors']} errors")
    equal(set(put["errors_by_kind"]), {"no_space"}, "kinds of error")

    case.path("data/other").unlink()
    document = check_summary(case.run_ok("run", "plan.yaml", *_QUIET, "--skip", "other").out)
    that("continued where an earlier run stopped" in str(document["stages"]), f"its note: {document['stages']}")
    equal(_operations(document, "prepare")["put"]["count"], 400 - put["count"], "objects that were missing")


def a_plan_that_needs_more_space_than_there_is(case):
    case.tmpfs("data", "size=1m")
    case.plan("target: file:///DIR/data/\n"
              'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/", count: 1000, object_size: 64KiB}]}\n' + _GET)
    _fails(case)
    equal(list(case.path("data").iterdir()), [], "what was made")
    validated = case.run_ok("validate", "plan.yaml")
    that("warning: the plan needs about" in validated.out, "validate warns", validated)


def a_plan_that_needs_more_inodes_than_there_are(case):
    case.tmpfs("data", "size=8m,nr_inodes=100")
    case.plan("target: file:///DIR/data/\n"
              'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/", count: 1000, object_size: 0}]}\n' + _GET)
    _fails(case, masks=((r"about [\d,]+ inodes, and \d+", "about N inodes, and N"),))


def reads_that_return_eio(case):
    case.plan("target: file:///proc/self/\nduration: 60s\nconcurrency: 2\n" + _NO_BACKOFF +
              'workload: [{op: get, path: "mem"}]\n')  # offset 0 of a process's memory is never mapped
    document = _fails(case)
    equal(set(_operations(document, "execute")["get"]["errors_by_kind"]), {"io_error"}, "kinds of error")
    that("EIO (5)" in document["errors"][0]["examples"][0]["detail"], "an example names the errno")


def _writes_to(device):
    return (f"target: direct://{device}\nduration: 300ms\nconcurrency: 4\n"
            'workload: [{op: write, path: "", block_size: 4KiB, access: random}]\n')


def _device_with_ext4(case):
    with open(case.path("image"), "wb") as image:
        image.truncate(16 << 20)
    case.tool("mkfs.ext4", "-q", case.path("image"))
    return case.loop_device(case.path("image"))


def a_device_that_returns_errors(case):
    case.tmpfs("backing", "size=64k")
    with open(case.path("backing/image"), "wb") as image:
        image.truncate(16 << 20)  # more than there is behind it: from the 17th block on writes fail
    device = case.loop_device(case.path("backing/image"))
    case.plan(_writes_to(device) + _NO_BACKOFF)
    write = _operations(_fails(case), "execute")["write"]
    that(write["errors"] > 20, "errors are counted")
    that(set(write["errors_by_kind"]) <= {"io_error", "no_space"}, f"kinds of error: {write['errors_by_kind']}")


def a_device_with_a_file_system_on_it(case):
    device = _device_with_ext4(case)
    before = case.path("image").read_bytes()
    case.plan(_writes_to(device))
    _fails(case)
    equal(case.path("image").read_bytes() == before, True, "the device is as it was")


def a_device_that_is_mounted(case):
    device = _device_with_ext4(case)
    case.mount(device, "mounted")
    case.plan(_writes_to(device))
    _fails(case)


def a_device_is_overwritten_when_that_is_said(case):
    device = _device_with_ext4(case)
    case.plan(_writes_to(device))
    ended = case.run_ok("run", "plan.yaml", *_QUIET, "--yes-overwrite-device")
    that(_operations(check_summary(ended.out), "execute")["write"]["count"] > 0, "blocks were written")


def a_glob_that_matches_nothing(case):
    case.make_dir("data")
    case.plan('target: file:///DIR/data/\nduration: 300ms\nworkload: [{op: get, path: "nothing-*"}]\n')
    _fails(case)


def a_directory_inside_a_glob_that_cannot_be_read(case):
    case.write("data/open/file", "x")
    case.write("data/secret/file", "x")
    case.make_dir("data/secret", 0o000)
    case.make_dir("results", 0o777)
    case.plan('target: file:///DIR/data/\nduration: 300ms\nworkload: [{op: get, path: "*/file"}]\n')
    _fails(case, as_nobody=True)
    case.make_dir("data/secret")


def too_few_file_descriptors(case):
    case.make_dir("data")
    case.plan("target: file:///DIR/data/\nconcurrency: 4\n" + _PUT)
    _fails(case, descriptors=30, masks=((r"about \d+ file", "about N file"), (r"may have \d+", "may have N")))


def a_concurrency_whose_buffers_do_not_fit_into_memory(case):
    case.write("data/big", "x" * (1 << 22))
    case.plan("target: file:///DIR/data/\nconcurrency: 100_000\nduration: 1s\n"
              'workload: [{op: read, path: "big", block_size: 4MiB}]\n')
    _fails(case, masks=((r"and \S+ [KMGT]iB are available", "and SIZE are available"), (r"(?m)where: .*$", "where:  WHO")))


def the_tree_of_another_tool_is_recognised(case):
    case.write("data/sai3bench.d1_w1.dir/sai3bench.d2_w1.dir/file_00000000.dat", "x")
    case.plan("target: file:///DIR/data/\nprepare:\n  directory_structure: {width: 1, depth: 2, files_per_dir: 1}\n"
              '  ensure_objects: [{base_uri: "file:///DIR/data/", count: 1, object_size: 1}]\n'
              'duration: 300ms\nworkload: [{op: get, path: "d*/"}]\n')
    _fails(case)
    equal(sorted(os.listdir(case.path("data"))), ["sai3bench.d1_w1.dir"], "what is there")
    case.run_ok("run", "plan.yaml", *_QUIET, "--set", "prepare.directory_structure.dir_mask=sai3bench.d%d_w%d.dir",
                "--set", "workload[0].path=sai3*/")


_FOUR = ('target: file:///DIR/data/\n'
         'prepare: {ensure_objects: [{base_uri: "file:///DIR/data/", count: 4, object_size: 1KiB}]}\n'
         'duration: 300ms\nworkload: [{op: get, path: "*"}]\n')


def cleanup_of_a_foreign_dataset_is_refused(case):
    case.write("data/prepared-%08d.dat", "x" * 1024, count=4)
    case.plan(_FOUR)
    ended = case.fails(1, "cleanup", "plan.yaml", "--progress", "none")
    that("what this run made" not in ended.out, "it claims nothing that others made", ended)
    equal(len(os.listdir(case.path("data"))), 4, "files that are left")


def a_damaged_marker(case):
    case.make_dir("data")
    case.plan(_FOUR)
    case.run_ok("run", "plan.yaml", *_QUIET)
    marker = case.path("data/.sluice-dataset.json")
    marker.write_text(marker.read_text()[:40])
    shutil.rmtree(case.path("results"))
    _fails(case)
    ended = case.run("cleanup", "plan.yaml", "--progress", "none")
    equal(ended.exit, 1, "exit code of cleanup", ended)
    equal(len(os.listdir(case.path("data"))), 5, "files that are left")
    marker.unlink()
    case.run_ok("run", "plan.yaml", *_QUIET)
