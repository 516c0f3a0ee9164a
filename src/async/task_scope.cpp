#include "async/task_scope.hpp"

#include <list>
#include <mutex>
#include <optional>

#include "base/assert.hpp"

namespace sluice::async {

struct TaskScope::State {
  std::mutex mutex;
  bool is_closed = false;
  std::list<std::string> names;  ///< of the tasks that have not ended
  std::optional<base::Error> first_error;
  detail::OneShot<bool> empty;  ///< filled when closed and empty

  base::Result<void> result() {
    std::lock_guard lock(mutex);
    if (first_error) return base::fail(*first_error);
    return {};
  }
  base::Error late(base::Nanos waited) {
    std::lock_guard lock(mutex);
    base::Error error = deadline_exceeded("closing a scope of tasks", waited);
    for (const std::string& name : names) error.where += (error.where.empty() ? "" : ", ") + name;
    return error;
  }
  bool close() {
    std::lock_guard lock(mutex);
    is_closed = true;
    if (names.empty()) empty.put(true);
    return names.empty();
  }
};

namespace {

/// Takes a task's name out however its frame ends.
template <class State>
class Place {
 public:
  // shared because tasks that were left behind outlive their scope
  Place(std::shared_ptr<State> state, std::list<std::string>::iterator place)
      : state_(std::move(state)), place_(place) {}
  Place(Place&&) noexcept = default;
  Place& operator=(Place&&) = delete;
  ~Place() {
    if (state_ == nullptr) return;
    std::lock_guard lock(state_->mutex);
    state_->names.erase(place_);
    if (state_->is_closed && state_->names.empty()) state_->empty.put(true);
  }
  void keep(const base::Result<void>& ended) {
    if (ended || ended.error().code == base::Code::Cancelled) return;
    std::lock_guard lock(state_->mutex);
    if (!state_->first_error) state_->first_error = ended.error();
  }

 private:
  // shared because tasks that were left behind outlive their scope
  std::shared_ptr<State> state_;
  std::list<std::string>::iterator place_;
};

template <class State>
Task<> run_in(Place<State> place, std::string name, Task<> task) {
  base::Result<void> ended;
  try {
    ended = co_await std::move(task);
  } catch (const std::exception& thrown) {
    ended = base::fail(task_failed(name, thrown.what()));
  }
  place.keep(ended);
  co_return ended;
}

}  // namespace

TaskScope::TaskScope(Executor& executor, const CancelToken& parent)
    // shared because tasks that were left behind outlive this object
    : state_(std::make_shared<State>()), executor_(executor), cancel_(parent) {}

TaskScope::~TaskScope() {
  std::lock_guard lock(state_->mutex);
  SLUICE_ASSERT(state_->is_closed || state_->names.empty());
}

base::Result<void> TaskScope::spawn(std::string name, Task<> task) {
  std::list<std::string>::iterator place;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->is_closed) return base::fail(terminated("the scope of " + name));
    place = state_->names.insert(state_->names.end(), name);
  }
  Task<> tracked = run_in(Place<State>(state_, place), name, std::move(task));
  SLUICE_TRY(auto handle, executor_.try_spawn(std::move(name), std::move(tracked), cancel_.token()));
  static_cast<void>(handle);
  return {};
}

base::Result<void> TaskScope::close(Deadline deadline) {
  if (LoopThread::current() != nullptr) return base::fail(would_deadlock("the tasks of a scope"));
  const base::Instant began = base::now();
  cancel_.cancel();
  if (!state_->close() && !state_->empty.wait(deadline)) return base::fail(state_->late(base::now() - began));
  return state_->result();
}

Task<> TaskScope::close_async(Deadline deadline) {
  const base::Instant began = base::now();
  cancel_.cancel();
  if (!state_->close()) {
    WaitPoint end = state_->empty.point();
    if (co_await end.wait(deadline, true) != Wake::Woken) co_return base::fail(state_->late(base::now() - began));
  }
  co_return state_->result();
}

std::size_t TaskScope::size() const {
  std::lock_guard lock(state_->mutex);
  return state_->names.size();
}

}  // namespace sluice::async
