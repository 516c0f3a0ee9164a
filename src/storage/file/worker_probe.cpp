#include "storage/file/worker_probe.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/random.hpp"
#include "storage/file/file_control.hpp"
#include "storage/file/filesystem_facts.hpp"
#include "storage/file/ring_loop.hpp"
#include "storage/file/ring_store.hpp"
#include "storage/file/sync_store.hpp"

namespace sluice::storage {

namespace {

constexpr std::uint64_t kProbeFileBytes = 1 << 20;
constexpr base::Nanos kProbeTime{5'000'000};  ///< of one kind of worker doing one kind of operation
constexpr std::uint32_t kProbeDepthMax = 64;
constexpr std::uint64_t kProbeBlockMax = std::uint64_t{256} << 10;
/// A ring is taken up to this many times the cost of plain calls. Through a kernel thread it is more than twice.
constexpr double kRingCostMax = 1.25;

class OneName final : public model::Names {
 public:
  explicit OneName(std::string name) : name_(std::move(name)) {}
  std::uint64_t count() const override { return 1; }
  std::size_t write_name(std::uint64_t, std::span<char> out) const override {
    return name_.copy(out.data(), out.size());
  }

 private:
  const std::string name_;
};

class SamePayload final : public PayloadSource {
 public:
  void fill(std::span<std::byte>, std::uint64_t, std::uint64_t) override {}
};

/// What is driven: an object, and the file that was made for it if it was.
class Sample {
 public:
  Sample(const std::shared_ptr<FileTarget>& target, std::string name, std::uint64_t bytes, bool made)
      : target_(target), made_(made), name_(std::move(name)), names_(name_), bytes_(bytes) {}
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;
  ~Sample() {
    if (made_) static_cast<void>(remove_entry(*target_, name_));
  }
  const model::Names& names() const { return names_; }
  std::uint64_t bytes() const { return bytes_; }
  bool made() const { return made_; }

 private:
  // shared because stores want it so
  const std::shared_ptr<FileTarget> target_;
  const bool made_;
  const std::string name_;
  const OneName names_;
  const std::uint64_t bytes_;
};

/// One worker of a kind, for a moment.
class Trial {
 public:
  Trial(const std::shared_ptr<FileTarget>& target, const Sample& sample, std::uint32_t depth, std::uint64_t block)
      : target_(target),
        sample_(sample),
        block_(block),
        slot_bytes_((block + 4095) / 4096 * 4096),
        memory_(static_cast<std::byte*>(std::aligned_alloc(4096, depth * slot_bytes_)), &std::free),
        slots_(depth) {
    std::fill_n(memory_.get(), depth * slot_bytes_, std::byte{1});
    for (std::size_t i = 0; i < depth; ++i) {
      slots_[i].buffer = {memory_.get() + i * slot_bytes_, slot_bytes_};
      slots_[i].payload = &payload_;
      slots_[i].names = &sample.names();
      slots_[i].bytes_wanted = block;
    }
  }

  /// Nanoseconds of CPU an operation costs with `worker`, kernel threads included; nothing where it fails.
  std::optional<double> run(WorkerKind worker, model::OpKind kind) {
    std::unique_ptr<Loop> loop;
    if (worker == WorkerKind::Ring) {
      auto made = RingLoop::create(static_cast<std::uint32_t>(slots_.size()));
      if (!made) return std::nullopt;
      loop = std::move(*made);
    }
    const StoreOptions options{.slots = static_cast<std::uint32_t>(slots_.size()),
                               .buffers = {memory_.get(), slots_.size() * slot_bytes_},
                               .writes_blocks = kind == model::OpKind::Write};
    auto store = loop == nullptr ? open_sync_store(target_, options)
                                 : open_ring_store(target_, static_cast<RingLoop&>(*loop), options);
    if (!store) return std::nullopt;
    return time(**store, loop.get(), kind);
  }

 private:
  std::optional<double> time(Store& store, Loop* loop, model::OpKind kind) {
    // The first round opens the file and is not counted.
    if (!round(store, loop, kind, base::now() + kProbeTime)) return std::nullopt;
    done_ = 0;
    const base::Nanos before = cpu_time();
    const base::Instant deadline = base::now() + kProbeTime;
    do {
      if (!round(store, loop, kind, deadline)) return std::nullopt;
    } while (base::now() < deadline);
    return static_cast<double>((cpu_time() - before).count()) / static_cast<double>(done_);
  }

  /// All slots once, or until the deadline, and waits for them.
  bool round(Store& store, Loop* loop, model::OpKind kind, base::Instant deadline) {
    std::size_t waiting = 0;
    bool good = true;
    for (OpSlot& slot : slots_) {
      slot.kind = kind;
      slot.offset = random_.below(sample_.bytes() / block_) * block_;
      if (!store.start(slot)) {
        ++waiting;
        continue;
      }
      good &= slot.error == 0;
      if (++done_ % 4 == 0 && base::now() >= deadline) break;
    }
    while (waiting > 0) {
      loop->turn(base::Instant::never());
      while (OpSlot* slot = loop->completed().pop()) {
        good &= slot->error == 0;
        --waiting;
        ++done_;
      }
    }
    return good;
  }

  /// Of this process, the kernel threads that serve its rings included.
  static base::Nanos cpu_time() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return base::Nanos{std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec};
  }

