#include "storage/null/null_backend.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include <boost/asio/basic_waitable_timer.hpp>

#include "async/turn_executor.hpp"
#include "base/units.hpp"
#include "storage/socket_loop.hpp"

namespace sluice::storage {

namespace {

struct NullOptions {
  std::uint64_t size = 0;
  base::Nanos latency{0};
};

/// What every null operation does: move the bytes that were asked for, to or from nowhere.
void do_nothing(OpSlot& slot, std::uint64_t size) {
  slot.bytes = 0;
  switch (slot.kind) {
    case model::OpKind::Get: slot.bytes = size; break;
    case model::OpKind::Read: slot.bytes = slot.bytes_wanted; break;
    case model::OpKind::Put:
    case model::OpKind::Write:
      for (std::uint64_t at = 0; at < slot.bytes_wanted; at += slot.buffer.size()) {
        const std::uint64_t piece = std::min<std::uint64_t>(slot.bytes_wanted - at, slot.buffer.size());
        slot.payload->fill(slot.buffer.first(piece), slot.content_key, slot.offset + at);
      }
      slot.bytes = slot.bytes_wanted;
      break;
    case model::OpKind::List:
    case model::OpKind::Stat:
    case model::OpKind::Delete:
    case model::OpKind::Mkdir:
    case model::OpKind::Rmdir:
    case model::OpKind::Copy:
    case model::OpKind::Rename: break;
  }
}

class NullStore final : public Store {
 public:
  explicit NullStore(std::uint64_t size) : size_(size) {}
  bool start(OpSlot& slot) override { return do_nothing(slot, size_), true; }

 private:
  const std::uint64_t size_;
};

/// Completes operations after a fixed time: first in, first out, so one timer for the oldest serves all.
class LateNullStore final : public Store {
 public:
  LateNullStore(const NullOptions& options, SocketLoop& loop)
      : options_(options), loop_(loop), timer_(loop.executor()) {}

  bool start(OpSlot& slot) override {
    slot.scratch[0] = static_cast<std::uint64_t>((base::now() + options_.latency).ns);
    if (first_ != nullptr) return waiting_.push(slot), false;
    first_ = &slot;
    await_first();
    return false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, async::TurnExecutor>;

  void await_first() {
    const auto due = std::chrono::nanoseconds(static_cast<std::int64_t>(first_->scratch[0]));
    timer_.expires_at(Clock::time_point(due));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) complete_due();
    });
  }

  void complete_due() {
    const auto now = static_cast<std::uint64_t>(base::now().ns);
    while (first_ != nullptr && first_->scratch[0] <= now) {
      do_nothing(*first_, options_.size);
      loop_.completed().push(*first_);
      first_ = waiting_.pop();
    }
    if (first_ != nullptr) await_first();
  }

  const NullOptions options_;
  SocketLoop& loop_;
  Timer timer_;
  SlotList waiting_;
  OpSlot* first_ = nullptr;  ///< the oldest; the others wait behind it
};

class NullBackend final : public Backend {
 public:
  NullBackend(std::string uri, NullOptions options) : uri_(std::move(uri)), options_(options) {}

  const std::string& uri() const override { return uri_; }

  WorkerChoice choose_worker(const Mix& mix) override {
    if (options_.latency.count() > 0)
      return {WorkerKind::Socket, "operations complete later, so a loop waits for them"};
    if (mix.in_flight == 1) return {WorkerKind::Sync, "one operation in flight needs no loop"};
    return {WorkerKind::Socket, "many operations in flight share a loop"};
  }

  base::Result<std::unique_ptr<Loop>> make_loop(WorkerKind kind, std::uint32_t /*slots*/) override {
    if (kind == WorkerKind::Sync) return std::unique_ptr<Loop>();
    return std::make_unique<SocketLoop>();
  }

  base::Result<std::unique_ptr<Store>> open_store(WorkerKind /*kind*/, Loop* loop, const StoreOptions&) override {
    if (options_.latency.count() == 0) return std::make_unique<NullStore>(options_.size);
    if (loop == nullptr)
      return base::fail(base::Code::Unsupported, "null:// with a latency needs a socket worker", uri_);
    return std::make_unique<LateNullStore>(options_, static_cast<SocketLoop&>(*loop));
  }

  base::Result<TargetFacts> inspect() override {
    return TargetFacts{.filesystem = "null", .exists = true, .writable = true};
  }
  base::Result<void> make_directories(std::string_view) override { return {}; }
  base::Result<void> list(const ListFilter&, const ListSink&, model::Progress&, const async::CancelToken&) override {
    return {};
  }
  base::Result<ObjectFacts> stat(std::string_view) override { return ObjectFacts{.bytes = options_.size}; }
  base::Result<std::string> read_small(std::string_view name) override {
    return base::fail(base::Code::NotFound, "null:// keeps nothing", std::string(name));
  }
  base::Result<void> write_small(std::string_view, std::string_view) override { return {}; }
  base::Result<void> remove(std::string_view) override { return {}; }

 private:
  const std::string uri_;
  const NullOptions options_;
};

base::Result<void> set_option(NullOptions& options, std::string_view parameter) {
  const std::size_t equals = parameter.find('=');
  const std::string_view key = parameter.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : parameter.substr(equals + 1);
  if (key == "size") {
    SLUICE_TRY(options.size, base::parse_size(value));
    return {};
  }
  if (key == "latency") {
    SLUICE_TRY(options.latency, base::parse_duration(value));
    return {};
  }
  return base::fail(base::Code::InvalidArgument, "null:// does not know the parameter '" + std::string(key) + "'");
}

}  // namespace

base::Result<std::unique_ptr<Backend>> open_null_backend(std::string_view uri) {
  NullOptions options;
  const std::size_t question = uri.find('?');
  std::string_view rest = question == std::string_view::npos ? "" : uri.substr(question + 1);
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    if (base::Result<void> set = set_option(options, rest.substr(0, ampersand)); !set) {
      base::Error error = std::move(set).error();
      error.where = uri;
      return base::fail(std::move(error)
                            .add_likely("the parameter is misspelt, or meant for another kind of target")
                            .add_try("use null://x/?size=4KiB or null://x/?latency=1ms"));
    }
    rest = ampersand == std::string_view::npos ? "" : rest.substr(ampersand + 1);
  }
  return std::make_unique<NullBackend>(std::string(uri), options);
}

}  // namespace sluice::storage
