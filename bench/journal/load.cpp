// A thousand parties, a block a second each, into a journal on a disk, in rounds of three kinds in turn: alone, with
// followers, and with a bare loop that inserts what each commit has. A reader asks for recent blocks all the while.
#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "async/timing.hpp"
#include "base/random.hpp"
#include "folder.hpp"
#include "journal/sqlite/sqlite_backend.hpp"
#include "journal/tiers/journal.hpp"
#include "latencies.hpp"
#include "measured_backend.hpp"
#include "parties.hpp"
#include "programs.hpp"

namespace sluice::journal {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFollowers = 8, kPageBlocks = 64;
constexpr std::uint64_t kRecent = 10'000;  ///< blocks

enum class Beside : std::uint8_t { Nobody, Followers, BareLoop };
constexpr const char* kNames[] = {"alone", "8 followers", "beside the bare loop"};

/// How blocks come: each for itself, evenly or all within 20 ms of the second; or as an indexer brings them.
enum class Arrival : std::uint8_t { Spread, Together, Indexed };
constexpr const char* kArrivals[] = {"spread", "together", "indexed"};

Arrival arrival_of(const std::string& name) {
  const auto* at = std::ranges::find(kArrivals, name);
  if (at != std::end(kArrivals)) return static_cast<Arrival>(at - std::begin(kArrivals));
  fmt::print(stderr, "--arrive is spread, together or indexed, not {}\n", name);
  std::exit(2);
}

/// What one round measures, or several of a kind together.
struct Figures {
  Latencies acknowledged, get, latest, newest, of_party;
  std::atomic<std::uint64_t> failed{0}, followed{0}, appended{0};
  std::vector<CommitCost> commits;
  std::int64_t wall_ns = 0, writing_ns = 0, loop_ns = 0;  ///< the round; CPU of the thread that writes, and of the loop

