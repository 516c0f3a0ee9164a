#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "journal/postgres/lookups.hpp"
#include "journal/tiers/backend.hpp"

namespace sluice::journal {

namespace postgres {
class ConnectionPool;
}

/// How a PostgresBackend uses its server.
struct PostgresOptions {
  std::size_t readers_max = 8;                               ///< connections for reads; one more is for changes
  base::Nanos connect_timeout = base::Nanos{5'000'000'000};  ///< of one connection; a call's deadline if that is sooner
  std::string application_name = "sluice";                   ///< as pg_stat_activity shows it
};

/// The cold tier in a schema `sluice` of a PostgreSQL database: one history for a team. Several controllers may write
/// into one database at once: changes take a lock, and whoever appends at a head that another one has moved meanwhile
/// gets InvalidArgument and loads again.
///
/// Calls: as Backend says, from any thread. Each one ends at its deadline or cancellation, whatever the server does;
/// the exception is a host's name, which the system's resolver looks up (an address, or a socket's folder, needs none).
/// A connection that broke is replaced by the next call; while the server is away calls answer Unavailable.
/// Further errors: Unauthenticated, NotFound (the database), Unsupported (a newer schema), at open() and at any call
/// that has to connect anew. The password appears in no error and no name.
class PostgresBackend final : public Backend {
 public:
  /// `uri` as `postgres://user:password@host:port/database?option=value`. Makes the schema where there is none, which
  /// wants CREATE on the database; a role with USAGE and SELECT alone may read.
  static base::Result<std::unique_ptr<PostgresBackend>> open(std::string_view uri, const PostgresOptions& options,
                                                             const CallBounds& bounds);
  ~PostgresBackend() override;

  BackendTraits traits() const override;
  /// Questions to the system's resolver.
  LeftBehind left_behind() const override;
  base::Result<BackendState> load(const CallBounds& bounds) override;
  base::Result<void> append(const Commit& commit, const CallBounds& bounds) override;
  base::Result<std::vector<StoredBlock>> remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                      const CallBounds& bounds) override;
  base::Result<void> fence(const Fence& fence, const CallBounds& bounds) override;
  /// Gives freed pages back by VACUUM; wants the owner of the tables.
  base::Result<void> compact(const CallBounds& bounds) override;
  base::Result<StoredBlock> get(std::uint64_t seq, const CallBounds& bounds) override;
  base::Result<StoredBlock> find(const PartyKey& party, std::uint64_t party_seq, const CallBounds& bounds) override;
  base::Result<StoredBlock> find(const Digest& hash, const CallBounds& bounds) override;
  base::Result<ReadPage> read(const ReadRequest& request, const CallBounds& bounds) override;
  base::Result<std::vector<FoundRecord>> notable(const NotableRequest& request, const CallBounds& bounds) override;
  base::Result<std::vector<std::vector<SeqRange>>> present_of(std::span<const PartyKey> parties,
                                                              const CallBounds& bounds) override;

 private:
  PostgresBackend(std::unique_ptr<postgres::ConnectionPool> readers, std::unique_ptr<postgres::ConnectionPool> changer,
                  postgres::LookupsPtr lookups);

  postgres::LookupsPtr lookups_;
  std::unique_ptr<postgres::ConnectionPool> readers_;
  std::unique_ptr<postgres::ConnectionPool> changer_;
};

}  // namespace sluice::journal
