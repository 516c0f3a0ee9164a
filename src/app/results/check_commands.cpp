#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "app/results/commands.hpp"
#include "app/results/journal_check.hpp"
#include "app/results/results_json.hpp"
#include "app/results/run_choice.hpp"
#include "base/units.hpp"
#include "protocol/exit_code.hpp"

namespace sluice::app {

namespace {

/// A run with a log here, and its journal, where there is one.
struct Pair {
  RunChoice run;
  std::string uri;
  std::unique_ptr<JournalHost> host;
  std::optional<journal::JournalReader> reader;  ///< absent: there is no such database, or no_reader says why
  std::optional<base::Error> no_reader;
};

base::Result<Pair> open_pair(const ResultsOptions& options) {
  Pair pair;
  SLUICE_TRY(pair.run, choose_run(options));
  pair.uri = options.journal.empty() ? journal_uri_of(pair.run.dir) : options.journal;
  SLUICE_TRY(pair.host, JournalHost::create());
  auto backend = open_journal_backend(pair.uri, JournalAccess::Ask);
  if (!backend && backend.error().code == base::Code::NotFound && options.journal.empty()) return pair;
  if (!backend) {
    if (!options.journal.empty()) return base::fail(std::move(backend).error());
    pair.no_reader = std::move(backend).error();
    return pair;
  }
  auto reader = pair.host->reader(std::move(*backend));
  if (reader) {
    pair.reader.emplace(std::move(*reader));
  } else {
    pair.no_reader = std::move(reader).error();
  }
  return pair;
}

/// A log without a block is none that a journal could be held against. Errors: also Corrupt for that.
base::Result<LogScan> scan(const RunChoice& run, bool thoroughly) {
  IndexProgress progress("reading the log");
  SLUICE_TRY(LogScan log,
             scan_log(run.dir, run.id, thoroughly, [&](std::uint64_t bytes) { progress.at(bytes, 0, "bytes"); }));
  if (log.frames() > 0) return log;
  return base::fail(base::Error{
      .code = base::Code::Corrupt,
      .what = "there is no block in the log",
      .where = run.dir + "/log",
      .likely = {"it was cut to nothing, or copied in part", "the run was ended before it wrote its first block"},
      .try_next = {"copy it again from where it came",
                   "what the journal has of it: sluice results list --journal sqlite:" + run.dir + "/journal.db"}});
}

/// What verify says.
struct Findings {
  std::string text;
  std::uint64_t wrong = 0;

