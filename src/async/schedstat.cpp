#include "async/schedstat.hpp"

#include <cinttypes>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::async {

SchedStat::~SchedStat() {
  if (file_ >= 0) close(file_);
}

void SchedStat::open() {
  if (file_ < 0) file_ = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

SchedStat::Figures SchedStat::read() const {
  char text[96];
  const ssize_t got = file_ < 0 ? -1 : pread(file_, text, sizeof text - 1, 0);
  if (got <= 0) return {};
  text[got] = '\0';
  Figures figures;
  const int known = std::sscanf(text, "%" SCNd64 " %" SCNd64, &figures.on_cpu_ns, &figures.run_delay_ns);
  return known == 2 ? figures : Figures{};
}

}  // namespace sluice::async
