"""What the command line says and takes beside the plan: help, completion, colours, forms of errors, CPUs."""

import os
import pathlib
import re
import subprocess
import termios
import threading

from case import ROOT, Skipped, equal, that
from schemas import check_summary, check_validation

_QUIET = ("--json", "--progress", "none")
_PLAN = """
target: file:///DIR/data/
duration: 200ms
prepare: {ensure_objects: [{base_uri: set, count: 20, object_size: 4KiB}]}
workload: [{op: get, path: "set/*"}]
"""
_COMMANDS = ("run", "validate", "cleanup", "results", "completion", *(f"results {command}" for command in (
    "list", "show", "query", "follow", "export", "verify", "lag", "repair", "import", "discard", "rebuild")))


def every_command_has_a_help_that_names_it(case):
    that("Examples:" in case.run_ok("--help").out, "the first help has examples")
    for command in _COMMANDS:
        text = case.run_ok(*command.split(), "--help").out
        that(f"Usage: sluice {command} " in text, f"the help of {command} says how to call it: {text}")
        that(not re.search(r"\b(TEXT|UINT|INT)\b", text), f"the help of {command} speaks of values, not of types: {text}")


def every_option_is_in_the_usage_guide(case):
    guide = (ROOT / "docs" / "usage.md").read_text()
    for command in _COMMANDS:
        for option in re.findall(r"^  (--[a-z-]+)", case.run_ok(*command.split(), "--help").out, re.MULTILINE):
            that(f"`{option}" in guide or f"[{option}" in guide, f"docs/usage.md has {option} of {command}")


def options_that_do_nothing_are_not_taken(case):
    case.make_dir("data")
    case.plan(_PLAN)
    for command, option in (("validate", "--yes-delete-foreign"), ("validate", "--yes-overwrite-device"),
                            ("cleanup", "--yes-overwrite-device")):
        equal(case.run(command, "plan.yaml", option).exit, 2, f"exit code of {command} {option}")


def the_completion_completes_commands_options_and_values(case):
    script = case.run_ok("completion", "bash").out

    def completed(*words):
        ask = f'{script}\nCOMP_WORDS=({" ".join(words[:-1])} "{words[-1]}"); COMP_CWORD={len(words) - 1}; _sluice; echo ${{COMPREPLY[@]}}'
        return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True, cwd=case.dir).stdout.split()

    case.write("plan.yaml")
    equal(completed("sluice", "va"), ["validate"], "a command")
    equal(completed("sluice", "run", "--see"), ["--seed"], "an option")
    equal(completed("sluice", "run", "--progress", "pl"), ["plain"], "a value")
    equal(completed("sluice", "run", "pla"), ["plan.yaml"], "a file")
    for command in ("run", "validate", "cleanup"):
        known = re.findall(r"--[a-z-]+", case.run_ok(command, "--help").out.split("Options:")[1])
        equal(set(completed("sluice", command, "--")) - set(known), set(), f"options of {command} that do not exist")
        equal({f"{o}" for o in re.findall(r"^  (?:-h,)?(--[a-z-]+)", case.run_ok(command, "--help").out, re.MULTILINE)} -
              set(completed("sluice", command, "--")), set(), f"options of {command} that are not completed")
    for command in (words for words in _COMMANDS if " " in words):
        known = set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", case.run_ok(*command.split(), "--help").out, re.MULTILINE))
        equal(set(completed("sluice", *command.split(), "--")), known, f"options of {command}")
    equal(completed("sluice", "results", "exp"), ["export"], "a command of results")


def a_short_error_is_one_line(case):
    case.plan(_PLAN + "duraton: 1s\n")
    ended = case.run("run", "plan.yaml", "--errors", "short")
    equal((ended.exit, ended.err.count("\n")), (2, 1), "exit code and lines", ended)
    that("plan.yaml:6:1:" in ended.err and "duraton" in ended.err, "it names the place", ended)


