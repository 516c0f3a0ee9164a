#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "journal/postgres/postgres_backend.hpp"
#include "journal/postgres/tests/private_server.hpp"

namespace sluice::journal::postgres {

/// A backend over the private server; throws where it cannot be opened.
std::unique_ptr<PostgresBackend> open_backend(const std::string& uri, const PostgresOptions& options = {});

/// Bounds that end after that time.
CallBounds within(base::Nanos span);

/// The next blocks of a party, for a head that others move, too.
class Contributor {
 public:
  explicit Contributor(std::string name) : key_{.run = "shared", .party = std::move(name)} {}

  /// `blocks` blocks of `bytes`, from `head + 1` on; again the same ones until keep() was said.
  Commit next(std::uint64_t head, std::size_t blocks, std::size_t bytes = 512);
  /// They were stored.
  void keep() { head_ = pending_; }
  const PartyKey& key() const { return key_; }
  const PartyHead& head() const { return head_; }

 private:
  PartyKey key_;
  PartyHead head_, pending_;
};

}  // namespace sluice::journal::postgres
