#include "journal/sqlite/parties.hpp"

#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "journal/sqlite/connection.hpp"

namespace sluice::journal {

std::size_t PartyNames::Hash::operator()(const PartyKey& key) const {
  const std::uint64_t run = base::hash64(std::as_bytes(std::span(key.run)), key.attempt);
  return base::hash64(std::as_bytes(std::span(key.party)), run);
}

base::Result<const PartyKey*> PartyNames::name(Connection& connection, std::int64_t number) {
  auto found = names_.find(number);
  if (found == names_.end()) {
    SLUICE_CHECK(read_new(connection));
    found = names_.find(number);
  }
  if (found != names_.end()) return &found->second;
  return base::fail(base::Error{.code = base::Code::Corrupt,
                                .what = fmt::format("party {} of the database has no name", number),
                                .where = connection.path(),
                                .likely = {"the database is damaged, or was edited"},
                                .try_next = {"make it again from the log: sluice results rebuild"}});
}

base::Result<std::optional<std::int64_t>> PartyNames::number(Connection& connection, const PartyKey& key) {
  if (!numbers_.contains(key)) SLUICE_CHECK(read_new(connection));
  const auto found = numbers_.find(key);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

base::Result<std::int64_t> PartyNames::number_or_new(Connection& connection, const PartyKey& key) {
  SLUICE_TRY(const auto known, number(connection, key));
  if (known) return *known;
  SLUICE_TRY(const std::int64_t run, run_or_new(connection, key.run));
  SLUICE_TRY(Statement insert, connection.prepare("INSERT INTO party_ids (run, name, attempt) VALUES (?, ?, ?) "
                                                  "RETURNING id"));
  insert.bind(run).bind_text(key.party).bind(key.attempt);
  SLUICE_CHECK(insert.step());
  const std::int64_t number = insert.integer(0);
  SLUICE_CHECK(insert.run());
  keep(number, key);
  return number;
}

base::Result<std::int64_t> PartyNames::run_or_new(Connection& connection, const std::string& run) {
  SLUICE_TRY(Statement insert, connection.prepare("INSERT OR IGNORE INTO run_ids (name) VALUES (?)"));
  SLUICE_CHECK(insert.bind_text(run).run());
  SLUICE_TRY(Statement select, connection.prepare("SELECT id FROM run_ids WHERE name = ?"));
  SLUICE_CHECK(select.bind_text(run).step());
  return select.integer(0);
}

base::Result<const std::map<std::int64_t, PartyKey>*> PartyNames::all(Connection& connection) {
  SLUICE_CHECK(read_new(connection));
  return &names_;
}

void PartyNames::forget() {
  names_.clear();
  numbers_.clear();
}

base::Result<void> PartyNames::read_new(Connection& connection) {
  SLUICE_TRY(
      Statement select,
      connection.prepare("SELECT p.id, r.name, p.name, p.attempt FROM party_ids p JOIN run_ids r ON r.id = p.run "
                         "WHERE p.id > ? ORDER BY p.id"));
  select.bind(names_.empty() ? 0 : names_.rbegin()->first);
  while (true) {
    SLUICE_TRY(const bool has_row, select.step());
    if (!has_row) return {};
    keep(select.integer(0),
         {std::string(select.text(1)), std::string(select.text(2)), static_cast<std::uint32_t>(select.integer(3))});
  }
}

void PartyNames::keep(std::int64_t number, PartyKey key) {
  numbers_.emplace(key, number);
  names_.emplace(number, std::move(key));
}

}  // namespace sluice::journal
