#include "load/host_memory.hpp"

#include <gtest/gtest.h>

#include "load/tests/bench.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

TEST(HostMemory, is_what_the_kernel_takes_for_available) {
  const ScratchDirectory root;
  root.write("proc/meminfo", "MemTotal:  16777216 kB\nMemFree: 1 kB\nMemAvailable:  8388608 kB\n");
  const AvailableMemory memory = available_memory(root / "");
  EXPECT_EQ(memory.bytes, 8 * kGiB);
  EXPECT_EQ(memory.said_by, "MemAvailable of /proc/meminfo");
}

TEST(HostMemory, is_what_a_container_leaves_with_its_page_cache) {
  const ScratchDirectory root;
  root.write("proc/meminfo", "MemAvailable: 8388608 kB\n");
  root.write("proc/self/cgroup", "0::/outer/inner\n");
  root.write("sys/fs/cgroup/outer/inner/memory.max", "max\n");
  root.write("sys/fs/cgroup/outer/memory.max", "4294967296\n");
  root.write("sys/fs/cgroup/outer/memory.current", "3221225472\n");
  root.write("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 1073741824\nactive_file 1073741824\n");
  const AvailableMemory memory = available_memory(root / "");
  EXPECT_EQ(memory.bytes, 3 * kGiB);
  EXPECT_NE(memory.said_by.find("cgroup/outer"), std::string::npos) << memory.said_by;
}

TEST(HostMemory, of_a_group_that_is_full_is_nothing) {
  const ScratchDirectory root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/memory.max", "1000\n");
  root.write("sys/fs/cgroup/memory.current", "1200\n");
  EXPECT_EQ(available_memory(root / "").bytes, 0U);
}

TEST(HostMemory, is_not_judged_where_nothing_tells) {
  const ScratchDirectory root;
  EXPECT_EQ(available_memory(root / "").bytes, UINT64_MAX);
  EXPECT_LT(available_memory().bytes, UINT64_MAX) << "this machine tells";
}

}  // namespace
}  // namespace sluice::load
