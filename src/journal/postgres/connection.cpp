#include "journal/postgres/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "journal/postgres/host_lookup.hpp"
#include "journal/postgres/server_error.hpp"

namespace sluice::journal::postgres {

namespace {

/// A server that went without a word is noticed after 10 + 3 * 5 seconds, where nothing waits for it with a deadline.
constexpr std::pair<const char*, const char*> kDefaults[] = {
    {"keepalives", "1"},       {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
    {"keepalives_count", "3"}, {"tcp_user_timeout", "25000"},
};

/// How soon a server of version 14 or later notices that we have gone while it works for us.
constexpr int kGoneCheckMs = 250;
/// A controller that was stopped in the middle of a change may not keep the team's lock for longer.
constexpr int kIdleInTransactionMs = 30'000;

/// libpq would write them to stderr.
void drop_notice(void* /*unused*/, const char* /*message*/) {}

constexpr base::Nanos kTimeoutSlack{10'000'000};

timespec to_timespec(base::Nanos span) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {.tv_sec = span.count() / kSecond, .tv_nsec = span.count() % kSecond};
}

}  // namespace

/// While it lives, a cancellation wakes the connection's poll.
class Connection::CancelWatch {
 public:
  CancelWatch(const Connection& connection, const Call& call) {
    if (!call.bounds.cancel.can_cancel()) return;
    std::uint64_t count = 0;
    (void)!::read(connection.wake_, &count, sizeof count);  // one of a call before
    on_cancel_.emplace(call.bounds.cancel, [fd = connection.wake_] {
      const std::uint64_t one = 1;
      (void)!::write(fd, &one, sizeof one);
    });
  }

 private:
  std::optional<async::OnCancel> on_cancel_;
};

base::Result<std::unique_ptr<Connection>> Connection::connect(const ServerAddress& address,
                                                              const ConnectionOptions& options, const Call& call) {
  SLUICE_CHECK(call.bounds.check(call.what));
  std::unique_ptr<Connection> connection(new Connection(address));
  connection->wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (connection->wake_ < 0) return base::fail(base::from_errno(errno, "cannot make an eventfd"));
  const auto connected_by = async::earlier(call.bounds.deadline, async::Deadline::in(options.connect_timeout));
  const CallBounds bounds{.deadline = connected_by, .cancel = call.bounds.cancel};
  if (auto opened = connection->open(options, {.bounds = bounds, .what = call.what}); !opened) {
    const bool is_slow = opened.error().code == base::Code::DeadlineExceeded && !call.bounds.deadline.has_passed();
    if (!is_slow) return base::fail(std::move(opened).error());
    return base::fail(server_away(address, call.what, "there is no connection within the connect timeout")
                          .add_likely("the server is stopped or overloaded: its socket is open, and nobody answers"));
  }
  return connection;
}

base::Result<void> Connection::open(const ConnectionOptions& options, const Call& call) {
  SLUICE_CHECK(start(options, call));
  SLUICE_CHECK(finish_connecting(call));
  return set_session(call);
}

Connection::~Connection() {
  if (connection_ != nullptr) PQfinish(connection_);
  if (wake_ >= 0) ::close(wake_);
}

base::Result<void> Connection::start(const ConnectionOptions& options, const Call& call) {
  SLUICE_TRY(const std::optional<HostList> hosts, look_up(address_, options.lookups, call));
  // Of two values for one keyword libpq takes the last one.
  std::vector<const char*> keywords, values;
  const auto add = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  for (const auto& [keyword, value] : kDefaults) add(keyword, value);
  add("application_name", options.application_name.c_str());
  for (const auto& [keyword, value] : address_.settings()) add(keyword.c_str(), value.c_str());
  add("client_encoding", "UTF8");
  if (hosts) {
    add("host", hosts->hosts.c_str());
    add("hostaddr", hosts->addresses.c_str());
    add("port", hosts->ports.c_str());
  }
  add(nullptr, nullptr);
  connection_ = PQconnectStartParams(keywords.data(), values.data(), 0);
  if (connection_ == nullptr) {
    return base::fail(base::Code::ResourceExhausted, "no memory for a connection to PostgreSQL", address_.where());
  }
  // With the code in it: there is no other way to tell a wrong password from a missing database.
  PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
  PQsetNoticeProcessor(connection_, &drop_notice, nullptr);
  if (PQstatus(connection_) == CONNECTION_BAD) return base::fail(failed_to_connect(call));
  return {};
}

base::Result<void> Connection::finish_connecting(const Call& call) {
  const CancelWatch watch(*this, call);
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) return base::fail(failed_to_connect(call));
    SLUICE_CHECK(wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, call));
    next = PQconnectPoll(connection_);
  }
  PQsetErrorVerbosity(connection_, PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection_, 1) != 0) return base::fail(lost(call));
  return {};
}

