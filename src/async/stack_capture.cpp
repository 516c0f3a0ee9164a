#include "async/stack_capture.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <fmt/format.h>
#include <link.h>
#include <semaphore.h>
#include <ucontext.h>

#include "async/loop_thread.hpp"

namespace sluice::async {

namespace {

constexpr int kFramesMax = 64;
/// How long a handler that has begun to answer may take to end.
constexpr base::Nanos kAnswerMax{100'000'000};

enum class Phase : std::uint8_t { Idle, Asked, Claimed, Answered };

constexpr std::uint64_t state_of(std::uint32_t ticket, Phase phase) {
  return std::uint64_t{ticket} << 8 | static_cast<std::uint64_t>(phase);
}
constexpr Phase phase_of(std::uint64_t state) { return static_cast<Phase>(state & 0xff); }

/// Where the answer goes. A signal can come late, when whoever asked is gone: so this is never gone, and the ticket in
/// the signal tells whether the answer is still wanted.
struct Desk {
  Desk() { sem_init(&answered, 0, 0); }

  std::mutex mutex;  ///< of those who ask
  std::atomic<std::uint64_t> state{state_of(0, Phase::Idle)};
  sem_t answered{};
  bool is_ours = false;  ///< the signal

  // Written by the handler between Claimed and Answered.
  void* frames[kFramesMax]{};
  int count = 0;
  void* interrupted = nullptr;
  base::Instant turn, at;
};

/// One a process: a signal's handler belongs to the process, and gets nothing handed down.
Desk& desk() {
  static Desk the_desk;
  return the_desk;
}

int signal_number() { return SIGRTMIN + 3; }

void* interrupted_at([[maybe_unused]] const void* context) {
#ifdef __x86_64__
  // The kernel gives the register as an integer.
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<void*>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
#else
  return nullptr;
#endif
}

void answer(int, siginfo_t* info, void* context) {
  const int saved = errno;
  Desk& to = desk();
  const auto ticket = static_cast<std::uint32_t>(info->si_value.sival_int);
  std::uint64_t asked = state_of(ticket, Phase::Asked);
  if (info->si_code == SI_QUEUE &&
      to.state.compare_exchange_strong(asked, state_of(ticket, Phase::Claimed), std::memory_order_acquire)) {
    to.count = backtrace(to.frames, kFramesMax);
    to.interrupted = interrupted_at(context);
    const LoopThread* loop = LoopThread::current();
    to.turn = loop == nullptr ? base::Instant{} : loop->turn_began();
    to.at = base::now();
    to.state.store(state_of(ticket, Phase::Answered), std::memory_order_release);
    sem_post(&to.answered);
  }
  errno = saved;
}

bool install() {
  struct sigaction present{};
  if (sigaction(signal_number(), nullptr, &present) != 0 || present.sa_handler != SIG_DFL) return false;
  struct sigaction ours{};
  ours.sa_sigaction = answer;
  ours.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&ours.sa_mask);
  return sigaction(signal_number(), &ours, nullptr) == 0;
}

bool await(Desk& at, std::uint64_t state, base::Instant until) {
  const timespec limit{.tv_sec = until.ns / 1'000'000'000, .tv_nsec = until.ns % 1'000'000'000};
  while (at.state.load(std::memory_order_acquire) != state) {
    if (sem_clockwait(&at.answered, CLOCK_MONOTONIC, &limit) != 0 && errno == ETIMEDOUT) {
      return at.state.load(std::memory_order_acquire) == state;
    }
  }
  return true;
}

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 && text != nullptr ? text.get() : name;
}

/// `at` lies in the instruction that is meant.
std::string name_of(const void* at) {
  Dl_info info{};
  void* extra = nullptr;
  if (dladdr1(at, &info, &extra, RTLD_DL_SYMENT) == 0 || info.dli_fname == nullptr) return fmt::format("{}", at);
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  const auto* symbol = static_cast<const ElfW(Sym)*>(extra);
  if (info.dli_sname != nullptr && symbol != nullptr) {
    const std::uintptr_t offset = address - reinterpret_cast<std::uintptr_t>(info.dli_saddr);
    // Else it is only the nearest name below: that of a neighbour.
    if (offset < symbol->st_size) return fmt::format("{} +{:#x}", demangled(info.dli_sname), offset);
  }
  const std::string_view module = info.dli_fname;
  return fmt::format("{}+{:#x}", module.substr(module.rfind('/') + 1),
                     address - reinterpret_cast<std::uintptr_t>(info.dli_fbase));
}

}  // namespace

void StackCapture::prepare() {
  std::lock_guard lock(desk().mutex);
  if (desk().is_ours) return;
  void* here[1];
  backtrace(here, 1);  // loads its library, which a handler must not
  desk().is_ours = install();
}

StackCapture::StackCapture() : turn_(desk().mutex) {}

bool StackCapture::ask(pthread_t thread) {
  Desk& at = desk();
  const std::uint64_t before = at.state.load(std::memory_order_acquire);
  if (!at.is_ours || phase_of(before) == Phase::Claimed) return false;
  while (sem_trywait(&at.answered) == 0) {
  }
  ticket_ = static_cast<std::uint32_t>(before >> 8) + 1;
  at.state.store(state_of(ticket_, Phase::Asked), std::memory_order_release);
  sigval value{};
  value.sival_int = static_cast<int>(ticket_);
  return pthread_sigqueue(thread, signal_number(), value) == 0;
}

std::optional<StackCapture::Answer> StackCapture::wait(base::Instant until) {
  Desk& at = desk();
  const std::uint64_t answered = state_of(ticket_, Phase::Answered);
  if (!await(at, answered, until)) {
    std::uint64_t asked = state_of(ticket_, Phase::Asked);
    if (at.state.compare_exchange_strong(asked, state_of(ticket_, Phase::Idle))) return {};
    if (!await(at, answered, base::now() + kAnswerMax)) return {};
  }
  Answer answer{.turn = at.turn, .at = at.at, .frames = std::vector<void*>(at.frames, at.frames + at.count)};
  const auto first = std::ranges::find(answer.frames, at.interrupted);
  if (first != answer.frames.end()) answer.frames.erase(answer.frames.begin(), first);
  return answer;
}

std::vector<std::string> names_of(const std::vector<void*>& frames) {
  std::vector<std::string> names;
  names.reserve(frames.size());
  for (const void* frame : frames) {
    // All but the first are where a call returns to, which may be past the caller's end.
    names.push_back(name_of(static_cast<const char*>(frame) - (names.empty() ? 0 : 1)));
  }
  return names;
}

}  // namespace sluice::async
