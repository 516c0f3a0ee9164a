#include "app/results/run_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "app/results/log_scan.hpp"
#include "base/units.hpp"
#include "journal/sqlite/sqlite_backend.hpp"
#include "journal/tiers/memory_backend.hpp"

namespace sluice::app {

namespace {

/// A log of so many bytes is indexed into memory, a longer one into a file.
constexpr std::uint64_t kInMemoryMax = std::uint64_t{32} << 20;

base::Result<std::string> make_temporary_folder() {
  const char* const given = std::getenv("TMPDIR");
  std::string name = std::string(given == nullptr || *given == 0 ? "/tmp" : given) + "/sluice-results-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    return base::fail(base::from_errno(errno, "there is no place to index the log in", name)
                          .add_try("TMPDIR=DIR names another place"));
  }
  return name;
}

bool has_journal(const std::string& dir) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::path(dir) / "journal.db", ignored);
}

}  // namespace

std::vector<std::string> runs_in(const journal::JournalReader& reader) {
  std::vector<std::string> runs;
  for (const journal::PartyHead& head : reader.parties()) {
    if (std::ranges::find(runs, head.key.run) == runs.end()) runs.push_back(head.key.run);
  }
  return runs;
}

RunSource::RunSource(std::unique_ptr<JournalHost> host, RunChoice choice)
    : host_(std::move(host)), choice_(std::move(choice)) {}

RunSource::~RunSource() {
  reader_.reset();
  made_.reset();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

base::Result<std::unique_ptr<RunSource>> RunSource::open(const ResultsOptions& options) {
  auto choice = choose_run(options);
  // A run of a database may have no results directory here.
  if (!choice && (options.journal.empty() || options.run.empty() || choice.error().code != base::Code::NotFound)) {
    return base::fail(std::move(choice).error());
  }
  SLUICE_TRY(auto host, JournalHost::create());
  std::unique_ptr<RunSource> source(new RunSource(std::move(host), choice ? std::move(*choice) : RunChoice{}));
  SLUICE_CHECK(options.journal.empty() ? source->open_own() : source->open_given(options.journal, options.run));
  return source;
}

base::Result<void> RunSource::open_given(const std::string& uri, const std::string& run) {
  SLUICE_TRY(auto backend, open_journal_backend(uri, JournalAccess::Ask));
  SLUICE_TRY(journal::JournalReader reader, host_->reader(std::move(backend)));
  reader_ = std::make_unique<journal::JournalReader>(std::move(reader));
  SLUICE_TRY(choice_.id,
             choose_id(runs_in(*reader_), choice_.id.empty() ? run : choice_.id, shown(without_credentials(uri))));
  return {};
}

base::Result<void> RunSource::open_own() {
  auto scan = scan_log(choice_.dir, choice_.id, false);
  const bool has_log = scan.has_value();
  if (!has_log && !has_journal(choice_.dir)) return base::fail(std::move(scan).error());
  std::string why = "there is no journal.db";
  if (has_journal(choice_.dir)) {
    auto backend = open_journal_backend(journal_uri_of(choice_.dir), JournalAccess::Ask);
    auto reader = backend ? host_->reader(std::move(*backend))
                          : base::Result<journal::JournalReader>(base::fail(std::move(backend).error()));
    if (reader && !has_log) {
      reader_ = std::make_unique<journal::JournalReader>(std::move(*reader));
      return {};
    }
    if (!reader && !has_log) return base::fail(std::move(reader).error());
    if (reader) {
      auto lag = host_->wait(reader->lag(scan->extents(), JournalHost::soon()));
      std::uint64_t missing = 0;
      if (lag) {
        for (const journal::PartyLag& party : scan->mendable(std::move(*lag))) missing += count_of(party.missing);
      }
      if (lag && missing == 0) {
        reader_ = std::make_unique<journal::JournalReader>(std::move(*reader));
        return {};
      }
      why = lag ? "journal.db lacks " + base::format_count(missing) + " blocks of the log"
                : "journal.db cannot be read: " + lag.error().what;
    } else {
      why = "journal.db cannot be read: " + reader.error().what;
    }
  }
  std::fprintf(stderr, "note: %s, so the answer is made from the log: %s/log\n", why.c_str(),
               shown(choice_.dir).c_str());
  std::uint64_t blocks = 0;
  for (const LogParty& party : scan->parties) blocks += count_of(party.readable);
  return index_the_log(blocks, scan->bytes());
}

base::Result<void> RunSource::index_the_log(std::uint64_t blocks, std::uint64_t bytes) {
  std::unique_ptr<journal::Backend> backend;
  if (bytes <= kInMemoryMax) {
    backend = std::make_unique<journal::MemoryBackend>();
  } else {
    SLUICE_TRY(folder_, make_temporary_folder());
    SLUICE_TRY(backend, journal::SqliteBackend::open(folder_ + "/journal.db", journal::SqliteMode::ReadWrite));
  }
  SLUICE_TRY(made_, host_->journal(std::move(backend)));
  SLUICE_CHECK(host_->index(*made_, choice_.dir, choice_.id, blocks));
  reader_ = std::make_unique<journal::JournalReader>(made_->reader());
  return {};
}

base::Result<void> RunSource::visit(journal::Filter filter, std::size_t page_blocks, const Visitor& visit) {
  filter.runs = {choice_.id};
  std::optional<std::uint64_t> after = 0;
  while (after) {
    SLUICE_TRY(const journal::BlockPage page,
               host_->wait(reader_->page(filter, *after, page_blocks, JournalHost::soon())));
    for (const journal::BlockPtr& block : page.blocks) {
      if (!visit(*block)) return {};
    }
    after = page.next;
  }
  return {};
}

base::Result<std::int64_t> RunSource::began_ns() {
  std::optional<std::int64_t> began;
  SLUICE_CHECK(visit({.kinds = {journal::BlockKind::RunStarted}}, [&](const journal::StoredBlock& block) {
    began = std::min(began.value_or(INT64_MAX), block.header.from_ns);
    return true;
  }));
  if (began) return *began;
  return base::fail(base::Error{.code = base::Code::NotFound,
                                .what = "nothing says when this run began",
                                .where = "run " + shown(choice_.id),
                                .likely = {"its first block is lost"},
                                .try_next = {"give times in UTC", "sluice results verify says what is lost"}});
}

}  // namespace sluice::app
