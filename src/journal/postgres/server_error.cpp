#include "journal/postgres/server_error.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace sluice::journal::postgres {

namespace {

/// What an SQLSTATE, or a class of them, means to us. {user} and {database} in a text are filled in.
struct Advice {
  std::string_view state;  ///< the beginning of the code
  base::Code code;
  const char* likely;
  const char* try_next;
};

constexpr Advice kAdvice[] = {
    {"08", base::Code::Unavailable, "the connection was lost", "look at the network and at the server's log"},
    {"22021", base::Code::InvalidArgument, "a name of a run or of a party that is not UTF-8",
     "give it a name in UTF-8"},
    {"22P05", base::Code::InvalidArgument, "a character that the database's encoding lacks",
     "keep the journal in a database with the encoding UTF8"},
    {"23", base::Code::InvalidArgument, "the same block was stored before, or its numbers are no block's",
     "load the backend's state again, and append from its head on"},
    {"25006", base::Code::PermissionDenied, "the server is a standby, or this role or database is set to read only",
     "name the primary, or add ?target_session_attrs=read-write to a list of hosts"},
    {"28", base::Code::Unauthenticated, "a wrong password or user, or no line of pg_hba.conf lets {user} in",
     "psql with the same URI; give the password in it (percent-encoded), in ~/.pgpass or in PGPASSWORD"},
    {"3D000", base::Code::NotFound, "the database's name is misspelt, or it was not made yet",
     "createdb {database}, as a role that may"},
    {"3F000", base::Code::Unavailable, "the schema sluice was dropped meanwhile", "start again: it is made anew"},
    {"42P01", base::Code::Unavailable, "the tables of the schema sluice were dropped meanwhile",
     "drop the rest of the schema, too, and start again: it is made anew"},
    {"42501", base::Code::PermissionDenied, "the role {user} lacks rights in the schema sluice",
     "to read: GRANT USAGE ON SCHEMA sluice TO {user}; GRANT SELECT ON ALL TABLES IN SCHEMA sluice TO {user};"},
    {"40", base::Code::Unavailable, "other clients changed the same rows at the same time", "try again"},
    {"53100", base::Code::ResourceExhausted, "the server's disk is full", "df -h on the server; make room there"},
    {"53300", base::Code::Unavailable, "all of the server's connections are in use",
     "raise max_connections, or let fewer controllers and readers connect"},
    {"53", base::Code::ResourceExhausted, "the server has no memory or other resource left",
     "look at the server's log"},
    {"54", base::Code::ResourceExhausted, "a block is larger than the server takes", "store smaller blocks"},
    {"55P03", base::Code::Unavailable, "another client holds the lock", "try again"},
    {"57014", base::Code::Unavailable, "somebody cancelled the statement on the server", "try again"},
    {"57", base::Code::Unavailable, "the server is shutting down, starting up, or recovers from a crash",
     "wait until it is up; look at its log"},
    {"58", base::Code::Unavailable, "the server's disk reported an error", "look at the server's log and its disk"},
    {"XX001", base::Code::Corrupt, "the server's files are damaged",
     "restore the database, or fill a new one from the log"},
    {"XX002", base::Code::Corrupt, "an index is damaged", "REINDEX SCHEMA sluice"},
};

std::string filled_in(std::string_view text, const ServerAddress& address) {
  std::string out(text);
  const auto replace = [&](std::string_view mark, const std::string& value) {
    for (std::size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at + value.size())) {
      out.replace(at, mark.size(), value);
    }
  };
  replace("{user}", address.user());
  replace("{database}", address.database());
  return out;
}

bool is_state(std::string_view text) {
  return text.size() == 5 &&
         std::ranges::all_of(text, [](unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '\n' && c != '\r' && c != '\t') {
      out += c;
    } else if (!out.empty() && !out.ends_with(' ')) {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace

ServerMessage parse_verbose(std::string_view text) {
  // "FATAL:  28P01: password authentication failed for user "x"\nLOCATION:  auth_failed, auth.c:326"
  ServerMessage found{.text = one_line(text)};
  for (std::size_t at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
    const std::string_view state = text.substr(at + 3, 5);
    if (!is_state(state) || text.substr(at + 8, 2) != ": ") continue;
    const std::string_view rest = text.substr(at + 10);
    found = {.sqlstate = std::string(state), .text = one_line(rest.substr(0, rest.find('\n')))};
  }
  return found;
}

base::Error server_error(const ServerAddress& address, std::string_view what, const ServerMessage& message) {
  if (message.sqlstate.empty()) return server_away(address, what, message.text);
  const auto* advice =
      std::ranges::find_if(kAdvice, [&](const Advice& a) { return message.sqlstate.starts_with(a.state); });
  base::Error error{.code = advice == std::end(kAdvice) ? base::Code::Internal : advice->code,
                    .what = fmt::format("cannot {}: PostgreSQL says: {}", what, one_line(message.text)),
                    .where = fmt::format("{}; SQLSTATE {}", address.where(), message.sqlstate)};
  error.what = address.without_secrets(std::move(error.what));
  if (advice != std::end(kAdvice)) {
    error.add_likely(filled_in(advice->likely, address)).add_try(filled_in(advice->try_next, address));
  } else {
    error.add_try("look at the server's log");
  }
  if (message.sqlstate == "42501") {
    error.add_try(
        filled_in("to write: GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA sluice TO {user};", address));
    error.add_try(
        filled_in("to make the schema the first time: GRANT CREATE ON DATABASE {database} TO {user};", address));
  }
  return error;
}

base::Error server_away(const ServerAddress& address, std::string_view what, std::string_view detail) {
  return {.code = base::Code::Unavailable,
          .what = address.without_secrets(fmt::format("cannot {}: {}", what, one_line(detail))),
          .where = address.where(),
          .likely = {"the server does not run, or was restarted", "host or port are not the server's",
                     "a firewall or a broken network in between"},
          .try_next = {"pg_isready with the same host and port", "listen_addresses in the server's postgresql.conf",
                       "results are safe in the log meanwhile: this database is filled from it later"}};
}

}  // namespace sluice::journal::postgres
