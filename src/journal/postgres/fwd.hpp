#pragma once

namespace sluice::journal {

class PostgresBackend;
struct PostgresOptions;

namespace postgres {
class Connection;
class ConnectionPool;
class Lease;
class Lookups;
class Params;
class Rows;
class ServerAddress;
class Transaction;
class Where;
struct Call;
struct ConnectionOptions;
struct HostList;
struct ServerMessage;
struct Statement;
}  // namespace postgres

}  // namespace sluice::journal
