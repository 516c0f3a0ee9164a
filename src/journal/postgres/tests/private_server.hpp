#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/time.hpp"

namespace sluice::journal::postgres {

/// A PostgreSQL server of a test's own: in a temporary folder, on the loopback, as an unprivileged user, with fsync.
/// Made at the first use, ended with the process, by its pid; where the process is killed, the kernel interrupts it,
/// and the next one removes what it left. Throws std::runtime_error that says what to install where there is no server
/// on this machine.
class PrivateServer {
 public:
  /// The one of this process.
  static PrivateServer& shared();
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  /// For the superuser and for the database `journal`, where nothing else is said.
  std::string uri() const { return uri("postgres", password(), "journal"); }
  std::string uri(std::string_view user, std::string_view password, std::string_view database) const;
  static std::string password() { return "top-secret-word"; }
  int port() const { return port_; }

  /// Runs statements as superuser in the database `journal`; the last one's first value.
  std::string execute(const std::string& statements) const;
  /// The database `journal` without the schema.
  void clear() const;

  void start();
  /// By that signal, and waits for its end: SIGINT ends sessions, SIGQUIT is as a crash.
  void stop(int signal);
  /// All its processes stand still.
  void freeze() const;
  void thaw() const;

 private:
  PrivateServer();
  void make_folder();
  void make_cluster();
  std::vector<std::string> as_user(std::vector<std::string> command) const;
  std::vector<pid_t> processes() const;
  std::string log_text() const;

  std::string binaries_, folder_, user_;
  int port_ = 0, owner_ = -1;
  pid_t pid_ = -1;
};

/// Waits for a condition; false where it did not come true in 30 s.
bool eventually(const std::function<bool()>& condition);

/// A session of the superuser of its own, for holding a lock. Ends with it.
class HeldSession {
 public:
  /// Runs the statements, and stays as they leave it.
  HeldSession(const PrivateServer& server, const std::string& statements);
  ~HeldSession();
  HeldSession(const HeldSession&) = delete;
  HeldSession& operator=(const HeldSession&) = delete;

  void run(const std::string& statements) const;

 private:
  void* connection_;
};

}  // namespace sluice::journal::postgres
