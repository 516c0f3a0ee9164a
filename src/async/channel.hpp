#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "async/errors.hpp"
#include "async/permits.hpp"
#include "async/wait_point.hpp"

namespace sluice::async {

/// A bounded queue between threads and tasks: values come out in the order in which they went in, each with the permit
/// that made room for it, so that the queue cannot overflow. Any thread; several may send and several receive.
template <class T>
class Channel {
 public:
  /// `what` stands in errors.
  Channel(std::size_t queue_max, std::string what) : what_(std::move(what)), room_(queue_max, "room in " + what_) {}

  /// Waits for room. Errors: DeadlineExceeded, Cancelled, Terminated (closed); the value is dropped then.
  Task<> send(T value, Deadline deadline) {
    SLUICE_CO_TRY(Permit permit, co_await room_.acquire(1, deadline));
    if (!push(std::move(value), std::move(permit))) co_return base::fail(terminated(what_));
    co_return base::Result<void>();
  }
  /// From any thread, never waits. Errors: ResourceExhausted (full), Terminated (closed).
  base::Result<void> try_send(T value) {
    Permit permit = room_.try_acquire(1);
    if (!permit) return base::fail(is_closed() ? terminated(what_) : queue_full(what_, room_.stats().total));
    if (!push(std::move(value), std::move(permit))) return base::fail(terminated(what_));
    return {};
  }

  /// The next value. Errors: Terminated (closed, and everything was taken), DeadlineExceeded, Cancelled; nothing is
  /// lost by those.
  Task<T> receive(Deadline deadline) {
    const base::Instant began = base::now();
    while (true) {
      std::optional<WaitPoint> point;
      {
        std::lock_guard lock(mutex_);
        if (!values_.empty()) {
          T value = std::move(values_.front().first);
          values_.pop_front();
          co_return base::Result<T>(std::move(value));
        }
        if (is_closed_) co_return base::fail(terminated(what_));
        receivers_.push_back(point.emplace().waker());
      }
      const Wake wake = co_await point->wait(deadline);
      if (wake == Wake::Cancelled) co_return base::fail(cancelled("receiving from " + what_));
      if (wake == Wake::Expired)
        co_return base::fail(deadline_exceeded("receiving from " + what_, base::now() - began));
    }
  }

  /// Refuses what is new; what is in it can still be received. Idempotent.
  void close() {
    room_.close();
    std::deque<Waker> receivers;
    {
      std::lock_guard lock(mutex_);
      is_closed_ = true;
      receivers.swap(receivers_);
    }
    for (const Waker& receiver : receivers) receiver.wake();
  }
  bool is_closed() const {
    std::lock_guard lock(mutex_);
    return is_closed_;
  }
  /// Each value holds one until it is received: for StallWatch, which tells of values that nobody receives.
  const Permits& room() const { return room_; }
  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  bool push(T value, Permit permit) {
    std::lock_guard lock(mutex_);
    if (is_closed_) return false;
    values_.emplace_back(std::move(value), std::move(permit));
    // One that has left is passed over: the value is for whoever really waits, or for the next to come.
    while (!receivers_.empty()) {
      const Waker receiver = std::move(receivers_.front());
      receivers_.pop_front();
      if (receiver.wake()) break;
    }
    return true;
  }

  const std::string what_;
  mutable std::mutex mutex_;
  std::deque<std::pair<T, Permit>> values_;
  std::deque<Waker> receivers_;
  bool is_closed_ = false;
  Permits room_;
};

}  // namespace sluice::async
