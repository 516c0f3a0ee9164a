#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "journal/tiers/tests/sample_commits.hpp"
#include "journal/tiers/tests/store_under_test.hpp"

namespace sluice::journal {

/// What every backend of the cold tier owes, whatever is below it. A backend's own tests compile the backend_suite
/// sources with theirs and instantiate it with how to make a store:
///
///     INSTANTIATE_TEST_SUITE_P(Memory, BackendSuite, testing::Values(StoreCase{"memory", make}), name_of_case);
class BackendSuite : public testing::TestWithParam<StoreCase> {
 protected:
  void SetUp() override;

  Backend& backend() { return *backend_; }
  StoreUnderTest& store() { return *store_; }
  CommitMaker& maker() { return maker_; }

  /// Stores what the maker has made since the last time.
  void commit();
  /// `count` blocks as the maker makes them, in one commit.
  void commit_blocks(std::size_t count);
  /// Ends the backend and opens the store again. False where the store keeps nothing.
  bool reopen();

  /// The seqs that read() gives for a filter, in all pages of `blocks_max`.
  std::vector<std::uint64_t> seqs(const Filter& filter, std::size_t blocks_max = 256, bool newest_first = false);
  /// What notable() gives for a filter, page by page, as "seq/index".
  std::vector<std::string> records(const Filter& filter, std::size_t records_max = 256);
  std::vector<std::string> slowest(const Filter& filter, std::size_t records_max);
  /// What load() says is what the maker knows.
  void expect_state_as_made();

 private:
  std::unique_ptr<StoreUnderTest> store_;
  std::unique_ptr<Backend> backend_;
  CommitMaker maker_;
};

/// "seq/index".
std::vector<std::string> places_of(std::span<const FoundRecord> found);
std::string name_of_case(const testing::TestParamInfo<StoreCase>& info);

/// The code of a failure; Internal where there was none.
template <class T>
base::Code code_of(const base::Result<T>& result) {
  return result ? base::Code::Internal : result.error().code;
}

}  // namespace sluice::journal
