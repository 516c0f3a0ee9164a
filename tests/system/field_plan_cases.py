"""Plans of the kind that users bring, as they stand but for the place of their mounts; and the plans of examples/."""

from case import ROOT, Skipped, equal, that
from schemas import check_summary

_FIELD = ROOT / "src" / "config" / "tests" / "field"
_QUIET = ("--json", "--progress", "none")


def _rebased(case, name, root):
    """A plan of the field with its /mnt/ below `root`."""
    text = (_FIELD / f"{name}.yaml").read_text()
    path = case.path(f"{name}.yaml")
    path.write_text(text.replace(":///mnt/", f"://{root}/"))
    return path


def _operations(document, stage):
    return {o["operation"]: o for s in document["stages"] if s["name"] == stage for o in s["operations"]}


def plans_of_the_field_are_valid(case):
    plans = sorted(path.stem for path in _FIELD.glob("*.yaml"))
    equal(len(plans), 6, "plans of the field")
    for mount in ("filesys1", "filesys2", "filesys3", "filesys4", "large-dataset", "prepare-test", "blocks"):
        case.make_dir(f"mnt/{mount}")
    for name in plans:
        ended = case.run_ok("validate", _rebased(case, name, case.path("mnt")))
        that("the plan is valid" in ended.out, f"validate says so of {name}", ended)
    equal([p for p in case.path("mnt").rglob("*") if p.is_file()], [], "what validate made")


def plans_of_the_field_that_need_more_are_refused_by_name(case):
    for name, features in (("four-hosts-stages", ("distributed agents", "dedup_factor", "compress_factor")),
                           ("million-file-glob", ("distributed agents",)),
                           ("million-object-prepare", ("distributed agents",)),
                           ("mixed-objects", ("s3:// targets", "multi_endpoint", "range_engine"))):
        ended = case.run("run", _rebased(case, name, case.path("mnt")), *_QUIET)
        equal(ended.exit, 2, f"exit code of {name}", ended)
        for feature in features:
            that(feature in check_summary(ended.out)["error"]["what"], f"{name} is refused for {feature}", ended)
    that(not case.path("results").exists(), "nothing was begun")


def blocks_of_the_field_run_smaller(case):
    disk = case.disk_dir()
    (disk / "blocks").mkdir()
    plan = _rebased(case, "blocks", disk)
    ended = case.run("run", plan, *_QUIET, "--duration", "500ms", "--set", "prepare.ensure_objects[0].object_size=4MiB",
                     "--set", "thresholds=[\"read.p99 < 60s\", \"errors == 0\"]")
    if "refuses O_DIRECT" in ended.err:
        raise Skipped("the file system of /var/tmp refuses O_DIRECT")
    equal(ended.exit, 0, "exit code", ended)
    document = check_summary(ended.out)
    operations = _operations(document, "execute")
    sizes = {name: o["bytes"] // max(1, o["count"]) for name, o in operations.items()}
    equal(sizes, {"read": 4096, "write": 65536}, "block sizes")
    that(all(o["count"] > 0 and o["errors"] == 0 for o in operations.values()), "both operations ran")
    equal(sorted(p.stat().st_size for p in (disk / "blocks").glob("*.dat")), [4 << 20] * 4, "sizes of the files")


def the_large_tree_of_the_field_runs_smaller(case):
    case.make_dir("mnt/filesys1")
    plan = _rebased(case, "large-tree", case.path("mnt"))
    smaller = {"directory_structure.width": 5, "directory_structure.depth": 3, "directory_structure.files_per_dir": 7,
               "ensure_objects[0].count": 5**3 * 7}
    sets = [word for key, value in smaller.items() for word in ("--set", f"prepare.{key}={value}")]
    document = check_summary(case.run_ok("run", plan, *_QUIET, "--duration", "500ms", *sets).out)
    equal(_operations(document, "prepare")["put"]["count"], 875, "files made")
    equal(_operations(document, "prepare")["mkdir"]["count"], 5 + 25 + 125, "directories made")
    operations = _operations(document, "execute")
    equal(sorted(operations), ["get", "list", "put", "stat"], "operations")
    that(all(o["count"] > 0 and o["errors"] == 0 for o in operations.values()), "all operations ran")
    root = case.path("mnt/filesys1")
    equal(len(list(root.glob("d1_w*/d2_w*/d3_w*/file_*.dat"))), 875, "files at the bottom")


def the_large_tree_of_the_field_is_planned_at_once(case):
    case.make_dir("mnt/filesys1")
    ended = case.run("validate", _rebased(case, "large-tree", case.path("mnt")))
    equal(ended.exit, 0, "exit code", ended)
    that("64,032,768 objects" in ended.out and "346,200 directories" in ended.out, "it tells how much that is", ended)
    that("warning: the plan needs about" in ended.out, "there is not that much space here, and it says so", ended)


def the_examples_are_valid(case):
    examples = sorted((ROOT / "examples").glob("*.yaml"))
    if not examples:
        raise Skipped("there are no examples yet")
    for example in examples:
        case.run_ok("validate", example)


def the_examples_run_smaller(case):
    smaller = {"op_log": ["--duration", "100ms", "--set", "prepare.ensure_objects[0].count=100"],
               "quickstart": ["--duration", "100ms", "--set", "prepare.directory_structure.files_per_dir=2"],
               "rate": ["--duration", "100ms", "--set", "warmup_period=50ms", "--set", "prepare.ensure_objects[0].count=100",
                        "--set", 'thresholds=["errors == 0"]'],
               "stages": ["--duration", "100ms", "--skip", "cold", "--set", "prepare.ensure_objects[0].count=100",
                          "--set", "stages[1].expected_objects=100", "--set", "stages[5].expected_tasks=500"],
               "tree": ["--duration", "100ms", "--set", "prepare.directory_structure.files_per_dir=1"]}
    for name, changes in smaller.items():
        target = case.make_dir(name)
        document = check_summary(case.run_ok("run", ROOT / "examples" / f"{name}.yaml", *_QUIET, *changes, "--set",
                                             f"target=file://{target}/").out)
        equal(document["errors"], [], f"errors of {name}")
        equal([str(p) for p in target.rglob("*") if p.is_file()], [], f"files that {name} leaves")
