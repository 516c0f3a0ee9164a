#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "async/permits.hpp"
#include "base/random.hpp"
#include "journal/tiers/journal.hpp"
#include "parties.hpp"
#include "soak_store.hpp"
#include "soak_tally.hpp"

namespace sluice::journal {

/// One party in one attempt: what of its blocks was acknowledged, and what is still to be.
struct SoakParty {
  SoakParty(BusySeconds& seconds, PartyKey key, std::uint64_t its_seed)
      : blocks(seconds, std::move(key), its_seed), seed(its_seed) {}

  PartyBlocks blocks;
  const std::uint64_t seed;
  std::deque<StoredBlock> pending;
  std::uint64_t acknowledged = 0;  ///< blocks 0 to this, not included
};

/// How much of everything there is for one database.
struct SoakOptions {
  std::uint64_t writers = 8, readers = 12, streams = 10, followers = 4;
};

/// A journal over one database, its guests, and one thread that makes trouble: cuts blocks out and has them appended
/// again, discards attempts, compacts, closes and opens the journal, holds the database up, takes it down. start(),
/// then stop(), then verify(); guests run on an executor that is shared.
class SoakArena {
 public:
  static constexpr const char* kRun = "soak";

  /// outlives: `executor`, `seconds`.
  SoakArena(async::Executor& executor, BusySeconds& seconds, std::unique_ptr<SoakStore> store, SoakOptions options);
  ~SoakArena();
  SoakArena(const SoakArena&) = delete;
  SoakArena& operator=(const SoakArena&) = delete;

  void start();
  /// Ends trouble and guests, each within its bounds.
  void stop();
  /// Opens the journal once more, and looks whether everything that was acknowledged is there. Returns the blocks.
  std::uint64_t verify();

  const std::string& name() const { return name_; }
  Tally& tally() { return tally_; }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t troubles() const { return troubles_; }
  /// "12 cuts, 5 discards, ...".
  std::string troubles_text() const;

  // For guests.
  bool is_stopping() const { return is_stopping_; }
  /// Null while it is being opened.
  // shared because a guest may be in a call of the journal that is being replaced
  std::shared_ptr<Journal> journal() const;
  async::Permits& writing() { return writing_; }
  std::uint32_t attempt() const { return attempt_; }
  /// The party of a writer, in the attempt of now.
  SoakParty& party_of(std::uint64_t writer);
  void count_acknowledged(std::uint64_t blocks) { acknowledged_ += blocks; }
  async::Executor& executor() { return executor_; }
  const JournalConfig& config() const { return config_; }

 private:
  enum class Trouble : std::uint8_t { Cut, Discard, Compact, Reopen, Hold, TakeDown };
  static constexpr std::size_t kTroubles = 6;

  bool open(base::Nanos within, const JournalConfig& config);
  void close();
  void make_trouble();
  void make(Trouble trouble);
  void cut();
  void give_back(const JournalReader& reader);
  void discard();
  void compact();
  void reopen();
  void hold();
  void take_down();
  /// False where it was ended meanwhile.
  bool pause(base::Nanos span);
  void check_permits(const Journal& journal);
  template <class T>
  base::Result<T> changed(async::Task<T> change, base::Nanos within);

  async::Executor& executor_;  // outlives: whoever made both
  BusySeconds& seconds_;       // outlives: the same
  const std::unique_ptr<SoakStore> store_;
  const std::string name_;
  const SoakOptions options_;
  const JournalConfig config_;
  JournalThreads threads_;
  Tally tally_;

  std::atomic<bool> is_stopping_{false};
  std::atomic<std::uint32_t> attempt_{0};
  std::atomic<std::uint64_t> acknowledged_{0}, troubles_{0};
  async::Permits writing_;  ///< one for each writer in its turn, all for a cut

  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  // shared because a guest may be in a call of the journal that is being replaced
  std::shared_ptr<Journal> journal_;
  std::vector<std::unique_ptr<SoakParty>> parties_;  ///< of all attempts
  std::vector<SoakParty*> parties_now_;              ///< by writer
  std::array<std::uint64_t, kTroubles> made_{};

  base::Random random_;  ///< the trouble's
  std::thread trouble_;
  std::vector<async::JoinHandle<void>> guests_;
};

/// What guests do until the arena stops. outlives: the arena waits for them.
async::Task<> run_soak_writer(SoakArena& arena, std::uint64_t number);    // outlives: above
async::Task<> run_soak_reader(SoakArena& arena, std::uint64_t number);    // outlives: above
async::Task<> run_soak_stream(SoakArena& arena, std::uint64_t number);    // outlives: above
async::Task<> run_soak_follower(SoakArena& arena, std::uint64_t number);  // outlives: above

}  // namespace sluice::journal
