#include <fmt/format.h>

#include "journal/postgres/postgres_backend.hpp"
#include "journal/postgres/tests/private_server.hpp"
#include "journal/tiers/tests/backend_suite.hpp"
#include "journal/tiers/tests/journal_suite.hpp"

namespace sluice::journal {
namespace {

using postgres::PrivateServer;

/// The schema of the private server's database, anew.
class PostgresStore final : public StoreUnderTest {
 public:
  PostgresStore() { PrivateServer::shared().clear(); }

  std::unique_ptr<Backend> open() override {
    auto backend = PostgresBackend::open(PrivateServer::shared().uri(), {}, {});
    if (!backend) {
      ADD_FAILURE() << base::to_text(backend.error());
      return nullptr;
    }
    return std::move(*backend);
  }
  void lose(std::uint64_t seq) override {
    PrivateServer::shared().execute(
        fmt::format("DELETE FROM sluice.notable WHERE seq = {0}; "
                    "DELETE FROM sluice.blocks WHERE seq = {0}",
                    seq));
  }
  void damage(std::uint64_t seq) override {
    PrivateServer::shared().execute(fmt::format(
        "UPDATE sluice.blocks SET payload = set_bit(payload, 0, 1 - get_bit(payload, 0)) WHERE seq = {}", seq));
  }
};

INSTANTIATE_TEST_SUITE_P(Postgres, JournalSuite,
                         testing::Values(StoreCase{"postgres", [] { return std::make_unique<PostgresStore>(); }}),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Postgres, BackendSuite,
                         testing::Values(StoreCase{"postgres", [] { return std::make_unique<PostgresStore>(); }}),
                         name_of_case);

}  // namespace
}  // namespace sluice::journal
