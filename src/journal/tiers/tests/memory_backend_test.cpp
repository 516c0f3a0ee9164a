#include "journal/tiers/memory_backend.hpp"

#include "journal/tiers/tests/backend_suite.hpp"
#include "journal/tiers/tests/journal_suite.hpp"

namespace sluice::journal {
namespace {

/// A store that is its only backend.
class MemoryStore final : public StoreUnderTest {
 public:
  std::unique_ptr<Backend> open() override {
    auto backend = std::make_unique<MemoryBackend>();
    backend_ = backend.get();
    return backend;
  }
  bool keeps() const override { return false; }
  void lose(std::uint64_t seq) override { backend_->lose(seq); }
  void damage(std::uint64_t seq) override { backend_->damage(seq); }

 private:
  MemoryBackend* backend_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Memory, BackendSuite,
                         testing::Values(StoreCase{"memory", [] { return std::make_unique<MemoryStore>(); }}),
                         name_of_case);

INSTANTIATE_TEST_SUITE_P(Memory, JournalSuite,
                         testing::Values(StoreCase{"memory", [] { return std::make_unique<MemoryStore>(); }}),
                         name_of_case);

TEST(MemoryBackend, says_that_it_has_no_snapshots_and_one_writer) {
  EXPECT_FALSE(MemoryBackend().traits().reads_from_snapshots);
  EXPECT_FALSE(MemoryBackend().traits().others_write);
}

}  // namespace
}  // namespace sluice::journal
