#include "journal/postgres/server_address.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <libpq-fe.h>

namespace sluice::journal::postgres {

namespace {

using OptionList = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

/// Shorter ones cannot be told from other words of a message.
constexpr std::size_t kSecretBytesMin = 4;

base::Error no_address(std::string why) {
  return {.code = base::Code::InvalidArgument,
          .what = "the address of the PostgreSQL database cannot be read: " + std::move(why),
          .where = "the URI of the journal's backend (not repeated here: it may hold a password)",
          .likely = {"a character of the user's name or of the password that has a meaning in a URI"},
          .try_next = {"write it as postgres://user:password@host:5432/database",
                       "write '@' as %40, '/' as %2F, ':' as %3A, '?' as %3F, '%' as %25",
                       "leave the password out, and put it into ~/.pgpass or PGPASSWORD"}};
}

/// libpq takes what follows a stray '@' or '/' of a password for the host, and then names it in its messages.
bool is_ambiguous(std::string_view uri) {
  const std::string_view rest = uri.substr(uri.find("//") + 2);
  const std::size_t at = rest.find('@');
  if (at == std::string_view::npos) return false;
  return rest.find('@', at + 1) != std::string_view::npos || rest.find_first_of("/?") < at;
}

}  // namespace

base::Result<ServerAddress> ServerAddress::parse(std::string_view uri) {
  if (!uri.starts_with("postgres://") && !uri.starts_with("postgresql://")) {
    return base::fail(no_address("it does not begin with postgres://"));
  }
  if (uri.find('\0') != std::string_view::npos) return base::fail(no_address("it has a zero byte"));
  if (is_ambiguous(uri))
    return base::fail(no_address("an '@' or '/' stands where it ends the user's name or password"));
  char* problem = nullptr;
  const OptionList options(PQconninfoParse(std::string(uri).c_str(), &problem), &PQconninfoFree);
  if (problem != nullptr) PQfreemem(problem);  // it may quote the password
  if (!options) return base::fail(no_address("libpq does not take it"));

  ServerAddress address;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr || *option->val == '\0') continue;
    address.settings_.emplace_back(option->keyword, option->val);
    if (*option->dispchar == '*') address.secrets_.emplace_back(option->val);
    const std::string_view keyword = option->keyword;
    if (keyword == "host" || (keyword == "hostaddr" && address.host_.empty())) address.host_ = option->val;
    if (keyword == "port") address.port_ = option->val;
    if (keyword == "user") address.user_ = option->val;
    if (keyword == "dbname") address.database_ = option->val;
  }
  address.take_defaults();
  return address;
}

void ServerAddress::take_defaults() {
  const OptionList defaults(PQconndefaults(), &PQconninfoFree);
  for (const PQconninfoOption* option = defaults.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val == nullptr || *option->val == '\0') continue;
    const std::string_view keyword = option->keyword;
    if (*option->dispchar == '*') secrets_.emplace_back(option->val);
    const bool is_where = keyword == "host" || keyword == "hostaddr" || keyword == "port";
    if (is_where && !has_setting(keyword)) settings_.emplace_back(option->keyword, option->val);
    if (keyword == "host" && host_.empty()) host_ = option->val;
    if (keyword == "port" && port_.empty()) port_ = option->val;
    if (keyword == "user" && user_.empty()) user_ = option->val;
    if (keyword == "dbname" && database_.empty()) database_ = option->val;
  }
  if (host_.empty()) host_ = "the local socket";
  if (port_.empty()) port_ = "5432";
  if (database_.empty()) database_ = user_;
  // A secret that is part of another one must not spoil its removal.
  std::ranges::sort(secrets_, [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

std::string_view ServerAddress::setting(std::string_view keyword) const {
  const auto found =
      std::ranges::find(settings_, keyword, [](const auto& setting) { return std::string_view(setting.first); });
  return found == settings_.end() ? std::string_view() : std::string_view(found->second);
}

std::string ServerAddress::name() const { return fmt::format("postgres://{}:{}/{}", host_, port_, database_); }

std::string ServerAddress::where() const {
  return fmt::format("host {}, port {}, database {}, user {}", host_, port_, database_, user_);
}

std::string ServerAddress::without_secrets(std::string text) const {
  for (const std::string& secret : secrets_) {
    if (secret.size() < kSecretBytesMin) continue;
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
      text.replace(at, secret.size(), "***");
      at += 3;
    }
  }
  return text;
}

}  // namespace sluice::journal::postgres