base::Result<void> Connection::set_session(const Call& call) {
  std::string settings = fmt::format(
      "SET client_min_messages = warning; SET jit = off; SET standard_conforming_strings = on; "
      "SET idle_in_transaction_session_timeout = {}",
      kIdleInTransactionMs);
  if (PQserverVersion(connection_) >= 140000) {
    settings += fmt::format("; SET client_connection_check_interval = {}", kGoneCheckMs);
  }
  SLUICE_CHECK(run(settings, call));
  return {};
}

base::Error Connection::failed_to_connect(const Call& call) const {
  ServerMessage message = parse_verbose(PQerrorMessage(connection_));
  if (PQconnectionNeedsPassword(connection_) != 0) {
    message = {.sqlstate = "28000", .text = "it wants a password, and none was given"};
  }
  return server_error(address_, call.what, message);
}

base::Result<Rows> Connection::run(const std::string& statements, const Call& call) {
  const CancelWatch watch(*this, call);
  SLUICE_CHECK(send(PQsendQuery(connection_, statements.c_str()) == 1, call));
  return collect(call);
}

namespace {

/// What libpq takes of Params: pointers into them.
struct BoundValues {
  std::vector<const char*> values;
  std::vector<int> lengths, formats;

  explicit BoundValues(const Params& params) : formats(params.values().size(), 1) {
    for (const std::string& value : params.values()) {
      values.push_back(value.data());
      lengths.push_back(static_cast<int>(value.size()));
    }
  }
};

}  // namespace

base::Result<Rows> Connection::query(const std::string& text, const Params& params, const Call& call) {
  const CancelWatch watch(*this, call);
  const BoundValues bound(params);
  const int sent = PQsendQueryParams(connection_, text.c_str(), params.count(), params.types().data(),
                                     bound.values.data(), bound.lengths.data(), bound.formats.data(), 1);
  SLUICE_CHECK(send(sent == 1, call));
  return collect(call);
}

base::Result<Rows> Connection::query(const Statement& statement, const Params& params, const Call& call) {
  const CancelWatch watch(*this, call);
  SLUICE_CHECK(prepare(statement, params, call));
  const BoundValues bound(params);
  const int sent = PQsendQueryPrepared(connection_, statement.name, params.count(), bound.values.data(),
                                       bound.lengths.data(), bound.formats.data(), 1);
  SLUICE_CHECK(send(sent == 1, call));
  return collect(call);
}

base::Result<void> Connection::prepare(const Statement& statement, const Params& params, const Call& call) {
  if (prepared_.contains(statement.name)) return {};
  const int sent = PQsendPrepare(connection_, statement.name, statement.text, params.count(), params.types().data());
  SLUICE_CHECK(send(sent == 1, call));
  SLUICE_CHECK(collect(call));
  prepared_.emplace(statement.name);
  return {};
}

base::Result<void> Connection::begin_copy(const std::string& statement, const Call& call) {
  SLUICE_CHECK(run(statement, call));
  return {};
}

base::Result<void> Connection::put_copy(std::string_view piece, const Call& call) {
  const CancelWatch watch(*this, call);
  constexpr std::size_t kPieceBytes = std::size_t{256} << 10;  // what libpq keeps at most while the socket is full
  while (!piece.empty()) {
    const std::string_view part = piece.substr(0, kPieceBytes);
    const int put = PQputCopyData(connection_, part.data(), static_cast<int>(part.size()));
    if (put < 0) return base::fail(lost(call));
    if (put == 1) piece.remove_prefix(part.size());
    SLUICE_CHECK(flush(call));
  }
  return {};
}

base::Result<void> Connection::end_copy(const Call& call) {
  const CancelWatch watch(*this, call);
  int ended = 0;
  while ((ended = PQputCopyEnd(connection_, nullptr)) == 0) SLUICE_CHECK(flush(call));
  SLUICE_CHECK(send(ended == 1, call));
  SLUICE_CHECK(collect(call));
  return {};
}

