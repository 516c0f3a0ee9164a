"""A journal in PostgreSQL whose server goes away and comes back: the run measures on, and the journal gets all of it."""

from case import equal, long, that, wait_until
from postgres_server import PASSWORD, PostgresServer
from schemas import check_summary

#: An open loop: what is late or left out would be seen in its figures.
_PLAN = """
target: null://x/?size=4KiB
duration: 60s
concurrency: 4
io_rate: {iops: 500, distribution: deterministic}
workload: [{op: get, path: "data/*"}]
"""
_JSON = ("--json", "--progress", "json", "--progress-interval", "100ms")


def _intervals(server):
    """The seconds that are in the journal."""
    return int(server.ask("SELECT count(*) FROM sluice.blocks_readable WHERE kind = 'interval'"))


def _expect_whole(case, server):
    """Nothing of the run is missing in the journal, and questions are answered from it."""
    run = case.results()
    journal = ("--journal", server.uri)
    equal(case.run_ok("results", "lag", run, *journal).out, "nothing is missing\n", "lag")
    verified = case.run_ok("results", "verify", run, *journal)
    that("nothing is wrong" in verified.out and PASSWORD not in verified.out, "verify", verified)
    asked = case.run_ok("results", "query", run, "--json", *journal)
    that('"get"' in asked.out, "operations of the journal", asked)
    equal(asked.out, case.run_ok("results", "query", run, "--json").out, "what the journal answers, and the log")


def _expect_its_rate(ended, summary):
    """Of what the plan wanted, nearly all was done: nobody waited for a database."""
    execute = summary["stages"][-1]
    get = execute["operations"][0]
    wanted = execute["window_s"] * 500
    that(get["count"] + get["starved"] >= 0.9 * wanted, f"{get['count']} of {wanted:.0f} gets were begun", ended)
    equal(get["errors"], 0, "errors", ended)


@long
def a_server_that_crashes_during_a_run_gets_all_of_it_afterwards(case):
    case.plan(_PLAN)
    server = PostgresServer(case)
    server.start()
    run = case.start("run", "plan.yaml", "--duration", "16s", "--journal", server.uri, *_JSON)
    run.wait_for_stage("execute")
    wait_until(lambda: _intervals(server) >= 2, "two seconds are in the journal", run)
    server.crash()
    seen = run.wait_for_stage("execute")
    away = run.wait_for_stage("execute", stage_t_s=5)
    that(away["ops"] > seen["ops"], "operations go on while it is away")
    server.start()
    # By itself, and while the run goes on: what was measured while the server was away is there.
    wait_until(lambda: _intervals(server) >= 6, "the journal has caught up", run)
    ended = run.end()
    equal(ended.exit, 0, "exit code", ended)
    that("the journal lacks" not in ended.err, "nothing is said to be missing", ended)
    _expect_its_rate(ended, check_summary(ended.out))
    _expect_whole(case, server)


@long
def a_server_that_comes_during_a_run_gets_all_of_it(case):
    case.plan(_PLAN)
    server = PostgresServer(case)
    run = case.start("run", "plan.yaml", "--duration", "16s", "--journal", server.uri, *_JSON)
    run.wait_for_stage("execute", stage_t_s=2)
    server.start()
    wait_until(lambda: server.ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'sluice'") == "1", "the journal is made", run)
    wait_until(lambda: _intervals(server) >= 2, "the beginning of the run is in the journal", run)
    ended = run.end()
    equal(ended.exit, 0, "exit code", ended)
    document = check_summary(ended.out)
    notes = [note for note in document["notes"] if "no journal of this run yet" in note]
    that(len(notes) == 1 and "it is tried again" in notes[0], f"the warning of its beginning: {document['notes']}")
    that("the journal lacks" not in ended.err, "nothing is said to be missing", ended)
    _expect_its_rate(ended, document)
    _expect_whole(case, server)


def _expect_lack(ended):
    equal(ended.exit, 0, "exit code", ended)
    that("the journal lacks" in ended.err and "sluice results repair" in ended.err, "what is missing, and what to do", ended)
    that(PASSWORD not in ended.err + ended.out, "the password is not repeated", ended)


def a_server_that_never_comes_costs_a_warning_and_is_filled_later(case):
    case.plan(_PLAN)
    server = PostgresServer(case)
    ended = case.run("run", "plan.yaml", "--duration", "1500ms", "--journal", server.uri, *_JSON)
    _expect_lack(ended)
    _expect_its_rate(ended, check_summary(ended.out))
    that(" 0 of " in ended.err, "nothing is there", ended)
    lag = case.run("results", "lag", case.results(), "--journal", server.uri)
    that(lag.exit == 1 and PASSWORD not in lag.err + lag.out, "lag while it is away", lag)
    server.start()
    repaired = case.run_ok("results", "repair", case.results(), "--journal", server.uri)
    that("were missing" in repaired.out and PASSWORD not in repaired.out, "what repair says", repaired)
    _expect_whole(case, server)


def a_server_that_goes_and_stays_away_costs_a_warning_and_is_filled_later(case):
    case.plan(_PLAN)
    server = PostgresServer(case)
    server.start()
    run = case.start("run", "plan.yaml", "--duration", "4s", "--journal", server.uri, *_JSON)
    run.wait_for_stage("execute")
    wait_until(lambda: _intervals(server) >= 1, "a second is in the journal", run)
    server.crash()
    ended = run.end()
    _expect_lack(ended)
    _expect_its_rate(ended, check_summary(ended.out))
    server.start()
    lag = case.run("results", "lag", case.results(), "--journal", server.uri)
    that(lag.exit == 1 and " missing: block" in lag.out, "what is missing", lag)
    case.run_ok("results", "import", case.results(), "--into", server.uri)
    _expect_whole(case, server)


def a_run_is_imported_beside_one_that_goes_on(case):
    case.plan(_PLAN)
    case.run_ok("run", "plan.yaml", "--duration", "1200ms", "--results", "first", "--progress", "none")
    server = PostgresServer(case)
    server.start()
    run = case.start("run", "plan.yaml", "--duration", "5s", "--journal", server.uri, *_JSON)
    run.wait_for_stage("execute")
    wait_until(lambda: _intervals(server) >= 1, "a second is in the journal", run)
    for _ in range(2):
        imported = case.run_ok("results", "import", case.results("first"), "--into", server.uri)
    that(" 0 of them new" in imported.out, "the second time", imported)
    that(run.is_running(), "the run goes on")
    ended = run.end()
    equal(ended.exit, 0, "exit code", ended)
    that("the journal lacks" not in ended.err, "nothing is said to be missing", ended)
    _expect_whole(case, server)
    equal(case.run_ok("results", "lag", case.results("first"), "--journal", server.uri).out, "nothing is missing\n", "lag")