  const std::shared_ptr<FileTarget>& target_;
  const Sample& sample_;
  const std::uint64_t block_;
  const std::size_t slot_bytes_;
  const std::unique_ptr<std::byte, decltype(&std::free)> memory_;
  SamePayload payload_;
  std::vector<OpSlot> slots_;
  base::Random random_{1};
  std::uint64_t done_ = 0;
};

/// A file made for the probe: written once, so that writing it again is what is measured.
std::unique_ptr<Sample> make_sample(const std::shared_ptr<FileTarget>& target) {
  const std::string name = ".sluice-probe-" + std::to_string(getpid()) + "-" + std::to_string(base::now().ns);
  const OneName names(name);
  SamePayload payload;
  const std::unique_ptr<std::byte, decltype(&std::free)> memory(
      static_cast<std::byte*>(std::aligned_alloc(4096, kProbeFileBytes)), &std::free);
  std::fill_n(memory.get(), kProbeFileBytes, std::byte{1});
  auto store = open_sync_store(target, {});
  if (!store) return nullptr;
  OpSlot slot;
  slot.kind = model::OpKind::Put;
  slot.names = &names;
  slot.bytes_wanted = kProbeFileBytes;
  slot.buffer = {memory.get(), kProbeFileBytes};
  slot.payload = &payload;
  (*store)->start(slot);
  auto sample = std::make_unique<Sample>(target, name, kProbeFileBytes, true);
  return slot.error == 0 ? std::move(sample) : nullptr;
}

std::unique_ptr<Sample> find_sample(const std::shared_ptr<FileTarget>& target, const Mix& mix, bool single) {
  if (mix.writes_blocks && !single) return make_sample(target);
  const auto facts = stat_object(*target, single ? "" : mix.sample);
  const bool usable = facts && !facts->is_directory && facts->bytes >= mix.block_size;
  if (usable && (single || !mix.sample.empty())) {
    // A small part of it, so that the page cache holds what is read here.
    return std::make_unique<Sample>(target, single ? "" : mix.sample, std::min(facts->bytes, kProbeFileBytes), false);
  }
  return single ? nullptr : make_sample(target);
}

std::string microseconds(double ns) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f us", ns / 1000);
  return text.data();
}

WorkerChoice measure(const std::shared_ptr<FileTarget>& target, const Mix& mix, const Sample& sample, bool may_write) {
  const std::uint64_t block = std::min({mix.block_size, kProbeBlockMax, sample.bytes()});
  const auto depth_of_memory = static_cast<std::uint32_t>(std::max<std::uint64_t>(kProbeFileBytes / block, 2));
  const std::uint32_t depth = std::min({mix.in_flight, kProbeDepthMax, depth_of_memory});
  Trial trial(target, sample, depth, block);
  double sync_ns = 0;
  double ring_ns = 0;
  for (const model::OpKind kind : {model::OpKind::Read, model::OpKind::Write}) {
    const bool wanted = kind == model::OpKind::Write ? mix.writes_blocks && may_write : mix.reads_blocks || !may_write;
    if (!wanted) continue;
    // Brings an object that was there into memory.
    if (!target->direct() && !sample.made()) static_cast<void>(trial.run(WorkerKind::Sync, kind));
    const auto ring = trial.run(WorkerKind::Ring, kind);
    const auto sync = trial.run(WorkerKind::Sync, kind);
    if (!sync) return {WorkerKind::Sync, "the sample could not be read for a probe, so plain system calls serve"};
    if (!ring) return {WorkerKind::Sync, "the ring failed on the sample, so plain system calls serve"};
    ring_ns += *ring;
    sync_ns += *sync;
  }
  const std::string unit = !mix.writes_blocks || !may_write ? "read" : mix.reads_blocks ? "read and write" : "write";
  const std::string figures = "probed: " + microseconds(ring_ns) + " of CPU for a " + unit + " on a ring of " +
                              std::to_string(depth) + ", " + microseconds(sync_ns) + " by plain system calls";
  // A ring that is about as cheap is taken: it keeps its depth, on one thread, when the data is not in memory.
  return {ring_ns <= kRingCostMax * sync_ns ? WorkerKind::Ring : WorkerKind::Sync, figures};
}

}  // namespace

WorkerChoice probe_worker(const std::shared_ptr<FileTarget>& target, const Mix& mix) {
  if (!mix.blocks_only) {
    return {WorkerKind::Sync, "whole files and metadata: a ring would hand each of them to a kernel thread"};
  }
  if (mix.in_flight <= 1) return {WorkerKind::Sync, "one operation in flight: nothing is gained by a ring"};
  if (const std::string why = why_no_ring(); !why.empty()) return {WorkerKind::Sync, why};

  const auto base = target->open_base();
  if (!base) return {WorkerKind::Sync, "the target is not there yet, so nothing could be probed"};
  const std::unique_ptr<Sample> sample = find_sample(target, mix, base->is_single());
  if (sample == nullptr) {
    const std::string filesystem = base->is_device() ? "block device" : filesystem_of(base->descriptor);
    const bool in_memory = filesystem == "tmpfs" || filesystem == "ramfs";
    return {in_memory ? WorkerKind::Sync : WorkerKind::Ring, filesystem + ": nothing there could be probed"};
  }
  // What a device or a file named by the user holds is never overwritten for a probe.
  if (base->is_single() && mix.writes_blocks && !target->direct()) {
    return {WorkerKind::Sync, "writes to one object through the page cache: a ring would hand them to kernel threads"};
  }
  return measure(target, mix, *sample, !base->is_single());
}

}  // namespace sluice::storage
