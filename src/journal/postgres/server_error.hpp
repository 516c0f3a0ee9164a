#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "journal/postgres/server_address.hpp"

namespace sluice::journal::postgres {

/// What a server or libpq said when something failed.
struct ServerMessage {
  std::string sqlstate;  ///< five characters, see PostgreSQL's appendix "Error Codes"; empty: libpq's own words
  std::string text;
};

/// The last SQLSTATE and message of a text that libpq wrote at verbosity VERBOSE: the one way to learn the code of a
/// connection that failed, whatever language the server speaks.
ServerMessage parse_verbose(std::string_view text);

/// An Error of four parts for it. `what` is what we were at: "append blocks".
base::Error server_error(const ServerAddress& address, std::string_view what, const ServerMessage& message);

/// The server did not answer, or is not there.
base::Error server_away(const ServerAddress& address, std::string_view what, std::string_view detail);

}  // namespace sluice::journal::postgres
