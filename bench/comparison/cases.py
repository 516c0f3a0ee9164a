"""The cases: what sluice does, what the peer does in its place, and what the project asks of the ratio."""

import contextlib
import dataclasses
import os
import typing

MIB = 1 << 20
BLOCK = 4096
FILE_BYTES = 1024 * MIB
DIRECTORIES, FILES_EACH = 100, 1000
TREE = {"width": 24, "depth": 4, "files_per_dir": 0}
LISTED = 1_000_000
LATE_S = 10  # more than a pipe holds by far


@dataclasses.dataclass
class Budget:
    measure: str  # "cpu": at most; "rate": at least
    peer: str
    limit: float

    def is_met(self, cpu_ratio, rate_ratio):
        # As exact as the table that shows it.
        return round(cpu_ratio, 2) <= self.limit if self.measure == "cpu" else round(rate_ratio, 2) >= self.limit

    def __str__(self):
        return f"CPU <= {self.limit:g}" if self.measure == "cpu" else f"rate >= {self.limit:g}"


@dataclasses.dataclass
class Case:
    name: str
    ours: typing.Callable
    peers: dict
    budgets: list = dataclasses.field(default_factory=list)
    before: typing.Callable = lambda: None  # each run


@dataclasses.dataclass
class Group:
    """Cases that share what is set up once; it is removed with everything else in the scratch directories."""

    name: str
    cases: list
    set_up: typing.Callable = lambda: None
    conclude: typing.Callable = lambda rows: []  # rows that follow from others


def _plan(target, concurrency, seconds, operation, **more):
    return {"target": target, "concurrency": concurrency, "duration": f"{seconds}s", "workload": [operation], **more}


def _random_reads(path):
    return {"op": "read", "path": path, "block_size": BLOCK, "access": "random"}


def null_store(tools):
    def case(depth):
        plan = _plan("null://bench/?size=1GiB", depth, tools.seconds, _random_reads("data"))
        return Case(
            f"null store, depth {depth}",
            ours=lambda: tools.sluice(plan, "execute"),
            peers={"fio null": lambda: tools.fio(ioengine="null", rw="randread", bs="4k", iodepth=depth, size="1g")},
            budgets=[Budget("cpu", "fio null", 0.6)],
        )

    return Group("null store", [case(depth) for depth in (1, 32)])


def stopped_readers(tools):
    def run(late_s):
        return tools.sluice_with_reader(_plan("null://bench/?size=1GiB", 32, LATE_S + 2, _random_reads("data")), late_s)

    case = Case(
        f"reader that begins after {LATE_S} s",
        ours=lambda: run(LATE_S),
        peers={"reader that reads": lambda: run(0)},
        budgets=[Budget("rate", "reader that reads", 0.99)],
    )
    return Group("stopped readers", [case])


