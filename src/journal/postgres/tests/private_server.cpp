#include "journal/postgres/tests/private_server.hpp"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::journal::postgres {

namespace fs = std::filesystem;

namespace {

constexpr int kWaitMs = 5;
constexpr base::Nanos kWaitMax{30'000'000'000};

[[noreturn]] void give_up(const std::string& why) { throw std::runtime_error("PostgreSQL for tests: " + why); }

std::string find_binaries() {
  std::string newest;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    const std::string folder = (version.path() / "bin").string();
    if (fs::exists(folder + "/initdb") && fs::exists(folder + "/postgres") && folder > newest) newest = folder;
  }
  if (newest.empty()) {
    give_up("there is no server in /usr/lib/postgresql/*/bin; apt-get install --no-install-recommends postgresql-15");
  }
  return newest;
}

/// Of what PostgreSQL takes: it does not run as root.
std::string unprivileged_user() {
  if (::geteuid() != 0) return "";
  for (const char* name : {"postgres", "nobody"}) {
    if (::getpwnam(name) != nullptr) return name;
  }
  give_up("there is neither a user postgres nor nobody, and a server does not run as root");
}

/// Memory where there is room and nobody said TMPDIR: making, recovering and removing a cluster takes a thousand files,
/// seconds on a busy disk. What survives a crash of processes, and these tests crash nothing else, is the same there.
std::string roomy_folder() {
  constexpr std::uintmax_t kRoom = std::uintmax_t{512} << 20;
  std::error_code none;
  const fs::space_info memory = fs::space("/dev/shm", none);
  const bool has_room = std::getenv("TMPDIR") == nullptr && !none &&
                        memory.available != static_cast<std::uintmax_t>(-1) && memory.available >= kRoom;
  return has_room ? "/dev/shm" : fs::temp_directory_path().string();
}

constexpr std::string_view kFolderStart = "/sluice-postgres-", kOwner = "/owner";

/// Folders of processes that were killed: their file `owner` is locked by nobody.
void remove_abandoned(const std::string& place) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(place, ignored)) {
    if (!entry.path().string().starts_with(place + kFolderStart.data())) continue;
    const int owner = ::open((entry.path().string() + kOwner.data()).c_str(), O_RDWR | O_CLOEXEC);
    if (owner < 0) continue;
    if (::flock(owner, LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), ignored);
    ::close(owner);
  }
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_addr = {.s_addr = ::htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  const bool is_bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                        ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  if (!is_bound) give_up("no free port on 127.0.0.1");
  return ::ntohs(address.sin_port);
}

pid_t spawn(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  ::posix_spawn_file_actions_addchdir_np(&files, "/");
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, arguments[0], &files, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (failed != 0) give_up("cannot run " + command[0]);
  return pid;
}

}  // namespace

bool eventually(const std::function<bool()>& condition) {
  const base::Instant until = base::now() + kWaitMax;
  while (!condition()) {
    if (base::now() > until) return false;
    ::poll(nullptr, 0, kWaitMs);
  }
  return true;
}

PrivateServer& PrivateServer::shared() {
  static PrivateServer server;
  return server;
}

PrivateServer::PrivateServer() : binaries_(find_binaries()), user_(unprivileged_user()) {
  make_folder();
  make_cluster();
  port_ = free_port();
  start();
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(uri("postgres", password(), "postgres").c_str()),
                                                          &PQfinish);
  PQclear(PQexec(connection.get(), "CREATE DATABASE journal"));
}

PrivateServer::~PrivateServer() {
  if (pid_ > 0) stop(SIGQUIT);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
  ::close(owner_);
}