base::Result<void> Connection::send(bool was_queued, const Call& call) {
  if (!was_queued) return base::fail(lost(call));
  return flush(call);
}

base::Result<void> Connection::flush(const Call& call) {
  for (;;) {
    const int left = PQflush(connection_);
    if (left == 0) return {};
    if (left < 0) {
      // What the server said before it went is read by collect().
      if (PQconsumeInput(connection_) == 1) return {};
      return base::fail(lost(call));
    }
    // A server that sends much must be read from, or it does not read from us.
    SLUICE_CHECK(wait(POLLIN | POLLOUT, call));
    if (PQconsumeInput(connection_) == 0) return base::fail(lost(call));
  }
}

base::Result<Rows> Connection::collect(const Call& call) {
  Rows rows;
  std::optional<base::Error> error;
  for (;;) {
    while (PQisBusy(connection_) != 0) {
      if (auto waited = wait(POLLIN, call); !waited) return base::fail(std::move(waited).error());
      if (PQconsumeInput(connection_) == 0) return base::fail(error ? std::move(*error) : lost(call));
    }
    PGresult* result = PQgetResult(connection_);
    if (result == nullptr) break;
    Rows holder(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COPY_IN) return holder;  // no more of it comes before end_copy()
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
      if (!error) error = error_of(result, call);
    } else if (status == PGRES_TUPLES_OK) {
      rows = std::move(holder);
    }
  }
  if (PQstatus(connection_) == CONNECTION_BAD) is_broken_ = true;
  if (error) return base::fail(std::move(*error));
  return rows;
}

base::Result<void> Connection::wait(short events, const Call& call) {
  for (;;) {
    if (auto ok = check(call); !ok) {
      is_broken_ = true;
      return ok;
    }
    pollfd waits[] = {{.fd = PQsocket(connection_), .events = events, .revents = 0},
                      {.fd = wake_, .events = POLLIN, .revents = 0}};
    const bool is_endless = call.bounds.deadline.is_never();
    const timespec left = to_timespec(is_endless ? base::Nanos{0} : call.bounds.deadline.left());
    if (::ppoll(waits, std::size(waits), is_endless ? nullptr : &left, nullptr) < 0 && errno != EINTR) {
      is_broken_ = true;
      return base::fail(base::from_errno(errno, "cannot wait for PostgreSQL", address_.where()));
    }
    if (waits[0].revents != 0) return {};
  }
}

base::Result<void> Connection::check(const Call& call) const {
  auto ok = call.bounds.check(call.what);
  if (!ok) ok.error().where = address_.where();
  return ok;
}

base::Error Connection::lost(const Call& call) {
  is_broken_ = true;
  return server_error(address_, call.what, parse_verbose(PQerrorMessage(connection_)));
}

base::Error Connection::error_of(const pg_result* result, const Call& call) const {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text == nullptr ? "" : text);
  };
  ServerMessage message{.sqlstate = field(PG_DIAG_SQLSTATE), .text = field(PG_DIAG_MESSAGE_PRIMARY)};
  if (message.text.empty()) message.text = PQresultErrorMessage(result);
  if (message.sqlstate == "57014") {
    if (auto ok = check(call); !ok) return std::move(ok).error();
    // Its statement_timeout has whole milliseconds, and ends a statement up to one of them before the deadline.
    if (call.bounds.deadline.left() < kTimeoutSlack) {
      return {.code = base::Code::DeadlineExceeded,
              .what = std::string(call.what) + " did not end before its deadline",
              .where = address_.where()};
    }
  }
  if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) message.text += ": " + detail;
  return server_error(address_, call.what, message);
}

bool Connection::is_usable() const { return !is_broken_ && PQstatus(connection_) == CONNECTION_OK; }

bool Connection::is_alive() {
  if (!is_usable()) return false;
  pollfd idle{.fd = PQsocket(connection_), .events = POLLIN, .revents = 0};
  if (::poll(&idle, 1, 0) <= 0) return true;
  // A notice may be there, or the end.
  is_broken_ = PQconsumeInput(connection_) == 0 || PQisBusy(connection_) != 0;
  if (!is_broken_ && ::poll(&idle, 1, 0) > 0) is_broken_ = true;
  return is_usable();
}

bool Connection::is_in_transaction() const { return PQtransactionStatus(connection_) != PQTRANS_IDLE; }

int Connection::server_pid() const { return PQbackendPID(connection_); }

}  // namespace sluice::journal::postgres