def unknown_keys_are_warnings_when_that_is_said(case):
    case.make_dir("data")
    case.plan(_PLAN + "duraton: 1s\n")
    document = check_summary(case.run_ok("run", "plan.yaml", *_QUIET, "--allow-unknown-keys").out)
    that(any("duraton" in note for note in document["notes"]), f"notes: {document['notes']}")


def validate_prints_one_document_for_every_plan(case):
    case.make_dir("data")
    case.plan(_PLAN)
    good = check_validation(case.run_ok("validate", "plan.yaml", "--json").out)
    equal((good["valid"], [stage["name"] for stage in good["stages"]]), (True, ["prepare", "execute"]), "valid and stages")
    case.plan(_PLAN + "duraton: 1s\nconcurrency: many\n")
    ended = case.run("validate", "plan.yaml", "--json")
    equal(ended.exit, 2, "exit code", ended)
    bad = check_validation(ended.out)
    equal((bad["valid"], len(bad["problems"])), (False, 2), "valid, and how many complaints")
    that(bad["problems"][1].startswith("plan.yaml:7:14:"), f"each has its place: {bad['problems']}")
    check_validation(case.run("validate", "missing.yaml", "--json").out)


def what_cannot_be_written_to_stdout_is_a_failure(case):
    case.make_dir("data")
    case.plan(_PLAN)
    for arguments in (("--help",), ("validate", "plan.yaml"), ("validate", "plan.yaml", "--json"),
                      ("run", "plan.yaml", "--progress", "none"), ("run", "plan.yaml", *_QUIET)):
        with open("/dev/full", "w", encoding="ascii") as full:
            ended = case.run(*arguments, stdout=full)
        equal(ended.exit, 1, f"exit code of {arguments}", ended)
        for part in ("error: ", "\n  where:  ", "ENOSPC", "\n  likely: 1. ", "\n  try:    1. "):
            that(part in ended.err, f"the error of {arguments} has no part {part!r}", ended)


def results_of_a_null_target_are_named_without_its_parameters(case):
    case.run_ok("run", "null://small/?size=4KiB&latency=1ms", "--duration", "100ms", "--progress", "none")
    that("-small-" in case.results().name, f"name of the results directory: {case.results().name}")


def progress_has_no_figures_of_a_second_that_was_not_complete(case):
    case.make_dir("data")
    case.plan(_PLAN)
    lines = case.run_ok("run", "plan.yaml", "--duration", "500ms", "--progress", "json", "--progress-interval", "50ms").progress
    early = [line for line in lines if line["stage_t_s"] < 1]  # a busy machine ends the stage later
    equal([line["operations"] for line in early], [[]] * len(early), "figures of seconds that were not complete")
    that(early and lines[-1]["ops"] > 0, f"there were operations: {lines[-1]}")
    that(lines[-1]["max_stall_ms"] > 0, "the longest hold is that of sluice's own loops, where workers have none")


def _said_on_a_terminal(case, *arguments, columns=0):
    """All that a run says on stdout and stderr, which are a terminal; one of 0 columns does not say how wide it is."""
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, columns))
    said = []

    def read():
        try:
            while piece := os.read(leader, 65536):
                said.append(piece)
        except OSError:  # the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    run = case.start(*arguments, stdout=follower, stderr=follower)
    os.close(follower)
    ended = run.end()
    reader.join()
    os.close(leader)
    equal(ended.exit, 0, "exit code")
    return b"".join(said).decode()


def colours_are_for_terminals_and_not_where_no_color_is_set(case):
    case.make_dir("data")
    case.plan(_PLAN)
    colour = re.compile(r"\x1b\[\d+m")
    os.environ.pop("NO_COLOR", None)
    os.environ["TERM"] = "xterm"
    that(colour.search(_said_on_a_terminal(case, "run", "plan.yaml")), "colours on a terminal")
    os.environ["NO_COLOR"] = "1"
    said = _said_on_a_terminal(case, "run", "plan.yaml")
    that(not colour.search(said) and "completed in" in said, f"none with NO_COLOR: {said!r}")
    os.environ.pop("NO_COLOR")
    that("\x1b" not in case.run_ok("run", "plan.yaml").out, "none in a pipe")


