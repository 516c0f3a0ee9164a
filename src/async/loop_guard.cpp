// Compiled with SLUICE_LOOP_GUARD only, where the linker turns each call of f() into __wrap_f()
// (src/async/CMakeLists.txt has the same list) and __real_f() is the C library's. What cannot be seen: calls made
// inside of shared libraries (libstdc++'s streams and filesystem, liburing), and page faults.
#include "async/loop_guard.hpp"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/loop_thread.hpp"
#include "async/stack_capture.hpp"

namespace sluice::async {

namespace {

thread_local int allowed = 0;

bool may_block() {
  const LoopThread* loop = LoopThread::current();
  return loop == nullptr || !loop->in_turn() || allowed > 0;
}

void check(const char* call) {
  if (may_block()) [[likely]]
    return;
  const LoopThread& loop = *LoopThread::current();
  const LoopGuard::Allow telling("the end of the process");
  void* frames[32];
  const int count = backtrace(frames, 32);
  std::string text = "loop guard: " + std::string(call) + "() may block, and '" + loop.name() +
                     "' called it in its turn for '" + loop.work() + "'\n";
  for (const std::string& name : names_of(std::vector<void*>(frames + 2, frames + std::max(count, 2))))
    text += "  " + name + "\n";
  std::fputs(text.c_str(), stderr);  // tidy-allow: stdio_output because the process ends here, whatever app would do
  std::abort();
}

/// Of a descriptor that is set not to block, and of an eventfd, nothing is to be feared.
void check_descriptor(const char* call, int file) {
  if (may_block()) [[likely]]
    return;
  const int saved = errno;
  const int flags = fcntl(file, F_GETFL);
  struct stat facts{};
  const LoopGuard::Allow looking("a look at the descriptor");
  const bool is_anonymous = fstat(file, &facts) == 0 && (facts.st_mode & S_IFMT) == 0;  // eventfd, timerfd
  const bool is_file = S_ISREG(facts.st_mode) || S_ISBLK(facts.st_mode);  // O_NONBLOCK means nothing to them
  errno = saved;
  if (is_anonymous || (flags >= 0 && (flags & O_NONBLOCK) != 0 && !is_file)) return;
  allowed -= 1;
  check(call);
}

}  // namespace

LoopGuard::Allow::Allow(const char* /*why*/) noexcept { ++allowed; }
LoopGuard::Allow::~Allow() { --allowed; }

}  // namespace sluice::async

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,cert-dcl50-cpp): the linker gives these names
extern "C" {

using sluice::async::check;
using sluice::async::check_descriptor;

int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  check("open");
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : mode_t{0};
  va_end(rest);
  return __real_open(path, flags, mode);
}

int __real_openat(int base, const char* path, int flags, ...);
int __wrap_openat(int base, const char* path, int flags, ...) {
  check("openat");
  va_list rest;
  va_start(rest, flags);
  const auto mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : mode_t{0};
  va_end(rest);
  return __real_openat(base, path, flags, mode);
}

int __real_fsync(int file);
int __wrap_fsync(int file) {
  check("fsync");
  return __real_fsync(file);
}

int __real_fdatasync(int file);
int __wrap_fdatasync(int file) {
  check("fdatasync");
  return __real_fdatasync(file);
}

int __real_syncfs(int file);
int __wrap_syncfs(int file) {
  check("syncfs");
  return __real_syncfs(file);
}

int __real_fallocate(int file, int mode, off_t offset, off_t length);
int __wrap_fallocate(int file, int mode, off_t offset, off_t length) {
  check("fallocate");
  return __real_fallocate(file, mode, offset, length);
}

int __real_ftruncate(int file, off_t length);
int __wrap_ftruncate(int file, off_t length) {
  check("ftruncate");
  return __real_ftruncate(file, length);
}

int __real_stat(const char* path, struct stat* facts);
int __wrap_stat(const char* path, struct stat* facts) {
  check("stat");
  return __real_stat(path, facts);
}

int __real_lstat(const char* path, struct stat* facts);
int __wrap_lstat(const char* path, struct stat* facts) {
  check("lstat");
  return __real_lstat(path, facts);
}

int __real_fstat(int file, struct stat* facts);
int __wrap_fstat(int file, struct stat* facts) {
  check("fstat");
  return __real_fstat(file, facts);
}

int __real_fstatat(int base, const char* path, struct stat* facts, int flags);
int __wrap_fstatat(int base, const char* path, struct stat* facts, int flags) {
  check("fstatat");
  return __real_fstatat(base, path, facts, flags);
}

int __real_statx(int base, const char* path, int flags, unsigned mask, struct statx* facts);
int __wrap_statx(int base, const char* path, int flags, unsigned mask, struct statx* facts) {
  check("statx");
  return __real_statx(base, path, flags, mask, facts);
}

int __real_unlink(const char* path);
int __wrap_unlink(const char* path) {
  check("unlink");
  return __real_unlink(path);
}

int __real_unlinkat(int base, const char* path, int flags);
int __wrap_unlinkat(int base, const char* path, int flags) {
  check("unlinkat");
  return __real_unlinkat(base, path, flags);
}

int __real_mkdir(const char* path, mode_t mode);
int __wrap_mkdir(const char* path, mode_t mode) {
  check("mkdir");
  return __real_mkdir(path, mode);
}

