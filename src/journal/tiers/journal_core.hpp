#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "async/notice.hpp"
#include "async/permits.hpp"
#include "journal/tiers/backend.hpp"
#include "journal/tiers/block_cache.hpp"
#include "journal/tiers/journal_config.hpp"
#include "journal/tiers/journal_stats.hpp"
#include "journal/tiers/journal_threads.hpp"
#include "journal/tiers/ledger.hpp"

namespace sluice::journal {

/// An attempt was discarded: its blocks are no results any more.
struct Superseded {
  Fence fence;
};
/// Blocks were taken out: all above this number.
struct Retracted {
  std::uint64_t above = 0;
};
using Discard = std::variant<Superseded, Retracted>;

/// What a journal, its readers, streams and followers and its writer share: the backend and the permits for calls of
/// it, the ledger, the cache, and who is to be told of commits. Any thread; the mutex is held for a few instructions,
/// never for a call of the backend. Everybody who uses it keeps it alive: guests may leave after the journal.
class JournalCore {
 public:
  /// outlives: `threads`.
  JournalCore(JournalThreads& threads, std::unique_ptr<Backend> backend, JournalConfig config);
  /// Where the last one to leave is a task, a blocking thread closes the backend.
  ~JournalCore();
  JournalCore(const JournalCore&) = delete;
  JournalCore& operator=(const JournalCore&) = delete;

  template <class Call>
  using Called = typename std::invoke_result_t<Call&, Backend&, const CallBounds&>::value_type;
  // shared because a call that was abandoned, and a guest, may outlive the journal
  using Ptr = std::shared_ptr<JournalCore>;

  /// Runs `call(Backend&, const CallBounds&)` as a reader: waits for a permit, for a blocking thread and for the call,
  /// all in all until the earlier of `deadline` and the read timeout. `name` stands in errors and warnings.
  template <class Call>
  static async::Task<Called<Call>> read(Ptr core, std::string name, async::Deadline deadline, Call call) {
    SLUICE_CO_CHECK(core->check_open());
    const async::Deadline until = async::earlier(deadline, async::Deadline::in(core->config().read_timeout));
    const base::Instant began = base::now();
    auto permit = co_await core->reads_.acquire(1, until);
    if (!permit) {
      core->note_expiry("a read", name, base::now() - began, permit.error());
      co_return base::fail(std::move(permit).error());
    }
    co_return co_await run(core, core->threads_.reading(), &JournalStats::reads, std::move(name), until,
                           std::move(call));
  }
  /// The same for the writer, who is alone and has seen to its permits.
  template <class Call>
  static async::Task<Called<Call>> change(Ptr core, std::string name, async::Deadline deadline, Call call) {
    async::BlockingPool& pool = core->threads_.writing();
    return run(std::move(core), pool, &JournalStats::writes, std::move(name), deadline, std::move(call));
  }
  /// Waits until no reader is on the backend, and keeps them out for as long as the permit lives.
  async::Task<async::Permit> keep_readers_out(async::Deadline deadline);

  const JournalConfig& config() const { return config_; }
  const BackendTraits& traits() const { return traits_; }
  /// The ledger may be behind what the backend has.
  bool others_write() const { return traits_.others_write; }
  async::Executor& executor() { return threads_.executor(); }

  /// What readers go by: the highest number that is there, and how often something was discarded.
  struct View {
    std::uint64_t head = 0, generation = 0;
  };
  View view() const;
  /// Null where the cache does not have it.
  BlockPtr cached(std::uint64_t seq);
  /// Keeps a block that was read, unless something was discarded since `generation`.
  BlockPtr keep(StoredBlock block, std::uint64_t generation);

  /// Calls `look(const Ledger&)` under the mutex.
  template <class Look>
  auto with_ledger(Look look) const {
    std::lock_guard lock(mutex_);
    return look(ledger_);
  }
  /// Its attempt was discarded.
  bool is_superseded(const BlockHeader& header) const;

  /// The writer's: what has become visible, or gone.
  void publish(Commit commit);
  void publish(const Fence& fence);
  void publish_cut(std::uint64_t seq, std::span<const PartyHead> heads);
  /// The backend's own word of where it is: after a change of unknown outcome, and where others write. `asked` is the
  /// view before the backend was asked: an answer that a commit has overtaken says nothing.
  void replace(BackendState state, const View& asked);
  void count_duplicates(std::uint64_t count);

  /// A wait that the next commit, discard or close() ends; nothing where there is something after `view` already.
  std::optional<async::WaitPoint> enlist(const View& view);
  /// The discards from number `from` on, and the number after them. What is too old to be kept is a Retracted{0}.
  std::pair<std::vector<Discard>, std::uint64_t> discards_from(std::uint64_t from) const;

  /// A slot for a finite stream of `client`. Errors: as Permits::acquire; ResourceExhausted (the client has its share).
  static async::Task<async::Permit> take_slot(Ptr core, std::string client, async::Deadline deadline);
  /// The client's share of a slot that has come home.
  void leave_slot(const std::string& client);
  void count_follower(int change);

  /// Errors: Terminated, after close().
  base::Result<void> check_open() const;
  /// Refuses newcomers and tells everybody who waits. Idempotent.
  void close();
  /// Waits for the readers that are in. Errors: DeadlineExceeded.
  async::Task<> drain_readers(async::Deadline deadline);

  JournalStats stats() const;
  /// Tells config().warn, at most once a second for each `kind`.
  void warn(const char* kind, const std::string& text);

 private:
  static constexpr std::size_t kDiscardsMax = 1024;  ///< that are kept for followers

  template <class Call>
  static async::Task<Called<Call>> run(Ptr core,
                                       async::BlockingPool& pool,  // outlives: as the threads
                                       CallStats JournalStats::* counted, std::string name, async::Deadline deadline,
                                       Call call) {
    const base::Instant began = base::now();
    auto result = co_await pool.run(
        "journal: " + name,
        [backend = core->backend_, call = std::move(call), deadline](const async::CancelToken& cancel) mutable {
          return call(*backend, CallBounds{.deadline = deadline, .cancel = cancel});
        },
        deadline);
    const base::Error* error = result ? nullptr : &result.error();
    core->note_call(counted, base::now() - began, error);
    if (error != nullptr) core->note_expiry("a call of the backend", name, base::now() - began, *error);
    co_return result;
  }
  void note_call(CallStats JournalStats::* counted, base::Nanos took, const base::Error* error);
  void note_expiry(const char* kind, const std::string& name, base::Nanos waited, const base::Error& error);
  void discarded(Discard discard);

  const JournalConfig config_;
  JournalThreads& threads_;  // outlives: the one who made the journal says so
  // shared because a call that was abandoned outlives the journal
  std::shared_ptr<Backend> backend_;
  const BackendTraits traits_;
  async::Permits reads_, slots_;

  mutable std::mutex mutex_;
  Ledger ledger_;
  BlockCache cache_;
  std::uint64_t generation_ = 0;
  async::Notice changed_;
  std::deque<Discard> discards_;
  std::uint64_t discards_gone_ = 0;  ///< that were before the first of discards_
  std::map<std::string, std::uint64_t> slots_of_;
  std::map<std::string, base::Instant, std::less<>> warned_;
  JournalStats stats_;
  bool is_closed_ = false;
};

}  // namespace sluice::journal
