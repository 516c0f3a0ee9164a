#pragma once

#include <string>

#include "base/error.hpp"

namespace sluice::journal {

/// The right to write a database, held by one process at a time: a flock() on the file `<database>.lock`, which says
/// who has it. (Not on the database itself: closing any descriptor of it would drop SQLite's own locks.) The file
/// stays, empty, when the lock goes; a process that is killed loses the lock with its life. Any thread.
class WriterLock {
 public:
  /// Errors: Unavailable (who has it: process and host), and what the file system says. File systems without locks
  /// give it to everybody: better an unguarded database than none.
  static base::Result<WriterLock> take(const std::string& database);
  ~WriterLock();
  WriterLock(WriterLock&& other) noexcept;
  WriterLock& operator=(WriterLock&&) = delete;

 private:
  explicit WriterLock(int fd) : fd_(fd) {}

  int fd_;
};

}  // namespace sluice::journal
