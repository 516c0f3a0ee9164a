#include "async/cancel.hpp"

#include <utility>

namespace sluice::async {

void detail::CancelState::cancel(base::Error why) {
  {
    std::lock_guard lock(mutex);
    if (!reason) reason = std::move(why);
  }
  stop.request_stop();
}

base::Error detail::CancelState::why() {
  std::lock_guard lock(mutex);
  return reason.value_or(base::Error{.code = base::Code::Cancelled, .what = "not cancelled"});
}

base::Error CancelToken::reason() const {
  return state_ != nullptr ? state_->why() : base::Error{.code = base::Code::Cancelled, .what = "not cancelled"};
}

OnCancel::OnCancel(const CancelToken& token, std::function<void()> call) : state_(token.state_) {
  if (state_ != nullptr) callback_.emplace(state_->stop.get_token(), std::move(call));
}

CancelSource::CancelSource(const CancelToken& parent) {
  // Only the child's state is held, so that a source may end before its children and after them alike.
  parent_link_ = std::make_unique<OnCancel>(parent, [child = state_, parent] { child->cancel(parent.reason()); });
}

}  // namespace sluice::async
