"""The programs that are compared, each run once and turned into Figures."""

import contextlib
import dataclasses
import json
import os
import pathlib
import platform
import shutil
import subprocess
import time

RUN_MAX_S = 600


class CouldNotRun(Exception):
    pass


@dataclasses.dataclass
class Figures:
    """What one run did and what that cost. CPU is user and system time of everything the run needed."""

    operations: int
    wall_s: float
    cpu_s: float
    note: str = ""  # how: the kind of worker

    @property
    def cpu_ns(self):
        return 1e9 * self.cpu_s / self.operations

    @property
    def rate(self):
        return self.operations / self.wall_s


def _output_of(command, accepted=(0,)):
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=RUN_MAX_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CouldNotRun(f"{command[0]}: {error}") from error
    if done.returncode not in accepted:
        raise CouldNotRun(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


class Programs:
    def __init__(self, sluice, limits, results, seconds):
        self.sluice_path, self.limits_path, self.results, self.seconds = sluice, limits, results, seconds

    def _sluice_command(self, plan, extra):
        path = self.results.parent / "plan.yaml"
        path.write_text(json.dumps(plan, indent=2), encoding="utf-8")  # JSON is YAML
        shutil.rmtree(self.results, ignore_errors=True)
        return [self.sluice_path, "run", path, "--results", self.results, "--workers", "1", "--json", "--progress", "none", *extra]

    def sluice(self, plan, stage, per_operation=1, extra=()):
        """Runs one stage of a plan; CPU is the whole process's while that stage ran. An operation that stands for many
        things (a listing, for its entries) says for how many."""
        summary = json.loads(_output_of(self._sluice_command(plan, ["--only", stage, *extra])))
        found = next(entry for entry in summary["stages"] if entry["name"] == stage)
        errors = sum(operation["errors"] for operation in found["operations"])
        if errors:
            raise CouldNotRun(f"sluice: {errors} operations failed: {json.dumps(summary['errors'])[:1000]}")
        workers = ", ".join(f"{worker['threads']} {worker['kind']}" for worker in found["workers"])
        if any("op-log could not take" in note for note in summary["notes"]):
            workers += ", held back by the op-log"
        return Figures(
            operations=sum(operation["count"] for operation in found["operations"]) * per_operation,
            wall_s=found["window_s"],
            cpu_s=found["cpu_user_s"] + found["cpu_system_s"],
            note=workers,
        )

    def sluice_process(self, plan, operations):
        """Runs a whole plan; the figures are the process's own, from its start to its end."""
        command = [str(word) for word in self._sluice_command(plan, [])]
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            began = time.monotonic()
            process = subprocess.Popen(command, stdout=nothing, stderr=subprocess.PIPE, text=True)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise CouldNotRun(f"{' '.join(command)}: exit code {process.returncode}\n{process.stderr.read()[-2000:]}")
        process.stderr.close()
        return Figures(operations, time.monotonic() - began, usage.ru_utime + usage.ru_stime)

    def sluice_with_reader(self, plan, late_s):
        """Runs a plan whose progress goes to a pipe, every 50 ms; nobody reads there for so long after the start."""
        command = [str(word) for word in self._sluice_command(plan, [])]
        command[command.index("--progress") + 1] = "json"
        process = subprocess.Popen([*command, "--progress-interval", "50ms"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=late_s)
        told, lines = process.communicate(timeout=RUN_MAX_S)
        if process.returncode != 0:
            raise CouldNotRun(f"{' '.join(command)}: exit code {process.returncode}\n{lines.decode()[-2000:]}")
        summary = json.loads(told)
        found = summary["stages"][0]
        return Figures(
            operations=sum(operation["count"] for operation in found["operations"]),
            wall_s=found["window_s"],
            cpu_s=found["cpu_user_s"] + found["cpu_system_s"],
            note=f"longest hold {summary['client']['max_stall_ms']} ms",
        )

    def fio(self, **keys):
        """Runs one fio job for the time of a run, all latencies measured; CPU is its thread's."""
        keys = {"name": "job", "thread": None, "time_based": None, "runtime": self.seconds, "norandommap": None, "randrepeat": 0,
                "invalidate": 0, "output-format": "json", **keys}  # fmt: skip
        command = ["fio", *(f"--{key}" if value is None else f"--{key}={value}" for key, value in keys.items())]
        job = json.loads(_output_of(command))["jobs"][0]
        if job["error"]:
            raise CouldNotRun(f"fio: error {job['error']}")
        cpu_s = (job["usr_cpu"] + job["sys_cpu"]) / 100 * job["job_runtime"] / 1000
        return Figures(job["read"]["total_ios"] + job["write"]["total_ios"], job["job_runtime"] / 1000, cpu_s)

    def limit(self, loop, **keys):
        """Runs a bare loop of system calls."""
        words = [word for key, value in keys.items() for word in (f"--{key}", str(value))]
        told = _output_of([self.limits_path, loop, *words]).split()
        values = dict(zip(told[::2], told[1::2]))
        return Figures(int(values["operations"]), float(values["wall_s"]), float(values["cpu_s"]))

    def machine_facts(self, chosen):
        def first(path, key):
            lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "?")

        def version(command):
            try:
                return _output_of(command).strip()
            except CouldNotRun:
                return "not there"

        def filesystem(path):
            return version(["stat", "-f", "-c", "%T", path])

        return {
            "cpu": f"{os.cpu_count()} x {first('/proc/cpuinfo', 'model name')}",
            "memory": first("/proc/meminfo", "MemTotal"),
            "kernel": platform.release(),
            "disk": f"{chosen.dir} ({filesystem(chosen.dir)})",
            "in memory": f"{chosen.memory_dir} ({filesystem(chosen.memory_dir)})",
            "sluice": version([self.sluice_path, "--version"]),
            "fio": version(["fio", "--version"]),
            "load": "{:.1f} (1 min), {:.1f} (15 min) at the end; above 1, others had a share in the rates".format(*os.getloadavg()[::2]),
            "rounds": f"{chosen.rounds}, of {chosen.seconds} s where a run has a length",
        }