void PrivateServer::make_folder() {
  const std::string place = roomy_folder();
  remove_abandoned(place);
  std::string pattern = place + kFolderStart.data() + "XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) give_up("cannot make " + pattern);
  folder_ = pattern;
  // Locked before it has its name: nobody ever finds an owner that is not there yet.
  owner_ = ::open((folder_ + "/new").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (owner_ < 0 || ::flock(owner_, LOCK_EX) != 0) give_up("cannot lock " + folder_);
  fs::rename(folder_ + "/new", folder_ + kOwner.data());
}

void PrivateServer::make_cluster() {
  std::ofstream(folder_ + "/password") << password() << '\n';
  if (!user_.empty()) {
    const passwd* user = ::getpwnam(user_.c_str());
    for (const std::string& path : {folder_, folder_ + "/password"}) {
      if (::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) give_up("cannot give " + path + " to " + user_);
    }
  }
  const pid_t pid = spawn(as_user({binaries_ + "/initdb", "--pgdata=" + folder_ + "/data", "--username=postgres",
                                   "--pwfile=" + folder_ + "/password", "--auth=scram-sha-256", "--encoding=UTF8",
                                   "--locale=C", "--no-sync", "--no-instructions"}),
                          folder_ + "/log");
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) give_up("initdb failed: " + log_text());
}

std::vector<std::string> PrivateServer::as_user(std::vector<std::string> command) const {
  std::vector<std::string> words{"setpriv", "--pdeathsig", "INT"};
  if (!user_.empty()) {
    for (const std::string& word : {"--reuid=" + user_, "--regid=" + user_, std::string("--init-groups")}) {
      words.push_back(word);
    }
  }
  std::ranges::move(command, std::back_inserter(words));
  return words;
}

void PrivateServer::start() {
  pid_ = spawn(as_user({binaries_ + "/postgres", "-D", folder_ + "/data", "-p", std::to_string(port_), "-c",
                        "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + folder_, "-c", "fsync=on",
                        "-c", "max_connections=40", "-c", "shared_buffers=16MB"}),
               folder_ + "/log");
  const bool is_up = eventually([&] {
    return ::waitpid(pid_, nullptr, WNOHANG) != 0 || PQping(uri("postgres", "", "postgres").c_str()) == PQPING_OK;
  });
  if (!is_up || ::kill(pid_, 0) != 0) give_up("the server did not start: " + log_text());
}

void PrivateServer::stop(int signal) {
  ::kill(pid_, signal);
  const auto is_over = [&] { return ::waitpid(pid_, nullptr, WNOHANG) != 0; };
  if (!eventually(is_over)) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_ = -1;
}

std::vector<pid_t> PrivateServer::processes() const {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", pid_));
  std::vector<pid_t> all{pid_};
  std::copy(std::istream_iterator<pid_t>(children), {}, std::back_inserter(all));
  return all;
}

void PrivateServer::freeze() const {
  for (const pid_t pid : processes()) ::kill(pid, SIGSTOP);
}

void PrivateServer::thaw() const {
  for (const pid_t pid : processes()) ::kill(pid, SIGCONT);
}

std::string PrivateServer::uri(std::string_view user, std::string_view password, std::string_view database) const {
  return fmt::format("postgres://{}{}{}@127.0.0.1:{}/{}", user, password.empty() ? "" : ":", password, port_, database);
}

std::string PrivateServer::execute(const std::string& statements) const {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(uri().c_str()), &PQfinish);
  PQsetNoticeProcessor(connection.get(), [](void*, const char*) {}, nullptr);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), statements.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) give_up(PQerrorMessage(connection.get()));
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

void PrivateServer::clear() const { execute("DROP SCHEMA IF EXISTS sluice CASCADE"); }

std::string PrivateServer::log_text() const {
  std::ostringstream text;
  text << std::ifstream(folder_ + "/log").rdbuf();
  return text.str();
}

HeldSession::HeldSession(const PrivateServer& server, const std::string& statements)
    : connection_(PQconnectdb(server.uri().c_str())) {
  run(statements);
}

void HeldSession::run(const std::string& statements) const {
  PGresult* result = PQexec(static_cast<PGconn*>(connection_), statements.c_str());
  const bool is_done = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
  PQclear(result);
  if (!is_done) give_up(PQerrorMessage(static_cast<PGconn*>(connection_)));
}

HeldSession::~HeldSession() { PQfinish(static_cast<PGconn*>(connection_)); }

}  // namespace sluice::journal::postgres