  void add(const Figures& round) {
    acknowledged.merge(round.acknowledged), get.merge(round.get), latest.merge(round.latest);
    newest.merge(round.newest), of_party.merge(round.of_party);
    failed += round.failed, followed += round.followed, appended += round.appended;
    commits.insert(commits.end(), round.commits.begin(), round.commits.end());
    wall_ns += round.wall_ns, writing_ns += round.writing_ns, loop_ns += round.loop_ns;
  }
  /// Without what the bare loop took.
  double writer_ns() const { return static_cast<double>(writing_ns + loop_ns) - sum(&CommitCost::bare_cpu_ns); }
  template <class Number>
  double sum(Number CommitCost::* field) const {
    double all = 0;
    for (const CommitCost& commit : commits) all += static_cast<double>(commit.*field);
    return all;
  }
  double writer_ns_of_a_block() const { return writer_ns() / sum(&CommitCost::blocks); }
};

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Span {
  base::Instant begin, end;
};

async::Task<> run_party(Journal& journal,     // outlives: whoever waits for the round
                        PartyBlocks& blocks,  // outlives: the same
                        Figures& figures,     // outlives: the same
                        Span span, base::Nanos phase) {
  for (base::Instant due = span.begin + phase; due < span.end; due = due + 1s) {
    SLUICE_CO_CHECK(co_await async::pause_until(async::Deadline::at(due)));
    std::vector<StoredBlock> one;
    one.push_back(blocks.next());
    const auto done = co_await journal.append(std::move(one), async::Deadline::in(10s));
    figures.acknowledged.note(base::now() - due);
    ++(done ? figures.appended : figures.failed);
  }
  co_return base::Result<void>();
}

/// What an indexer does: reads what the logs of all parties have every 200 ms, and appends it as one.
async::Task<> run_indexer(Journal& journal,                                    // outlives: whoever waits for the round
                          std::vector<std::unique_ptr<PartyBlocks>>& parties,  // outlives: the same
                          Figures& figures,                                    // outlives: the same
                          Span span) {
  constexpr std::uint64_t kLooksOfSecond = 5;
  for (std::uint64_t look = 0;; ++look) {
    const base::Instant due = span.begin + base::Nanos{1s} * look / kLooksOfSecond;
    if (due >= span.end) break;
    SLUICE_CO_CHECK(co_await async::pause_until(async::Deadline::at(due)));
    std::vector<StoredBlock> blocks;
    for (std::size_t i = look % kLooksOfSecond; i < parties.size(); i += kLooksOfSecond) {
      blocks.push_back(parties[i]->next());
    }
    const std::size_t count = blocks.size();
    const base::Instant began = base::now();
    const auto done = co_await journal.append(std::move(blocks), async::Deadline::in(10s));
    figures.acknowledged.note(base::now() - began);
    (done ? figures.appended : figures.failed) += count;
  }
  co_return base::Result<void>();
}

template <class T>
async::Task<> timed(async::Task<T> read, Latencies& latencies,  // outlives: whoever waits for the round
                    Figures& figures) {                         // outlives: the same
  const base::Instant began = base::now();
  const auto done = co_await std::move(read);
  latencies.note(base::now() - began);
  if (!done) ++figures.failed;
  co_return base::Result<void>();
}

/// Asks for what is recent, some two hundred times a second.
async::Task<> run_reader(JournalReader reader, Figures& figures,  // outlives: whoever waits for the round
                         std::vector<PartyKey> parties, base::Instant end) {
  base::Random random(static_cast<std::uint64_t>(end.ns));
  while (base::now() < end) {
    const std::uint64_t head = reader.head(), first = head - std::min(head - 1, kRecent);
    const PartyKey party = parties[random.below(parties.size())];
    const auto until = async::Deadline::in(10s);
    SLUICE_CO_CHECK(co_await timed(reader.get(first + random.below(head - first), until), figures.get, figures));
    SLUICE_CO_CHECK(co_await timed(reader.latest_of(party, until), figures.latest, figures));
    SLUICE_CO_CHECK(co_await timed(reader.page({}, head - std::min(head, kPageBlocks), kPageBlocks, until),
                                   figures.newest, figures));
    SLUICE_CO_CHECK(
        co_await timed(reader.page({.parties = {party.party}}, first, kPageBlocks, until), figures.of_party, figures));
    SLUICE_CO_CHECK(co_await async::pause_until(async::Deadline::in(20ms)));
  }
  co_return base::Result<void>();
}

async::Task<> run_follower(BlockFollower follower, Figures& figures,  // outlives: whoever waits for the round
                           base::Instant end) {
  while (true) {
    const auto item = co_await follower.next(async::Deadline::at(end));
    if (!item) break;
    figures.followed += std::holds_alternative<BlockPtr>(*item) ? 1 : 0;
  }
  co_return base::Result<void>();
}

async::Task<> open_here(async::SchedStat& stat) {  // outlives: whoever waits for this
  stat.open();
  co_return base::Result<void>();
}

class LoadBench {
 public:
  explicit LoadBench(const limits::Options& options)
      : folder_(options.text("dir", "")),
        arrival_(arrival_of(options.text("arrive", "spread"))),
        rounds_(options.number("rounds", 5)),
        round_(base::Nanos{1s} * options.number("seconds", 30) / rounds_) {
    path_ = folder_.path("journal.db");
    bare_ = std::make_unique<BareSqlite>(folder_.path("bare.db"));
    auto backend = must(SqliteBackend::open(path_, SqliteMode::ReadWrite));
    journal_ = must(loop_->block_on(
        Journal::open(threads_, std::make_unique<MeasuredBackend>(std::move(backend), costs_), {}, soon())));
    must(loop_->block_on(open_here(loop_cpu_)));
    begin_parties(options.number("parties", 1000));
  }
  ~LoadBench() { journal_.reset(); }

  void run() {
    Figures of_kind[3];
    std::vector<double> with_followers;
    for (std::uint64_t i = 0; i < rounds_; ++i) {
      Figures rounds[3];
      // In turn, so that what the machine does otherwise falls on both.
      const Beside first = i % 2 == 0 ? Beside::Nobody : Beside::Followers;
      const Beside second = i % 2 == 0 ? Beside::Followers : Beside::Nobody;
      for (const Beside beside : {first, second, Beside::BareLoop}) {
        const auto kind = static_cast<std::size_t>(beside);
        run_round(beside, rounds[kind]);
        of_kind[kind].add(rounds[kind]);
      }
      with_followers.push_back(rounds[1].writer_ns_of_a_block() / rounds[0].writer_ns_of_a_block());
    }
    report(of_kind, with_followers);
  }

 private:
  static async::Deadline soon() { return async::Deadline::in(60s); }

