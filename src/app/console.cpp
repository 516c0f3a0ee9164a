#include "app/console.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include "base/units.hpp"

namespace sluice::app {

namespace {

constexpr base::Nanos kSayMax{1'000'000'000};
constexpr base::Nanos kGiveOutMax{60'000'000'000};
/// A large result is handed over in pieces: any piece fits into the share of a source.
constexpr std::size_t kPieceMax = 256U << 10U;

}  // namespace

void Console::open(Out& out, int descriptor, const char* name) {
  async::FrameWriterOptions options{.name = name};
  options.on_stalled = [this, name](base::Nanos since) {
    on_stalled_("nobody has read " + std::string(name) + " for " + base::format_duration(since) +
                ": what is said there waits, the run goes on");
  };
  auto writer = async::FrameWriter::create(descriptor, std::move(options));
  if (!writer) {
    out.unopened = std::move(writer).error();
    return;
  }
  auto source = (*writer)->open_source(name, async::FramePolicy::Spill);
  if (!source) return;
  out.source = *source;
  out.writer = std::move(*writer);
}

std::unique_ptr<Console> Console::create(std::function<void(std::string)> on_stalled) {
  std::unique_ptr<Console> console(new Console(std::move(on_stalled)));
  console->open(console->err_, STDERR_FILENO, "stderr");
  console->open(console->out_, STDOUT_FILENO, "stdout");
  return console;
}

Console::~Console() = default;

void Console::say(std::string text) {
  if (err_.writer == nullptr || text.empty()) return;
  // A message that finds no room for a second is dropped: the run is not held up for it.
  static_cast<void>(err_.writer->write_blocking(err_.source, std::move(text), async::Deadline::in(kSayMax)));
}

async::Task<> Console::tell(std::string text) {
  if (err_.writer == nullptr || text.empty()) co_return base::Result<void>();
  auto taken = co_await err_.writer->write(err_.source, std::move(text), async::Deadline::in(kSayMax));
  if (!taken && taken.error().code == base::Code::Cancelled) co_return taken;
  co_return base::Result<void>();  // a message without room is dropped, as in say()
}

bool Console::is_ready() const { return err_.writer != nullptr && err_.writer->stats().queue.bytes == 0; }

base::Result<void> Console::failure(const Out& out) {
  std::optional<base::Error> why = out.writer != nullptr ? out.writer->why_closed() : out.unopened;
  if (why && why->code != base::Code::Terminated) return base::fail(std::move(*why));
  return {};
}

base::Result<void> Console::give_out(std::string_view text) {
  for (; out_.writer != nullptr && !text.empty(); text.remove_prefix(std::min(text.size(), kPieceMax))) {
    SLUICE_CHECK(out_.writer->write_blocking(out_.source, std::string(text.substr(0, kPieceMax)),
                                             async::Deadline::in(kGiveOutMax)));
  }
  return failure(out_);
}

base::Result<void> Console::finish(base::Nanos patience) {
  const auto flushed = [patience](const Out& out) {
    return out.writer == nullptr || out.writer->flush(async::Deadline::never(), patience) || out.writer->is_closed();
  };
  const bool out_done = flushed(out_);
  flushed(err_);
  SLUICE_CHECK(failure(out_));
  if (out_done) return {};
  return base::fail(base::Error{.code = base::Code::DeadlineExceeded,
                                .what = "nobody has read stdout for " + base::format_duration(patience),
                                .where = "stdout",
                                .likely = {"the program that reads it has stopped, or waits for something"}});
}

std::uint64_t Console::queue_high_water() const {
  std::uint64_t most = 0;
  for (const Out* out : {&out_, &err_}) {
    if (out->writer != nullptr) most = std::max<std::uint64_t>(most, out->writer->stats().queue.bytes_high_water);
  }
  return most;
}

}  // namespace sluice::app
