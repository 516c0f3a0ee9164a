#include "app/signals.hpp"

#include <csignal>
#include <ctime>

#include <pthread.h>
#include <unistd.h>

#include "protocol/exit_code.hpp"

namespace sluice::app {

namespace {

/// How often the signals' thread looks at leave_by().
constexpr timespec kLook{.tv_sec = 0, .tv_nsec = 50'000'000};

sigset_t ours() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  struct sigaction hang_up{};
  // Who ignores it at the start (nohup) wants the run to go on; a blocked one would be kept for us all the same.
  if (sigaction(SIGHUP, nullptr, &hang_up) != 0 || hang_up.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void Signals::block() {
  const sigset_t set = ours();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of the write, not the end of the process
}

void Signals::listen(std::function<void(int, std::uint32_t)> on_signal) {
  std::lock_guard lock(mutex_);
  on_signal_ = std::move(on_signal);
  if (on_signal_ && told_ < count_) on_signal_(first_.load(), told_ = count_);
}

Signals::Signals() : leave_by_ns_(base::Instant::never().ns) {
  block();
  thread_ = std::thread([this] { run(); });
}

Signals::~Signals() {
  ending_.store(true);
  thread_.join();
}

void Signals::run() {
  pthread_setname_np(pthread_self(), "signals");
  const sigset_t set = ours();
  while (!ending_.load()) {
    const int signal = sigtimedwait(&set, nullptr, &kLook);
    if (signal > 0) take(signal);
    if (first_.load() != 0 && base::now().ns > leave_by_ns_.load()) {
      _exit(protocol::verdict({.signal = first_.load()}).exit_code);
    }
  }
}

/// A terminal that goes sends SIGHUP twice, the kernel and the shell one each. That is no user in a hurry.
void Signals::take(int signal) {
  int none = 0;
  const bool is_first = first_.compare_exchange_strong(none, signal);
  if (signal == SIGHUP && !is_first) return;
  std::lock_guard lock(mutex_);
  ++count_;
  if (on_signal_) on_signal_(signal, told_ = count_);
}

}  // namespace sluice::app
