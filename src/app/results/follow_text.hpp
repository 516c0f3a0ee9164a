#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "app/results/results_json.hpp"
#include "model/block.hpp"

namespace sluice::app {

/// Makes the lines of `follow` from the blocks of a run, in their order: one for each interval and operation, one for
/// each event. A value; one thread.
class FollowText {
 public:
  explicit FollowText(bool json) : json_(json) {}

  /// Zero or more whole lines.
  std::string of(const model::Block& block);
  /// What is told beside the blocks: the writer has died, blocks were skipped, ...
  std::string remark(const char* event, const std::string& words) const;

  const std::optional<model::RunStatus>& ended() const { return ended_; }

 private:
  std::string of(const model::Interval& interval);
  std::string of(const model::RunEnded& end);
  std::string event(const char* name, std::int64_t at_ns, const std::string& words, const Json& more) const;
  std::string name_of_stage(std::uint32_t stage) const;

  bool json_;
  struct Stage {
    std::string name;
    std::int64_t at_ns = 0;
    bool is_told = false;
  };
  std::map<std::uint32_t, Stage> stages_;
  std::optional<model::RunStatus> ended_;
};

}  // namespace sluice::app
