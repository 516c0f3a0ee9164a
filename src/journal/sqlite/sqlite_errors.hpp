#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"

struct sqlite3;

namespace sluice::journal {

/// What SQLite's extended result code means to somebody who reads results. `what` is a short noun: "appending blocks";
/// `handle` may be null.
base::Error sqlite_error(int code, sqlite3* handle, std::string_view what, const std::string& path);

}  // namespace sluice::journal
