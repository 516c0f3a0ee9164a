#pragma once

namespace sluice::journal {

class SqliteBackend;
struct SqliteOptions;

}  // namespace sluice::journal
