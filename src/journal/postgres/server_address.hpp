#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace sluice::journal::postgres {

/// Where a database is and who we are there, from a URI. The password stays in settings(), and nowhere else.
class ServerAddress {
 public:
  /// `postgres://user:password@host:port/database?option=value`, as libpq takes it; what is not said comes from the
  /// environment (PGHOST, PGPASSWORD, ~/.pgpass ...). Errors: InvalidArgument, which repeats nothing of the URI.
  static base::Result<ServerAddress> parse(std::string_view uri);

  /// What libpq is given, by keyword; host and port of the environment are among it.
  const std::vector<std::pair<std::string, std::string>>& settings() const { return settings_; }
  bool has_setting(std::string_view keyword) const { return !setting(keyword).empty(); }
  /// Empty where it was not given.
  std::string_view setting(std::string_view keyword) const;

  const std::string& user() const { return user_; }
  const std::string& database() const { return database_; }
  /// "postgres://host:5432/results": without user, password and options.
  std::string name() const;
  /// "host db.example, port 5432, database results, user anna".
  std::string where() const;
  /// The text with every password taken out, those of the environment too.
  std::string without_secrets(std::string text) const;

 private:
  void take_defaults();

  std::vector<std::pair<std::string, std::string>> settings_;
  std::vector<std::string> secrets_;
  std::string host_, port_, user_, database_;
};

}  // namespace sluice::journal::postgres
