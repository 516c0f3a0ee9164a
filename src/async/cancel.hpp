#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/error.hpp"

namespace sluice::async {

namespace detail {
/// What a source, its tokens and its children share. Any thread.
struct CancelState {
  std::stop_source stop;
  std::mutex mutex;
  std::optional<base::Error> reason;  ///< the first one given

  /// The first reason is kept.
  void cancel(base::Error why);
  base::Error why();
};
}  // namespace detail

/// Asked by work whether it should stop. Copies are cheap and see the same state; a default-made token never cancels.
class CancelToken {
 public:
  CancelToken() = default;

  /// False for one that was made by default.
  bool can_cancel() const { return state_ != nullptr; }
  /// True once the source, or a source above it, has cancelled. Any thread; a few nanoseconds.
  bool is_cancelled() const { return state_ != nullptr && state_->stop.stop_requested(); }
  /// Why, with the code Cancelled or the one that the source gave; only meaningful when cancelled.
  base::Error reason() const;

 private:
  friend class CancelSource;
  friend class OnCancel;
  // shared because tokens outlive their source where a call was abandoned
  explicit CancelToken(std::shared_ptr<detail::CancelState> state) : state_(std::move(state)) {}
  // shared because tokens outlive their source where a call was abandoned
  std::shared_ptr<detail::CancelState> state_;
};

/// A call that is made once when the token is cancelled: on the thread that cancels, or here and now where that was
/// before. After its destructor the call is not running and will not be made. It must be short and must not block.
class OnCancel {
 public:
  OnCancel(const CancelToken& token, std::function<void()> call);

 private:
  // shared because tokens outlive their source where a call was abandoned
  std::shared_ptr<detail::CancelState> state_;
  std::optional<std::stop_callback<std::function<void()>>> callback_;
};

/// Cancels its tokens and those of its children; never the other way round. Any thread; cancelling twice is harmless,
/// and when cancel() returns, all children are cancelled too. Its end cancels nothing.
class CancelSource {
 public:
  CancelSource() = default;
  /// A child: cancelled with its parent, for the parent's reason, or alone.
  explicit CancelSource(const CancelToken& parent);

  CancelToken token() const { return CancelToken(state_); }
  bool is_cancelled() const { return state_->stop.stop_requested(); }
  void cancel() { cancel({.code = base::Code::Cancelled, .what = "cancelled by its owner"}); }
  /// The first reason is kept.
  void cancel(base::Error reason) { state_->cancel(std::move(reason)); }

 private:
  // shared because tokens outlive their source where a call was abandoned
  std::shared_ptr<detail::CancelState> state_ = std::make_shared<detail::CancelState>();
  std::unique_ptr<OnCancel> parent_link_;
};

}  // namespace sluice::async
