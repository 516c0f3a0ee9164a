#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// One store of blocks that a test has for itself; gone at its end.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  /// A backend over the store: empty at the first call; later what the one before, which has ended by then, left.
  virtual std::unique_ptr<Backend> open() = 0;
  /// What was stored is there for the next open().
  virtual bool keeps() const { return true; }

  // Behind the backend's back; the backend last opened is still there, and idle.
  /// The block goes, and the heads do not hear of it.
  virtual void lose(std::uint64_t seq) = 0;
  /// A bit of the block's payload is another one.
  virtual void damage(std::uint64_t seq) = 0;
};

/// How to make one, and its name in the tests' names.
struct StoreCase {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};

}  // namespace sluice::journal
