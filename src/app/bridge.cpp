#include "app/bridge.hpp"

#include <utility>
#include <vector>

namespace sluice::app {

void Bridge::connect(fleet::LocalRun& run) {
  stages_ = std::make_unique<load::StageHost>(
      context_, runtime_,
      load::StageHost::Callbacks{.ready =
                                     [&run](std::uint32_t stage, std::vector<model::WorkerInfo> workers) {
                                       run.post(protocol::StageReady{
                                           .agent = 0, .stage = stage, .workers = std::move(workers)});
                                     },
                                 .ended =
                                     [&run](std::uint32_t stage, load::StageResult result) {
                                       run.post(protocol::StageEnded{.agent = 0,
                                                                     .stage = stage,
                                                                     .status = result.status,
                                                                     .error = std::move(result.error),
                                                                     .window_ns = result.window_ns,
                                                                     .note = std::move(result.note),
                                                                     .output = std::move(result.output),
                                                                     .touched = result.touched});
                                     }});
}

void Bridge::start_stage(std::uint32_t index) {
  const model::Stage& stage = context_->plan.stages[index];
  context_->activity.set("starting", "operations");
  context_->activity.progress.start(model::Progress::kUnknown);
  display_.begin({.name = stage.name,
                  .type = stage.type,
                  .index = index,
                  .stages = context_->plan.stages.size(),
                  .began = base::now(),
                  .duration = model::is_load(stage.type) ? stage.duration + context_->plan.warmup : base::Nanos{0}});
  stages_->start(index);
}

void Bridge::stop_stage(std::uint32_t, protocol::StopReason, base::Instant drain_until) { stages_->stop(drain_until); }

void Bridge::abort() {
  aborted_ = true;
  stages_->abort();
}

}  // namespace sluice::app