  /// Their first two blocks: the run and its stage begin.
  void begin_parties(std::uint64_t count) {
    std::vector<StoredBlock> blocks;
    for (std::uint64_t i = 0; i < count; ++i) {
      const PartyKey key{.run = "20261121T034421Z-run", .party = fmt::format("agent-{:04}", i)};
      parties_.push_back(std::make_unique<PartyBlocks>(seconds_, key, i));
      for (int block = 0; block < 2; ++block) blocks.push_back(parties_.back()->next());
      if (blocks.size() >= 1000 || i + 1 == count) {
        must(guests_->block_on(journal_->append(std::exchange(blocks, {}), soon())));
      }
    }
    costs_.take();
    bytes_began_ = size_of_database();
    head_began_ = journal_->reader().head();
  }

  void run_round(Beside beside, Figures& figures) {
    costs_.compare_with(beside == Beside::BareLoop ? bare_.get() : nullptr);
    const Span span{.begin = base::now() + 200ms, .end = base::now() + 200ms + round_};
    std::vector<async::JoinHandle<void>> tasks = spawn_parties(figures, span);
    std::vector<PartyKey> keys;
    for (const auto& party : parties_) keys.push_back(party->key());
    tasks.push_back(guests_->spawn("reader", run_reader(journal_->reader(), figures, keys, span.end)));
    for (std::size_t i = 0; beside == Beside::Followers && i < kFollowers; ++i) {
      auto follower = must(journal_->reader().follow({}, journal_->reader().head()));
      tasks.push_back(guests_->spawn("follower", run_follower(std::move(follower), figures, span.end + 1s)));
    }
    const std::int64_t writing = costs_.thread_cpu_ns(), loop = loop_cpu_.read().on_cpu_ns;
    const base::Instant began = base::now();
    for (auto& task : tasks) must(task.join(async::Deadline::in(round_ + 60s)));
    figures.wall_ns = (base::now() - began).count();
    figures.writing_ns = costs_.thread_cpu_ns() - writing;
    figures.loop_ns = loop_cpu_.read().on_cpu_ns - loop;
    figures.commits = costs_.take();
  }

