#pragma once

namespace sluice::async {

/// A loop thread never blocks; with the preset "guard" that is checked. Calls of the C library that may block are
/// wrapped by the linker there (loop_guard.cpp has the list): made by a loop thread in its turn, they end the process
/// and say which call it was and for what work. In every other build this costs nothing.
class LoopGuard {
 public:
  /// Lets the calling thread block while this object lives. `why` is the reason that makes it harmless.
  class Allow {
   public:
#ifdef SLUICE_LOOP_GUARD
    explicit Allow(const char* why) noexcept;
    ~Allow();
#else
    explicit Allow(const char* /*why*/) noexcept {}
    ~Allow() {}  // NOLINT(modernize-use-equals-default): so that an Allow is no unused variable
#endif
    Allow(const Allow&) = delete;
    Allow& operator=(const Allow&) = delete;
  };
};

}  // namespace sluice::async
