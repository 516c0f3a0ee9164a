#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "dataset/range_set.hpp"
#include "load/op_source.hpp"
#include "load/slot_payload.hpp"
#include "model/names.hpp"
#include "model/run_plan.hpp"

namespace sluice::load {

/// One operation on every member of some index ranges.
struct Lane {
  model::OpKind kind = model::OpKind::Put;
  std::uint32_t store = 0;
  const model::Names* names = nullptr;  // outlives: the run's context keeps it
  std::vector<dataset::IndexRange> ranges;
  model::DataSpec data;            ///< put
  std::uint64_t content_seed = 0;  ///< put
  std::uint64_t size_max = 0;      ///< put: no object is larger
  int forgiven = 0;                ///< an errno that is no failure: ENOENT for deletions, EEXIST for mkdir
  bool is_search = false;          ///< stat: objects are looked for; see RangeWork::Trouble
};

/// Work that is a list of indices, shared by the workers of a pass: each takes a few hundred at a time. Says afterwards
/// what was finished and what failed. Thread-safe.
class RangeWork {
 public:
  static constexpr std::size_t kFailedMax = 1'000'000;  ///< indices remembered for another try; beyond, only counted

  /// So many failures for want of space, and no success between them, say that there is none left for anything.
  static constexpr std::uint32_t kNoSpaceMax = 64;

  /// `lanes` are worked on side by side. `workers` is how many will share it, for the size of the portions.
  RangeWork(std::vector<Lane> lanes, std::uint32_t workers);

  struct Portion {
    std::size_t lane = 0;
    std::uint64_t begin = 0, end = 0;
  };
  /// The next portion, or nothing when all are taken.
  std::optional<Portion> take();
  /// A portion has ended but for these failures (sorted or not).
  void finish(const Portion& portion, const std::vector<std::uint64_t>& failed);

  const Lane& lane(std::size_t i) const { return lanes_[i]; }
  std::size_t lanes() const { return lanes_.size(); }
  std::uint64_t total() const { return total_; }

  /// What is finished and did not fail; a copy.
  dataset::RangeSet finished(std::size_t lane) const;
  /// Indices that failed, at most kFailedMax; for another try.
  std::vector<std::uint64_t> failed(std::size_t lane) const;
  std::uint64_t failures() const;

  /// What a search met besides what it looked for. Objects that are not there, are not to be seen or have another size
  /// are all among the failed; only the last two are trouble.
  struct Trouble {
    std::uint64_t unseen = 0, first_unseen = 0;
    int errnum = 0;  ///< of the first unseen one
    std::uint64_t other_size = 0, first_other_size = 0;
  };
  /// An operation that needs space has ended.
  void note_space(int errnum);
  /// ENOSPC or EDQUOT where the target is full: sources end then, and what they have not begun stays unfinished. Else
  /// 0.
  int full() const { return full_.load(std::memory_order_relaxed); }

  /// An errnum of 0: it is there, with another size.
  void add_trouble(std::uint64_t index, int errnum);
  Trouble trouble() const;

 private:
  struct State {
    std::size_t range = 0;   ///< being handed out
    std::uint64_t next = 0;  ///< in it
    dataset::RangeSet finished;
    std::vector<std::uint64_t> failed;
  };
  std::vector<Lane> lanes_;
  std::uint64_t portion_;
  std::uint64_t total_ = 0;
  mutable std::mutex mutex_;
  std::vector<State> states_;
  std::size_t turn_ = 0;
  std::uint64_t failures_ = 0;
  Trouble trouble_;
  std::atomic<std::uint32_t> without_space_{0};  ///< failures since the last success
  std::atomic<int> full_{0};
};

/// A worker's way through a RangeWork.
class RangeSource final : public OpSource {
 public:
  // shared because an abandoned worker may still report to it
  explicit RangeSource(std::shared_ptr<RangeWork> work);

  void adopt(storage::OpSlot& slot) override;
  Draw next(storage::OpSlot& slot) override;
  void completed(const storage::OpSlot& slot) override;
  void ended() override;
  bool forgives(const storage::OpSlot& slot) const override { return slot.error == work_->lane(slot.line).forgiven; }
  model::OpKind likely_kind() const override { return work_->lane(0).kind; }

 private:
  struct Open {
    RangeWork::Portion portion;
    std::uint64_t handed_out = 0, ended = 0;
    std::vector<std::uint64_t> failed;
    bool used = false;
  };
  bool open_next();

  // shared because an abandoned worker may still report to it
  const std::shared_ptr<RangeWork> work_;
  std::vector<std::unique_ptr<SlotPayload>> payloads_;  ///< by lane
  std::vector<Open> open_;                              ///< portions with operations in flight; few
  std::size_t current_ = SIZE_MAX;
};

}  // namespace sluice::load
