#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataset/offsets.hpp"
#include "dataset/size_sampler.hpp"
#include "load/made_names.hpp"
#include "load/run_context.hpp"
#include "load/stage_control.hpp"
#include "model/run_plan.hpp"

namespace sluice::load {

/// One line of the workload, resolved against what is there: everything its workers need, immutable while they run but
/// for the counter of its cap.
struct MixLine {
  const model::Operation* operation = nullptr;  // outlives: the context's plan
  std::uint32_t store = 0;
  std::unique_ptr<model::Names> members;      ///< what it draws from; null for put on a prefix and mkdir
  MadeNames* makes = nullptr;                 ///< where its new names come from: put, mkdir, copy, rename; else null
  std::optional<dataset::SizeSampler> sizes;  ///< put
  std::uint64_t content_seed = 0;

  /// Lines whose new names this one may use up (delete, rename, rmdir) or draw too (dynamic_put_pool).
  std::vector<std::uint32_t> feeders;
  bool is_fed_from = false;  ///< some line has this one among its feeders
  bool takes_slice = false;  ///< delete and rename without feeders: draws without replacement from the slice

  std::uint64_t block_files = 0;          ///< read, write: members that blocks are drawn from
  std::vector<std::uint64_t> file_sizes;  ///< of each of them, or one for all; 0: too small for a block
  std::uint64_t file_size(std::uint64_t file) const {
    return file_sizes.size() == 1 ? file_sizes[0] : file_sizes[file];
  }
  std::uint64_t access_seed = 0;

  std::uint32_t cap = 0;  ///< operations of this line in flight at the most, over all workers; 0: no cap
  std::unique_ptr<std::atomic<std::uint32_t>> in_flight;  ///< counted only with a cap
};

/// The workload of one execute or hybrid stage.
struct MixPlan {
  std::vector<MixLine> lines;
  bool dynamic_pool = false;
  bool overwrites = false;  ///< some line puts over members: one that is read may be short while it is written
  std::uint64_t seed = 0;
  /// Names are in the slice when the low 6 bits of their hash are below this: they belong to lines that delete, and no
  /// other line reads them. 0: no line deletes members. Every host and every pattern agree on it.
  std::uint32_t slice_of_64 = 0;
  std::optional<std::atomic<std::int64_t>> operations_left;  ///< stages that end after a number of operations

  /// Does this member belong to the lines that delete? Then no other line may read it.
  bool is_in_slice(std::string_view name) const;
  std::size_t in_bytes = 0, out_bytes = 0;  ///< a slot's buffers
  storage::Mix mix;
};

/// The buffers that a slot needs for any operation of the plan's workload.
struct SlotBuffers {
  std::uint64_t in_bytes = 0, out_bytes = 0;
};
SlotBuffers slot_buffers_for(const model::RunPlan& plan);

/// Resolves the workload: selections by arithmetic where they lie inside a dataset, else by listing (with progress);
/// makes the directories that puts go to. Blocks. `stage_seed` sets this stage apart from others.
/// Errors: a pattern, a listing, sizes that cannot be had, or no line that can do anything ("starved"), in four parts.
// shared because abandoned workers keep the plan they draw from
base::Result<std::shared_ptr<MixPlan>> plan_mix(RunContext& context, StageControl& control, std::uint64_t stage_seed);

}  // namespace sluice::load
