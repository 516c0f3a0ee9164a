#pragma once

#include <cstddef>

namespace sluice::dataset {

/// All bytes that this test program has asked `operator new` for since it began; 0 under the thread sanitizer.
std::size_t bytes_allocated();

}  // namespace sluice::dataset
