#include "dataset/tests/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> allocated{0};  // tidy-allow: globals because operator new has nobody to ask
}  // namespace

std::size_t sluice::dataset::bytes_allocated() { return allocated.load(); }

// Weak, because the thread sanitizer has operators of its own: they win there, and nothing is counted.
[[gnu::weak]] void* operator new(std::size_t size) {
  allocated += size;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::weak]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::weak]] void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }
