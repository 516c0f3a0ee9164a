#include "soak_store.hpp"

#include <csignal>
#include <stdexcept>

#include <fmt/format.h>
#include <sqlite3.h>

#include "journal/postgres/tests/private_server.hpp"
#include "journal/postgres/tests/team.hpp"
#include "journal/sqlite/sqlite_backend.hpp"

namespace sluice::journal {

namespace {

using namespace std::chrono_literals;

class SqliteSoakStore final : public SoakStore {
 public:
  explicit SqliteSoakStore(std::string path) : path_(std::move(path)) {}
  ~SqliteSoakStore() override { let_go(); }
  SqliteSoakStore(const SqliteSoakStore&) = delete;
  SqliteSoakStore& operator=(const SqliteSoakStore&) = delete;

  std::string name() const override { return "sqlite"; }
  base::Result<std::unique_ptr<Backend>> open() override { return SqliteBackend::open(path_, SqliteMode::ReadWrite); }
  void hold() override {
    if (sqlite3_open(path_.c_str(), &other_) != SQLITE_OK) return let_go();
    sqlite3_busy_timeout(other_, 1000);
    // Where it comes too late, nothing is held up this time.
    sqlite3_exec(other_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr);
  }
  void let_go() override {
    sqlite3_close(other_);
    other_ = nullptr;
  }
  bool has_server() const override { return false; }
  void take_down() override {}
  void bring_up() override {}

 private:
  const std::string path_;
  sqlite3* other_ = nullptr;
};

class PostgresSoakStore final : public SoakStore {
 public:
  PostgresSoakStore() { server_.clear(); }

  std::string name() const override { return "postgres"; }
  base::Result<std::unique_ptr<Backend>> open() override {
    SLUICE_TRY(auto backend, PostgresBackend::open(server_.uri(), {}, postgres::within(5s)));
    return backend;
  }
  void hold() override { server_.freeze(); }
  void let_go() override { server_.thaw(); }
  bool has_server() const override { return true; }
  void take_down() override {
    server_.stop(is_crash_ ? SIGQUIT : SIGINT);
    is_crash_ = !is_crash_;
  }
  void bring_up() override { server_.start(); }

 private:
  postgres::PrivateServer& server_ = postgres::PrivateServer::shared();
  bool is_crash_ = false;
};

}  // namespace

std::unique_ptr<SoakStore> make_sqlite_store(const std::string& path) {
  return std::make_unique<SqliteSoakStore>(path);
}
std::unique_ptr<SoakStore> make_postgres_store() { return std::make_unique<PostgresSoakStore>(); }

}  // namespace sluice::journal
