#include "base/error.hpp"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace sluice::base {

std::string_view name_of(Code code) {
  switch (code) {
    case Code::InvalidArgument: return "InvalidArgument";
    case Code::NotFound: return "NotFound";
    case Code::PermissionDenied: return "PermissionDenied";
    case Code::Unauthenticated: return "Unauthenticated";
    case Code::Unavailable: return "Unavailable";
    case Code::DeadlineExceeded: return "DeadlineExceeded";
    case Code::Cancelled: return "Cancelled";
    case Code::Terminated: return "Terminated";
    case Code::ResourceExhausted: return "ResourceExhausted";
    case Code::Corrupt: return "Corrupt";
    case Code::Unsupported: return "Unsupported";
    case Code::Internal: return "Internal";
  }
  return "Internal";
}

namespace {

/// What an errno usually means to somebody who benchmarks storage.
struct ErrnoAdvice {
  int errnum;
  Code code;
  const char* likely;
  const char* try_next;
};

constexpr ErrnoAdvice kAdvice[] = {
    {ENOENT, Code::NotFound, "the path is misspelt, or was removed or unmounted meanwhile",
     "list the parent directory"},
    {EACCES, Code::PermissionDenied, "this user may not read or write there",
     "check owner and mode; run as another user"},
    {EPERM, Code::PermissionDenied, "the operation needs privileges, or the file is immutable",
     "run as root; look at lsattr and mount options"},
    {ENOSPC, Code::ResourceExhausted, "the file system, or its quota of inodes, is full",
     "df -h and df -i on the target; make the dataset smaller"},
    {EDQUOT, Code::ResourceExhausted, "the quota of this user or project is used up", "quota -s; raise the quota"},
    {EROFS, Code::PermissionDenied, "the file system is mounted read-only, perhaps after an error",
     "mount | grep the target; dmesg | tail"},
    {EIO, Code::Unavailable, "the device or the server behind the file system reported an error",
     "dmesg | tail; check the device and the network"},
    {ESTALE, Code::Unavailable,
     "the server no longer knows the file handle (exported anew, or removed by another host)",
     "remount the file system"},
    {ENOTDIR, Code::InvalidArgument, "a part of the path is a file, not a directory", "check the path"},
    {EISDIR, Code::InvalidArgument, "the path names a directory, not a file", "end a prefix with '/'; name a file"},
    {EEXIST, Code::InvalidArgument, "something of that name is there already", "choose another name or clean up first"},
    {ENOTEMPTY, Code::InvalidArgument, "the directory holds files that are not this run's", "list the directory"},
    {EMFILE, Code::ResourceExhausted, "this process has no free file descriptors", "raise it: ulimit -n 65536"},
    {ENFILE, Code::ResourceExhausted, "the machine has no free file descriptors", "sysctl fs.file-max"},
    {ENOMEM, Code::ResourceExhausted, "the machine is out of memory", "lower concurrency or the object size"},
    {EINVAL, Code::InvalidArgument, "the file system does not take this request (alignment, flags)",
     "try file:// in place of direct://; align sizes and offsets to 4 KiB"},
    {ENOSYS, Code::Unsupported, "the kernel or a container policy lacks the call",
     "try a newer kernel or another target"},
    {EOPNOTSUPP, Code::Unsupported, "the file system does not have this operation", "try another target"},
    {EBUSY, Code::Unavailable, "somebody else uses it", "lsof on the path; unmount it first"},
    {ETIMEDOUT, Code::DeadlineExceeded, "the server did not answer in time", "check the network and the server"},
    {ENAMETOOLONG, Code::InvalidArgument, "a name is longer than the file system takes",
     "use a shorter dir_mask or base path"},
    {EFBIG, Code::ResourceExhausted, "the file would be larger than the file system or ulimit -f allows",
     "make objects smaller"},
    {EXDEV, Code::Unsupported, "source and destination are on different file systems", "rename within one file system"},
    {ELOOP, Code::InvalidArgument, "symbolic links go round in a circle", "check the links along the path"},
};

std::string numbered(std::string_view label, const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    text += fmt::format("{}{}. {}", i == 0 ? fmt::format("\n  {:<8}", label) : std::string("   "), i + 1, lines[i]);
  }
  return text;
}

}  // namespace

std::string errno_name(int errnum) {
  const char* name = strerrorname_np(errnum);
  return name != nullptr ? std::string(name) : fmt::format("errno {}", errnum);
}

Error from_errno(int errnum, std::string what, std::string where) {
  Error error{.code = Code::Internal, .what = std::move(what)};
  const char* text = strerrordesc_np(errnum);
  error.where = fmt::format("{}{}{} ({}): {}", where, where.empty() ? "" : ": ", errno_name(errnum), errnum,
                            text != nullptr ? text : "unknown error");
  for (const ErrnoAdvice& advice : kAdvice) {
    if (advice.errnum != errnum) continue;
    error.code = advice.code;
    error.likely.emplace_back(advice.likely);
    error.try_next.emplace_back(advice.try_next);
  }
  return error;
}

std::string to_text(const Error& error, bool brief) {
  std::string text = "error: " + error.what;
  if (!error.where.empty()) text += brief ? fmt::format(" ({})", error.where) : "\n  where:  " + error.where;
  if (brief) return text;
  for (const std::string& cause : error.chain) text += "\n  cause:  " + cause;
  for (const std::string& complaint : error.also) text += "\n  also:   " + complaint;
  text += numbered("likely:", error.likely);
  text += numbered("try:", error.try_next);
  return text;
}

}  // namespace sluice::base
