#pragma once

#include <string>

namespace sluice::journal {

/// Does the file, or where it is to be, lie on a file system whose servers or other hosts take part in it? SQLite's WAL
/// needs memory that all readers share, which these do not have.
bool is_on_network(const std::string& path);

}  // namespace sluice::journal
