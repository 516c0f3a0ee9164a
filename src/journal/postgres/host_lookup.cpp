#include "journal/postgres/host_lookup.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include "journal/postgres/server_error.hpp"

namespace sluice::journal::postgres {

namespace {

constexpr addrinfo kWanted{.ai_flags = AI_ADDRCONFIG, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
constexpr addrinfo kNumbersOnly{.ai_flags = AI_NUMERICHOST, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

/// One question to the resolver, and its answer.
struct Question {
  Question(std::string the_name, LookupsPtr counted) : name(std::move(the_name)), lookups(std::move(counted)) {}
  ~Question() {
    if (found != nullptr) ::freeaddrinfo(found);
  }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  const std::string name;
  const LookupsPtr lookups;
  std::mutex mutex;
  std::condition_variable changed;
  bool is_answered = false;
  bool is_left = false;  ///< nobody waits for it any more
  int failed = 0;
  addrinfo* found = nullptr;
};

/// As long as the resolver takes.
void ask(Question& question) {
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(question.name.c_str(), nullptr, &kWanted, &found);
  {
    const std::lock_guard lock(question.mutex);
    question.failed = failed;
    question.found = found;
    question.is_answered = true;
    if (question.is_left) question.lookups->come_back();
  }
  question.changed.notify_all();
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t comma = 0; comma != std::string_view::npos; list.remove_prefix(comma + 1)) {
    comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) break;
  }
  return parts;
}

bool is_name(const std::string& host) {
  if (host.empty() || host.starts_with('/') || host.starts_with('@')) return false;
  addrinfo* found = nullptr;
  const bool is_number = ::getaddrinfo(host.c_str(), nullptr, &kNumbersOnly, &found) == 0;
  if (found != nullptr) ::freeaddrinfo(found);
  return !is_number;
}

base::Result<void> wait_for(Question& question, const Call& call) {
  const async::OnCancel on_cancel(call.bounds.cancel, [&] {
    {
      const std::lock_guard lock(question.mutex);
    }
    question.changed.notify_all();
  });
  std::unique_lock lock(question.mutex);
  question.changed.wait_until(lock, base::to_chrono(call.bounds.deadline.when()),
                              [&] { return question.is_answered || call.bounds.cancel.is_cancelled(); });
  if (question.is_answered) return {};
  question.is_left = true;
  question.lookups->leave();
  return call.bounds.check(call.what);
}

/// The numeric addresses of a name.
base::Result<std::vector<std::string>> addresses_of(const std::string& name, const ServerAddress& address,
                                                    const LookupsPtr& lookups, const Call& call) {
  if (lookups->left().now >= Lookups::kLeftMax) {
    return base::fail(
        {.code = base::Code::ResourceExhausted,
         .what = fmt::format("cannot {}: {} questions for the address of a host have got no answer, and "
                             "no further one is asked",
                             call.what, Lookups::kLeftMax),
         .where = address.where(),
         .likely = {"the name service hangs"},
         .try_next = {fmt::format("getent hosts {}", name), "give the host's address in place of its name"}});
  }
  // shared because the thread may get its answer when nobody waits any more
  const auto question = std::make_shared<Question>(name, lookups);
  // Not getaddrinfo_a(): the thread sanitizer does not survive the threads that glibc makes for itself.
  // tidy-allow: detach because nothing ends getaddrinfo(); the thread owns all that it touches
  std::thread([question] { ask(*question); }).detach();
  SLUICE_CHECK(wait_for(*question, call));
  std::vector<std::string> found;
  for (const addrinfo* one = question->found; one != nullptr; one = one->ai_next) {
    char text[NI_MAXHOST];
    const int shown = ::getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    if (shown == 0) found.emplace_back(text);
  }
  if (!found.empty()) return found;
  const char* why = question->failed == 0 ? "it has no address" : ::gai_strerror(question->failed);
  base::Error error = server_away(address, call.what, fmt::format("the host {} cannot be found: {}", name, why));
  error.likely.insert(error.likely.begin(), "the host's name is misspelt, or the name service does not know it");
  return base::fail(std::move(error));
}

}  // namespace

base::Result<std::optional<HostList>> look_up(const ServerAddress& address, const LookupsPtr& lookups,
                                              const Call& call) {
  if (address.has_setting("hostaddr") || !address.has_setting("host")) return std::nullopt;
  const std::vector<std::string> hosts = split(address.setting("host"));
  const std::vector<std::string> ports = split(address.setting("port"));
  bool has_name = false;
  HostList list;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    std::vector<std::string> addresses{""};
    if (is_name(hosts[i])) {
      has_name = true;
      SLUICE_TRY(addresses, addresses_of(hosts[i], address, lookups, call));
    }
    for (const std::string& one : addresses) {
      const std::string_view comma = list.hosts.empty() ? "" : ",";
      list.hosts += fmt::format("{}{}", comma, hosts[i]);
      list.addresses += fmt::format("{}{}", comma, one);
      list.ports += fmt::format("{}{}", comma, ports.size() == 1 ? ports[0] : i < ports.size() ? ports[i] : "");
    }
  }
  if (!has_name) return std::nullopt;
  return list;
}

}  // namespace sluice::journal::postgres