  std::vector<async::JoinHandle<void>> spawn_parties(Figures& figures, Span span) {
    std::vector<async::JoinHandle<void>> tasks;
    if (arrival_ == Arrival::Indexed) {
      tasks.push_back(guests_->spawn("indexer", run_indexer(*journal_, parties_, figures, span)));
      return tasks;
    }
    for (std::size_t i = 0; i < parties_.size(); ++i) {
      const base::Nanos phase{arrival_ == Arrival::Together ? random_.below(20'000'000)
                                                            : std::uint64_t{1'000'000'000} * i / parties_.size()};
      tasks.push_back(guests_->spawn("party", run_party(*journal_, *parties_[i], figures, span, phase)));
    }
    return tasks;
  }

  std::uint64_t size_of_database() const {
    std::uint64_t bytes = std::filesystem::file_size(path_);
    if (std::filesystem::exists(path_ + "-wal")) bytes += std::filesystem::file_size(path_ + "-wal");
    return bytes;
  }

  void report(const Figures (&of_kind)[3], const std::vector<double>& with_followers) const;

  const Folder folder_;
  const Arrival arrival_;
  const std::uint64_t rounds_;
  const base::Nanos round_;
  std::string path_;
  base::Random random_{1};
  BusySeconds seconds_;
  std::unique_ptr<BareSqlite> bare_;
  CommitCosts costs_;
  async::SchedStat loop_cpu_;
  // The journal's own loop is one thread, so that its CPU time can be told from that of parties and readers.
  std::unique_ptr<async::Executor> loop_ = must(async::Executor::create({.worker_threads = 1, .name = "journal"}));
  std::unique_ptr<async::Executor> guests_ =
      must(async::Executor::create({.worker_threads = 2, .queue_max = 4096, .name = "guests"}));
  JournalThreads threads_{*loop_, {}};
  std::unique_ptr<Journal> journal_;
  std::vector<std::unique_ptr<PartyBlocks>> parties_;
  std::uint64_t bytes_began_ = 0, head_began_ = 0;
};

void LoadBench::report(const Figures (&of_kind)[3], const std::vector<double>& with_followers) const {
  const Figures& bare = of_kind[static_cast<std::size_t>(Beside::BareLoop)];
  const double blocks = bare.sum(&CommitCost::blocks);
  fmt::print(
      "{} parties, a block a second each ({}), {:.0f} bytes of payload; {} rounds of {:.1f} s of each kind; {}\n",
      parties_.size(), kArrivals[static_cast<std::size_t>(arrival_)], bare.sum(&CommitCost::bytes) / blocks, rounds_,
      static_cast<double>(round_.count()) / 1e9, path_);
  const auto row = [&](const char* what, auto text) {
    fmt::print("{:<44}", what);
    for (const Figures& figures : of_kind) fmt::print("{:>26}", text(figures));
    fmt::print("\n");
  };
  fmt::print("{:<44}", "");
  for (const char* name : kNames) fmt::print("{:>26}", name);
  fmt::print("\n");
  row(arrival_ == Arrival::Indexed ? "acknowledged, ms p50 / p99 / max" : "acknowledged after due, ms p50 / p99 / max",
      [](const Figures& f) { return f.acknowledged.text(); });
  row("blocks appended, failures",
      [](const Figures& f) { return fmt::format("{}, {}", f.appended.load(), f.failed.load()); });
  row("blocks of a commit, p50 / max", [](const Figures& f) {
    std::vector<double> sizes;
    for (const CommitCost& commit : f.commits) sizes.push_back(static_cast<double>(commit.blocks));
    return fmt::format("{:.0f} / {:.0f}", median(sizes), sizes.empty() ? 0 : *std::ranges::max_element(sizes));
  });
  row("commits a second", [](const Figures& f) {
    return fmt::format("{:.0f}", 1e9 * static_cast<double>(f.commits.size()) / static_cast<double>(f.wall_ns));
  });
  row("the writer, % of a core (thread that writes + loop)", [](const Figures& f) {
    const double wall = static_cast<double>(f.wall_ns) / 100, loop = static_cast<double>(f.loop_ns);
    return fmt::format("{:.1f} ({:.1f} + {:.1f})", f.writer_ns() / wall, (f.writer_ns() - loop) / wall, loop / wall);
  });
  row("the writer, us CPU a block",
      [](const Figures& f) { return fmt::format("{:.1f}", f.writer_ns_of_a_block() / 1e3); });
  row("get of a recent block, ms p50 / p99 / max", [](const Figures& f) { return f.get.text(); });
  row("latest_of", [](const Figures& f) { return f.latest.text(); });
  row("page of the 64 newest", [](const Figures& f) { return f.newest.text(); });
  row("page of one party in 10,000 blocks", [](const Figures& f) { return f.of_party.text(); });
  row("blocks that followers had, all together", [](const Figures& f) { return fmt::format("{}", f.followed.load()); });

  fmt::print("\nwith 8 followers the writer takes {:.3f} of its CPU without, median of rounds:",
             median(with_followers));
  for (const double ratio : with_followers) fmt::print(" {:.3f}", ratio);
  std::vector<double> cpu, wall;
  for (const CommitCost& commit : bare.commits) {
    cpu.push_back(static_cast<double>(commit.cpu_ns) / static_cast<double>(commit.bare_cpu_ns));
    wall.push_back(static_cast<double>(commit.wall_ns) / static_cast<double>(commit.bare_wall_ns));
  }
  const double bare_cpu = bare.sum(&CommitCost::bare_cpu_ns), bare_wall = bare.sum(&CommitCost::bare_wall_ns);
  fmt::print("\nof the bare loop, {:.1f} us CPU and {:.1f} us a block:\n", bare_cpu / blocks / 1e3,
             bare_wall / blocks / 1e3);
  fmt::print("  Backend::append, CPU      {:.2f} in all, {:.2f} median of commits\n",
             bare.sum(&CommitCost::cpu_ns) / bare_cpu, median(cpu));
  fmt::print("  Backend::append, clock    {:.2f} in all, {:.2f} median of commits\n",
             bare.sum(&CommitCost::wall_ns) / bare_wall, median(wall));
  fmt::print("  the whole writer, CPU     {:.2f} in all\n", bare.writer_ns() / bare_cpu);
  const double grown = static_cast<double>(size_of_database() - bytes_began_);
  const double added = static_cast<double>(journal_->reader().head() - head_began_);
  fmt::print("the database grew by {:.1f} MiB, {:.0f} bytes a block with its WAL; {} MiB an hour at this rate\n",
             grown / (1 << 20), grown / added,
             static_cast<std::uint64_t>(grown / added * static_cast<double>(parties_.size()) * 3600 / (1 << 20)));
}

}  // namespace

void run_load(const limits::Options& options) { LoadBench(options).run(); }

}  // namespace sluice::journal
