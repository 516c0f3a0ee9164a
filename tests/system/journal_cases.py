"""Log and journal of a run: checked against each other, mended, made again, killed and damaged."""

import signal
import sqlite3

from case import equal, that
from schemas import check_document, check_lines, check_summary

_QUIET = ("--progress", "none")


def _a_run(case, *arguments, name="null://x/?size=4KiB"):
    case.run_ok("run", name, "--duration", "1200ms", *_QUIET, *arguments)
    return case.results()


def _rows(path):
    """Everything in a journal, as a person would select it."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        tables = ("blocks", "payloads", "notable", "heads", "gaps", "fences", "run_ids", "party_ids")
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}


def _remove_journal(run):
    for path in run.glob("journal.db*"):
        path.unlink()


def _leave_a_change_in_the_wal(path):
    """As a kill does: the change is not in the database's file yet."""
    wal = path.with_name(path.name + "-wal")
    database = sqlite3.connect(path)
    database.execute("UPDATE notable SET target = 'another'")
    database.commit()
    kept = {file: file.read_bytes() for file in (path, wal)}
    database.close()
    for file, content in kept.items():
        file.write_bytes(content)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)


def _flip(path, offset):
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


def _a_killed_run(case):
    run = case.start("run", "null://x/?size=4KiB", "--duration", "60s", "--progress", "json", "--progress-interval", "50ms")
    run.wait_for_stage("execute", stage_t_s=1.2)
    return run


def a_run_that_was_killed_is_listed_so_and_made_whole_again(case):
    run = _a_killed_run(case)
    listed = check_document("list", case.run_ok("results", "list", "--json").out)["runs"]
    equal([one["status"] for one in listed], ["running"], "status while it runs")
    for command in ("repair", "rebuild"):
        ended = case.run("results", command, case.results())
        equal(ended.exit, 1, f"exit code of {command} while it runs", ended)
        that("another process is writing" in ended.err, "it says why", ended)
    follower = case.start("results", "follow", case.results(), "--json")
    run.signal(signal.SIGKILL)
    run.end()
    ended = follower.end()
    equal(ended.exit, 1, "exit code of follow", ended)
    equal(check_lines("follow", ended.out)[-1]["event"], "writer_died", "its last line")
    listed = check_document("list", case.run_ok("results", "list", "--json", "--status", "killed").out)["runs"]
    equal([one["status"] for one in listed], ["killed"], "status after the kill")

    _remove_journal(case.results())
    that("nothing is wrong" in case.run_ok("results", "verify", case.results()).out, "the log alone is right")
    equal(case.run("results", "lag", case.results()).exit, 1, "exit code of lag before")
    case.run_ok("results", "rebuild", case.results())
    verified = case.run_ok("results", "verify", case.results()).out
    that("nothing is wrong" in verified and "links of their chains" in verified, f"verify: {verified}")
    equal(case.run_ok("results", "lag", case.results()).out, "nothing is missing\n", "lag")
    shown = check_summary(case.run_ok("results", "show", case.results(), "--json").out)
    equal(shown["run"]["status"], "interrupted", "status of what is shown")
    equal(shown, case.summary(), "what is shown, and the summary")
    again = case.run("results", "follow", case.results(), "--json")
    equal((again.exit, again.out), (1, ended.out), "what follow says, from the journal and then from the log", again)


def a_rebuilt_journal_has_the_rows_of_the_first(case):
    run = _a_run(case)
    case.run_ok("results", "repair", run)
    rows = _rows(run / "journal.db")
    that(len(rows["blocks"]) > 5 and rows["notable"] and rows["heads"], "there is something in it")
    (run / "journal.db").write_bytes(b"something else")
    ended = case.run("results", "query", run)
    equal(ended.exit, 0, "a query with a journal that cannot be read", ended)
    that("journal.db cannot be read" in ended.err, "it says so", ended)
    case.run_ok("results", "rebuild", run)
    equal(_rows(run / "journal.db"), rows, "rows")
    _leave_a_change_in_the_wal(run / "journal.db")
    that(_rows(run / "journal.db") != rows, "another program has changed the journal, and was killed")
    case.run_ok("results", "rebuild", run)
    equal(_rows(run / "journal.db"), rows, "rows")
    equal(case.run_ok("results", "query", run).err, "", "nothing is said of the log any more")


def what_a_journal_lacks_is_named_and_brought_in(case):
    run = _a_run(case)
    _remove_journal(run)
    ended = case.run("results", "lag", run)
    equal(ended.exit, 1, "exit code of lag without a journal", ended)
    case.run_ok("results", "repair", run)
    rows = _rows(run / "journal.db")
    with sqlite3.connect(run / "journal.db") as database:
        last, party_seq = database.execute("SELECT seq, party_seq FROM blocks ORDER BY seq DESC LIMIT 1").fetchone()
        before = database.execute("SELECT hash FROM blocks WHERE party_seq = ?", (party_seq - 1,)).fetchone()[0]
        for table in ("blocks", "payloads", "notable"):
            database.execute(f"DELETE FROM {table} WHERE seq = ?", (last,))
        database.execute("UPDATE heads SET next_party_seq = ?, last_seq = ?, last_hash = ?, is_over = 0",
                         (party_seq, last - 1, before))
    ended = case.run("results", "lag", run)
    equal(ended.exit, 1, "exit code of lag", ended)
    equal(ended.out, f"party local, attempt 0: 1 missing: block {party_seq}\n", "what is missing")
    ended = case.run("results", "verify", run)
    equal(ended.exit, 1, "exit code of verify", ended)
    that(f"in the log, not in the journal: block {party_seq}\n" in ended.out, "verify names it", ended)
    that("lacks 1 blocks of the log" in case.run_ok("results", "query", run).err, "a query says that it asks the log")
    that("1 of" in case.run_ok("results", "repair", run).out, "repair says what it did")
    equal(_rows(run / "journal.db"), rows, "rows")
    that("nothing was missing" in case.run_ok("results", "repair", run).out, "a second repair has nothing to do")


