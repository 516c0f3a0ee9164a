#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "async/deadline.hpp"
#include "async/task.hpp"

namespace sluice::async {

namespace detail {
class PermitPool;
}  // namespace detail

/// A right to `count()` units of something bounded. It travels with the work that it admits and returns itself when
/// that work's frame is destroyed, however it ends. Move-only; any thread.
///
/// The rule: nothing that can wait without a bound may be awaited while one is held.
class [[nodiscard]] Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept;
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { release(); }

  std::uint64_t count() const { return count_; }
  explicit operator bool() const { return count_ > 0; }

  /// Takes `count` of these units into a permit of their own; `count` is at most count().
  Permit split(std::uint64_t count);
  /// Takes the other's units, which must be of the same Permits.
  void merge(Permit other);
  /// Returns the units now.
  void release();

 private:
  friend class detail::PermitPool;
  // shared because permits may be returned after their Permits has gone
  Permit(std::shared_ptr<detail::PermitPool> pool, std::uint64_t count, base::Instant since);

  // shared because permits may be returned after their Permits has gone
  std::shared_ptr<detail::PermitPool> pool_;
  std::uint64_t count_ = 0;
  base::Instant since_;
};

/// Where the units are, and how long they were waited for.
struct PermitStats {
  std::uint64_t total = 0, free = 0, held = 0;  ///< free + held == total, at every moment
  std::size_t waiting = 0, waiting_high_water = 0;
  std::uint64_t waits = 0;  ///< acquires that had to wait
  base::Nanos wait_total{0}, wait_max{0};
  base::Nanos held_max{0};  ///< longest time from acquiring a permit to its return
};

/// Units that have been held for too long, while they are held.
struct PermitHold {
  std::string what;         ///< as their Permits are called
  std::uint64_t units = 0;  ///< held for longer than was asked for
  base::Nanos longest{0};   ///< at least so long, by the first of them
  std::size_t waiting = 0;  ///< tasks that wait for such permits
};

/// "2 of 'requests of the listing' have been held for 7.50 s, and 3 tasks wait for them".
std::string to_text(const PermitHold& hold);

/// Looks at Permits from outside, also when these have gone while some of them are held. Any thread; cheap to copy.
class PermitProbe {
 public:
  /// Nothing where no unit has been held for so long.
  std::optional<PermitHold> held_longer_than(base::Nanos threshold) const;
  /// The Permits and all that they gave out have gone.
  bool is_over() const { return pool_.expired(); }

 private:
  friend class Permits;
  // shared because permits may be returned after their Permits has gone
  explicit PermitProbe(const std::shared_ptr<detail::PermitPool>& pool) : pool_(pool) {}
  std::weak_ptr<detail::PermitPool> pool_;
};

/// Counted permits, given out strictly first come, first served: one who waits for many is not overtaken by a later
/// one who wants one. The one mechanism of back-pressure. Any thread; may end before its permits do.
class Permits {
 public:
  /// `what` stands in errors: "requests of the listing".
  Permits(std::uint64_t total, std::string what);
  /// Closes.
  ~Permits();
  Permits(const Permits&) = delete;
  Permits& operator=(const Permits&) = delete;

  /// Waits for `count` (at least 1) units. Errors: InvalidArgument (more than there are), DeadlineExceeded, Cancelled,
  /// Terminated (closed). Whatever the error, nothing is held and nobody behind is kept waiting.
  Task<Permit> acquire(std::uint64_t count, Deadline deadline);
  /// An empty permit where that many are not free now, where others wait, or after close().
  Permit try_acquire(std::uint64_t count);
  /// Ends every wait with Terminated and refuses new ones; permits that are held stay valid. Idempotent.
  void close();

  PermitStats stats() const;
  /// For StallWatch, which tells of what is held too long.
  PermitProbe probe() const { return PermitProbe(pool_); }

 private:
  // shared because permits may be returned after this has gone
  const std::shared_ptr<detail::PermitPool> pool_;
};

}  // namespace sluice::async
