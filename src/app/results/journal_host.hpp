#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "app/journal_backends.hpp"
#include "async/runtime.hpp"
#include "base/error.hpp"
#include "journal/indexer.hpp"
#include "journal/tiers/journal.hpp"
#include "journal/tiers/journal_threads.hpp"

namespace sluice::app {

/// Says on stderr how far a piece of work is, once a second, from its second second on. One thread.
class IndexProgress {
 public:
  explicit IndexProgress(std::string words)
      : words_(std::move(words)), next_(base::now() + base::Nanos{1'000'000'000}) {}
  /// `total` 0: not known.
  void at(std::uint64_t done, std::uint64_t total, const char* unit);

 private:
  const std::string words_;
  const base::Instant began_ = base::now();
  base::Instant next_;
};

/// The threads that a command needs to ask a journal, for `main`, which waits. Taken down after the journals over it.
class JournalHost {
 public:
  /// Starts the threads. Errors: ResourceExhausted.
  static base::Result<std::unique_ptr<JournalHost>> create();

  /// Runs a task to its end.
  template <class T>
  base::Result<T> wait(async::Task<T> task) {
    return runtime_->executor().block_on(std::move(task));
  }
  async::Runtime& runtime() { return *runtime_; }

  /// outlives: this. Errors: those of the backend.
  base::Result<journal::JournalReader> reader(std::unique_ptr<journal::Backend> backend);
  /// The same.
  base::Result<std::unique_ptr<journal::Journal>> journal(std::unique_ptr<journal::Backend> backend);
  /// Brings the log of `dir` into the journal, until all that is there now is in it, with progress on stderr. Errors:
  /// what kept it from that.
  base::Result<journal::IndexingReport> index(journal::Journal& journal, const std::string& dir, const std::string& run,
                                              std::uint64_t blocks_expected);
  /// How long a person waits for one answer.
  static async::Deadline soon();

 private:
  explicit JournalHost(std::unique_ptr<async::Runtime> runtime);

  const journal::JournalConfig config_;
  const std::unique_ptr<async::Runtime> runtime_;
  journal::JournalThreads threads_;
};

}  // namespace sluice::app