def a_bit_that_flipped_is_named_by_verify(case):
    run = _a_run(case)
    case.run_ok("results", "repair", run)
    that("nothing is wrong" in case.run_ok("results", "verify", run).out, "verify before")
    log = run / "log" / "local.seg"
    whole = log.read_bytes()

    with sqlite3.connect(run / "journal.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        seq, party_seq, payload = database.execute(
            "SELECT seq, party_seq, bytes FROM blocks JOIN payloads USING (seq) WHERE kind = 1").fetchone()
    database.close()
    journal = (run / "journal.db").read_bytes()
    equal(journal.count(payload), 1, "places of the payload")
    _flip(run / "journal.db", journal.index(payload) + 3)
    ended = case.run("results", "verify", run)
    equal(ended.exit, 1, "exit code with a flipped bit in the journal", ended)
    that(f"block {party_seq}: " in ended.out and f"block {seq}" in ended.out, "the block is named", ended)
    that(ended.out.endswith("wrong\n") and "not in the log" not in ended.out, "and the blocks behind it are right", ended)
    (run / "journal.db").write_bytes(journal)

    where = whole.index(payload) + 3
    _flip(log, where)
    ended = case.run("results", "verify", run)
    equal(ended.exit, 1, "exit code with a flipped bit in the log", ended)
    that("local.seg" in ended.out and "damaged" in ended.out, "the place is named", ended)
    that(f"in the journal, not in the log: block {party_seq}\n" in ended.out, "and the block that the journal still has", ended)
    log.write_bytes(whole)
    that("nothing is wrong" in case.run_ok("results", "verify", run).out, "verify afterwards")

    (run / "journal.db").write_bytes(journal[:16] + b"\xff" * 84 + journal[100:])
    ended = case.run("results", "verify", run)
    equal(ended.exit, 1, "exit code with a journal whose first page is damaged", ended)
    that("journal.db" in ended.out and "1 wrong" in ended.out, "it is named", ended)
    (run / "journal.db").write_bytes(journal)

    with sqlite3.connect(run / "journal.db") as database:
        database.execute("UPDATE blocks SET previous = zeroblob(15) || x'01' WHERE party_seq = 2")
    ended = case.run("results", "verify", run)
    equal(ended.exit, 1, "exit code with another row in the journal", ended)
    that("block 2" in ended.out, "the block is named", ended)


def runs_are_imported_into_a_history(case):
    first = _a_run(case)
    case.run_ok("run", "null://y/?size=4KiB", "--duration", "200ms", *_QUIET)
    history = "sqlite:history.db"
    told = case.run_ok("results", "import", "results", "--into", history).out
    equal(told.count(" blocks, "), 2, f"runs that were imported: {told}")
    told = case.run_ok("results", "import", first, "--into", history).out
    that("0 of them new" in told, f"a second time: {told}")
    here = check_document("list", case.run_ok("results", "list", "--json").out)["runs"]
    there = check_document("list", case.run_ok("results", "list", "--json", "--results", "none", "--journal", history).out)["runs"]
    for run in here + there:
        run.pop("dir")
        for figure in ("duration_s", "ops_per_s", "bytes_per_s"):
            run[figure] = round(run[figure], 1)
    equal(there, here, "the list of the history, and that of the directories")
    both = check_document("list", case.run_ok("results", "list", "--json", "--journal", history).out)["runs"]
    equal(len(both), 2, "a run that is in both is listed once")
    run_id = there[1]["id"]
    gone = ("--results", "none", "--journal", history)
    shown = check_summary(case.run_ok("results", "show", run_id[:5], "--json", *gone).out)
    equal(shown["stages"], check_summary((first / "summary.json").read_text())["stages"], "stages that the history shows")
    case.run_ok("results", "query", run_id, *gone)
    case.run_ok("results", "follow", run_id, *gone)
    equal(case.run_ok("results", "export", run_id, *gone).out, case.run_ok("results", "export", run_id).out, "export of both")
    case.run_ok("results", "verify", run_id, "--journal", history)
    equal(case.run("results", "import", "nowhere", "--into", history).exit, 1, "a directory that is missing")


def what_was_discarded_stays_so_through_a_rebuild(case):
    run = _a_run(case)
    that(case.run_ok("results", "query", run).out != "", "operations before")
    ended = case.run("results", "discard", run, "--stage", "execute")
    equal(ended.exit, 2, "exit code without --yes", ended)
    that("--yes" in ended.err and not (run / "discards.tsv").exists(), "it says what is asked for", ended)
    equal(case.run("results", "discard", run, "--stage", "nothing", "--yes").exit, 1, "a stage that is not there")
    case.run_ok("results", "discard", run, "--stage", "execute", "--attempt", "0", "--yes")
    equal(case.run_ok("results", "query", run).out, "", "operations afterwards")
    rows = _rows(run / "journal.db")
    equal(len(rows["fences"]), 1, "marks")
    case.run_ok("results", "discard", run, "--stage", "1", "--yes")
    case.run_ok("results", "rebuild", run)
    equal(_rows(run / "journal.db"), rows, "rows after a rebuild")
    (run / "journal.db").unlink()
    equal(case.run_ok("results", "query", run).out, "", "operations, from the log")
    case.run_ok("results", "repair", run)
    case.run_ok("results", "verify", run)
    case.run_ok("results", "lag", run)
    case.run_ok("results", "import", run, "--into", "sqlite:history.db")
    equal(len(_rows(case.path("history.db"))["fences"]), 1, "marks in a history")
