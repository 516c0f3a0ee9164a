#include "storage/file/file_control.hpp"

#include <atomic>
#include <memory>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/file/filesystem_facts.hpp"
#include "storage/file/path_name.hpp"
#include "storage/file/retry.hpp"

namespace sluice::storage {

namespace {

constexpr std::uint64_t kSmallBytesMax = 16ULL << 20;

base::Error failed(int errnum, std::string what, const FileTarget& target, std::string_view name) {
  return base::from_errno(errnum, std::move(what), target.where(name));
}

base::Error only_one_object(const FileTarget& target) {
  return {.code = base::Code::InvalidArgument,
          .what = "the target " + target.uri() + " is a file or a device, not a directory",
          .where = target.path(),
          .likely = {"the path names one file where a directory was meant"},
          .try_next = {"name a directory", "for blocks inside this one object use the operations read and write"}};
}

/// The base itself where `name` is "", opened for looking.
base::Result<Descriptor> open_named(FileTarget& target, std::string_view name, int flags, const char* doing) {
  SLUICE_TRY(const FileTarget::Base base, target.open_base());
  const PathName path(name, target.empty_name(base));
  if (path.unusable()) return base::fail(failed(ENAMETOOLONG, doing, target, name));
  Descriptor opened(retry_on_signal([&] { return openat(base.descriptor, path.c_str(), flags | O_CLOEXEC); }));
  if (!opened) return base::fail(failed(errno, doing, target, name));
  return opened;
}

base::Result<std::uint64_t> device_bytes(const FileTarget& target) {
  const Descriptor device(retry_on_signal([&] { return open(target.path().c_str(), O_RDONLY | O_CLOEXEC); }));
  std::uint64_t bytes = 0;
  if (!device || ioctl(device.get(), BLKGETSIZE64, &bytes) != 0) {
    return base::fail(failed(errno, "cannot find out how large the device is", target, ""));
  }
  return bytes;
}

/// "/a/b" of "/a/b/c"; "/" in the end.
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

/// Why this user cannot create things in the directory; "" where it can.
std::string why_not_writable(const std::string& directory, bool read_only) {
  if (faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
  if (read_only || errno == EROFS) return "the file system is mounted read-only";
  return base::errno_name(errno) + " on " + directory;
}

/// What preflight wants to know of a base that is not there yet: what its nearest existing parent says.
base::Result<TargetFacts> inspect_missing(const FileTarget& target) {
  std::string directory = parent_of(target.path());
  const std::string parent_directory = directory;
  struct stat facts{};
  while (stat(directory.c_str(), &facts) != 0) {
    if (errno != ENOENT) return base::fail(base::from_errno(errno, "cannot look at " + target.uri(), directory));
    directory = parent_of(directory);
  }
  const Descriptor parent(open(directory.c_str(), O_PATH | O_CLOEXEC));
  if (!parent) return base::fail(base::from_errno(errno, "cannot look at " + target.uri(), directory));
  SLUICE_TRY(const FilesystemFacts filesystem, filesystem_facts(parent.get(), directory));
  const std::string why = why_not_writable(directory, filesystem.read_only);
  return TargetFacts{.filesystem = filesystem.name,
                     .exists = false,
                     .parent_exists = directory == parent_directory,
                     .writable = why.empty(),
                     .free_bytes = filesystem.free_bytes,
                     .free_inodes = filesystem.free_inodes,
                     .block_bytes = filesystem.block_bytes,
                     .not_writable = why};
}

base::Result<TargetFacts> inspect_single(FileTarget& target, const FileTarget::Base& base) {
  TargetFacts facts{.filesystem = "block device", .exists = true, .single_object = true};
  if (base.is_device()) {
    SLUICE_TRY(facts.free_bytes, device_bytes(target));
  } else {
    SLUICE_TRY(const FilesystemFacts filesystem, filesystem_facts(base.descriptor, target.path()));
    facts.filesystem = filesystem.name;
    facts.free_bytes = filesystem.free_bytes;
    facts.free_inodes = filesystem.free_inodes;
    facts.block_bytes = filesystem.block_bytes;
  }
  if (faccessat(AT_FDCWD, target.path().c_str(), W_OK, AT_EACCESS) != 0) {
    facts.not_writable = base::errno_name(errno) + " on " + target.path();
  } else if (auto guarded = target.check_writable(); !guarded) {
    facts.not_writable = guarded.error().what;
  }
  facts.writable = facts.not_writable.empty();
  return facts;
}

}  // namespace

base::Result<TargetFacts> inspect_target(FileTarget& target) {
  auto found = target.open_base();
  if (!found) {
    struct stat facts{};
    if (found.error().code != base::Code::NotFound || lstat(target.path().c_str(), &facts) == 0)
      return base::fail(found.error());
    return inspect_missing(target);
  }
  if (target.direct()) {
    SLUICE_TRY([[maybe_unused]] const std::uint32_t alignment, target.direct_alignment());
  }
  if (found->is_single()) return inspect_single(target, *found);
  SLUICE_TRY(const FilesystemFacts filesystem, filesystem_facts(found->descriptor, target.path()));
  const std::string why = why_not_writable(target.path(), filesystem.read_only);
  return TargetFacts{.filesystem = filesystem.name,
                     .exists = true,
                     .writable = why.empty(),
                     .free_bytes = filesystem.free_bytes,
                     .free_inodes = filesystem.free_inodes,
                     .block_bytes = filesystem.block_bytes,
                     .not_writable = why};
}

base::Result<void> make_target_directories(FileTarget& target, std::string_view directory) {
  auto base = target.open_base();
  if (!base) {
    if (base.error().code != base::Code::NotFound) return base::fail(base.error());
    std::string path = target.path();
    if (!make_parents(AT_FDCWD, path.data()) || (mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST)) {
      return base::fail(failed(errno, "cannot create the target " + target.uri(), target, ""));
    }
    base = target.open_base();
    if (!base) return base::fail(base.error());
  }
  if (directory.empty()) return {};
  if (base->is_single()) return base::fail(only_one_object(target));
  PathName path(directory, ".");
  if (path.unusable()) return base::fail(failed(ENAMETOOLONG, "cannot create a directory", target, directory));
  if (!make_parents(base->descriptor, path.text()) ||
      (mkdirat(base->descriptor, path.c_str(), kDirectoryMode) != 0 && errno != EEXIST)) {
    return base::fail(failed(errno, "cannot create a directory", target, directory));
  }
  struct stat facts{};
  if (fstatat(base->descriptor, path.c_str(), &facts, 0) != 0 || !S_ISDIR(facts.st_mode)) {
    return base::fail(failed(ENOTDIR, "cannot create a directory", target, directory));
  }
  return {};
}

base::Result<ObjectFacts> stat_object(FileTarget& target, std::string_view name) {
  SLUICE_TRY(const FileTarget::Base base, target.open_base());
  if (base.is_device() && name.empty()) {
    SLUICE_TRY(const std::uint64_t bytes, device_bytes(target));
    return ObjectFacts{.bytes = bytes};
  }
  const PathName path(name, target.empty_name(base));
  struct stat facts{};
  if (path.unusable() || fstatat(base.descriptor, path.c_str(), &facts, 0) != 0) {
    return base::fail(failed(path.unusable() ? ENAMETOOLONG : errno, "cannot stat an object", target, name));
  }
  return ObjectFacts{.bytes = static_cast<std::uint64_t>(facts.st_size), .is_directory = S_ISDIR(facts.st_mode)};
}

base::Result<std::string> read_small_file(FileTarget& target, std::string_view name) {
  constexpr const char* kDoing = "cannot read a small object";
  constexpr std::uint64_t kSmallPiece = std::uint64_t{64} << 10;
  SLUICE_TRY(const Descriptor file, open_named(target, name, O_RDONLY, kDoing));
  std::string content;
  std::uint64_t filled = 0;
  for (;;) {
    content.resize(filled + kSmallPiece);
    const ssize_t got =
        retry_on_signal([&] { return read(file.get(), content.data() + filled, content.size() - filled); });
    if (got < 0) return base::fail(failed(errno, kDoing, target, name));
    filled += static_cast<std::uint64_t>(got);
    if (got == 0) break;
    if (filled > kSmallBytesMax) return base::fail(failed(EFBIG, kDoing, target, name));
  }
  content.resize(filled);
  return content;
}

base::Result<void> write_small_file(FileTarget& target, std::string_view name, std::string_view content) {
  constexpr const char* kDoing = "cannot write a small object";
  static std::atomic<std::uint64_t> number{0};  // only to tell temporary names of this process apart
  SLUICE_TRY(const FileTarget::Base base, target.open_base());
  if (base.is_single()) return base::fail(only_one_object(target));
  const std::size_t slash = name.find_last_of('/');
  const std::string directory(name.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
  SLUICE_CHECK(make_target_directories(target, directory));

  const std::string temporary =
      directory + ".sluice-tmp-" + std::to_string(getpid()) + "-" + std::to_string(number.fetch_add(1));
  const PathName destination(name, ".");
  if (destination.unusable() || name.ends_with('/') || name.empty())
    return base::fail(failed(EINVAL, kDoing, target, name));
  Descriptor file(retry_on_signal(
      [&] { return openat(base.descriptor, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode); }));
  if (!file) return base::fail(failed(errno, kDoing, target, name));
  int error = 0;
  while (!content.empty() && error == 0) {
    const ssize_t put = retry_on_signal([&] { return write(file.get(), content.data(), content.size()); });
    if (put < 0) error = errno;
    if (put > 0) content.remove_prefix(static_cast<std::size_t>(put));
  }
  if (error == 0 && fsync(file.get()) != 0) error = errno;
  if (error == 0 && close(file.release()) != 0 && errno != EINTR) error = errno;
  if (error == 0 && renameat(base.descriptor, temporary.c_str(), base.descriptor, destination.c_str()) != 0)
    error = errno;
  if (error != 0) {
    unlinkat(base.descriptor, temporary.c_str(), 0);
    return base::fail(failed(error, kDoing, target, name));
  }
  // The new name is durable when its directory is; a file system that cannot do that to a directory says EINVAL.
  SLUICE_TRY(const Descriptor above, open_named(target, directory, O_RDONLY | O_DIRECTORY, kDoing));
  if (fsync(above.get()) != 0 && errno != EINVAL) return base::fail(failed(errno, kDoing, target, name));
  return {};
}

base::Result<void> remove_entry(FileTarget& target, std::string_view name) {
  SLUICE_TRY(const FileTarget::Base base, target.open_base());
  if (base.is_single()) return base::fail(only_one_object(target));
  if (name.empty()) {
    if (rmdir(target.path().c_str()) == 0) return {};
    return base::fail(failed(errno, "cannot remove the base directory", target, name));
  }
  const PathName path(name, ".");
  if (path.unusable()) return base::fail(failed(EINVAL, "cannot remove an object", target, name));
  const bool is_directory = name.ends_with('/');
  if (unlinkat(base.descriptor, path.c_str(), is_directory ? AT_REMOVEDIR : 0) == 0) return {};
  return base::fail(
      failed(errno, is_directory ? "cannot remove a directory" : "cannot remove an object", target, name));
}

}  // namespace sluice::storage
