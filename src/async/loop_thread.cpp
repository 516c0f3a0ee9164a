#include "async/loop_thread.hpp"

#include <utility>

#include "base/assert.hpp"

namespace sluice::async {

namespace {
thread_local LoopThread* this_loop = nullptr;
}

LoopThread::LoopThread(std::string name) : name_(std::move(name)) {
  SLUICE_ASSERT(this_loop == nullptr);
  this_loop = this;
  meter_.begin();
}

LoopThread::~LoopThread() { this_loop = nullptr; }

LoopThread* LoopThread::current() noexcept { return this_loop; }

void LoopThread::enter(const char*) noexcept { entered_ = base::now(); }

void LoopThread::leave() noexcept { meter_.held(base::now() - entered_); }

}  // namespace sluice::async
