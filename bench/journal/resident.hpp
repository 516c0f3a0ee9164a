#pragma once

#include <cstdint>
#include <fstream>

#include <unistd.h>

namespace sluice::journal {

/// Memory of this process that is in RAM.
inline double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))) / (1 << 20);
}

}  // namespace sluice::journal