  void wrong_line(const std::string& line) { text += "  wrong: " + line + "\n", ++wrong; }
};

void tell_log(const LogScan& log, Findings& findings) {
  findings.text += fmt::format("log: {} frames in {} file{}, {}\n", base::format_count(log.frames()),
                               log.parties.size(), log.parties.size() == 1 ? "" : "s", base::format_size(log.bytes()));
  for (const LogParty& party : log.parties) {
    for (const std::string& line : party.damage) findings.wrong_line(shown(party.file) + ": " + line);
    for (const std::string& line : party.torn) findings.text += "  note: " + shown(party.file) + ": " + line + "\n";
  }
}

/// The operation records: their chunks were read with the log.
void tell_op_log(const LogScan& log, Findings& findings) {
  if (!log.keeps_operations) return;
  StageOperations all;
  for (const auto& [number, stage] : log.stages) {
    all.records += stage.records;
    all.lost += stage.lost;
    all.chunks += stage.chunks;
  }
  findings.text += fmt::format("op-log: {} operations in {} chunks", base::format_count(all.records),
                               base::format_count(all.chunks));
  if (all.lost > 0) findings.text += fmt::format("; {} are lost", base::format_count(all.lost));
  findings.text += log.is_completed ? ", compared with what was counted\n" : "; the run did not come to its end\n";
  for (const std::string& line : differing_records(log)) findings.wrong_line(shown(line));
}

base::Result<void> tell_journal(Pair& pair, const LogScan& log, Findings& findings) {
  if (!pair.reader && !pair.no_reader) {
    findings.text += "journal: there is none; sluice results repair makes it\n";
    return {};
  }
  auto check = pair.reader ? check_journal(*pair.host, *pair.reader, pair.run.id)
                           : base::Result<JournalCheck>(base::fail(*pair.no_reader));
  if (!check) {
    findings.text += fmt::format("journal: {}\n", shown(without_credentials(pair.uri)));
    findings.wrong_line(fmt::format("{} ({})", check.error().what, check.error().where));
    return {};
  }
  findings.text += fmt::format(
      "journal: {} blocks, {} links of their chains{}\n", base::format_count(check->blocks),
      base::format_count(check->links),
      check->unlinked == 0 ? std::string() : fmt::format(", {} after a hole", base::format_count(check->unlinked)));
  for (const std::string& line : check->wrong) findings.wrong_line(line);
  const std::vector<std::string> differences = compare(log, *check, is_being_written(pair.run.dir));
  std::uint64_t readable = 0;
  for (const LogParty& party : log.parties) readable += count_of(party.readable);
  findings.text += fmt::format("both: {} blocks of the log looked for in the journal\n", base::format_count(readable));
  for (const std::string& line : differences) findings.wrong_line(line);
  return {};
}

std::string lines_of(const std::vector<journal::PartyLag>& lags) {
  std::string text;
  for (const journal::PartyLag& lag : lags) {
    const std::string party = fmt::format("party {}, attempt {}: ", shown(lag.party.party), lag.party.attempt);
    if (!lag.missing.empty()) {
      text +=
          fmt::format("{}{} missing: {}\n", party, base::format_count(count_of(lag.missing)), to_words(lag.missing));
    }
    if (!lag.extra.empty()) {
      text += fmt::format("{}{} that the log does not have: {}\n", party, base::format_count(count_of(lag.extra)),
                          to_words(lag.extra));
    }
  }
  return text;
}

base::Result<std::vector<journal::PartyLag>> find_lag(Pair& pair) {
  SLUICE_TRY(const LogScan log, scan(pair.run, false));
  std::vector<journal::PartyLag> lags;
  if (pair.reader) {
    SLUICE_TRY(lags, pair.host->wait(pair.reader->lag(log.extents(), JournalHost::soon())));
  } else if (pair.no_reader) {
    return base::fail(*pair.no_reader);
  } else {
    for (const LogParty& party : log.parties) lags.push_back({.party = party.key, .missing = party.readable});
  }
  lags = log.mendable(std::move(lags));
  // What was written since the log was read is not too much.
  if (is_being_written(pair.run.dir)) {
    for (journal::PartyLag& lag : lags) lag.extra.clear();
    std::erase_if(lags, [](const journal::PartyLag& lag) { return lag.missing.empty(); });
  }
  return lags;
}

base::Error in_the_way(base::Error error) {
  if (error.code != base::Code::Terminated && error.code != base::Code::InvalidArgument &&
      error.code != base::Code::Corrupt) {
    return error;
  }
  error.code = base::Code::Corrupt;
  error.add_likely("the journal holds something else than the log, or an attempt was discarded before it was complete");
  error.add_try("sluice results rebuild makes journal.db anew from the log");
  return error;
}

base::Result<std::string> repair(const ResultsOptions& options) {
  SLUICE_TRY(const RunChoice run, choose_run(options));
  SLUICE_CHECK(refuse_while_written(run.dir));
  const std::string uri = options.journal.empty() ? journal_uri_of(run.dir) : options.journal;
  SLUICE_TRY(const LogScan log, scan(run, false));
  SLUICE_TRY(const auto host, JournalHost::create());
  SLUICE_TRY(auto backend, open_journal_backend(uri, JournalAccess::Change));
  SLUICE_TRY(const auto journal, host->journal(std::move(backend)));
  std::uint64_t blocks = 0, damaged = 0;
  for (const LogParty& party : log.parties) {
    blocks += count_of(party.readable);
    damaged += party.damage.size();
  }
  auto report = host->index(*journal, run.dir, run.id, blocks);
  if (!report) return base::fail(in_the_way(std::move(report).error()));
  SLUICE_TRY(const auto left, host->wait(journal->reader().lag(log.extents(), JournalHost::soon())));
  std::string text =
      report->stored == 0
          ? fmt::format("nothing was missing: {} blocks of the log are in {}\n", base::format_count(report->blocks),
                        shown(without_credentials(uri)))
          : fmt::format("{} of {} blocks were missing and are in {} now\n", base::format_count(report->stored),
                        base::format_count(report->blocks), shown(without_credentials(uri)));
  if (damaged > 0)
    text += fmt::format("note: {} places in the log cannot be read; sluice results verify names them\n", damaged);
  for (const journal::PartyLag& lag : left) {
    if (!lag.extra.empty()) {
      text += fmt::format("note: {} blocks are in the journal alone, and stay there\n",
                          base::format_count(count_of(lag.extra)));
    }
  }
  return text;
}

}  // namespace

int verify_command(const ResultsOptions& options) {
  auto pair = open_pair(options);
  if (!pair) return report_failure(pair.error(), options);
  const auto log = scan(pair->run, true);
  if (!log) return report_failure(log.error(), options);
  Findings findings;
  tell_log(*log, findings);
  tell_op_log(*log, findings);
  if (auto told = tell_journal(*pair, *log, findings); !told) return report_failure(told.error(), options);
  findings.text += findings.wrong == 0 ? std::string("nothing is wrong\n") : fmt::format("{} wrong\n", findings.wrong);
  Output out;
  out.put(findings.text);
  const int written = finish_output(out);
  return findings.wrong > 0 ? protocol::kExitFailed : written;
}

int lag_command(const ResultsOptions& options) {
  auto pair = open_pair(options);
  if (!pair) return report_failure(pair.error(), options);
  const auto lags = find_lag(*pair);
  if (!lags) return report_failure(lags.error(), options);
  Output out;
  if (!pair->reader) out.put("there is no journal: " + shown(without_credentials(pair->uri)) + "\n");
  out.put(lags->empty() ? "nothing is missing\n" : lines_of(*lags));
  const int written = finish_output(out);
  return lags->empty() ? written : protocol::kExitFailed;
}

int repair_command(const ResultsOptions& options) {
  const auto done = repair(options);
  if (!done) return report_failure(done.error(), options);
  Output out;
  out.put(*done);
  return finish_output(out);
}

}  // namespace sluice::app
