#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/results_dir.hpp"
#include "app/run_sink.hpp"
#include "async/runtime.hpp"

namespace sluice::app {

/// Keeps the derived files of a running run up to date, as one task: perf_log.tsv and errors.tsv every second,
/// summary.json every ten. They are for looking at; at the end all are made again from the log. A failure is no error
/// here: the log decides about that.
class ResultsWriter {
 public:
  /// outlives: `sink`, `runtime`.
  ResultsWriter(ResultsDir dir, std::string perf_log_name, RunSink& sink, async::Runtime& runtime);
  ~ResultsWriter();

  /// Writes what there is and ends, after 5 s at the latest: a write that hangs longer is abandoned. Not on a loop
  /// thread.
  void stop();

 private:
  struct State;
  // shared because the task of a write that was abandoned may end after this
  std::shared_ptr<State> state_;
  std::optional<async::JoinHandle<void>> task_;
};

}  // namespace sluice::app
