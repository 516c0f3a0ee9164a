#include "async/loop_thread.hpp"

#include <utility>

#include <pthread.h>

#include "async/stall_watch.hpp"
#include "base/assert.hpp"

namespace sluice::async {

namespace {
thread_local LoopThread* this_loop = nullptr;
}

LoopThread::LoopThread(std::string name, StallWatch* watch) : LoopThread(std::move(name), own_meter_, watch) {}

// The own meter is bound before it is made, and used after.
LoopThread::LoopThread(std::string name, StallMeter& meter, StallWatch* watch)
    : name_(std::move(name)), meter_(meter), watch_(watch) {
  SLUICE_ASSERT(this_loop == nullptr);
  this_loop = this;
  meter_.begin();
  if (watch_ != nullptr) watch_->add(mark_, name_);
  // Last, and taken back first: what the thread does under this name is what a loop does.
  pthread_getname_np(pthread_self(), thread_name_.data(), thread_name_.size());
  pthread_setname_np(pthread_self(), ("loop " + name_).substr(0, thread_name_.size() - 1).c_str());
}

LoopThread::~LoopThread() {
  pthread_setname_np(pthread_self(), thread_name_.data());
  if (watch_ != nullptr) watch_->remove(mark_);
  this_loop = nullptr;
}

LoopThread* LoopThread::current() noexcept { return this_loop; }

}  // namespace sluice::async
