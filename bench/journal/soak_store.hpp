#pragma once

#include <memory>
#include <string>

#include "journal/tiers/backend.hpp"

namespace sluice::journal {

/// A database that a soak makes trouble for. One thread at a time.
class SoakStore {
 public:
  virtual ~SoakStore() = default;
  virtual std::string name() const = 0;
  /// What was stored before is there. Errors: Unavailable where the one before has not let go yet.
  virtual base::Result<std::unique_ptr<Backend>> open() = 0;
  /// Begins to hold up whoever writes, or whoever calls at all; and lets go.
  virtual void hold() = 0;
  virtual void let_go() = 0;
  virtual bool has_server() const = 0;
  /// The server goes away, as in a crash every other time, and comes back.
  virtual void take_down() = 0;
  virtual void bring_up() = 0;
};

/// A SQLite file in a folder; is held up by another connection that has begun to write.
std::unique_ptr<SoakStore> make_sqlite_store(const std::string& path);
/// A server of this process's own; is held up by stopping all its processes.
std::unique_ptr<SoakStore> make_postgres_store();

}  // namespace sluice::journal
