#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/frame_writer.hpp"

namespace sluice::app {

/// What a run says: messages and progress on stderr, the result on stdout, each through a FrameWriter, so that a reader
/// that has stopped stops nothing here. What was promised (every line, the result) waits in memory and then in a file;
/// of a live picture only what the terminal is ready for is drawn. Any thread.
class Console {
 public:
  /// `on_stalled` hears once a stall of an output that takes nothing for 5 s; on a thread that must not be blocked.
  /// Errors: an output that cannot be written at all is not one: what is said there is dropped and counted.
  static std::unique_ptr<Console> create(std::function<void(std::string)> on_stalled);
  ~Console();

  /// Text for stderr, whole lines. Waits at most a second, and only when the disk does not keep up either; not on a
  /// loop thread.
  void say(std::string text);
  /// The same for a task. Errors: Cancelled. The task may not outlive this.
  async::Task<> tell(std::string text);
  /// True when stderr has taken everything: the moment to draw a picture that replaces the one before.
  bool is_ready() const;
  /// Text for stdout, all of it. Errors: what the system says of a descriptor that cannot be written; a reader that has
  /// closed is none.
  base::Result<void> give_out(std::string_view text);
  /// Waits until both outputs have everything. Gives one up that takes nothing for `patience`: false then.
  /// Errors: as give_out(), and DeadlineExceeded for a stdout that was given up.
  base::Result<void> finish(base::Nanos patience);

  /// The most bytes that ever waited in memory for a reader.
  std::uint64_t queue_high_water() const;

 private:
  struct Out {
    std::unique_ptr<async::FrameWriter> writer;  ///< null where the descriptor cannot be written
    async::FrameSource source = async::FrameSource::Control;
    std::optional<base::Error> unopened;  ///< why there is no writer
  };

  explicit Console(std::function<void(std::string)> on_stalled) : on_stalled_(std::move(on_stalled)) {}
  void open(Out& out, int descriptor, const char* name);
  static base::Result<void> failure(const Out& out);

  const std::function<void(std::string)> on_stalled_;
  Out out_, err_;
};

}  // namespace sluice::app
