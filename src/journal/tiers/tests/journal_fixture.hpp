#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "async/tests/executors.hpp"
#include "journal/tiers/journal.hpp"
#include "journal/tiers/journal_threads.hpp"
#include "journal/tiers/tests/sample_commits.hpp"

namespace sluice::journal {

/// A journal with its threads, for one test. What the test spawns ends with it.
class JournalUnderTest {
 public:
  JournalUnderTest(std::unique_ptr<Backend> backend, JournalConfig config = {})
      : executor_(async::make_executor()), threads_(*executor_, config) {
    auto journal = wait(Journal::open(threads_, std::move(backend), std::move(config), soon()));
    if (!journal) throw std::runtime_error(base::to_text(journal.error()));
    journal_ = std::move(*journal);
  }

  ~JournalUnderTest() {
    journal_.reset();
    // What a test left behind ends before the threads that it may still call.
    static_cast<void>(executor_->shutdown(soon()));
  }
  JournalUnderTest(const JournalUnderTest&) = delete;
  JournalUnderTest& operator=(const JournalUnderTest&) = delete;

  Journal& operator*() { return *journal_; }
  Journal* operator->() { return journal_.get(); }
  JournalReader reader() { return journal_->reader(); }
  async::Executor& executor() { return *executor_; }
  JournalThreads& threads() { return threads_; }
  std::unique_ptr<Journal>& owned() { return journal_; }

  template <class T>
  base::Result<T> wait(async::Task<T> task) {
    return executor_->block_on(std::move(task));
  }
  /// Starts a task beside the test.
  template <class T>
  async::JoinHandle<T> spawn(async::Task<T> task) {
    return executor_->spawn("guest", std::move(task));
  }
  base::Result<Receipt> append(std::vector<StoredBlock> blocks) {
    return wait(journal_->append(std::move(blocks), soon()));
  }

  /// Later than anything that a test waits for.
  static async::Deadline soon() { return async::Deadline::in(base::Nanos{30'000'000'000}); }

 private:
  std::unique_ptr<async::Executor> executor_;
  JournalThreads threads_;
  std::unique_ptr<Journal> journal_;
};

inline async::Deadline soon() { return JournalUnderTest::soon(); }
inline async::Deadline in_ms(std::int64_t ms) { return async::Deadline::in(base::Nanos{ms * 1'000'000}); }

/// An interval of stage 1 by `party` of run "r1", over the second of its number.
inline StoredBlock sample_block(std::uint64_t party_seq, const std::string& party = "local", std::uint64_t seed = 0) {
  StoredBlock block;
  block.header.party = {.run = "r1", .party = party};
  block.header.party_seq = party_seq;
  block.header.stage = 1;
  block.header.kind = BlockKind::Interval;
  block.header.from_ns = static_cast<std::int64_t>(party_seq) * 1'000'000'000;
  block.header.to_ns = block.header.from_ns + 1'000'000'000;
  block.header.operations = operation_bit(model::OpKind::Get);
  block.payload = sample_payload(seed * 1'000'003 + party_seq);
  return block;
}
inline std::vector<StoredBlock> sample_blocks(std::uint64_t first, std::uint64_t count,
                                              const std::string& party = "local") {
  std::vector<StoredBlock> blocks;
  for (std::uint64_t i = 0; i < count; ++i) blocks.push_back(sample_block(first + i, party));
  return blocks;
}

/// The code of a failure; Internal where there was none.
template <class T>
base::Code failure_of(const base::Result<T>& result) {
  return result ? base::Code::Internal : result.error().code;
}

}  // namespace sluice::journal
