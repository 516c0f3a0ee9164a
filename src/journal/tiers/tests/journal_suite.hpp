#pragma once

#include <memory>
#include <utility>

#include "journal/tiers/tests/counting_backend.hpp"
#include "journal/tiers/tests/journal_fixture.hpp"
#include "journal/tiers/tests/store_under_test.hpp"

namespace sluice::journal {

/// What a journal promises over every backend. A backend's tests compile journal_suite.cpp with theirs and instantiate
/// it as they do BackendSuite.
class JournalSuite : public testing::TestWithParam<StoreCase> {
 protected:
  void SetUp() override {
    store_ = GetParam().make();
    open();
  }
  void open(JournalConfig config = {}) {
    journal_.reset();
    journal_ = std::make_unique<JournalUnderTest>(store_->open(), std::move(config));
  }
  /// The same over a backend that counts what is read.
  // shared because calls that were left behind are counted after the test has gone on
  std::shared_ptr<ReadCounts> open_counted() {
    journal_.reset();
    // shared because calls that were left behind are counted after the test has gone on
    auto counts = std::make_shared<ReadCounts>();
    journal_ = std::make_unique<JournalUnderTest>(std::make_unique<CountingBackend>(store_->open(), counts));
    return counts;
  }

  JournalUnderTest& journal() { return *journal_; }
  StoreUnderTest& store() { return *store_; }

 private:
  std::unique_ptr<StoreUnderTest> store_;
  std::unique_ptr<JournalUnderTest> journal_;
};

}  // namespace sluice::journal
