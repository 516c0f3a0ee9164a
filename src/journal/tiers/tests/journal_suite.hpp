#pragma once

#include <memory>

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

  JournalUnderTest& journal() { return *journal_; }
  StoreUnderTest& store() { return *store_; }

 private:
  std::unique_ptr<StoreUnderTest> store_;
  std::unique_ptr<JournalUnderTest> journal_;
};

}  // namespace sluice::journal