def _write_file(path):
    piece = os.urandom(MIB)
    with open(path, "wb") as file:
        for _ in range(FILE_BYTES // MIB):
            file.write(piece)
        os.fsync(file.fileno())


def _read_through(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(MIB):
            pass


def _fio_ring(tools, path, depth, **more):
    return lambda: tools.fio(ioengine="io_uring", rw="randread", bs="4k", iodepth=depth, filename=path, registerfiles=1,
                             fixedbufs=1, **more)  # fmt: skip


_BATCHES = {"iodepth_batch_submit": 16, "iodepth_batch_complete_min": 1, "iodepth_batch_complete_max": 16}


def hot_reads(tools, disk):
    path = disk / "blocks" / "data.bin"

    def set_up():
        path.parent.mkdir(exist_ok=True)
        _write_file(path)

    def case(depth):
        plan = _plan(f"file://{path.parent}/", depth, tools.seconds, _random_reads(path.name))
        peers = {
            "bare pread": lambda: tools.limit("pread", file=path, seconds=tools.seconds),
            "fio io_uring": _fio_ring(tools, path, depth),
        }
        if depth == 1:
            peers["fio psync"] = lambda: tools.fio(ioengine="psync", rw="randread", bs="4k", filename=path)
        return Case(
            f"hot reads, 4 KiB, depth {depth}",
            ours=lambda: tools.sluice(plan, "execute"),
            peers=peers,
            budgets=[Budget("cpu", "fio io_uring", 1.0)],
            before=lambda: _read_through(path),
        )

    def best_depth(rows):
        against = [row for row in rows if row.case.startswith("hot reads") and row.peer == "bare pread"]
        if len(against) < 3:
            return []
        best = min(against, key=lambda row: row.cpu_ratio)
        return [dataclasses.replace(best, case="hot reads, 4 KiB, best depth", budgets=[Budget("cpu", "bare pread", 1.15)])]

    return Group("hot reads", [case(depth) for depth in (1, 32, 128)], set_up, best_depth)


def direct_reads(tools, disk):
    path = disk / "blocks" / "data.bin"

    def set_up():
        path.parent.mkdir(exist_ok=True)
        _write_file(path)

    def case(depth):
        plan = _plan(f"direct://{path.parent}/", depth, tools.seconds, _random_reads(path.name))
        return Case(
            f"direct reads, 4 KiB, depth {depth}",
            ours=lambda: tools.sluice(plan, "execute"),
            peers={
                # In lots of a quarter: of all sizes tried that makes the cheapest bare ring.
                "bare ring": lambda: tools.limit("ring", file=path, depth=depth, lot=depth // 4, direct=1, seconds=tools.seconds),
                "fio io_uring": _fio_ring(tools, path, depth, direct=1),
                "fio, by 16": _fio_ring(tools, path, depth, direct=1, **_BATCHES),
            },
            budgets=[Budget("cpu", "bare ring", 1.1), Budget("cpu", "fio io_uring", 0.8), Budget("cpu", "fio, by 16", 0.8)],
        )

    return Group("direct reads", [case(depth) for depth in (32, 128)], set_up)


class _Tree:
    """100 directories of 1,000 files of 4 KiB on tmpfs."""

    def __init__(self, tools, memory):
        self.tools, self.base = tools, memory / "tree"

    def make(self):
        """All files of the tree, whichever are there, and no others."""
        self.base.mkdir(exist_ok=True)
        self.remove_others()
        self.bare("put")

    def make_if_gone(self):
        last = self.base / f"d1_w{DIRECTORIES}.dir" / f"file_{DIRECTORIES * FILES_EACH - 1:08}.dat"
        if not last.exists():
            self.make()

    def warm_up(self):
        """Puts once and removes that again: then the kernel has the memory at hand, whichever side is next."""
        self.remove_others()
        self.bare("put", names="new")
        self.remove_others()

    def remove_others(self):
        for directory in self.base.iterdir():
            for name in os.listdir(directory):
                if not name.startswith("file_"):
                    os.unlink(directory / name)

    def bare(self, op, threads=1, names="tree"):
        return self.tools.limit("files", dir=self.base, op=op, directories=DIRECTORIES, files=FILES_EACH, bytes=BLOCK,
                                threads=threads, names=names, seconds=self.tools.seconds)  # fmt: skip

    def ours(self, op, concurrency):
        tree = {"width": DIRECTORIES, "depth": 1, "files_per_dir": FILES_EACH}
        operation = {"op": op, "path": "d*/"}
        more = {"prepare": {"directory_structure": tree, "ensure_objects": [{"object_size": BLOCK}]}}
        if op == "put":
            operation["object_size"] = BLOCK
            more["stages"] = [{"name": "execute", "type": "hybrid", "completion": "tasks_done", "expected_tasks": DIRECTORIES * FILES_EACH}]
        # What can be deleted is gone before the time is over, and the stage ends then.
        seconds = 600 if op == "delete" else self.tools.seconds
        return self.tools.sluice(_plan(f"file://{self.base}/", concurrency, seconds, operation, **more), "execute")


def whole_files(tools, memory):
    tree = _Tree(tools, memory)

    def case(op, concurrency):
        peer = "bare loop" if concurrency == 1 else f"bare, {concurrency} threads"
        single = concurrency == 1
        return Case(
            f"{op} of 4 KiB files, concurrency {concurrency}",
            ours=lambda: tree.ours(op, concurrency),
            peers={peer: lambda: tree.bare(op, concurrency, "new" if op == "put" else "tree")},
            budgets=[Budget("cpu", peer, 1.12), Budget("rate", peer, 0.89)] if single else [],
            before={"put": tree.warm_up, "delete": tree.make}.get(op, tree.make_if_gone),
        )

    cases = [case(op, concurrency) for concurrency in (1, 16) for op in ("get", "stat", "put", "delete")]
    return Group("whole files", cases, tree.make)


def sequential(tools, disk, memory):
    read_path, write_path = disk / "blocks" / "data.bin", memory / "blocks" / "data.bin"

    def set_up():
        for path in (read_path, write_path):
            path.parent.mkdir(exist_ok=True)
            _write_file(path)

    def case(op, path):
        operation = {"op": op, "path": path.name, "block_size": MIB, "access": "sequential"}
        plan = _plan(f"file://{path.parent}/", 1, tools.seconds, operation)

        def fio(**more):
            return lambda: tools.fio(ioengine="psync", rw=op, bs="1m", filename=path, **more)

        return Case(
            f"sequential {op}s, 1 MiB, hot",
            ours=lambda: tools.sluice(plan, "execute"),
            # By default fio's buffer does not begin at a page, and on some machines that costs it half of its rate.
            peers={"fio psync": fio(), "fio psync, aligned": fio(iomem_align=4096)},
            budgets=[Budget("rate", "fio psync", 1.0), Budget("rate", "fio psync, aligned", 1.0)],
            before=lambda: _read_through(path),
        )

    return Group("sequential", [case("read", read_path), case("write", write_path)], set_up)


def directories(tools, memory):
    base = memory / "directories"

    def empty():
        base.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(base / ".sluice-dataset.json")
        # Made and removed once more: then the kernel has the memory at hand, whichever side is next.
        if not any(base.iterdir()):
            tools.limit("mkdirat", dir=base, width=TREE["width"], depth=TREE["depth"])
        tools.limit("mkdirat", dir=base, width=TREE["width"], depth=TREE["depth"], remove=1)

    plan = {"target": f"file://{base}/", "concurrency": 1, "prepare": {"directory_structure": TREE}}
    case = Case(
        "mkdir of 346,200 directories",
        ours=lambda: tools.sluice(plan, "prepare"),
        peers={"bare mkdirat": lambda: tools.limit("mkdirat", dir=base, width=TREE["width"], depth=TREE["depth"])},
        budgets=[Budget("cpu", "bare mkdirat", 1.1), Budget("rate", "bare mkdirat", 0.91)],
        before=empty,
    )
    return Group("directories", [case])


def listing(tools, memory):
    base = memory / "listed"
    one_task = [{"name": "execute", "type": "hybrid", "completion": "tasks_done", "expected_tasks": 1}]
    some_tasks = [{**one_task[0], "expected_tasks": 5}]

    def set_up():
        for name, files in (("many", LISTED), ("one", 1)):
            (base / name).mkdir(parents=True)
            tools.limit("files", dir=base / name, op="put", directories=1, files=files, bytes=0)

    def bare():
        return tools.limit("getdents64", dir=base / "many" / "d1_w1.dir", rounds=5)

    def ours_list():
        plan = _plan(f"file://{base}/many/", 1, 60, {"op": "list", "path": "d1_w1.dir/"}, stages=some_tasks)
        return tools.sluice(plan, "execute", per_operation=LISTED)

    def ours_glob():
        """A run whose only work is to resolve the pattern, less the same run where it matches one file."""

        def whole(name):
            operation = {"op": "stat", "path": "*.dat"}
            return tools.sluice_process(_plan(f"file://{base}/{name}/d1_w1.dir/", 1, 60, operation, stages=one_task), LISTED)

        many, one = whole("many"), whole("one")
        many.wall_s -= one.wall_s
        many.cpu_s -= one.cpu_s
        return many

    def case(name, ours):
        budgets = [Budget("cpu", "bare getdents64", 1.5), Budget("rate", "bare getdents64", 0.67)]
        return Case(f"{name} of 1,000,000 files", ours, {"bare getdents64": bare}, budgets)

    return Group("listing", [case("list", ours_list), case("glob", ours_glob)], set_up)


def keeping(tools, disk):
    """What it costs a run to index its blocks, and to keep every operation; the peer is the same run without."""
    path = disk / "kept" / "data.bin"

    def set_up():
        path.parent.mkdir(exist_ok=True)
        _write_file(path)

    def case(name, target, operation, ours, peer, peer_name):
        plan = _plan(target, 32, tools.seconds, operation)
        return Case(
            name,
            ours=lambda: tools.sluice(plan | ours[0], "execute", extra=ours[1]),
            peers={peer_name: lambda: tools.sluice(plan | peer[0], "execute", extra=peer[1])},
            budgets=[Budget("rate", peer_name, 0.97)],
        )

    op_log, none = ({"op_log_path": "ops.tsv.zst"}, ["--journal", "none"]), ({}, ["--journal", "none"])
    null, reads = "null://bench/?size=1GiB", _random_reads(path.name)
    return Group("keeping", [
        case("op-log, null store", null, reads, op_log, none, "no op-log"),
        case("op-log, hot reads, 4 KiB", f"file://{path.parent}/", reads, op_log, none, "no op-log"),
        case("op-log, direct reads, 4 KiB", f"direct://{path.parent}/", reads, op_log, none, "no op-log"),
        case("journal, null store", null, reads, ({}, []), none, "--journal none"),
    ], set_up)  # fmt: skip


def all_groups(tools, disk, memory):
    return [
        null_store(tools),
        stopped_readers(tools),
        keeping(tools, disk),
        hot_reads(tools, disk),
        direct_reads(tools, disk),
        whole_files(tools, memory),
        sequential(tools, disk, memory),
        directories(tools, memory),
        listing(tools, memory),
    ]