def the_final_table_fits_the_terminal_and_a_pipe_gets_all_of_it(case):
    case.make_dir("data")
    case.plan(_PLAN)
    os.environ["NO_COLOR"] = "1"
    arguments = ("run", "plan.yaml", "--progress", "none")
    said = _said_on_a_terminal(case, *arguments, columns=80).splitlines()
    wide = [line for line in said if len(line) > 80 and not line.startswith("results: ")]  # a path is there to be copied
    equal(wide, [], "lines that 80 columns do not hold")
    that(any(line.startswith("  too narrow for the columns mean") for line in said), f"it says what is left out: {said}")
    for text in (_said_on_a_terminal(case, *arguments, columns=130), case.run_ok(*arguments).out):
        that("mean" in text and "p99.9" in text and "too narrow" not in text, f"all columns: {text}")


def _height(block, columns):
    """How many lines a terminal of so many columns shows a block in."""
    return sum(max(1, -(-len(line) // columns)) for line in block.splitlines())


def a_terminal_that_becomes_narrower_keeps_no_pieces_of_the_display(case):
    """It wraps the block that is there; the next one goes up by as many lines as that takes now."""
    os.environ["NO_COLOR"] = "1"
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    mode = termios.tcgetattr(follower)
    mode[1] &= ~termios.OPOST  # lines as they were written
    termios.tcsetattr(follower, termios.TCSANOW, mode)
    run = case.start("run", "null://", "--duration", "60s", "--progress", "tty", "--progress-interval", "100ms", stderr=follower)
    said = b""
    while said.count(b"\x1b[J") < 15:
        if said.count(b"\x1b[J") == 10 and termios.tcgetwinsize(follower)[1] == 100:
            termios.tcsetwinsize(follower, (24, 30))
        said += os.read(leader, 65536)
    run.kill()
    os.close(follower)
    os.close(leader)
    first, *rest = re.split(r"\x1b\[(\d+)A\r\x1b\[J", said.decode())
    del first  # what was said before, and the first block
    blocks, ups = rest[1:-1:2], [int(up) for up in rest[2::2]]
    narrowed = [max(map(len, after.splitlines())) <= 30 < max(map(len, before.splitlines())) for before, after in
                zip(blocks, blocks[1:])]
    equal(sum(narrowed), 1, f"times it became narrower, in {said}")
    for i, up in enumerate(ups[:len(narrowed)]):
        equal(up, _height(blocks[i], 30 if narrowed[i] else 100), f"lines up from block {i} of {blocks}")


def workers_are_pinned_to_the_cpus_that_are_named(case):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Skipped("one CPU only")
    case.make_dir("data")
    case.plan(_PLAN)
    run = case.start("run", "plan.yaml", "--duration", "60s", "--concurrency", "3", "--cpus", cpus[-1], "--progress", "json",
                     "--progress-interval", "50ms")
    run.wait_for_stage("execute", done=100)
    allowed = [re.search(r"Cpus_allowed_list:\s*(\S+)", (task / "status").read_text())[1]
               for task in pathlib.Path(f"/proc/{run.pid}/task").iterdir()]
    run.kill()
    equal(allowed.count(str(cpus[-1])), 3, f"threads on CPU {cpus[-1]} alone, of {allowed}")


def drop_caches_is_refused_to_a_user_and_the_stage_runs(case):
    case.make_dir("data", 0o777)
    case.make_dir("results", 0o777)
    case.plan(_PLAN + "stages:\n  - {name: fill, type: prepare}\n  - {name: cold, type: execute, drop_caches: true}\n")
    if os.geteuid() != 0 and os.access("/proc/sys/vm/drop_caches", os.W_OK):
        raise Skipped("this user may drop the caches")
    document = check_summary(case.run_ok("run", "plan.yaml", *_QUIET, as_nobody=True).out)
    that(any("drop_caches was refused" in note for note in document["notes"]), f"notes: {document['notes']}")
    that(document["stages"][1]["operations"][0]["count"] > 0, "the stage ran")
