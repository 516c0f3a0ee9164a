#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "journal/segment_reader.hpp"
#include "journal/tests/scratch.hpp"

namespace sluice::journal {

/// The payloads that stand in a segment file, which has no flaw.
inline std::vector<std::string> payloads_in(const std::string& path) {
  std::vector<std::string> payloads;
  auto reader = SegmentReader::open(path);
  EXPECT_TRUE(reader) << (reader ? "" : reader.error().what);
  while (reader) {
    const auto frame = (*reader)->next();
    if (!frame || !*frame) break;
    payloads.push_back(as_text((*frame)->payload));
  }
  if (reader) EXPECT_EQ((*reader)->flaw_count(), 0u);
  return payloads;
}

}  // namespace sluice::journal