int __real_mkdirat(int base, const char* path, mode_t mode);
int __wrap_mkdirat(int base, const char* path, mode_t mode) {
  check("mkdirat");
  return __real_mkdirat(base, path, mode);
}

int __real_rmdir(const char* path);
int __wrap_rmdir(const char* path) {
  check("rmdir");
  return __real_rmdir(path);
}

int __real_rename(const char* from, const char* to);
int __wrap_rename(const char* from, const char* to) {
  check("rename");
  return __real_rename(from, to);
}

int __real_renameat(int from_base, const char* from, int to_base, const char* to);
int __wrap_renameat(int from_base, const char* from, int to_base, const char* to) {
  check("renameat");
  return __real_renameat(from_base, from, to_base, to);
}

DIR* __real_opendir(const char* path);
DIR* __wrap_opendir(const char* path) {
  check("opendir");
  return __real_opendir(path);
}

DIR* __real_fdopendir(int file);
DIR* __wrap_fdopendir(int file) {
  check("fdopendir");
  return __real_fdopendir(file);
}

dirent* __real_readdir(DIR* directory);
dirent* __wrap_readdir(DIR* directory) {
  check("readdir");
  return __real_readdir(directory);
}

FILE* __real_fopen(const char* path, const char* mode);
FILE* __wrap_fopen(const char* path, const char* mode) {
  check("fopen");
  return __real_fopen(path, mode);
}

int __real_nanosleep(const timespec* time, timespec* left);
int __wrap_nanosleep(const timespec* time, timespec* left) {
  check("nanosleep");
  return __real_nanosleep(time, left);
}

int __real_usleep(useconds_t time);
int __wrap_usleep(useconds_t time) {
  check("usleep");
  return __real_usleep(time);
}

int __real_poll(pollfd* files, nfds_t count, int timeout);
int __wrap_poll(pollfd* files, nfds_t count, int timeout) {
  if (timeout != 0) check("poll");
  return __real_poll(files, count, timeout);
}

int __real_select(int count, fd_set* in, fd_set* out, fd_set* bad, timeval* timeout);
int __wrap_select(int count, fd_set* in, fd_set* out, fd_set* bad, timeval* timeout) {
  check("select");
  return __real_select(count, in, out, bad, timeout);
}

int __real_epoll_wait(int file, epoll_event* events, int count, int timeout);
int __wrap_epoll_wait(int file, epoll_event* events, int count, int timeout) {
  if (timeout != 0) check("epoll_wait");
  return __real_epoll_wait(file, events, count, timeout);
}

int __real_pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex);
int __wrap_pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  check("pthread_cond_wait");
  return __real_pthread_cond_wait(condition, mutex);
}

int __real_pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until);
int __wrap_pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  check("pthread_cond_timedwait");
  return __real_pthread_cond_timedwait(condition, mutex, until);
}

int __real_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* until);
int __wrap_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* until) {
  check("pthread_cond_clockwait");
  return __real_pthread_cond_clockwait(condition, mutex, clock, until);
}

int __real_pthread_join(pthread_t thread, void** result);
int __wrap_pthread_join(pthread_t thread, void** result) {
  check("pthread_join");
  return __real_pthread_join(thread, result);
}

int __real_getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result);
int __wrap_getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** result) {
  check("getaddrinfo");
  return __real_getaddrinfo(node, service, hints, result);
}

ssize_t __real_read(int file, void* to, std::size_t bytes);
ssize_t __wrap_read(int file, void* to, std::size_t bytes) {
  check_descriptor("read", file);
  return __real_read(file, to, bytes);
}

ssize_t __real_write(int file, const void* from, std::size_t bytes);
ssize_t __wrap_write(int file, const void* from, std::size_t bytes) {
  check_descriptor("write", file);
  return __real_write(file, from, bytes);
}

ssize_t __real_pread(int file, void* to, std::size_t bytes, off_t offset);
ssize_t __wrap_pread(int file, void* to, std::size_t bytes, off_t offset) {
  check_descriptor("pread", file);
  return __real_pread(file, to, bytes, offset);
}

ssize_t __real_pwrite(int file, const void* from, std::size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int file, const void* from, std::size_t bytes, off_t offset) {
  check_descriptor("pwrite", file);
  return __real_pwrite(file, from, bytes, offset);
}

int __real_connect(int file, const sockaddr* address, socklen_t bytes);
int __wrap_connect(int file, const sockaddr* address, socklen_t bytes) {
  check_descriptor("connect", file);
  return __real_connect(file, address, bytes);
}

ssize_t __real_recv(int file, void* to, std::size_t bytes, int flags);
ssize_t __wrap_recv(int file, void* to, std::size_t bytes, int flags) {
  check_descriptor("recv", file);
  return __real_recv(file, to, bytes, flags);
}

ssize_t __real_send(int file, const void* from, std::size_t bytes, int flags);
ssize_t __wrap_send(int file, const void* from, std::size_t bytes, int flags) {
  check_descriptor("send", file);
  return __real_send(file, from, bytes, flags);
}

/// std::condition_variable::wait, which waits inside of libstdc++.
void __real__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(void* self, void* lock);
void __wrap__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(void* self, void* lock) {
  check("std::condition_variable::wait");
  __real__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE(self, lock);
}

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp,cert-dcl50-cpp)
