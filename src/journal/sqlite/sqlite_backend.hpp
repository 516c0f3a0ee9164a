#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// May the database be changed?
enum class SqliteMode : std::uint8_t { ReadWrite, ReadOnly };

/// What may be chosen when a database is opened.
struct SqliteOptions {
  std::size_t readers_max = 16;  ///< connections for reading; further calls wait for one
  bool is_network = false;       ///< no WAL, whatever the file system says of itself
};

/// The cold tier in one SQLite file. An append that has returned is durable. One process writes, as many as like read.
/// Every call may be made on any thread; it blocks. Changes are made one after the other, on one connection.
///
/// In WAL mode reads see the state of the last append and wait for nobody. Where WAL cannot be (network file systems)
/// it falls back to a rollback journal, and reads_from_snapshots is false.
class SqliteBackend final : public Backend {
 public:
  /// Opens the file, and makes it where it is missing in a folder that is there (ReadWrite). A file that is not ours is
  /// left as it is. A damaged file can be opened with ReadOnly: what can be read is read.
  ///
  /// Errors: NotFound, PermissionDenied, ResourceExhausted, Unavailable (another process writes it: the error says
  /// which), InvalidArgument (a file of another program), Unsupported (a newer schema), Corrupt, and those of the
  /// bounds.
  static base::Result<std::unique_ptr<SqliteBackend>> open(const std::string& path, SqliteMode mode,
                                                           const SqliteOptions& options = {},
                                                           const CallBounds& bounds = {});
  ~SqliteBackend() override;

  BackendTraits traits() const override { return traits_; }
  base::Result<BackendState> load(const CallBounds& bounds) override;
  base::Result<void> append(const Commit& commit, const CallBounds& bounds) override;
  base::Result<std::vector<StoredBlock>> remove_above(std::uint64_t seq, std::span<const PartyHead> heads,
                                                      const CallBounds& bounds) override;
  base::Result<void> fence(const Fence& fence, const CallBounds& bounds) override;
  base::Result<void> compact(const CallBounds& bounds) override;
  base::Result<StoredBlock> get(std::uint64_t seq, const CallBounds& bounds) override;
  base::Result<StoredBlock> find(const PartyKey& party, std::uint64_t party_seq, const CallBounds& bounds) override;
  base::Result<StoredBlock> find(const Digest& hash, const CallBounds& bounds) override;
  base::Result<ReadPage> read(const ReadRequest& request, const CallBounds& bounds) override;
  base::Result<std::vector<FoundRecord>> notable(const NotableRequest& request, const CallBounds& bounds) override;
  base::Result<std::vector<std::vector<SeqRange>>> present_of(std::span<const PartyKey> parties,
                                                              const CallBounds& bounds) override;

 private:
  struct Parts;
  explicit SqliteBackend(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
  BackendTraits traits_;
};

}  // namespace sluice::journal
