#include "async/notice.hpp"

#include <utility>

namespace sluice::async {

WaitPoint Notice::enlist() {
  WaitPoint point;
  enlisted_.push_back(point.waker());
  return point;
}

void Notice::tell_all() {
  for (const Waker& waker : std::exchange(enlisted_, {})) waker.wake();
}

}  // namespace sluice::async
