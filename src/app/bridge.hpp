#pragma once

#include <memory>

#include "app/display.hpp"
#include "async/runtime.hpp"
#include "fleet/local_run.hpp"
#include "load/stage_host.hpp"

namespace sluice::app {

/// Joins the stage machine's driver to the load's stages. Its calls come from the driver's task.
class Bridge final : public fleet::StageHost {
 public:
  /// outlives: `runtime`, `display`.
  // shared because abandoned operations may still touch the context
  Bridge(std::shared_ptr<load::RunContext> context, async::Runtime& runtime, Display& display)
      : context_(std::move(context)), runtime_(runtime), display_(display) {}

  /// The stages' answers go to `run`, which outlives them.
  void connect(fleet::LocalRun& run);

  void start_stage(std::uint32_t index) override;
  void stop_stage(std::uint32_t, protocol::StopReason reason, base::Instant drain_until) override;
  void abort() override;
  /// A stage was given up; what it holds must not be destroyed.
  bool aborted() const { return aborted_; }

 private:
  // shared because abandoned operations may still touch the context
  const std::shared_ptr<load::RunContext> context_;
  async::Runtime& runtime_;
  Display& display_;
  std::unique_ptr<load::StageHost> stages_;
  bool aborted_ = false;
};

}  // namespace sluice::app
