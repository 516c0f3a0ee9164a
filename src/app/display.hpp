#pragma once

#include <memory>
#include <optional>
#include <string>

#include "app/console.hpp"
#include "app/options.hpp"
#include "app/run_sink.hpp"
#include "async/executor.hpp"
#include "load/run_context.hpp"
#include "report/progress_rate.hpp"

namespace sluice::app {

/// The live display on stderr: one task that looks, and hands what it draws to the console. tty: a block redrawn in
/// place, when the terminal is ready for it; plain: a line each time; json: an object each time.
class Display {
 public:
  struct Stage {
    std::string name;
    model::StageType type = model::StageType::Execute;
    std::size_t index = 0, stages = 1;
    base::Instant began;
    base::Nanos duration{0};  ///< of a stage that ends by time; else 0
  };

  /// outlives: all that it is given.
  Display(ProgressMode mode, base::Nanos interval, const load::RunContext& context, const RunSink& sink,
          Console& console, async::Executor& executor);
  /// Stops; see stop().
  ~Display();

  /// Another stage has begun. Any thread.
  void begin(Stage stage);
  /// Draws the last state and ends; not on a loop thread.
  void stop();

  /// Which of tty and plain `auto` means here.
  static ProgressMode resolve(ProgressMode mode);

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
  std::optional<async::JoinHandle<void>> task_;
};

}  // namespace sluice::app
