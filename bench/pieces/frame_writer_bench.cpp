#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "async/frame_writer.hpp"

namespace sluice {
namespace {

/// A pipe whose other end is read as fast as it goes, by a thread of its own.
class DrainedPipe {
 public:
  DrainedPipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) std::abort();
    thread_ = std::thread([this] {
      std::string piece(1U << 16U, '\0');
      while (::read(ends_[0], piece.data(), piece.size()) > 0) {
      }
      ::close(ends_[0]);
    });
  }
  ~DrainedPipe() {
    ::close(ends_[1]);
    thread_.join();
  }
  int descriptor() const { return ends_[1]; }

 private:
  int ends_[2] = {-1, -1};
  std::thread thread_;
};

/// The limit: whole batches of 64 frames by one writev each, with nothing in between.
void bare_writev(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  DrainedPipe pipe;
  constexpr std::size_t kBatch = 64;
  std::vector<std::string> frames(kBatch, std::string(size, 'x'));
  for (auto _ : state) {
    std::vector<iovec> parts;
    for (std::string& frame : frames) parts.push_back({.iov_base = frame.data(), .iov_len = frame.size()});
    std::size_t left = size * kBatch;
    std::size_t first = 0;
    while (left > 0) {
      const ssize_t got = ::writev(pipe.descriptor(), parts.data() + first, static_cast<int>(parts.size() - first));
      if (got <= 0) std::abort();
      left -= static_cast<std::size_t>(got);
      auto taken = static_cast<std::size_t>(got);
      while (first < parts.size() && taken >= parts[first].iov_len) taken -= parts[first++].iov_len;
      if (first < parts.size()) {
        parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + taken;
        parts[first].iov_len -= taken;
      }
    }
  }
  const auto count = static_cast<std::int64_t>(kBatch) * state.iterations();
  state.SetItemsProcessed(count);
  state.SetBytesProcessed(count * static_cast<std::int64_t>(size));
}
BENCHMARK(bare_writev)->ArgName("bytes")->Arg(128)->Arg(4096)->MeasureProcessCPUTime()->UseRealTime();

/// One thread hands 64 frames over an iteration, to one source after the other; it waits where there is no room.
void frame_writer(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  DrainedPipe pipe;
  auto writer = std::move(*async::FrameWriter::create(pipe.descriptor(), {}));
  std::vector<async::FrameSource> sources;
  for (std::int64_t n = 0; n < state.range(1); ++n) {
    sources.push_back(*writer->open_source("source", async::FramePolicy::Wait));
  }
  constexpr std::size_t kBatch = 64;
  std::size_t next = 0;
  for (auto _ : state) {
    for (std::size_t n = 0; n < kBatch; ++n) {
      if (!writer->write_blocking(sources[next], std::string(size, 'x'), async::Deadline::never())) std::abort();
      next = next + 1 == sources.size() ? 0 : next + 1;
    }
  }
  if (!writer->flush(async::Deadline::never())) std::abort();
  const auto count = static_cast<std::int64_t>(kBatch) * state.iterations();
  state.SetItemsProcessed(count);
  state.SetBytesProcessed(count * static_cast<std::int64_t>(size));
}
BENCHMARK(frame_writer)
    ->ArgNames({"bytes", "sources"})
    ->ArgsProduct({{128, 4096}, {1, 9, 100, 1000}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace sluice
